//! Runs a call through the filter itself, from its headers to the verdict. Only signatures are not checked: the claims are
//! signed here, with a key that replaces the issuer's keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Map, Value, json};
use temporal_auth::answer::Answer;
use temporal_auth::config::{Config, PeerSource};
use temporal_auth::filter::{Action, ConnectionInfo, FilterState, RequestFilter};
use temporal_auth::policy::{DenyReason, Rule, ShadowOutcome};
use temporal_auth::report::Rejection;
use temporal_auth::temporal::{MethodRef, RequestReader, Scope, Target};
use temporal_auth::token::TokenRefusal;
use temporal_auth::wire::grpc::frame;
use temporal_auth::wire::headers::{Headers, serialize};
use temporal_auth::wire::protobuf::write_field;

use crate::caller::{AssumedCaller, AssumedToken, TokenForm, TokenTimes};
use crate::request;

/// A connection with a peer and no other properties.
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

/// A call whose verdict is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The path of the method.
    pub(crate) path: String,
    /// `None` if neither the API nor the configuration has the method.
    pub(crate) method: Option<MethodRef>,
    /// The request in protobuf.
    message: Vec<u8>,
}

/// How the filter answers a call, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evaluation {
    /// The answer in the server's place. `None` if the call goes on.
    pub(crate) answer: Option<Answer>,
    /// The rule that decided. `None` if the call was refused before policy.
    pub(crate) rule: Option<Rule>,
    /// Why the call is denied, as in the log.
    pub(crate) reason: String,
    /// Why the policy denies the call, if it does.
    pub(crate) denied: Option<DenyReason>,
    /// Whether the token is refused only because of when it is used.
    pub(crate) is_untimely: bool,
    /// What rules in shadow would change.
    pub(crate) shadow: Option<ShadowOutcome>,
    pub(crate) caller: Option<ResolvedCaller>,
    /// Whether the caller may see only a part of the server's answer.
    pub(crate) reduces_answer: bool,
}

/// The caller as the filter identified them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ResolvedCaller {
    pub(crate) subject: String,
    /// Human or service. `None` if the issuer does not say.
    pub(crate) kind: Option<&'static str>,
    /// Why the kind is in doubt, if it is.
    pub(crate) doubt: Option<String>,
}

impl Evaluation {
    pub(crate) fn is_allowed(&self) -> bool {
        self.answer.is_none()
    }

    /// Whether the call is denied, rather than refused for what is wrong with its token or its request.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self.answer, Some(Answer::Denied | Answer::NamespaceNotFound | Answer::Closed))
    }
}

#[cfg(test)]
impl Evaluation {
    /// The gRPC status: 0 if the call goes on.
    pub(crate) fn status(&self) -> u32 {
        self.answer.map_or(0, |answer| answer.row().code.number())
    }

    pub(crate) fn rule_name(&self) -> Option<&str> {
        self.rule.as_ref().map(Rule::name)
    }
}

/// The filter with a configuration.
pub(crate) struct Filter {
    pub(crate) state: FilterState,
}

