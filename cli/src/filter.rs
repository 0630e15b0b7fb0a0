//! The filter itself, fed with a call: from the headers to the verdict everything is the library's. Only the signature is
//! taken for good: the claims are signed here, with a key that is put in the place of the issuer's own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Map, Value, json};
use temporal_auth::config::{Config, Peers};
use temporal_auth::filter::{Action, ConnectionInfo, FilterState, RequestFilter};
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::{DenyReason, Verdict};
use temporal_auth::temporal::{MethodRef, RequestReader, Scope, Target as Reading};
use temporal_auth::time::Timestamp;
use temporal_auth::wire::headers::{Headers, serialize};
use temporal_auth::wire::protobuf::write_field;

use crate::request;

/// The gRPC status of a call that policy denies.
pub(crate) const PERMISSION_DENIED: u32 = 7;

/// Whether a token's times count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// As they stand in the claims.
    AsTheyAre,
    /// They are taken for good.
    Good,
}

/// Who calls: claims, or a certificate, that are taken as verified.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// The name that the configuration has for who issued the claims; none for a caller without a token.
    pub(crate) issuer: Option<String>,
    /// The claims.
    pub(crate) claims: Map<String, Value>,
    /// `typ` of the token's header; none where there is no token.
    pub(crate) typ: Option<String>,
    /// Whether their times count.
    pub(crate) times: Times,
    /// Who the TLS peer is.
    pub(crate) peer: Option<String>,
    /// When they call.
    pub(crate) at: Timestamp,
}

impl Caller {
    /// One who has a certificate and no token.
    pub(crate) fn without_token(peer: String, at: Timestamp) -> Self {
        Self { issuer: None, claims: Map::new(), typ: None, times: Times::Good, peer: Some(peer), at }
    }

    /// A `who` that means this caller.
    pub(crate) fn who(&self) -> Value {
        match (&self.issuer, &self.peer) {
            (Some(issuer), _) => json!({"issuer": issuer}),
            (None, Some(peer)) => json!({"peer": Pattern::literal(peer).to_string()}),
            (None, None) => json!({}),
        }
    }
}

/// A connection of which the peer is known and nothing else.
struct Connection<'a>(Option<&'a str>);

impl ConnectionInfo for Connection<'_> {
    fn cluster(&self) -> Option<Vec<u8>> {
        None
    }

    fn peer(&self) -> Option<String> {
        self.0.map(str::to_owned)
    }

    fn id(&self) -> u64 {
        0
    }
}

/// What is called.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The path of the method.
    pub(crate) path: String,
    /// The method, where there is one.
    pub(crate) method: Option<MethodRef>,
    /// The request, as protobuf.
    message: Vec<u8>,
}

/// What came of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// The gRPC status: 0 when the call goes on.
    pub(crate) status: u32,
    /// The rule that decided, where policy did.
    pub(crate) rule: Option<String>,
    /// Why the call is denied, as the log has it.
    pub(crate) reason: String,
    /// Why the policy denies it, if it does.
    pub(crate) denied: Option<DenyReason>,
    /// What rules in shadow would change.
    pub(crate) shadow: Option<String>,
    /// The caller as the filter sees them.
    pub(crate) caller: Option<Seen>,
}

/// A caller as the filter sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The subject.
    pub(crate) subject: String,
    /// Human or service, where the issuer tells.
    pub(crate) kind: Option<&'static str>,
    /// Why the kind is in doubt, if it is.
    pub(crate) doubt: Option<String>,
}

/// A filter with one configuration.
pub(crate) struct Filter {
    engine: FilterState,
}

impl Target {
    /// The call of a method, by the name that policies have for it, with a request that says nothing but its namespace.
    pub(crate) fn new(config: &Config, method: &str, namespace: &str) -> Option<Self> {
        let named = config.catalogue.named(method);
        let path = match &named {
            Some(method) => method.path.to_string(),
            // Whatever it is, the filter has an answer to it.
            None if method.starts_with('/') => method.to_owned(),
            None if method.contains('/') => format!("/{method}"),
            None => return None,
        };
        let namespace_field = named.as_ref().map_or(0, |method| method.namespace_field);
        let mut message = Vec::new();
        if namespace_field != 0 && !namespace.is_empty() {
            write_field(&mut message, namespace_field, namespace.as_bytes());
        }
        Some(Self { path, method: named, message })
    }

