//! The command itself, run on files: what it prints and how it ends.
#![allow(clippy::unwrap_used, clippy::panic, clippy::string_slice, missing_docs)]

use std::path::Path;

mod common;

use common::{assert_run, run};

#[test]
fn good_files_pass() {
    assert_run(&["check", "good.yaml"], 0, &["good.yaml: good\n"]);
    assert_run(&["check", "good.json", "good.yaml"], 0, &["good.json: good\ngood.yaml: good\n"]);
    assert_run(&["check", "--deny-warnings", "../../../envoy.yaml"], 0, &["envoy.yaml: good"]);
}

#[test]
fn all_errors_are_reported_at_once_with_their_positions() {
    let (_, text) = run(&["check", "faulty.yaml"]);
    let expected = [
        ("issuers.corp.audiences: expected a list of audiences, or `any`, found \"temporal\"", "faulty.yaml:5:16"),
        ("issuers.corp.keys: expected exactly one of inline, discovery, jwks_uri; found none", "faulty.yaml:6:11"),
        ("grants[0].role: unknown role \"owner\"; expected one of admin", "faulty.yaml:8:47"),
        ("grants[0].system: `on` is ambiguous in YAML: quote it, or write true or false", "faulty.yaml:8:62"),
        ("grants[1].who.issuer: missing; expected the name of an issuer", "faulty.yaml:10:3"),
        ("grants[1].namespaces: expected at least one value, found []", "faulty.yaml:13:15"),
        ("grants[1].role: duplicate key, first defined on line 12", "faulty.yaml:14:3"),
        ("extra: unknown field; expected one of version", "faulty.yaml:15:1"),
    ];
    assert_run(&["check", "faulty.yaml"], 1, &["faulty.yaml: 8 errors, 0 warnings\n"]);
    let mut rest = text.as_str();
    for (error, position) in expected {
        let at = rest.find(error).unwrap_or_else(|| panic!("{error:?} is missing, or not in order\n{text}"));
        rest = &rest[at..];
        assert!(rest.lines().nth(1).unwrap().ends_with(&format!("--> {position}")), "{error}\n{text}");
    }
    let shown = "8 | - {name: platform, who: {issuer: corp}, role: owner, system: on}\n  |                                               ^^^^^\n";
    assert!(text.contains(shown), "{text}");
}

#[test]
fn syntax_errors_are_reported_with_their_positions() {
    assert_run(&["check", "broken.yaml"], 1, &["error: not YAML: ", "--> broken.yaml:4:"]);
}

#[test]
fn duplicate_members_of_json_are_errors() {
    assert_run(&["check", "twice.json"], 1, &["version: duplicate key, first defined on line 2", "--> twice.json:4:3"]);
}

#[test]
fn only_this_filter_is_checked_in_an_envoy_configuration() {
    assert_run(
        &["check", "envoy.yaml"],
        1,
        &[
            "version: expected 1, found 2\n  --> envoy.yaml:12:24",
            "issuers: expected at least one issuer, found {}\n  --> envoy.yaml:25:28",
            "parity: expected upstream, found \"native\"\n  --> envoy.yaml:26:27",
            "envoy.yaml: 3 errors, 0 warnings",
        ],
    );
}

#[test]
fn a_manifest_is_found_among_others() {
    let expected = [
        "isuers: unknown field; did you mean `issuers`?",
        "--> manifests.yaml:11:5",
        "issuers: missing",
        "--> manifests.yaml:9:3",
    ];
    assert_run(&["check", "manifests.yaml"], 1, &expected);
    assert_run(&["check", "idp.yaml"], 1, &["found no configuration of temporal-auth; expected", "--> idp.yaml:1:1"]);
}

#[test]
fn a_configuration_is_checked_with_its_manifest_and_mesh() {
    let expected = [
        "warning: spec.phase: missing; the filter would run after all of Istio's checks\n --> carriers.yaml:5:3",
        "warning: spec.match[0].ports: found 7233 without 7243\n --> carriers.yaml:7:27",
        "error: url: expected oci:// before \"registry.example.com:5000/temporal-auth:1.2\"",
        "  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n",
        "warning: url: the module is not pinned by digest",
        "error: failStrategy: expected FAIL_RELOAD or FAIL_CLOSE, found FAIL_OPEN",
        "warning: issuers.corp.keys.cluster: no ServiceEntry, Service or route in these files defines cluster \"outbound|443||login.example.com\"\n  --> carriers.yaml:17:42",
        "warning: grants[0].who.peer: `spiffe://cluster.local/ns/edge/sa/door-istio` is a gateway in these files\n  --> carriers.yaml:19:32",
        "carriers.yaml: 2 errors, 5 warnings\n",
        "idp.yaml: no configuration; used as mesh context\n",
    ];
    assert_run(&["check", "carriers.yaml", "idp.yaml"], 1, &expected);
    // This file alone does not show whether the cluster exists.
    assert_run(&["check", "carriers.yaml"], 1, &["carriers.yaml: 2 errors, 4 warnings\n"]);
}