impl Call {
    /// A call of a method, by its name in policies, with a request that has only a namespace. `None` if no such method exists.
    pub(crate) fn new(config: &Config, method: &str, namespace: &str) -> Option<Self> {
        let named = config.catalogue.named(method);
        let path = match &named {
            Some(method) => method.path.to_string(),
            // The filter answers unknown paths, too.
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

    /// The same call with a request in JSON.
    pub(crate) fn with_request(self, request: &Value, namespace: &str) -> Result<Self, String> {
        let method =
            self.method.as_deref().ok_or_else(|| format!("nothing is known of the request of {}", self.path))?;
        let message = request::encode(method, request, namespace)?;
        Ok(Self { message, ..self })
    }

    /// What the call would do, with all names that limits may compare. `None` if the method is unknown or the request cannot
    /// be read; the filter's answer says why.
    pub(crate) fn target(&self) -> Option<Target> {
        let method = self.method.clone()?;
        if method.scope == Scope::Cluster {
            // The filter does not read the requests of these methods.
            return Some(Target::of(method));
        }
        let mut reader = RequestReader::new(method, true);
        reader.feed(&self.message).and_then(|()| reader.finish()).ok()
    }
}

impl Filter {
    /// A filter for a configuration that has been checked.
    pub(crate) fn new(config: &Value, caller: &AssumedCaller) -> Result<Self, String> {
        let mut config = config.clone();
        let public = URL_SAFE_NO_PAD.encode(*pair().pk);
        let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "cli", "alg": "EdDSA", "x": public});
        let is_refused = matches!(&caller.token, Some(AssumedToken { form: TokenForm::Refused(_), .. }));
        for issuer in config.get_mut("issuers").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            let Some(issuer) = issuer.as_object_mut() else { continue };
            let kid = issuer.get("keys").and_then(|keys| keys.get("kid")).map_or(json!("required"), Value::clone);
            issuer.insert("keys".to_owned(), json!({"inline": {"keys": [key.clone()]}, "kid": kid}));
            if !is_refused {
                issuer.insert("algorithms".to_owned(), json!(["EdDSA"]));
            }
            if let Some(token) = issuer.get_mut("token").and_then(Value::as_object_mut) {
                if caller.token.is_none() {
                    token.remove("typ");
                }
                if caller.times == TokenTimes::Ignored {
                    token.remove("max_lifetime");
                }
            }
        }
        let mut config = Config::parse(config.to_string().as_bytes())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        config.log_allowed = true;
        // The question is what the rules decide, whether or not they are enforced.
        config.shadow = false;
        Ok(Self { state: FilterState::new(config) })
    }

    pub(crate) fn evaluate(&mut self, caller: &AssumedCaller, call: &Call) -> Evaluation {
        let carrier = self.carrier(caller);
        let forwarded = caller.peer.as_ref().filter(|_| self.state.config.peers == PeerSource::Forwarded);
        let forwarded = forwarded.map(|peer| format!("URI=\"{}\"", peer.replace('\\', "\\\\").replace('"', "\\\"")));
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"POST"),
            (b":path", call.path.as_bytes()),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ];
        headers.extend(carrier.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        headers.extend(forwarded.iter().map(|value| (&b"x-forwarded-client-cert"[..], value.as_bytes())));
        let headers = serialize(&headers);
        let host = Connection(caller.peer.as_deref());
        let mut request = RequestFilter::new(caller.at);
        let mut step = request.on_headers(&mut self.state, Headers::new(&headers), false, host, &mut Vec::new());
        if step == Action::Forward {
            step = request.on_body(&mut self.state, &frame(&call.message), true, || caller.at);
        }
        let decision = request.take_decision();
        let answer = match &step {
            Action::Forward | Action::Hold | Action::Release(_) => None,
            Action::Answer(reply) => Some(reply.answer()),
            // Unreachable: the keys are in the configuration.
            Action::Wait => {
                let reason = "the filter waits".to_owned();
                return Evaluation { answer: Some(Answer::Unavailable), reason, ..Evaluation::default() };
            }
        };
        let Some(decision) = decision else { return Evaluation { answer, ..Evaluation::default() } };
        let reason = decision.reason();
        let is_untimely = decision.rejection.as_ref().is_some_and(is_untimely);
        let denied = match decision.rejection {
            Some(Rejection::Denied(reason) | Rejection::Hidden { reason, .. }) => Some(reason),
            _ => None,
        };
        let caller = decision.principal.map(|principal| ResolvedCaller {
            subject: principal.subject.clone(),
            kind: principal.kind.map(|kind| kind.name()),
            doubt: principal.doubt.as_ref().map(ToString::to_string),
        });
        let reduces_answer = answer.is_none() && request.reduces_answer();
        let (rule, shadow) = (decision.rule, decision.shadow);
        Evaluation { answer, rule, reason, denied, is_untimely, shadow, caller, reduces_answer }
    }

    /// The header with the caller's token, if there is one.
    pub(crate) fn carrier(&self, caller: &AssumedCaller) -> Option<(String, String)> {
        let token = match (&caller.token, &caller.issuer) {
            (Some(AssumedToken { form: TokenForm::Refused(token), .. }), _) => token.clone(),
            (_, Some(issuer)) => self.signed(caller, issuer),
            (_, None) => return None,
        };
        let config = &self.state.config;
        let issuer = config.issuers.iter().find(|issuer| Some(&*issuer.name) == caller.issuer.as_deref());
        let own = issuer.map_or_else(|| config.token_headers.names(), |issuer| &issuer.rules.headers);
        // Without an issuer, any of these headers will do.
        let usual = own.iter().find(|name| *name == "authorization").or_else(|| own.first());
        let named = caller.token.as_ref().and_then(|token| token.header.as_ref());
        Some((named.or(usual)?.clone(), format!("Bearer {token}")))
    }

    fn signed(&self, caller: &AssumedCaller, name: &str) -> String {
        let mut claims = caller.claims.clone();
        if caller.times == TokenTimes::Ignored {
            claims.retain(|name, _| name != "nbf" && name != "iat");
            claims.insert("exp".to_owned(), Value::from((caller.at.as_millis() / 1000).saturating_add(3600)));
        }
        // If the caller has claims instead of a token, `iss` and `aud` may be left out.
        if caller.token.is_none()
            && let Some(issuer) = self.state.config.issuers.iter().find(|issuer| *issuer.name == *name)
        {
            if let Some(iss) = &issuer.rules.issuer {
                claims.entry("iss").or_insert_with(|| Value::from(iss.as_str()));
            }
            if let Some(audience) = issuer.rules.audiences.iter().flatten().next() {
                claims.entry("aud").or_insert_with(|| Value::from(audience.as_str()));
            }
        }
        let mut header = json!({"alg": "EdDSA", "kid": "cli"});
        if let Some(AssumedToken { form: TokenForm::Signed { typ, has_kid }, .. }) = &caller.token
            && let Some(members) = header.as_object_mut()
        {
            members.extend(typ.iter().map(|typ| ("typ".to_owned(), Value::from(typ.as_str()))));
            members.retain(|name, _| *has_kid || name != "kid");
        }
        let signed = [header, Value::Object(claims)].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let signature = URL_SAFE_NO_PAD.encode(*pair().sk.sign(&signed, None));
        format!("{signed}.{signature}")
    }
}

