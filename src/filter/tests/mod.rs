use std::collections::HashMap;

use super::*;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Value, json};

use crate::config::Config;
use crate::counters::Counters;
use crate::keys::FetchProgress;
use crate::policy::Rule;
use crate::report::Notice;
use crate::wire::grpc::frame;
use crate::wire::headers::serialize;

mod bounds;
mod descriptions;
mod hidden;
mod http;
mod lists;
mod newer;
mod peers;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The time this many milliseconds after [`NOW`].
fn after(millis: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_millis(millis))
}

const START: &str = "/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution";
const LIST: &str = "/temporal.api.workflowservice.v1.WorkflowService/ListNamespaces";
const INFO: &str = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo";

fn pair(seed: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([seed; 32]))
}

fn jwk(kid: &str, seed: u8) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": URL_SAFE_NO_PAD.encode(*pair(seed).pk)})
}

fn token(kid: &str, seed: u8, change: Value) -> String {
    let mut claims = json!({"iss": "https://idp/", "aud": "temporal", "sub": "alice", "exp": NOW.as_millis() / 1000 + 3600, "permissions": ["payroll:write"]});
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(json!({"alg": "EdDSA", "kid": kid})), part(claims));
    let signature = pair(seed).sk.sign(&signed, None);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(*signature))
}

fn state_with(change: Value) -> FilterState {
    let mut config = json!({
        "version": 1,
        "issuers": {"corp": {"issuer": "https://idp/", "audiences": ["temporal"], "keys": {"inline": {"keys": [jwk("k", 1)]}}}},
        "grants": [{"name": "permissions", "who": {"issuer": "corp"}, "permissions_claim": "permissions"}],
    });
    for (name, value) in change.as_object().unwrap() {
        config[name] = value.clone();
    }
    FilterState::new(Config::parse(config.to_string().as_bytes()).unwrap())
}

fn state() -> FilterState {
    state_with(json!({}))
}

/// A call as a host passes it to the filter.
struct TestCall {
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    end: bool,
    cluster: Option<Vec<u8>>,
    peer: Option<&'static str>,
    arrives: Timestamp,
}

fn call_to(path: &str) -> TestCall {
    let headers = [(":method", "POST"), ("content-type", "application/grpc"), ("te", "trailers")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec();
    TestCall { path: path.to_owned(), headers, end: false, cluster: None, peer: None, arrives: NOW }
}

impl ConnectionInfo for &TestCall {
    fn cluster(&self) -> Option<Vec<u8>> {
        self.cluster.clone()
    }

    fn peer(&self) -> Option<String> {
        self.peer.map(str::to_owned)
    }

    fn id(&self) -> u64 {
        1
    }
}

impl TestCall {
    fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.and(name, value)
    }
    fn and(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }
    fn bearer(self, token: &str) -> Self {
        self.with("authorization", format!("Bearer {token}"))
    }
    fn good(self) -> Self {
        self.bearer(&token("k", 1, json!({})))
    }

    fn open(&self, state: &mut FilterState) -> (RequestFilter, Action, Vec<String>) {
        let mut call = RequestFilter::new(self.arrives);
        let mut map: Vec<(&[u8], &[u8])> = vec![(b":path", self.path.as_bytes())];
        map.extend(self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())));
        let mut drop = Vec::new();
        let bytes = serialize(&map);
        let action = call.on_headers(state, Headers::new(&bytes), self.end, self, &mut drop);
        let drop = drop.iter().map(|name| String::from_utf8(name.to_vec()).unwrap()).collect();
        (call, action, drop)
    }

    fn headers_only(&self, state: &mut FilterState) -> Action {
        self.open(state).1
    }

    /// Makes the whole call with this body. The result must be the same in any chunks.
    fn call(&self, body: &[u8]) -> Action {
        let whole = self.call_in(body, usize::MAX);
        for chunk in [1, 2, 3, 7] {
            assert_eq!(self.call_in(body, chunk), whole, "in chunks of {chunk}");
        }
        whole
    }

    fn call_in(&self, body: &[u8], chunk: usize) -> Action {
        let state = &mut state();
        let (mut call, action, _) = self.open(state);
        if action != Action::Forward {
            return action;
        }
        for part in body.chunks(chunk) {
            let action = call.on_body(state, part, false, || NOW);
            if action != Action::Forward {
                return action;
            }
        }
        call.on_trailers(state, || NOW)
    }
}