#[test]
fn what_kubectl_prints_is_checked_with_its_status() {
    let expected = [
        "error: status.ancestors[0].conditions[0]: not accepted, so the filter does not run there: TargetNotFound (\"Target GRPCRoute \
         temporal/temporal not found\")\n  --> dump.yaml:21:9",
        "dump.yaml: 1 error, 0 warnings\n",
    ];
    assert_run(&["check", "dump.yaml"], 1, &expected);
    let open = [
        "failing-open.yaml: no configuration; used as mesh context\nwarning: spec.extAuth.failOpen: found true: if the authorization \
         service fails, calls pass without it\n --> failing-open.yaml:7:15",
        "failing-open.yaml: 0 errors, 1 warning\n",
    ];
    assert_run(&["check", "dump.yaml", "failing-open.yaml"], 1, &open);
}

#[test]
fn shipped_manifests_pass() {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../istio/manifests");
    let files: Vec<_> = std::fs::read_dir(manifests).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 10);
    for file in files {
        assert_run(&["check", "--deny-warnings", file.to_str().unwrap()], 0, &[": good"]);
    }
}

#[test]
fn warnings_pass_unless_denied() {
    let expected = [
        "warning: issuers.corp.issuer: keys are fetched from an http: URL\n --> doubtful.yaml:3:18",
        "warning: issuers.corp.audiences: tokens for any other service",
        "warning: grants[0].namespaces: every namespace matches",
        "warning: grants[0].who.claims.groups: a pattern that begins with `*`",
        "warning: grants[1]: grant night never decides: grant ops before it",
        "doubtful.yaml: 0 errors, 6 warnings",
    ];
    assert_run(&["check", "doubtful.yaml"], 0, &expected);
    assert_run(&["check", "--deny-warnings", "doubtful.yaml"], 1, &expected);
}

#[test]
fn questions_without_an_answer_are_usage_errors() {
    assert_run(&["check", "nothing.yaml"], 2, &["cannot read nothing.yaml"]);
    assert_run(&["check"], 2, &["required arguments were not provided", "<FILE>..."]);
    assert_run(&["explain", "good.yaml"], 2, &["required arguments were not provided", "--method <NAME>"]);
    let explain = |config: &'static str, claims: &'static str, method: &'static str| {
        ["explain", config, "--claims", claims, "--method", method]
    };
    assert_run(&explain("faulty.yaml", "{}", "GetSystemInfo"), 2, &["faulty.yaml is not valid", "grants[0].role"]);
    assert_run(&explain("envoy.yaml", "{}", "GetSystemInfo"), 2, &["not valid"]);
    assert_run(&explain("good.yaml", "{", "GetSystemInfo"), 2, &["the claims are no JSON object"]);
    assert_run(&explain("good.yaml", "{\"a\":1,\"a\":2}", "GetSystemInfo"), 2, &["given twice"]);
    assert_run(
        &explain("good.yaml", "{}", "StartWorkflow"),
        2,
        &["error: unknown method `StartWorkflow`; did you mean `StartWorkflowExecution`?"],
    );
    assert_run(&["test", "good.yaml"], 2, &["good.yaml is not valid", "cases: missing"]);
    assert_run(&["--version"], 0, &["temporal-auth 0."]);
    assert_run(&["--help"], 0, &["Usage: temporal-auth <COMMAND>", "2  usage or input error"]);
    assert_run(&["explain", "--help"], 0, &["Usage: temporal-auth explain", "--request <JSON>", "Exit status:"]);
}

fn explain(claims: &str, method: &str, namespace: &str, code: i32, expected: &[&str]) {
    let config = ["explain", "good.yaml", "--issuer", "corp"];
    let call = ["--claims", claims, "--method", method, "--namespace", namespace];
    assert_run(&[&config[..], &call[..]].concat(), code, expected);
}