/// Whether another time would make the token acceptable.
fn is_untimely(rejection: &Rejection) -> bool {
    use TokenRefusal::{Expired, IssuedInFuture, LifetimeTooLong, NotYetValid};
    matches!(rejection, Rejection::Token(Expired | NotYetValid | IssuedInFuture | LifetimeTooLong))
}

/// The key is no secret: only configurations that are made here trust it.
fn pair() -> KeyPair {
    KeyPair::from_seed(Seed::new([7; Seed::BYTES]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use temporal_auth::pattern::Pattern;
    use temporal_auth::time::Timestamp;

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

    fn call(claims: Value, typ: Option<&str>, times: TokenTimes, method: &str, namespace: &str) -> Evaluation {
        let claims = claims.as_object().unwrap().clone();
        let caller = AssumedCaller {
            token: typ.map(|typ| AssumedToken {
                header: None,
                form: TokenForm::Signed { typ: Some(typ.to_owned()), has_kid: true },
            }),
            times,
            ..AssumedCaller::with_claims("corp", claims, Timestamp::now())
        };
        let parsed = Config::parse(config().to_string().as_bytes()).unwrap();
        let call = Call::new(&parsed, method, namespace).unwrap();
        Filter::new(&config(), &caller).unwrap().evaluate(&caller, &call)
    }

    #[test]
    fn a_call_passes_every_stage_of_the_filter() {
        let start = |claims: Value, namespace: &str| {
            call(claims, None, TokenTimes::Ignored, "StartWorkflowExecution", namespace)
        };
        let good = json!({"sub": "alice", "groups": ["a"]});
        let allowed = start(good.clone(), "payroll");
        assert_eq!((allowed.status(), allowed.rule_name()), (0, Some("g")));
        let other = start(good.clone(), "other");
        assert_eq!((other.status(), other.rule_name()), (7, Some("default-deny")));
        assert_eq!(start(good, "").status(), 7);
        assert_eq!(start(json!({"sub": "alice", "groups": ["b"]}), "payroll").status(), 7);
        for refused in [json!({"groups": ["a"]}), json!({"sub": "a", "aud": "other"}), json!({"sub": "a", "iss": "x"})]
        {
            assert_eq!(start(refused.clone(), "payroll").status(), 16, "{refused}");
        }
        let new = |namespace: &str| {
            call(json!({"sub": "a", "groups": "a"}), None, TokenTimes::Ignored, "/a.B/New", namespace).status()
        };
        assert_eq!((new("payroll"), new("other")), (0, 7));
    }

    #[test]
    fn everything_in_a_token_except_the_signature_is_checked() {
        let now = Timestamp::now().as_millis() / 1000;
        let claims = |exp: u64| json!({"iss": "https://idp.example.com/", "aud": "temporal", "sub": "a", "groups": "a", "iat": now, "exp": exp});
        let call = |exp: u64, typ: &str, times| {
            call(claims(exp), Some(typ), times, "StartWorkflowExecution", "payroll").status()
        };
        assert_eq!(call(now + 30, "at+jwt", TokenTimes::Checked), 0);
        assert_eq!(call(now + 30, "JWT", TokenTimes::Checked), 16, "typ");
        assert_eq!(call(now - 300, "at+jwt", TokenTimes::Checked), 16, "expired");
        assert_eq!(call(now + 300, "at+jwt", TokenTimes::Checked), 16, "max_lifetime");
        assert_eq!(call(now - 300, "at+jwt", TokenTimes::Ignored), 0);
    }

    #[test]
    fn a_peer_may_call_with_or_without_a_token() {
        let call = |who: Value, xfcc: bool, token: bool, peer: Option<&str>| {
            let mut config = config();
            config["grants"][0]["who"] = who;
            config["peers"] = json!({"xfcc": xfcc});
            let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
            let call = Call::new(&parsed, "StartWorkflowExecution", "payroll").unwrap();
            let claims = json!({"sub": "alice"}).as_object().unwrap().clone();
            let caller = match (token, peer) {
                (false, Some(peer)) => AssumedCaller::without_token(peer.to_owned(), Timestamp::now()),
                (_, peer) => AssumedCaller {
                    peer: peer.map(str::to_owned),
                    ..AssumedCaller::with_claims("corp", claims, Timestamp::now())
                },
            };
            Filter::new(&config, &caller).unwrap().evaluate(&caller, &call)
        };
        // A name that must be escaped in a header.
        let odd = r#"CN=a,O="b\c";URI=spiffe://x"#;
        for xfcc in [false, true] {
            for name in ["spiffe://td/ns/a/sa/w", odd] {
                let pattern = Pattern::literal(name).to_string();
                let status = |who: Value, token, peer| call(who, xfcc, token, peer).status();
                let (bare, both) = (json!({"peer": pattern}), json!({"issuer": "corp", "peer": pattern}));
                assert_eq!(status(bare.clone(), false, Some(name)), 0, "{name} {xfcc}");
                assert_eq!(status(bare.clone(), false, Some("other")), 7);
                assert_eq!(status(bare, true, Some(name)), 7, "it has a token");
                assert_eq!(status(both.clone(), true, Some(name)), 0, "{name} {xfcc}");
                assert_eq!(status(both.clone(), true, None), 7);
                assert_eq!(status(both, false, Some(name)), 7, "it has no token");
            }
            let subject = call(json!({"peer": "a*"}), xfcc, false, Some("ab")).caller;
            assert_eq!(subject, Some(ResolvedCaller { subject: "ab".to_owned(), ..ResolvedCaller::default() }));
        }
        assert_eq!(call(json!({"issuer": "corp"}), true, false, Some("a")).status(), 16, "no rule asks for a peer");
    }

    #[test]
    fn methods_have_names_and_paths() {
        let config = Config::parse(config().to_string().as_bytes()).unwrap();
        let path = |name: &str| Call::new(&config, name, "").map(|call| call.path);
        assert!(path("CreateNexusEndpoint").unwrap().ends_with("OperatorService/CreateNexusEndpoint"));
        assert_eq!(path("x.Y/Z").as_deref(), Some("/x.Y/Z"));
        assert_eq!(path("StartWorkflow"), None);
    }
}
