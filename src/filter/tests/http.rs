//! Calls over HTTP: decided as over gRPC, and held until then.

use super::*;
use crate::answer::{ApiStyle, Form};

const WORKFLOW: &str = "/api/v1/namespaces/payroll/workflows/w";
const DENIED: &str = r#"{"code":7,"message":"Request unauthorized.","details":[{"@type":"type.googleapis.com/temporal.api.errordetails.v1.PermissionDeniedFailure"}]}"#;

fn http_open() -> Value {
    json!({"http": {"api": true, "nexus": true, "openapi": true}})
}

fn open_state() -> FilterState {
    state_with(http_open())
}

fn over_http(verb: &str, path: &str) -> TestCall {
    let mut call = call_to(path).with(":method", verb).with("content-type", "application/json");
    call.headers.retain(|(name, _)| name != "te");
    call.end = verb != "POST";
    call
}

fn token_with(permission: &str) -> String {
    token("k", 1, json!({"permissions": [permission]}))
}

/// Makes a whole call in chunks. Returns the last action, and the bytes that went on.
fn send_in(state: &mut FilterState, call: &TestCall, body: &[u8], chunk: usize) -> (Action, Vec<u8>) {
    let parked_before = state.parked.len();
    let (mut filter, mut action, _) = call.open(state);
    let mut sent = Vec::new();
    if call.end {
        assert!(body.is_empty());
        return (action, sent);
    }
    let mut chunks: Vec<_> = body.chunks(chunk).collect();
    if body.is_empty() {
        chunks.push(&[]);
    }
    for (index, part) in chunks.iter().enumerate() {
        if matches!(action, Action::Answer(_) | Action::Wait) {
            break;
        }
        action = filter.on_body(state, part, index + 1 == chunks.len(), || NOW);
        match &action {
            Action::Forward => sent.extend_from_slice(part),
            Action::Release(bytes) => sent.extend_from_slice(bytes),
            _ => {}
        }
    }
    assert_eq!(state.parked.len(), parked_before, "nothing is held after the verdict");
    (action, sent)
}

/// The HTTP status of a call, 0 if it goes on. Whatever the chunks are, the same bytes go on, and only after the verdict.
fn send(state: &mut FilterState, call: &TestCall, body: &str) -> u32 {
    let results: Vec<_> =
        [usize::MAX, 1, 7].into_iter().map(|chunk| send_in(state, call, body.as_bytes(), chunk)).collect();
    let status = |action: &Action| match action {
        Action::Answer(reply) => reply.http_status(),
        Action::Forward | Action::Release(_) => 0,
        other => panic!("{other:?}"),
    };
    for (action, sent) in &results {
        let is_allowed = status(action) == 0;
        assert_eq!(sent.as_slice(), if is_allowed { body.as_bytes() } else { b"" }, "{action:?}");
        assert_eq!(status(action), status(&results[0].0));
    }
    status(&results[0].0)
}

fn status(call: TestCall, body: &str) -> u32 {
    send(&mut open_state(), &call, body)
}