#[test]
fn a_verdict_names_its_rule() {
    let alice = r#"{"sub": "alice", "groups": ["finance"]}"#;
    let expected =
        ["alice of issuer corp, human", "no signature was checked", "effects  start", "verdict  ALLOW by rule finance"];
    explain(alice, "StartWorkflowExecution", "payroll", 0, &expected);
    explain("{}", "GetSystemInfo", "", 0, &["verdict  ALLOW by rule anonymous"]);
}

#[test]
fn a_default_denial_lists_near_misses() {
    let alice = r#"{"sub": "alice", "groups": ["finance"]}"#;
    let expected = [
        "verdict  DENY by rule default-deny",
        "reason   no grant covers start in namespace \"web-dev\"",
        "platform: would cover the call, but is not for this caller: claim groups must match \"platform-admins\", and is [\"finance\"]",
        "finance: is for this caller, but its namespaces [\"payroll\"] do not match",
        "developers: would cover the call, but is not for this caller: claim groups must match \"team-{team}\"",
    ];
    explain(alice, "StartWorkflowExecution", "web-dev", 1, &expected);
    let worker = r#"{"sub": "payroll-worker", "gty": "client-credentials"}"#;
    explain(
        worker,
        "StartWorkflowExecution",
        "payroll",
        1,
        &["of issuer corp, service", "workers: is for this caller, but its role worker does not give start"],
    );
    explain(
        r#"{"groups": []}"#,
        "StartWorkflowExecution",
        "payroll",
        1,
        &["verdict  REFUSE with UNAUTHENTICATED", "no subject: claim \"sub\" is missing or empty"],
    );
    explain(r#"{"sub": "x\nverdict  ALLOW"}"#, "ListClusters", "", 1, &["caller   x\\nverdict  ALLOW of issuer corp"]);
    explain(alice, "/a.B/C", "", 1, &["verdict  REFUSE with UNIMPLEMENTED"]);
}

#[test]
fn a_denial_that_hides_a_namespace_is_a_denial() {
    assert_run(&["test", "hidden-cases.yaml"], 0, &["hidden-cases.yaml: 2 passed, 0 failed"]);
    let claims = r#"{"sub": "alice", "groups": ["finance"]}"#;
    let call = ["--claims", claims, "--method", "StartWorkflowExecution", "--namespace", "web"];
    assert_run(
        &[&["explain", "hidden.yaml"][..], &call[..]].concat(),
        1,
        &[
            "verdict  DENY by rule default-deny\n",
            "answer   NOT_FOUND, as if the namespace did not exist: hide_namespaces\n",
            "finance: is for this caller, but its namespaces [\"payroll\"] do not match\n",
            "web: would cover the call, but is not for this caller: claim groups must match \"web\"",
        ],
    );
}

#[test]
fn a_token_is_explained_and_its_signature_is_not_checked() {
    // {"alg":"ES256","kid":"k"} {"iss":"https://idp.example.com/","aud":"temporal","sub":"alice","groups":["finance"],"exp":…}
    let token = |exp: &str| {
        let claims = format!(
            r#"{{"iss":"https://idp.example.com/","aud":"temporal","sub":"alice","groups":["finance"],"exp":{exp}}}"#
        );
        format!("{}.{}.AAAA", base64(br#"{"alg":"ES256","kid":"k"}"#), base64(claims.as_bytes()))
    };
    let ask = |token: &str, code: i32, expected: &[&str]| {
        let call = ["--method", "StartWorkflowExecution", "--namespace", "payroll", "--token", token];
        assert_run(&[&["explain", "good.yaml"][..], &call[..]].concat(), code, expected);
    };
    ask(&token("200000000000"), 0, &["verdict  ALLOW by rule finance", "no signature was checked"]);
    ask(
        &token("1000000000"),
        1,
        &["token    REFUSED with UNAUTHENTICATED: the token has expired", "verdict  ALLOW by rule finance"],
    );
    ask("x.y", 1, &["verdict  REFUSE with UNAUTHENTICATED", "reason   an opaque token, not a JWT"]);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[test]
fn cases_pass() {
    let expected = [
        "cases.yaml: 6 passed, 0 failed\n",
        "cases.yaml: 3 of 4 grants decided a case; no case was decided by developers\n",
    ];
    assert_run(&["test", "cases.yaml"], 0, &expected);
}

#[test]
fn failing_cases_are_reported() {
    let expected = [
        "error: finance terminates: expected DENY, found ALLOW by rule finance\n --> failing.yaml:3:9",
        "error: a developer by another rule: expected ALLOW by rule finance, found ALLOW by rule developers",
        "error: nobody is denied, but refused: expected DENY, found REFUSE with UNAUTHENTICATED: no subject: claim \"sub\" is missing or empty",
        "failing.yaml: 0 passed, 3 failed\n",
    ];
    assert_run(&["test", "failing.yaml"], 1, &expected);
    assert_run(&["test", "cases.yaml", "failing.yaml"], 1, &["cases.yaml: 6 passed", "failing.yaml: 0 passed"]);
}

#[test]
fn cases_may_have_requests() {
    let expected = [
        "requests.yaml: 10 passed, 0 failed\n",
        "requests.yaml: 4 of 4 grants decided a case\n",
        "requests.yaml: 2 of 2 denials decided a case\n",
    ];
    assert_run(&["test", "requests.yaml"], 0, &expected);
    let expected =
        ["misspelt: the request is not a valid StartWorkflowExecutionRequest: ", "--> not-a-request.yaml:3:10"];
    assert_run(&["test", "not-a-request.yaml"], 2, &expected);
}

/// Explains a call with a request to the filter of denials.yaml.
fn ask(claims: &str, method: &str, namespace: &str, request: &str, code: i32, expected: &[&str]) {
    let config = ["explain", "denials.yaml", "--claims", claims];
    let call = ["--method", method, "--namespace", namespace, "--request", request];
    assert_run(&[&config[..], &call[..]].concat(), code, expected);
}

const BOB: &str = r#"{"sub": "bob", "groups": ["sales"]}"#;
const RUNNER: &str = r#"{"sub": "red-runner", "gty": "client-credentials"}"#;

#[test]
fn the_effects_of_a_request_are_shown() {
    let request = r#"{"taskToken": "EgF3", "commands": [
        {"startChildWorkflowExecutionCommandAttributes": {"namespace": "orders", "workflowType": {"name": "W"}, "taskQueue": {"name": "q"}}},
        {"scheduleNexusOperationCommandAttributes": {"endpoint": "tax"}}]}"#;
    let expected = [
        "effects  respond in namespace payroll\n         start in namespace orders\n",
        "queues   \"q\"\n",
        "types    \"W\"\n",
        "nexus    \"tax\"\n",
        "verdict  ALLOW by rule people",
    ];
    ask(BOB, "RespondWorkflowTaskCompleted", "payroll", request, 0, &expected);
    let (_, without) = run(&["explain", "denials.yaml", "--claims", BOB, "--method", "QueryWorkflow"]);
    assert!(without.contains("may add effects, namespaces and names: --request"), "{without}");
    ask(BOB, "QueryWorkflow", "", r#"{"namespace": "orders"}"#, 0, &["effects  query in namespace orders\n"]);
    ask(BOB, "DescribeNamespace", "", r#"{"id": "u"}"#, 0, &["answer   reduced to the namespaces that the caller may"]);
    ask(BOB, "DeleteNamespace", "", r#"{"namespaceId": "u"}"#, 1, &["the request does not name its namespace"]);
    for (request, why) in [
        ("{", "the request is no JSON object"),
        (r#"{"a": 1, "a": 1}"#, "given twice"),
        (r#"{"qery": {}}"#, "the request is not a valid QueryWorkflowRequest"),
        (r#"{"namespace": "payroll"}"#, "names namespace \"payroll\", not \"orders\""),
    ] {
        ask(BOB, "QueryWorkflow", "orders", request, 2, &[why]);
    }
    ask(BOB, "/a.B/C", "", "{}", 2, &["nothing is known of the request of /a.B/C"]);
}

#[test]
fn a_denial_lists_its_matching_conditions() {
    let expected = [
        "verdict  DENY by rule only-finance-starts-payroll",
        "Denial only-finance-starts-payroll matches:\n",
        "  unless: does not exempt this caller: claim groups must match \"finance\", and is [\"sales\"]\n",
        "  effects: start\n",
        "  namespaces: payroll\n",
        "Without it: ALLOW by rule people\n",
    ];
    ask(BOB, "StartWorkflowExecution", "payroll", "{}", 1, &expected);
    ask(BOB, "StartWorkflowExecution", "orders", "{}", 0, &["verdict  ALLOW by rule people"]);
    let terminates = r#"{"workflowIdConflictPolicy": 3}"#;
    let expected =
        ["effects  start, terminate in namespace orders", "Denial nobody-terminates matches:\n  effects: terminate"];
    ask(BOB, "StartWorkflowExecution", "orders", terminates, 1, &expected);
}

#[test]
fn a_limit_says_which_name_it_does_not_match() {
    let poll = |queue: &str, code, expected: &[&str]| {
        let request = format!(r#"{{"taskQueue": {{"name": {queue:?}}}}}"#);
        ask(RUNNER, "PollActivityTaskQueue", "payroll", &request, code, expected);
    };
    poll("red-main", 0, &["verdict  ALLOW by rule runners"]);
    let expected = [
        "reason   no grant covers poll in namespace \"payroll\"; grant runners is limited: task queue \"blue-main\" does not match task_queues",
        "  runners: is for this caller, but is limited: task queue \"blue-main\" does not match task_queues [\"{team}-*\"]\n",
    ];
    poll("blue-main", 1, &expected);
    let shadow = ["shadow   tried-out would allow", "tried-out: would cover the call, but is in shadow"];
    ask(BOB, "QueryWorkflow", "archive", "{}", 1, &shadow);
}

#[test]
fn the_schema_is_printed() {
    let (code, text) = run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, schema.pointer("/required")), (0, Some(&serde_json::json!(["version", "issuers"]))));
    assert_run(&["schema", "good.yaml"], 2, &["unexpected argument"]);
}

#[test]
fn denials_are_checked() {
    let expected = [
        "warning: denials[0].who.claims.groups: a caller whose token lacks the claim groups is not denied",
        "warning: denials[1].namespaces: denial nothing never matches: calls that read from the cluster are not in any namespace",
        "warning: grants[0].who.subject: `temporal-web` looks like the identity of a gateway or of the Web UI",
        "doubtful-denials.yaml: 0 errors, 3 warnings",
    ];
    assert_run(&["check", "doubtful-denials.yaml"], 0, &expected);
    assert_run(&["check", "--deny-warnings", "denials.yaml"], 0, &["denials.yaml: good\n"]);
}

#[test]
fn a_callback_into_temporal_needs_a_licence() {
    let request = |url: &str| format!(r#"{{"completionCallbacks": [{{"nexus": {{"url": {url:?}}}}}]}}"#);
    let start = |url: &str, code, expected: &[&str]| {
        let request = request(url);
        let finance = r#"{"sub": "alice", "groups": ["finance"]}"#;
        ask(finance, "StartWorkflowExecution", "payroll", &request, code, expected);
    };
    start("https://example.com/", 0, &["effects  start, nexus in namespace payroll", "verdict  ALLOW by rule people"]);
    let expected = [
        "the request registers a completion callback into Temporal itself",
        "people: is for this caller, but it has no may_call_back: true\n",
    ];
    start("temporal://system", 1, &expected);
    let handler = r#"{"sub": "h", "groups": ["handlers", "finance"], "gty": "client-credentials"}"#;
    let lacks = "handlers: is for this caller, but its namespaces [\"orders\"] do not match\n";
    ask(handler, "StartWorkflowExecution", "payroll", &request("temporal://system"), 1, &[lacks]);
}

#[test]
fn what_is_in_shadow_is_told_and_does_not_decide() {
    let ask = |method: &'static str, namespace: &'static str, code, expected: &[&str]| {
        let call = ["explain", "shadow.yaml", "--claims", r#"{"sub": "a"}"#, "--method", method];
        assert_run(&[&call[..], &["--namespace", namespace]].concat(), code, expected);
    };
    let lets_go = "mode: shadow lets the call go on";
    ask("QueryWorkflow", "other", 1, &["verdict  DENY by rule default-deny", lets_go]);
    let (_, allowed) = run(&["explain", "shadow.yaml", "--claims", r#"{"sub": "a"}"#, "--method", "GetSystemInfo"]);
    assert!(allowed.contains("verdict  ALLOW by rule anonymous") && !allowed.contains(lets_go), "{allowed}");
    ask(
        "TerminateWorkflowExecution",
        "payroll",
        0,
        &["verdict  ALLOW by rule people", "shadow   tried-out would deny"],
    );
}

/// Explains a call of a TLS peer to the filter of peers.yaml.
fn ask_peer(peer: &str, caller: &[&str], method: &str, namespace: &str, code: i32, expected: &[&str]) {
    let peer = format!("spiffe://cluster.local/ns/{peer}");
    let call = ["explain", "peers.yaml", "--method", method, "--namespace", namespace, "--peer", &peer];
    assert_run(&[&call[..], caller].concat(), code, expected);
}

#[test]
fn a_peer_is_explained_with_a_token_and_without() {
    let expected = [
        "caller   spiffe://cluster.local/ns/payroll/sa/worker, a TLS peer without a token\npeer     spiffe://",
        "         as the certificate of the connection would name it\n",
        "verdict  ALLOW by rule workloads",
    ];
    ask_peer("payroll/sa/worker", &[], "PollWorkflowTaskQueue", "payroll", 0, &expected);
    let expected = [
        "verdict  DENY by rule default-deny",
        "workloads: is for this caller, but its namespaces [\"{team}\"] do not match",
    ];
    ask_peer("orders/sa/worker", &[], "PollWorkflowTaskQueue", "payroll", 1, &expected);
    let alice = ["--claims", r#"{"sub": "alice", "groups": ["finance"]}"#];
    let expected = ["caller   alice of issuer corp\n", "peer     spiffe://", "verdict  ALLOW by rule finance"];
    ask_peer("istio-system/sa/gateway", &alice, "StartWorkflowExecution", "payroll", 0, &expected);
    let expected = [
        "finance: would cover the call, but is not for this caller: peer must match \"spiffe://cluster.local/ns/istio-system/sa/gateway\", and is \"spiffe://cluster.local/ns/x/sa/y\"",
    ];
    ask_peer("x/sa/y", &alice, "StartWorkflowExecution", "payroll", 1, &expected);
    let expected = [
        "Denial legacy-reads-only matches:\n  who: is this caller: peer matches \"spiffe://cluster.local/ns/legacy/sa/*\"",
        "  effects: respond\n",
        "Without it: ALLOW by rule workloads",
    ];
    ask_peer("legacy/sa/worker", &[], "RespondWorkflowTaskCompleted", "legacy", 1, &expected);
    let unasked = ["explain", "good.yaml", "--peer", "a", "--method", "QueryWorkflow"];
    let expected = [
        "caller   nobody\n",
        "no rule uses the peer, so it is not read",
        "REFUSE with UNAUTHENTICATED",
        "reason   no token",
    ];
    assert_run(&unasked, 1, &expected);
}

#[test]
fn cases_may_have_peers() {
    let expected = [
        "peer-cases.yaml: 5 passed, 0 failed\n",
        "peer-cases.yaml: 2 of 2 grants decided a case\n",
        "peer-cases.yaml: 1 of 1 denials decided a case\n",
    ];
    assert_run(&["test", "peer-cases.yaml"], 0, &expected);
}

#[test]
fn peers_are_checked() {
    let expected = [
        "warning: grants[0].who.peer: `spiffe://td/ns/edge/sa/proxy` is a gateway according to `spiffe://td/ns/edge/sa/*` in peers.gateways",
        "warning: grants[1].who.peer: `spiffe://td/ns/temporal/sa/temporal-web` looks like the identity of a gateway",
        "doubtful-peers.yaml: 0 errors, 2 warnings",
    ];
    assert_run(&["check", "doubtful-peers.yaml"], 0, &expected);
    assert_run(&["check", "--deny-warnings", "peers.yaml"], 0, &["peers.yaml: good\n"]);
}

/// The output is that of docs/cli.md.
#[test]
fn recorded_decisions_are_made_again_by_another_policy() {
    let (status, text) = run(&["replay", "replay.yaml", "replay.log"]);
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md")).unwrap();
    assert_eq!(status, 1);
    assert!(page.contains(&format!("$ temporal-auth replay new.yaml envoy.log\n{text}```\n")), "{text}");
    let none = "none of 1 decisions can be replayed:\n  1 × it was not recorded: log.replay was not set";
    assert_run(&["replay", "replay.yaml", "unrecorded.log"], 2, &[none]);
    assert_run(&["replay", "replay.yaml", "good.yaml"], 2, &["no line has a decision"]);
    assert_run(&["replay", "replay.yaml", "nowhere.log"], 2, &["cannot read nowhere.log"]);
    assert_run(&["replay", "replay.yaml"], 2, &["LOG"]);
}