fn start_in(namespace: &str) -> Vec<u8> {
    frame(&[&[10, namespace.len() as u8], namespace.as_bytes(), &[0x12, 2, b'i', b'd']].concat())
}

fn texts(notices: Vec<Notice>) -> Vec<String> {
    notices.iter().map(ToString::to_string).collect()
}

fn grpc_status(action: &Action) -> u32 {
    match action {
        Action::Forward | Action::Hold | Action::Release(_) => 0,
        Action::Answer(answer) => answer.code().number(),
        Action::Wait => 99,
    }
}

#[test]
fn the_token_and_the_body_decide() {
    let good = call_to(START).good();
    assert_eq!(good.call(&start_in("payroll")), Action::Forward);
    assert_eq!(good.call(&start_in("other")), Action::Answer(Reply::denied(None)));
    assert_eq!(good.call(&start_in("")), Action::Answer(Reply::denied(None)));
    assert_eq!(good.call(&frame(&[])), Action::Answer(Reply::denied(None)));
    let reader = call_to(START).bearer(&token("k", 1, json!({"permissions": ["payroll:read"]})));
    assert_eq!(reader.headers_only(&mut state()), Action::Answer(Reply::denied(None)), "denied before the body");
}

#[test]
fn nothing_that_completes_a_message_goes_on_before_the_verdict() {
    let state = &mut state();
    let (mut call, _, _) = call_to(START).good().open(state);
    let body = start_in("other");
    let (last, first) = body.split_last().unwrap();
    assert_eq!(call.on_body(state, first, false, || NOW), Action::Forward);
    assert_eq!(call.on_body(state, &[*last], false, || NOW), Action::Answer(Reply::denied(None)));
    assert_eq!(call.on_body(state, &[0], false, || NOW), Action::Wait, "and nothing after it");
}

#[test]
fn malformed_bodies_are_refused() {
    let good = call_to(START).good();
    let twice = frame(&[&start_in("payroll")[5..], &start_in("payroll")[5..]].concat());
    let two = [start_in("payroll"), start_in("payroll")].concat();
    for body in [&[][..], &[0, 0], &start_in("payroll")[..12], &two, &twice, &[start_in("payroll"), vec![0]].concat()] {
        assert_eq!(grpc_status(&good.call(body)), 3, "{body:?}");
    }
    assert_eq!(grpc_status(&good.call(&[0, 0xff, 0, 0, 0])), 8);
}

#[test]
fn only_identity_and_gzip_are_supported() {
    let body = start_in("payroll");
    for (value, expected) in
        [("identity", 0), ("gzip", 0), ("zstd", 12), ("GZIP", 12), (" gzip", 12), ("", 12), ("gzip,gzip", 12)]
    {
        assert_eq!(grpc_status(&call_to(START).good().with("grpc-encoding", value).call(&body)), expected, "{value}");
    }
    let twice = call_to(START).good().with("grpc-encoding", "gzip").and("grpc-encoding", "gzip");
    assert_eq!(grpc_status(&twice.call(&body)), 12);
    let mut compressed = body.clone();
    compressed[0] = 1;
    assert_eq!(grpc_status(&call_to(START).good().call(&compressed)), 3, "compressed without grpc-encoding");
}

#[test]
fn calls_are_answered_from_the_headers_if_possible() {
    let status = |caller: TestCall| grpc_status(&caller.headers_only(&mut state()));
    assert_eq!(status(call_to(START)), 16);
    assert_eq!(status(call_to(START).bearer("x")), 16);
    assert_eq!(status(call_to(START).good().and("authorization", "Bearer x")), 16);
    assert_eq!(status(TestCall { end: true, ..call_to(START).good() }), 3);
    assert_eq!(status(TestCall { end: true, ..call_to(INFO) }), 3);
    assert_eq!(status(call_to(START).good().with("content-type", "application/json")), 3);
    assert_eq!(status(call_to(START).good().with("content-type", "application/grpc-web")), 3);
    assert_eq!(status(call_to(START).good().with(":method", "GET")), 3);
    assert_eq!(status(call_to(START).good().with("content-type", "application/grpc+json")), 0);
    assert_eq!(status(call_to("/api/v1/namespaces").good()), 12);
    assert_eq!(status(call_to(&format!("{START}?x")).good()), 12);
    assert_eq!(status(call_to("/temporal.server.api.adminservice.v1.AdminService/DescribeCluster").good()), 7);
    assert_eq!(status(call_to("/grpc.health.v1.Health/Watch").good()), 7);
    assert_eq!(status(call_to(LIST).good()), 7);
    assert_eq!(status(call_to(LIST).bearer(&token("k", 1, json!({"permissions": ["temporal-system:read"]})))), 0);
}