#[test]
fn the_path_the_body_and_the_token_decide() {
    let start = |path: &str, body: &str| status(over_http("POST", path).good(), body);
    assert_eq!(start(WORKFLOW, r#"{"workflowType":{"name":"T"}}"#), 0);
    assert_eq!(start("/namespaces/payroll/workflows/w", "{}"), 0);
    assert_eq!(start(WORKFLOW, ""), 0);
    assert_eq!(start("/api/v1/namespaces/other/workflows/w", "{}"), 403);
    assert_eq!(start(WORKFLOW, r#"{"namespace":"other"}"#), 400);
    assert_eq!(start(WORKFLOW, "{} {}"), 400);
    assert_eq!(status(over_http("GET", "/api/v1/namespaces/payroll").good(), ""), 0);
    assert_eq!(status(over_http("GET", "/api/v1/namespaces/other").good(), ""), 403);
    assert_eq!(status(over_http("GET", "/api/v1/namespaces/payroll?id=x").good(), ""), 403);
    assert_eq!(status(over_http("DELETE", "/api/v1/namespaces/payroll/schedules/s").good(), ""), 0);
    assert_eq!(status(over_http("GET", "/api/v1/namespaces").good(), ""), 403);
    assert_eq!(status(over_http("GET", "/api/v1/namespaces/payroll"), ""), 401);
    assert_eq!(status(over_http("GET", "/api/v1/system-info"), ""), 0, "anonymous");
    assert_eq!(status(over_http("POST", WORKFLOW).bearer("x"), "{}"), 401);
    let reader = over_http("POST", WORKFLOW).bearer(&token_with("payroll:read"));
    assert_eq!(status(reader, "{}"), 403);
    let nexus = over_http("POST", "/api/v1/nexus/endpoints");
    assert_eq!(status(nexus.bearer(&token_with("temporal-system:admin")), "anything"), 0, "only the method counts");
}

#[test]
fn options_in_bodies_need_their_effects() {
    let mut state = state_with(json!({
        "http": {"api": true},
        "roles": {"starter": {"plus": ["start"]}},
        "grants": [{"name": "g", "who": {"issuer": "corp"}, "role": "starter", "namespaces": ["payroll"], "workflow_types": ["T"]}],
    }));
    let mut start = |body: &str| send(&mut state, &over_http("POST", WORKFLOW).good(), body);
    assert_eq!(start(r#"{"workflowType":{"name":"T"}}"#), 0);
    assert_eq!(start(r#"{"workflowType":{"name":"U"}}"#), 403);
    assert_eq!(start(r#"{"workflowType":{"name":"T"},"workflowIdConflictPolicy":"TerminateExisting"}"#), 403);
    assert_eq!(start(r#"{"workflow_type":{"name":"T"},"onConflictOptions":{}}"#), 403);
}

#[test]
fn requests_that_a_server_could_take_for_others_are_refused() {
    let delete = || over_http("POST", "/api/v1/namespaces/payroll/schedules/s").good();
    assert_eq!(status(delete().with("x-http-method-override", "DELETE"), "{}"), 400);
    for form in [
        "application/x-www-form-urlencoded",
        "APPLICATION/X-WWW-Form-Urlencoded; charset=x",
        "a, application/x-www-form-urlencoded",
    ] {
        assert_eq!(status(delete().with("content-type", form), "{}"), 400, "{form}");
    }
    for protocol in ["websocket", "h2c", ""] {
        assert_eq!(status(delete().with("upgrade", protocol), "{}"), 400, "{protocol}");
    }
    assert_eq!(status(delete().with("content-encoding", "gzip"), "{}"), 415);
    for plain in ["identity", ""] {
        assert_eq!(status(delete().with("content-encoding", plain), "{}"), 0);
    }
    for words in ["workflows/execute-multi-operation", "activities/pause", "activities/complete", "activities/%70ause"]
    {
        for prefix in ["/api/v1", ""] {
            let path = format!("{prefix}/namespaces/payroll/{words}");
            assert_eq!(status(over_http("POST", &path).good(), "{}"), 400, "{path}");
        }
    }
    assert_eq!(status(over_http("POST", "/namespaces/payroll/activities/paused").good(), "{}"), 0);
    assert_eq!(status(over_http("POST", "/namespaces/payroll/workflows/pause").good(), "{}"), 0);
    assert_eq!(
        status(over_http("POST", "/namespaces/payroll/workflows/w").good(), r#"{"namespace":"","workflowId":""}"#),
        0
    );
    for path in [
        "/api/v1/namespaces/payroll%2Fworkflows%2Fx%2Fterminate",
        "/api/v1/namespaces/payroll/workflows/",
        "//api/v1/namespaces/payroll",
        "/api/v1/namespaces/payroll/../other",
        "/api/v1/namespaces/payroll%5Cx",
        "/api/v1/namespaces/%00",
    ] {
        assert_eq!(status(over_http("POST", path).good(), "{}"), 400, "{path}");
    }
}

#[test]
fn an_answer_before_the_verdict_does_not_pass() {
    for (mode, passes) in [("enforce", false), ("shadow", true)] {
        let mut config = http_open();
        config["mode"] = json!(mode);
        let mut state = state_with(config);
        let (mut filter, action, _) = over_http("POST", WORKFLOW).good().open(&mut state);
        assert_eq!((action, filter.awaits_verdict_over_http()), (Action::Forward, true));
        let action = filter.answered_early(&mut state);
        assert_eq!(matches!(&action, Action::Answer(reply) if reply.http_status() == 503), !passes, "{action:?}");
        assert!(!filter.awaits_verdict_over_http());
    }
    let (filter, _, _) = call_to(START).good().open(&mut open_state());
    assert!(!filter.awaits_verdict_over_http(), "gRPC");
}

#[test]
fn headers_on_which_a_server_would_act_do_not_go_on_before_the_verdict() {
    let mut state = open_state();
    let mut open = |call: TestCall| {
        let (mut filter, action, _) = TestCall { end: false, ..call.good() }.open(&mut state);
        let more = filter.on_body(&mut state, b"{}", false, || NOW);
        let status = |action: &Action| match action {
            Action::Answer(reply) => reply.http_status(),
            Action::Forward => 0,
            Action::Hold => 1,
            Action::Wait => 2,
            Action::Release(_) => 3,
        };
        (status(&action), status(&more))
    };
    let (own, other) = ("/api/v1/namespaces/payroll/schedules/s", "/api/v1/namespaces/other/schedules/s");
    for verb in ["GET", "DELETE"] {
        assert_eq!(open(over_http(verb, own)), (0, 400), "a body that is not announced");
        assert_eq!(open(over_http(verb, other)), (403, 2));
        assert_eq!(open(over_http(verb, own).with("content-length", "0")), (0, 400));
        assert_eq!(open(over_http(verb, own).with("content-length", "2")), (400, 2));
        assert_eq!(open(over_http(verb, own).with("transfer-encoding", "chunked")), (400, 2));
    }
    let terminate = |namespace: &str| over_http("POST", &format!("/namespaces/{namespace}/workflows/w/terminate"));
    for zero in ["0", "00"] {
        assert_eq!(open(terminate("payroll").with("content-length", zero)), (0, 400), "there is no body to wait for");
        assert_eq!(open(terminate("other").with("content-length", zero)), (403, 2));
    }
    for bad in ["", "x", "-0", "0,0", "+0"] {
        assert_eq!(open(terminate("payroll").with("content-length", bad)), (400, 2), "{bad}");
    }
    assert_eq!(open(terminate("other").with("content-length", "2")), (0, 1));
    assert_eq!(open(terminate("other").with("transfer-encoding", "chunked")), (0, 1));
    assert_eq!(open(terminate("other")), (0, 1));
}

#[test]
fn in_shadow_a_body_that_was_not_kept_does_not_go_on() {
    let mut shadow = http_open();
    shadow["mode"] = json!("shadow");
    let mut state = state_with(shadow);
    let start = over_http("POST", WORKFLOW).good();
    let part = vec![b' '; 1 << 20];
    let mut bodies: Vec<_> = (0..7).map(|_| start.open(&mut state).0).collect();
    for filter in &mut bodies {
        assert!(filter.on_body(&mut state, &part, false, || NOW) == Action::Hold);
    }
    let (mut last, _, _) = start.open(&mut state);
    assert!(last.on_body(&mut state, &part, false, || NOW) == Action::Release(part.clone()), "it is all there");
    let (mut late, _, _) = start.open(&mut state);
    assert!(late.on_body(&mut state, &part, false, || after(10_000)) == Action::Hold);
    let given_up = bodies[0].on_body(&mut state, b" ", false, || after(10_000));
    assert!(matches!(&given_up, Action::Answer(reply) if reply.http_status() == 503));
}

#[test]
fn unknown_routes_and_closed_doors_are_not_found() {
    for (verb, path) in [
        ("HEAD", "/api/v1/namespaces/payroll"),
        ("OPTIONS", "/api/v1/namespaces/payroll"),
        ("PUT", WORKFLOW),
        ("GET", "/api/v1/nothing"),
        ("GET", "/nothing"),
        ("GET", "/nexus/callback"),
        ("POST", "/swagger.json"),
    ] {
        assert_eq!(status(over_http(verb, path).good(), ""), 404, "{verb} {path}");
    }
    let text = |call: TestCall, state: &mut FilterState| match call.open(state).1 {
        Action::Answer(reply) => (reply.http_status(), reply.body().into_owned(), reply.headers().len()),
        other => panic!("{other:?}"),
    };
    let (_, body, _) = text(over_http("GET", "/api/v1/nothing").good(), &mut open_state());
    assert_eq!(body, r#"{"code":5,"message":"Not Found: no route has this path and this HTTP method"}"#);
    for (path, switch) in [
        ("/api/v1/namespaces", "http.api"),
        ("/cluster/namespaces", "http.api"),
        ("/namespaces/p/nexus/callback", "http.nexus"),
        ("/nexus/endpoints/x/services/s/o", "http.nexus"),
        ("/swagger.json", "http.openapi"),
    ] {
        let (status, body, headers) = text(over_http("GET", path).good(), &mut state());
        assert!(status == 404 && body.contains(switch) && headers == 0, "{path}: {body}");
    }
    let (status, body, _) = text(over_http("GET", "/other").good(), &mut state());
    assert_eq!((status, body.as_str()), (404, "malformed method name: \"/other\""));
}

#[test]
fn the_path_says_which_surface_it_is() {
    let api = over_http("POST", "/api/v1/namespaces/other/workflows/w").good().with("content-type", "application/grpc");
    assert_eq!(status(api, "{}"), 403);
    assert_eq!(status(over_http("POST", START).good(), ""), 400, "a gRPC path with JSON");
}

#[test]
fn a_prefix_is_removed() {
    let mut state = state_with(json!({"http": {"api": true, "path_prefix": "/temporal/http"}}));
    let mut get = |path: &str| send(&mut state, &over_http("GET", path).good(), "");
    assert_eq!(get("/temporal/http/api/v1/namespaces/payroll"), 0);
    assert_eq!(get("/temporal/http/api/v1/namespaces/other"), 403);
    assert_eq!(get("/api/v1/namespaces/payroll"), 404);
    assert_eq!(get("/temporal/httpapi/v1/namespaces/payroll"), 404);
    assert_eq!(call_to(START).good().call(&start_in("payroll")), Action::Forward);
}

#[test]
fn answers_have_the_form_of_the_server() {
    let reply = |call: TestCall| match call.open(&mut open_state()).1 {
        Action::Answer(reply) => reply,
        other => panic!("{other:?}"),
    };
    let denied = reply(over_http("GET", "/api/v1/namespaces/other").good());
    assert_eq!((denied.http_status(), &*denied.body()), (403, DENIED));
    assert_eq!(denied.headers(), [("content-type", "*".into())]);
    let pretty = reply(over_http("GET", "/api/v1/namespaces/other?pretty").good());
    assert_eq!(pretty.headers(), [("content-type", "application/json+pretty".into())]);
    let accept = reply(
        over_http("GET", "/api/v1/namespaces/other").good().with("accept", "application/json+no-payload-shorthand"),
    );
    let style = ApiStyle { pretty: false, without_shorthand: true };
    assert_eq!(accept, Reply::denied(None).in_form(Form::Api(style)));
    let no_token = reply(over_http("GET", "/api/v1/namespaces/other"));
    assert_eq!(&*no_token.body(), r#"{"code":16,"message":"Request unauthenticated."}"#);
    assert_eq!(no_token.headers(), [("content-type", "*".into()), ("www-authenticate", "Bearer".into())]);
    let nexus = reply(over_http("POST", "/namespaces/other/task-queues/q/nexus-services/s/o").good());
    assert!(nexus.http_status() == 403 && nexus.body().contains("permission denied"), "{nexus:?}");
}

#[test]
fn held_bodies_are_bounded() {
    let mut state = open_state();
    let start = over_http("POST", WORKFLOW).good();
    let (mut filter, _, _) = start.open(&mut state);
    let part = vec![b' '; 1 << 20];
    for _ in 0..4 {
        assert_eq!(filter.on_body(&mut state, &part, false, || NOW), Action::Hold);
    }
    let over = filter.on_body(&mut state, b" ", false, || NOW);
    assert!(matches!(&over, Action::Answer(reply) if reply.http_status() == 413), "{over:?}");
    assert_eq!(state.parked.len(), 0);
    let whole = vec![b' '; (4 << 20) + 1];
    assert_eq!(send_in(&mut state, &start, &whole, usize::MAX).0, over);
}

#[test]
fn a_caller_holds_an_eighth_of_what_may_be_held() {
    let mut state = open_state();
    let part = vec![b' '; 1 << 20];
    let is_busy = |action: &Action| matches!(action, Action::Answer(reply) if reply.http_status() == 503);
    let (alice, bob) =
        (over_http("POST", WORKFLOW).good(), over_http("POST", WORKFLOW).bearer(&token("k", 1, json!({"sub": "bob"}))));
    let mut open: Vec<_> = (0..7).map(|_| alice.open(&mut state).0).collect();
    for filter in &mut open {
        assert_eq!(filter.on_body(&mut state, &part, false, || NOW), Action::Hold);
    }
    let (mut one_more, _, _) = alice.open(&mut state);
    assert!(is_busy(&one_more.on_body(&mut state, &part, false, || after(9_999))));
    let (mut other, _, _) = bob.open(&mut state);
    assert_eq!(other.on_body(&mut state, &part, false, || NOW), Action::Hold, "another caller has room");
    // A body that arrives at once is held by nobody.
    assert!(!is_busy(&send_in(&mut state, &alice, &part, usize::MAX).0));
    // The oldest of the caller's own is given up.
    let (mut late, _, _) = alice.open(&mut state);
    assert_eq!(late.on_body(&mut state, &part, false, || after(10_000)), Action::Hold);
    assert!(is_busy(&open[0].on_body(&mut state, b" ", false, || after(10_000))));
    assert_eq!(open[1].on_body(&mut state, b" ", false, || after(10_000)), Action::Hold);
    assert_eq!(other.on_body(&mut state, b" ", false, || after(10_000)), Action::Hold);
    for filter in open.iter().chain([&late, &other, &one_more]) {
        filter.on_end(&mut state, after(10_000));
    }
    assert_eq!(state.parked.len(), 0);
}

#[test]
fn trailers_after_a_held_body_are_refused() {
    let mut state = open_state();
    let (mut filter, _, _) = over_http("POST", WORKFLOW).good().open(&mut state);
    assert_eq!(filter.on_body(&mut state, b"{}", false, || NOW), Action::Hold);
    let end = filter.on_trailers(&mut state, || NOW);
    assert!(matches!(&end, Action::Answer(reply) if reply.http_status() == 400), "{end:?}");
}

#[test]
fn in_shadow_denied_calls_go_on_with_their_bodies() {
    let mut shadow = http_open();
    shadow["mode"] = json!("shadow");
    let mut state = state_with(shadow);
    let denied = over_http("POST", "/api/v1/namespaces/other/workflows/w").good();
    assert_eq!(send(&mut state, &denied, r#"{"identity":"me"}"#), 0);
    assert_eq!(send(&mut state, &denied, "{} {}"), 400);
    assert_eq!(send(&mut state, &over_http("GET", "/api/v1/nothing").good(), ""), 404);
}

#[test]
fn nexus_is_decided_by_its_path() {
    let nexus = |path: &str, permission: &str| status(over_http("POST", path).bearer(&token_with(permission)), "any");
    let by_queue = "/namespaces/payroll/task-queues/q/nexus-services/a%2Fb/o";
    assert_eq!(nexus(by_queue, "payroll:write"), 0);
    assert_eq!(nexus(by_queue, "payroll:read"), 403);
    assert_eq!(nexus("/namespaces/other/task-queues/q/nexus-services/s/o", "payroll:write"), 403);
    let by_endpoint = "/nexus/endpoints/8b8a/services/s/o";
    assert_eq!(nexus(by_endpoint, "payroll:write"), 403);
    assert_eq!(nexus(by_endpoint, "temporal-system:write"), 0);
    assert_eq!(nexus("/namespaces/payroll/nexus/callback", "payroll:write"), 403, "no may_call_back");
    assert_eq!(nexus("/nexus/callback", "payroll:write"), 403);
    assert_eq!(nexus(&format!("{by_queue}?callback=temporal://system"), "payroll:write"), 403);
    assert_eq!(nexus(&format!("{by_queue}?callback=http://x"), "payroll:write"), 0);
    assert_eq!(nexus("/namespaces/payroll/task-queues/temporal-sys-x/nexus-services/s/o", "payroll:admin"), 403);
    assert_eq!(nexus("/namespaces/temporal-system/task-queues/q/nexus-services/s/o", "payroll:admin"), 403);
}

#[test]
fn limits_and_denials_hold_for_nexus() {
    let with = |grant: Value, denials: Value| {
        let mut config = http_open();
        let mut whole = json!({"name": "g", "who": {"issuer": "corp"}, "role": "client"});
        whole.as_object_mut().unwrap().extend(grant.as_object().unwrap().clone());
        config["grants"] = json!([whole]);
        config["denials"] = denials;
        state_with(config)
    };
    let by_queue = "/namespaces/payroll/task-queues/q/nexus-services/s/o";
    let by_endpoint = "/nexus/endpoints/8b8a/services/s/o";
    let call = |state: &mut FilterState, path: &str| send(state, &over_http("POST", path).good(), "");
    for (grant, queue, endpoint) in [
        (json!({"namespaces": ["payroll"], "task_queues": ["q"]}), 0, 403),
        (json!({"namespaces": ["payroll"], "task_queues": ["r"]}), 403, 403),
        (json!({"namespaces": ["payroll"], "nexus_endpoints": ["payments"]}), 403, 403),
        (json!({"system": true, "nexus_endpoints": ["8b8a"]}), 403, 0),
        (json!({"system": true, "nexus_endpoints": ["payments"]}), 403, 403),
        (json!({"system": true, "task_queues": ["q"]}), 0, 403),
        (json!({"system": true, "workflow_ids": ["w"]}), 403, 403),
        (json!({"system": true}), 0, 0),
    ] {
        let state = &mut with(grant.clone(), json!([]));
        assert_eq!((call(state, by_queue), call(state, by_endpoint)), (queue, endpoint), "{grant}");
    }
    for (denial, queue, endpoint) in [
        (json!({"name": "d", "namespaces": ["secret"]}), 0, 403),
        (json!({"name": "d", "namespaces": ["payroll"]}), 403, 403),
        (json!({"name": "d", "effects": ["nexus"]}), 403, 403),
        (json!({"name": "d", "effects": ["terminate"]}), 0, 0),
    ] {
        let state = &mut with(json!({"system": true}), json!([denial]));
        assert_eq!((call(state, by_queue), call(state, by_endpoint)), (queue, endpoint), "{denial}");
    }
    let state = &mut with(json!({"namespaces": ["payroll"], "may_call_back": true}), json!([]));
    assert_eq!(call(state, "/namespaces/payroll/nexus/callback"), 0);
    assert_eq!(call(state, "/namespaces/other/nexus/callback"), 403);
    assert_eq!(call(state, "/nexus/callback"), 403);
}

#[test]
fn the_description_is_for_everybody_once_it_is_open() {
    for path in ["/swagger.json", "/openapi.yaml"] {
        assert_eq!(status(over_http("GET", path), ""), 0);
    }
}

#[test]
fn headers_of_the_gateway_are_dropped() {
    let call = over_http("GET", "/api/v1/namespaces/payroll").good().with("grpc-metadata-authorization", "Bearer x");
    let (_, action, drop) = call.open(&mut open_state());
    assert_eq!(action, Action::Forward);
    assert!(drop.contains(&"grpc-metadata-authorization".to_owned()) && drop.contains(&"authorization".to_owned()));
    let alone = over_http("GET", "/api/v1/namespaces/payroll")
        .with("grpc-metadata-authorization", format!("Bearer {}", token("k", 1, json!({}))));
    assert_eq!(status(alone, ""), 401);
}

#[test]
fn the_log_has_the_method_and_the_path() {
    let mut state = open_state();
    let (mut filter, _, _) = over_http("GET", "/api/v1/namespaces/other?pretty").good().open(&mut state);
    let decision = filter.take_decision().unwrap();
    assert_eq!(decision.method, "/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace");
    assert_eq!(decision.http.as_deref(), Some("GET /api/v1/namespaces/other"));
    assert_eq!(decision.namespaces, ["other"]);
}

#[test]
fn the_log_has_the_namespace_of_the_path_even_if_the_request_is_not_read() {
    let mut state = open_state();
    let call = over_http("POST", "/api/v1/namespaces/other/workflows/w").bearer(&token_with("payroll:read"));
    let (mut filter, _, _) = call.open(&mut state);
    assert_eq!(filter.take_decision().unwrap().namespaces, ["other"]);
    let nexus = over_http("POST", "/namespaces/n/task-queues/q/nexus-services/s/o").bearer(&token_with("payroll:read"));
    let (mut filter, _, _) = nexus.open(&mut state);
    assert_eq!(filter.take_decision().unwrap().namespaces, ["n"]);
}

/// The parts of the server's answer in `chunks`, as the filter sends them; `None` if it ends the answer.
fn answered(call: &TestCall, headers: &[(&[u8], &[u8])], chunks: &[&[u8]]) -> Option<Vec<u8>> {
    let mut open = http_open();
    open["authenticated"] = json!(["ListNamespaces"]);
    let mut state = state_with(open);
    let (mut filter, action, _) = call.open(&mut state);
    assert_eq!(action, Action::Forward);
    let mut drop = Vec::new();
    filter.on_answer_headers(&state, Headers::new(&serialize(headers)), false, &mut drop).ok()?;
    let mut sent = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        let mut action = filter.on_answer_body(&mut state, chunk, || NOW);
        if index + 1 == chunks.len() {
            let end = filter.on_answer_end(&mut state, || NOW);
            action = if end == ResponseAction::Forward { action } else { end };
        }
        match action {
            ResponseAction::Forward => sent.extend_from_slice(chunk),
            ResponseAction::Replace(bytes) => sent.extend(bytes),
            ResponseAction::End => return None,
        }
    }
    Some(sent)
}

#[test]
fn lists_are_reduced_in_json() {
    let list = over_http("GET", "/api/v1/namespaces").good();
    let ok: &[(&[u8], &[u8])] = &[(b":status", b"200"), (b"content-type", b"*"), (b"content-length", b"1")];
    let body = br#"{"namespaces":[{"namespaceInfo":{"name":"payroll"}},{"namespaceInfo":{"name":"secret"}}],"nextPageToken":"AA=="}"#;
    let left = b"{\"namespaces\":[{\"namespaceInfo\":{\"name\":\"payroll\"}}],\"nextPageToken\":\"AA==\"}\n".to_vec();
    assert_eq!(answered(&list, ok, &[body]), Some(left.clone()));
    assert_eq!(answered(&list, ok, &[&body[..20], &body[20..], b""]), Some(left));
    assert_eq!(answered(&list, ok, &[b"{\"namespaces\":[{\"namespaceInfo\""]), None, "an answer that is cut off");
    assert_eq!(answered(&list, ok, &[b"\xff"]), None);
    let packed: &[(&[u8], &[u8])] = &[(b":status", b"200"), (b"content-encoding", b"gzip")];
    assert_eq!(answered(&list, packed, &[body]), None);
    let error: &[(&[u8], &[u8])] = &[(b":status", b"400")];
    assert_eq!(answered(&list, error, &[b"{\"code\":3}"]), Some(b"{\"code\":3}".to_vec()));
    let whole = over_http("GET", "/api/v1/namespaces").bearer(&token_with("temporal-system:read"));
    assert_eq!(answered(&whole, ok, &[body]), Some(body.to_vec()));
    let info = over_http("GET", "/api/v1/system-info");
    assert_eq!(answered(&info, ok, &[b"{}"]), Some(b"{}".to_vec()));
}