    /// The same call with a request that is written as JSON.
    pub(crate) fn with_request(self, request: &Value, namespace: &str) -> Result<Self, String> {
        let method =
            self.method.as_deref().ok_or_else(|| format!("nothing is known of the request of {}", self.path))?;
        let message = request::encode(method, request, namespace)?;
        Ok(Self { message, ..self })
    }

    /// What the filter reads the call as: with all names, as it would where limits speak of them. `None` if the method is not
    /// known or the request cannot be read; the filter's answer says why.
    pub(crate) fn reading(&self) -> Option<Reading> {
        let method = self.method.clone()?;
        if method.scope == Scope::Cluster {
            // Such a request is not read.
            return Some(Reading::of(method));
        }
        let mut reader = RequestReader::new(method, true);
        reader.feed(&self.message).and_then(|()| reader.finish()).ok()
    }

    /// The request as gRPC frames it.
    fn body(&self) -> Vec<u8> {
        let mut body = vec![0];
        body.extend(u32::try_from(self.message.len()).unwrap_or(u32::MAX).to_be_bytes());
        body.extend(&self.message);
        body
    }
}

impl Filter {
    /// The filter for a configuration that was checked before.
    pub(crate) fn new(config: &Value, caller: &Caller) -> Result<Self, String> {
        let mut config = config.clone();
        let public = URL_SAFE_NO_PAD.encode(*pair().pk);
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "cli", "alg": "EdDSA", "x": public});
        for issuer in config.get_mut("issuers").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            let Some(issuer) = issuer.as_object_mut() else { continue };
            issuer.insert("keys".to_owned(), json!({"inline": {"keys": [key.clone()]}}));
            issuer.insert("algorithms".to_owned(), json!(["EdDSA"]));
            if let Some(token) = issuer.get_mut("token").and_then(Value::as_object_mut) {
                token.remove("headers");
                if caller.typ.is_none() {
                    token.remove("typ");
                }
                if caller.times == Times::Good {
                    token.remove("max_lifetime");
                }
            }
        }
        let mut config = Config::parse(config.to_string().as_bytes())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        config.log_allowed = true;
        // What the rules say is asked, whether or not they are enforced.
        config.shadow = false;
        Ok(Self { engine: FilterState::new(config) })
    }

    /// What comes of a call.
    pub(crate) fn call(&mut self, caller: &Caller, target: &Target) -> Outcome {
        let authorization = caller.issuer.as_ref().map(|issuer| format!("Bearer {}", self.token(caller, issuer)));
        let forwarded = caller.peer.as_ref().filter(|_| self.engine.config.peers == Peers::Forwarded);
        let forwarded = forwarded.map(|peer| format!("URI=\"{}\"", peer.replace('\\', "\\\\").replace('"', "\\\"")));
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"POST"),
            (b":path", target.path.as_bytes()),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ];
        headers.extend(authorization.iter().map(|value| (&b"authorization"[..], value.as_bytes())));
        headers.extend(forwarded.iter().map(|value| (&b"x-forwarded-client-cert"[..], value.as_bytes())));
        let headers = serialize(&headers);
        let host = Connection(caller.peer.as_deref());
        let mut call = RequestFilter::new(caller.at);
        let mut step = call.on_headers(&mut self.engine, Headers::new(&headers), false, host, &mut Vec::new());
        if step == Action::Forward {
            step = call.on_body(&mut self.engine, &target.body(), true, || caller.at);
        }
        let decision = call.take_decision();
        let status = match &step {
            Action::Forward => 0,
            Action::Answer(answer) => answer.grpc_status(),
            // Nothing is fetched: the keys are at hand.
            Action::Wait => return Outcome { status: 14, reason: "the filter waits".to_owned(), ..Outcome::default() },
        };
        let Some(decision) = decision else { return Outcome { status, ..Outcome::default() } };
        let reading = decision.principal.as_deref().zip(target.reading()).filter(|_| status == PERMISSION_DENIED);
        let policy = &self.engine.config.policy;
        let denied = reading.and_then(|(principal, reading)| match policy.decide(principal, &reading, caller.at) {
            Verdict::Deny(reason) => Some(reason),
            Verdict::Allow(_) => None,
        });
        let caller = decision.principal.map(|principal| Seen {
            subject: principal.subject.clone(),
            kind: principal.kind.map(|kind| kind.name()),
            doubt: principal.doubt.as_ref().map(ToString::to_string),
        });
        Outcome { status, rule: decision.rule, reason: decision.reason, denied, shadow: decision.shadow, caller }
    }

    fn token(&self, caller: &Caller, name: &str) -> String {
        let mut claims = caller.claims.clone();
        if caller.times == Times::Good {
            claims.retain(|name, _| name != "nbf" && name != "iat");
            claims.insert("exp".to_owned(), Value::from((caller.at.as_millis() / 1000).saturating_add(3600)));
        }
        // Of claims that are no token's, what every accepted token has may be left out.
        if caller.typ.is_none()
            && let Some(issuer) = self.engine.config.issuers.iter().find(|issuer| *issuer.name == *name)
        {
            claims.entry("iss").or_insert_with(|| Value::from(issuer.rules.issuer.as_str()));
            if let Some(audience) = issuer.rules.audiences.iter().flatten().next() {
                claims.entry("aud").or_insert_with(|| Value::from(audience.as_str()));
            }
        }
        let header = match caller.typ.as_deref() {
            None | Some("") => json!({"alg": "EdDSA", "kid": "cli"}),
            Some(typ) => json!({"alg": "EdDSA", "kid": "cli", "typ": typ}),
        };
        let signed = [header, Value::Object(claims)].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = URL_SAFE_NO_PAD.encode(*pair().sk.sign(&signed, None));
        format!("{signed}.{signature}")
    }
}