#[test]
fn anonymous_methods_ignore_the_token() {
    assert_eq!(call_to(INFO).bearer("garbage").call(&frame(&[])), Action::Forward);
    assert_eq!(call_to("/grpc.health.v1.Health/Check").call(&frame(&[])), Action::Forward);
    let closed = &mut state_with(json!({"anonymous": []}));
    assert_eq!(grpc_status(&call_to(INFO).headers_only(closed)), 16);
}

#[test]
fn admin_service_opens_to_system_admins_only() {
    let describe = call_to("/temporal.server.api.adminservice.v1.AdminService/DescribeCluster");
    let open = || state_with(json!({"admin_service": true}));
    let holding = |permission: &str| token("k", 1, json!({"permissions": [permission]}));
    let status = |caller: TestCall| grpc_status(&caller.headers_only(&mut open()));
    assert_eq!(
        status(TestCall { path: describe.path.clone(), ..call_to("").bearer(&holding("temporal-system:admin")) }),
        0
    );
    assert_eq!(
        status(TestCall { path: describe.path.clone(), ..call_to("").bearer(&holding("temporal-system:write")) }),
        7
    );
    assert_eq!(status(TestCall { path: describe.path.clone(), ..call_to("").bearer(&holding("payroll:admin")) }), 7);
    assert_eq!(status(describe), 16);
}

#[test]
fn bad_tokens_are_refused() {
    let status = |token: String| grpc_status(&call_to(START).bearer(&token).headers_only(&mut state()));
    assert_eq!(status(token("k", 1, json!({}))), 0);
    assert_eq!(status(token("k", 2, json!({}))), 16, "another key's signature");
    assert_eq!(status(token("x", 1, json!({}))), 16, "an unknown kid");
    assert_eq!(status(token("k", 1, json!({"iss": "https://other/"}))), 16);
    assert_eq!(status(token("k", 1, json!({"exp": NOW.as_millis() / 1000 - 61}))), 16);
    let mut tampered = token("k", 1, json!({}));
    tampered.replace_range(60..61, "X");
    assert_eq!(status(tampered), 16);
}

#[test]
fn the_reason_names_a_header_with_a_token_that_no_issuer_names() {
    let own = json!({"issuers": {"corp": {
        "issuer": "https://idp/", "audiences": ["temporal"], "keys": {"inline": {"keys": [jwk("k", 1)]}},
        "token": {"headers": ["x-svid"]},
    }}});
    let (good, state) = (token("k", 1, json!({})), &mut state_with(own));
    let mut outcome = |call: TestCall| {
        let (mut filter, action, _) = call.open(state);
        (filter.take_decision().map(|decision| decision.reason()), action)
    };
    let (reason, with) = outcome(call_to(START).bearer(&good));
    assert_eq!(reason.unwrap(), "a token in header authorization, which no issuer names");
    let (reason, without) = outcome(call_to(START));
    assert_eq!(reason.unwrap(), "no token");
    assert_eq!((grpc_status(&with), &with), (16, &without), "clients are not told");
    assert_eq!(outcome(call_to(START).bearer("opaque")).0.unwrap(), "no token");
    assert_eq!(outcome(call_to(START).with("x-svid", "a.b.c").bearer(&good)).0.unwrap(), "header: not base64url");
    let (_, both) = outcome(call_to(START).with("x-svid", &good).bearer("opaque"));
    assert_eq!(grpc_status(&both), 0, "the token counts where the issuer expects it");
}

#[test]
fn a_cached_token_is_refused_after_its_expiry() {
    let state = &mut state();
    let text = token("k", 1, json!({"exp": NOW.as_millis() / 1000 + 10}));
    let status = |state: &mut FilterState, arrives| {
        grpc_status(&TestCall { arrives, ..call_to(START).bearer(&text) }.headers_only(state))
    };
    assert_eq!((status(state, NOW), status(state, NOW)), (0, 0));
    let counts: HashMap<_, _> = Counters::names().into_iter().zip(state.counters.take()).collect();
    let count = |name: &str| counts[&format!("temporal_auth.tokens.{name}")];
    assert_eq!((count("cache_hit"), count("cache_miss"), count("over_budget")), (1, 1, 0));
    assert_eq!((status(state, after(69_999)), status(state, after(70_000))), (0, 16));
}

#[test]
fn headers_that_speak_for_others_are_dropped() {
    let names = [
        "grpcgateway-authorization",
        "grpc-metadata-x",
        "xdc-redirection-api",
        "temporal-principal-name",
        "caller-type",
        "authorization-extras",
    ];
    let mut all = call_to(START).good().with("temporal-namespace", "x").with("client-name", "y");
    for name in names {
        all = all.and(name, "v").and(name, "w");
    }
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let mut expected: Vec<String> = names.iter().map(ToString::to_string).collect();
    assert_eq!(sorted(all.open(&mut state_with(json!({"forward_token": true}))).2), sorted(expected.clone()));
    expected.push("authorization".to_owned());
    assert_eq!(sorted(all.open(&mut state()).2), sorted(expected.clone()));
    let forwards_another = json!({"forward_token": true, "issuers": {"corp": {
        "issuer": "https://idp/", "audiences": ["temporal"], "keys": {"inline": {"keys": [jwk("k", 1)]}},
        "token": {"headers": ["x-svid"]},
    }}});
    let good = token("k", 1, json!({}));
    let other =
        call_to(START).with("x-svid", &good).bearer("another.token.x").open(&mut state_with(forwards_another)).2;
    assert_eq!(other, ["authorization"], "not the token that was verified");
    let anonymous = TestCall { path: INFO.to_owned(), ..all };
    assert_eq!(sorted(anonymous.open(&mut state()).2), sorted(expected), "on anonymous methods either");
}

#[test]
fn traffic_to_other_clusters_is_not_touched() {
    let ours = || state_with(json!({"applies_to": {"clusters": ["temporal"]}}));
    let to = |cluster: Option<&[u8]>| TestCall {
        cluster: cluster.map(<[u8]>::to_vec),
        end: true,
        ..call_to("/shop").good()
    };
    let (mut call, action, drop) = to(Some(b"shop")).open(&mut ours());
    assert_eq!((action, drop.len(), call.drops_trailers(), call.reads_body()), (Action::Forward, 0, false, false));
    assert_eq!(call.on_body(&mut ours(), b"anything", true, || NOW), Action::Forward);
    for unclear in [Some(&b"temporal"[..]), Some(b""), None, Some(b"temporal\xff")] {
        let action = to(unclear).headers_only(&mut ours());
        let is_ours = unclear != Some(b"temporal\xff");
        assert_eq!(grpc_status(&action) == 12, is_ours, "{unclear:?}");
    }
}

/// A state whose issuer's keys are fetched.
fn fetching() -> FilterState {
    let keys = json!({"jwks_uri": "https://idp/keys", "cluster": "idp"});
    state_with(json!({"issuers": {"corp": {"issuer": "https://idp/", "audiences": ["temporal"], "keys": keys}}}))
}

/// The fetch that is due brings these keys.
fn load(state: &mut FilterState, now: Timestamp, keys: Value) {
    assert_eq!(state.authenticator.poll(now).len(), 1);
    let document = json!({ "keys": keys }).to_string();
    assert!(matches!(state.on_response(0, Ok((b"200", document.as_bytes())), now), FetchProgress::Loaded));
    state.authenticator.forget(now);
}

#[test]
fn a_request_waits_for_its_key_and_no_longer_than_allowed() {
    let state = &mut fetching();
    let (mut call, action, _) = call_to(START).good().open(state);
    assert_eq!((action, call.is_waiting()), (Action::Wait, true));
    assert_eq!(
        (call.on_body(state, &[], false, || NOW), call.wake(state, after(4_999))),
        (Action::Wait, Some(Action::Wait))
    );
    load(state, after(4_999), json!([jwk("k", 1)]));
    assert_eq!((call.wake(state, after(4_999)), call.is_waiting()), (Some(Action::Forward), false));
    assert_eq!(call.wake(state, after(4_999)), None, "it is woken once");
    assert_eq!(call.on_body(state, &start_in("payroll"), true, || NOW), Action::Forward);

    let unknown = || TestCall { arrives: after(5_000), ..call_to(START).bearer(&token("new", 1, json!({}))) };
    let (mut late, _, _) = unknown().open(state);
    assert_eq!(late.wake(state, after(10_000)), Some(Action::Answer(Reply::UNAVAILABLE)), "nobody fetched");
    let (mut bad, _, _) = unknown().open(state);
    load(state, after(10_000), json!([jwk("k", 1)]));
    assert_eq!(
        bad.wake(state, after(10_000)),
        Some(Action::Answer(Reply::UNAUTHENTICATED)),
        "a set fetched after its arrival"
    );
}