/// Everybody may know it: no configuration but those made here trusts it.
fn pair() -> KeyPair {
    KeyPair::from_seed(Seed::new([7; Seed::BYTES]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Value {
        json!({
            "version": 1,
            "issuers": {"corp": {
                "issuer": "https://idp.example.com/",
                "audiences": ["temporal"],
                "keys": {"discovery": true, "cluster": "idp"},
                "token": {"headers": ["x-token"], "typ": ["at+jwt"], "max_lifetime": "1m"},
            }},
            "methods": [{"name": "/a.B/New", "scope": "namespace", "namespace_field": 5000, "effects": ["start"]}],
            "grants": [{"name": "g", "who": {"issuer": "corp", "claims": {"groups": "a"}}, "role": "writer", "namespaces": ["payroll"]}],
        })
    }

    fn call(claims: Value, typ: Option<&str>, times: Times, method: &str, namespace: &str) -> Outcome {
        let claims = claims.as_object().unwrap().clone();
        let caller = Caller {
            issuer: Some("corp".into()),
            claims,
            typ: typ.map(str::to_owned),
            times,
            peer: None,
            at: Timestamp::now(),
        };
        let parsed = Config::parse(config().to_string().as_bytes()).unwrap();
        let target = Target::new(&parsed, method, namespace).unwrap();
        Filter::new(&config(), &caller).unwrap().call(&caller, &target)
    }

    #[test]
    fn a_call_goes_the_whole_way() {
        let start =
            |claims: Value, namespace: &str| call(claims, None, Times::Good, "StartWorkflowExecution", namespace);
        let good = json!({"sub": "alice", "groups": ["a"]});
        let allowed = start(good.clone(), "payroll");
        assert_eq!((allowed.status, allowed.rule.as_deref()), (0, Some("g")));
        let other = start(good.clone(), "other");
        assert_eq!((other.status, other.rule.as_deref()), (7, Some("default-deny")));
        assert_eq!(start(good, "").status, 7);
        assert_eq!(start(json!({"sub": "alice", "groups": ["b"]}), "payroll").status, 7);
        for refused in [json!({"groups": ["a"]}), json!({"sub": "a", "aud": "other"}), json!({"sub": "a", "iss": "x"})]
        {
            assert_eq!(start(refused.clone(), "payroll").status, 16, "{refused}");
        }
        let new =
            |namespace: &str| call(json!({"sub": "a", "groups": "a"}), None, Times::Good, "/a.B/New", namespace).status;
        assert_eq!((new("payroll"), new("other")), (0, 7));
    }

    #[test]
    fn of_a_token_everything_but_the_signature_counts() {
        let now = Timestamp::now().as_millis() / 1000;
        let claims = |exp: u64| json!({"iss": "https://idp.example.com/", "aud": "temporal", "sub": "a", "groups": "a", "iat": now, "exp": exp});
        let call = |exp: u64, typ: &str, times| {
            call(claims(exp), Some(typ), times, "StartWorkflowExecution", "payroll").status
        };
        assert_eq!(call(now + 30, "at+jwt", Times::AsTheyAre), 0);
        assert_eq!(call(now + 30, "JWT", Times::AsTheyAre), 16, "typ");
        assert_eq!(call(now - 300, "at+jwt", Times::AsTheyAre), 16, "expired");
        assert_eq!(call(now + 300, "at+jwt", Times::AsTheyAre), 16, "max_lifetime");
        assert_eq!(call(now - 300, "at+jwt", Times::Good), 0);
    }

    #[test]
    fn a_peer_with_a_token_and_without() {
        let call = |who: Value, xfcc: bool, token: bool, peer: Option<&str>| {
            let mut config = config();
            config["grants"][0]["who"] = who;
            config["peers"] = json!({"xfcc": xfcc});
            let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
            let target = Target::new(&parsed, "StartWorkflowExecution", "payroll").unwrap();
            let claims = json!({"sub": "alice"}).as_object().unwrap().clone();
            let caller = match (token, peer) {
                (false, Some(peer)) => Caller::without_token(peer.to_owned(), Timestamp::now()),
                (_, peer) => {
                    let (issuer, peer) = (Some("corp".into()), peer.map(str::to_owned));
                    Caller { issuer, claims, typ: None, times: Times::Good, peer, at: Timestamp::now() }
                }
            };
            Filter::new(&config, &caller).unwrap().call(&caller, &target)
        };
        // What a header would have to escape.
        let odd = r#"CN=a,O="b\c";URI=spiffe://x"#;
        for xfcc in [false, true] {
            for name in ["spiffe://td/ns/a/sa/w", odd] {
                let pattern = Pattern::literal(name).to_string();
                let status = |who: Value, token, peer| call(who, xfcc, token, peer).status;
                let (bare, both) = (json!({"peer": pattern}), json!({"issuer": "corp", "peer": pattern}));
                assert_eq!(status(bare.clone(), false, Some(name)), 0, "{name} {xfcc}");
                assert_eq!(status(bare.clone(), false, Some("other")), 7);
                assert_eq!(status(bare, true, Some(name)), 7, "it has a token");
                assert_eq!(status(both.clone(), true, Some(name)), 0, "{name} {xfcc}");
                assert_eq!(status(both.clone(), true, None), 7);
                assert_eq!(status(both, false, Some(name)), 7, "it has no token");
            }
            let subject = call(json!({"peer": "a*"}), xfcc, false, Some("ab")).caller;
            assert_eq!(subject, Some(Seen { subject: "ab".to_owned(), ..Seen::default() }));
        }
        assert_eq!(call(json!({"issuer": "corp"}), true, false, Some("a")).status, 16, "nobody asks for a peer");
    }

    #[test]
    fn names_of_methods() {
        let config = Config::parse(config().to_string().as_bytes()).unwrap();
        let path = |name: &str| Target::new(&config, name, "").map(|target| target.path);
        assert!(path("CreateNexusEndpoint").unwrap().ends_with("OperatorService/CreateNexusEndpoint"));
        assert_eq!(path("x.Y/Z").as_deref(), Some("/x.Y/Z"));
        assert_eq!(path("StartWorkflow"), None);
    }
}