#[test]
fn tokens_of_a_rotated_key_are_refused() {
    let state = &mut fetching();
    load(state, Timestamp::from_millis(NOW.as_millis() - 600_000), json!([jwk("k", 1)]));
    assert_eq!(call_to(START).good().headers_only(state), Action::Forward);
    load(state, NOW, json!([jwk("k", 2)]));
    // The set's fetch began when the request arrived, not later: it may lack a key that the issuer has replaced since.
    let (mut call, action, _) = call_to(START).good().open(state);
    assert_eq!((action, call.wake(state, after(1))), (Action::Wait, Some(Action::Wait)));
    load(state, after(2_000), json!([jwk("k", 2)]));
    assert_eq!(call.wake(state, after(2_000)), Some(Action::Answer(Reply::UNAUTHENTICATED)));
    assert_eq!(grpc_status(&call_to(START).good().headers_only(state)), 16, "these keys have refused it already");
}

#[test]
fn a_token_of_a_key_that_was_replaced_under_its_kid_is_accepted_after_a_fetch() {
    let state = &mut fetching();
    load(state, Timestamp::from_millis(NOW.as_millis() - 60_000), json!([jwk("k", 2)]));
    let (mut call, action, _) = call_to(START).good().open(state);
    assert_eq!((action, call.waiting().is_some()), (Action::Wait, true));
    load(state, after(10), json!([jwk("k", 1)]));
    assert_eq!((call.wake(state, after(10)), call.is_waiting()), (Some(Action::Forward), false));
    assert_eq!(call.on_body(state, &start_in("payroll"), true, || NOW), Action::Forward);
    // Without an answer of the issuer, nobody knows.
    let forged = token("k", 9, json!({}));
    let (mut call, _, _) = TestCall { arrives: after(20), ..call_to(START).bearer(&forged) }.open(state);
    assert_eq!(call.wake(state, after(5_019)), Some(Action::Wait));
    assert_eq!(call.wake(state, after(5_020)), Some(Action::Answer(Reply::UNAVAILABLE)));
}

#[test]
fn keys_that_cannot_be_used_are_logged_once_for_each_change() {
    let state = &mut fetching();
    let mut now = NOW;
    let mut told_by = |state: &mut FilterState, keys: Value| {
        now = now.saturating_add(Duration::from_secs(3600));
        load(state, now, keys);
        texts(state.take_notices())
    };
    assert!(told_by(state, json!([jwk("k", 1)])).is_empty());
    let secret = json!({"kid": "s", "kty": "oct", "k": "c2VjcmV0"});
    let told = told_by(state, json!([jwk("k", 1), secret]));
    assert!(
        told.len() == 1 && told[0].contains("1 keys of issuer corp can") && told[0].contains("(kid \"s\")"),
        "{told:?}"
    );
    assert!(told_by(state, json!([jwk("k", 1), secret])).is_empty());
    assert!(told_by(state, json!([jwk("k", 1)])).is_empty());
    assert_eq!(told_by(state, json!([jwk("k", 1), secret])).len(), 1, "it has come back");
}

#[test]
fn decisions_are_reported_when_denied_and_when_asked_for() {
    let open = |state: &mut FilterState, namespace: &str| {
        let (mut call, _, _) = call_to(START).good().open(state);
        call.on_body(state, &start_in(namespace), true, || NOW);
        call.take_decision()
    };
    assert!(open(&mut state(), "payroll").is_none());
    let denied = open(&mut state(), "other").unwrap();
    assert_eq!((denied.allow, denied.status, denied.rule.as_ref().map(Rule::name)), (false, 7, Some("default-deny")));
    assert_eq!((denied.namespaces, denied.principal.unwrap().subject.as_str()), (vec!["other".to_owned()], "alice"));
    let allowed = open(&mut state_with(json!({"log": {"allowed": true}})), "payroll").unwrap();
    assert_eq!((allowed.allow, allowed.rule.as_ref().map(Rule::name)), (true, Some("permissions")));
    assert!(open(&mut state_with(json!({"access_log_state": true})), "payroll").is_some());
}

#[test]
fn headers_may_contain_any_bytes() {
    for name in [":path", "authorization", "content-type", "grpc-encoding", ":method", "x"] {
        let odd = call_to(START).good().with(name, [0xff, 0, 0x80, b'%']);
        odd.headers_only(&mut state());
    }
}

fn mesh(change: Value) -> FilterState {
    let mut config = json!({"grants": [
        {"name": "mesh", "who": {"peer": "spiffe://td/ns/payroll/sa/*"}, "role": "worker", "namespaces": ["payroll"]},
        {"name": "both", "who": {"issuer": "corp", "peer": "spiffe://td/ns/{team}/sa/cli"}, "role": "writer", "namespaces": ["{team}"]},
    ]});
    change.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
    state_with(config)
}

const POLL: &str = "/temporal.api.workflowservice.v1.WorkflowService/RecordWorkerHeartbeat";

#[test]
fn a_peer_is_a_principal_or_a_condition_on_a_token() {
    let state = &mut mesh(json!({}));
    let status = |state: &mut FilterState, path, peer, token: Option<&str>| {
        let caller = token.map_or(call_to(path), |token| call_to(path).bearer(token));
        let (mut call, action, _) = TestCall { peer, ..caller }.open(state);
        let action =
            if action == Action::Forward { call.on_body(state, &start_in("payroll"), true, || NOW) } else { action };
        grpc_status(&action)
    };
    let (worker, cli, other) =
        ("spiffe://td/ns/payroll/sa/w", "spiffe://td/ns/payroll/sa/cli", "spiffe://td/ns/x/sa/w");
    let good = token("k", 1, json!({}));
    for (path, peer, token, expected) in [
        (POLL, Some(worker), None, 0),
        (POLL, Some(other), None, 7),
        (POLL, None, None, 16),
        (START, Some(worker), None, 7),
        // A caller with a token is another principal, and a bad token refuses the call.
        (POLL, Some(worker), Some(good.as_str()), 7),
        (POLL, Some(worker), Some("a.b.c"), 16),
        (START, Some(cli), Some(good.as_str()), 0),
        (START, Some(worker), Some(good.as_str()), 7),
        (START, None, Some(good.as_str()), 7),
        (START, Some(cli), None, 7),
        // These tokens are in the cache.
        (START, Some(cli), Some(good.as_str()), 0),
        (START, Some(worker), Some(good.as_str()), 7),
    ] {
        assert_eq!(status(state, path, peer, token), expected, "{path} {peer:?} {token:?}");
    }
}

#[test]
fn only_the_forwarded_certificate_counts_if_xfcc_is_true() {
    let status = |state: &mut FilterState, headers: &[&str], peer| {
        let caller = headers.iter().fold(call_to(POLL), |caller, value| caller.and("x-forwarded-client-cert", value));
        grpc_status(&TestCall { peer, ..caller }.headers_only(state))
    };
    let (worker, header) = ("spiffe://td/ns/payroll/sa/w", "By=x;URI=spiffe://td/ns/payroll/sa/w");
    let off = &mut mesh(json!({}));
    assert_eq!((status(off, &[header], None), status(off, &[], Some(worker))), (16, 0));
    let on = &mut mesh(json!({"peers": {"xfcc": true}}));
    assert_eq!((status(on, &[header], None), status(on, &[], Some(worker))), (0, 16));
    assert_eq!(
        status(on, &[header, "URI=spiffe://td/ns/x/sa/w"], None),
        16,
        "one of the two headers could be the caller's"
    );
    assert_eq!(status(on, &["URI=spiffe://td/ns/payroll/sa/w,URI=spiffe://td/ns/x/sa/w"], None), 7);
}

#[test]
fn a_token_neither_exempts_a_denied_peer_nor_replaces_an_exempt_one() {
    let everybody = json!([{"name": "all", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["payroll"]}]);
    let status = |denial: Value, peer| {
        let state = &mut state_with(json!({"grants": everybody, "denials": [denial]}));
        let (mut call, action, _) = TestCall { peer, ..call_to(START).good() }.open(state);
        let action =
            if action == Action::Forward { call.on_body(state, &start_in("payroll"), true, || NOW) } else { action };
        grpc_status(&action)
    };
    let denied = || json!({"name": "d", "effects": ["start"], "who": {"peer": "web"}});
    assert_eq!((status(denied(), Some("web")), status(denied(), Some("x")), status(denied(), None)), (7, 0, 0));
    let exempt = || json!({"name": "d", "effects": ["start"], "unless": {"issuer": "corp", "peer": "cli"}});
    assert_eq!((status(exempt(), Some("cli")), status(exempt(), Some("x")), status(exempt(), None)), (0, 7, 7));
    let bare = || json!({"name": "d", "effects": ["start"], "unless": {"peer": "cli"}});
    assert_eq!(status(bare(), Some("cli")), 7, "the peer is exempt only without a token");
}
