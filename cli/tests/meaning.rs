//! What the command says about the meaning of a policy: what it leaves open, what it limits, and when.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{assert_run, run};

#[test]
fn gaps_in_policies_are_reported() {
    let expected = [
        "warning: roles.developer.minus: role developer lacks terminate but keeps respond: its holders can still end workflows by answering workflow tasks\n --> doubtful-policy.yaml:6:36",
        " = help: write `from: client`, which cannot answer tasks, and give workers `worker`; or remove `respond` as well\n",
        "warning: grants[1].who.subject: no token of GitHub Actions has a subject that `repo:acme/app` matches, unless subjects are customized",
        "warning: grants[2].workflow_ids: an answer that starts a child workflow without an id is denied: the SDK gives the child a UUID, which `{team}-*` does not match",
        "warning: grants[2].workflow_ids: a poll names no workflow: without `task_queues` it takes the tasks of any workflow",
        "warning: grants[3].until: grant december gives nothing: it ended at 2026-12-24T18:00:00Z",
        "warning: denials[0].effects: denial only-finance-starts does not set `commands`: callers who may answer workflow tasks under grant developers can still start workflows through their answers",
        "warning: denials[1].who.subject: a job that names an environment is not denied",
        "\n\nnote: doubtful-policy.yaml:12:50: grants[4].who.subject: `repo:acme/deploy:*` also matches `repo:acme/deploy:ref:refs/heads/main`, since `*` crosses `:`; write a narrower pattern if that is too much\n\
         note: doubtful-policy.yaml:13:54: grants[5].who.claims.groups: `team-*` also matches `team-a:b`, since `*` crosses `:`; write `team-{name}` to stop at `:`\n\
         doubtful-policy.yaml: 0 errors, 7 warnings, 2 notes\n",
    ];
    assert_run(&["check", "--at", "2027-01-01T00:00:00Z", "doubtful-policy.yaml"], 0, &expected);
    let before = ["check", "--at", "2026-12-24T17:59:59Z", "doubtful-policy.yaml"];
    assert_run(&before, 0, &["doubtful-policy.yaml: 0 errors, 6 warnings, 2 notes\n"]);
    assert_run(
        &["check", "--at", "yesterday", "good.yaml"],
        2,
        &["invalid value 'yesterday' for '--at <TIME>': expected a date and time"],
    );
}

#[test]
fn settings_that_can_never_work_are_reported() {
    let expected = [
        "warning: issuers.any.issuer: no token has `common` in its iss, which is compared exactly\n --> never.yaml:4:13",
        " = help: write the id of the tenant, with a separate issuer for each tenant\n",
        "warning: issuers.any.audiences: tokens for any other service of this issuer are accepted if they have the claims of `require`\n --> never.yaml:5:16",
        "warning: issuers.any.subject: `user.id` is the name of a single member; its dots do not lead into nested members\n --> never.yaml:7:14",
        "warning: issuers.any.token.headers[1]: no token in header cookie is ever accepted: its value is a list of names and values",
        "warning: issuers.any.token.headers[2]: no token in header x-amzn-oidc-data is ever accepted: AWS pads these tokens",
        " = help: use `x-amzn-oidc-accesstoken`, which has the provider's own access token\n",
        "warning: issuers.template.issuer: no token has `{tenantid}` in its iss, which is compared exactly",
        "warning: grants[0].who.claims[\"realm_access.roles\"]: `realm_access.roles` is the name of a single member",
        " = help: write `/realm_access/roles` for a nested member, or `/realm_access.roles` for a member with this name\n",
        "warning: grants[1].permissions_claim: `ext.permissions` is the name of a single member",
        "warning: grants[2].who.claims[\"/roles/0/name\"]: `/roles/0/name` reads the element at position 0, and no provider promises an order",
        " = help: write `/roles/*/name`, which reads every element\n",
        "warning: anonymous[1]: ListNamespaces shows every namespace to everyone, with or without a token",
        "note: never.yaml:11:16: issuers.template.audiences: `require` names the clients; any other service that they send a token to can call Temporal with it",
        "never.yaml: 0 errors, 10 warnings, 1 note\n",
    ];
    assert_run(&["check", "never.yaml"], 0, &expected);
    assert_run(&["check", "--deny-warnings", "never.yaml"], 1, &["never.yaml: 0 errors, 10 warnings, 1 note\n"]);
}

#[test]
fn notes_are_not_warnings() {
    let expected =
        ["note: noted.yaml:5:85: grants[0].namespaces: `*-dev` also matches `a:b-dev`", "noted.yaml: good, 1 note\n"];
    assert_run(&["check", "--deny-warnings", "noted.yaml"], 0, &expected);
}

#[test]
fn check_names_the_api_version() {
    let (_, text) = run(&["check", "good.yaml", "good.json"]);
    let version = temporal_auth::temporal::API_VERSION;
    assert!(text.ends_with(&format!("good\nmethods and fields are those of Temporal's API {version}\n")), "{text}");
    assert_eq!(text.matches("API").count(), 1, "once for all files");
}

#[test]
fn cases_may_name_ids_and_messages() {
    let expected = [
        "id-cases.yaml: 16 passed, 0 failed\n",
        "id-cases.yaml: 3 of 3 grants decided a case\n",
        "id-cases.yaml: 2 of 2 denials decided a case\n",
    ];
    assert_run(&["test", "id-cases.yaml"], 0, &expected);
}

#[test]
fn cases_may_be_judged_at_another_time() {
    let after = ["test", "--at", "2100-01-01T00:00:00Z", "id-cases.yaml"];
    assert_run(&after, 0, &["id-cases.yaml: 16 passed, 0 failed\n"]);
    assert_run(
        &["test", "--at", "1970", "id-cases.yaml"],
        2,
        &["invalid value '1970' for '--at <TIME>': expected a date and time"],
    );
}

/// Explains a call with a request to the filter of ids.yaml.
fn ask_ids(claims: &str, at: &str, method: &str, request: &str, code: i32, expected: &[&str]) {
    let call = ["explain", "ids.yaml", "--claims", claims, "--method", method, "--namespace", "shared"];
    assert_run(&[&call[..], &["--at", at, "--request", request]].concat(), code, expected);
}

const RITA: &str = r#"{"sub": "rita", "groups": ["team-red"]}"#;
const SERVICE: &str = r#"{"sub": "w", "gty": "client-credentials"}"#;
const ON_CALL: &str = r#"{"sub": "olga", "groups": ["on-call"]}"#;
const THEN: &str = "2026-12-01T00:00:00Z";

#[test]
fn names_of_every_kind_are_shown() {
    let request =
        r#"{"workflowId": "blue-1", "signalName": "abort", "workflowType": {"name": "W"}, "taskQueue": {"name": "q"}}"#;
    let expected = [
        "effects  start, signal in namespace shared\nqueues   \"q\"\ntypes    \"W\"\nids      \"blue-1\"\nsignals  \"abort\"\n",
        "reason   no grant covers start, signal in namespace \"shared\"; grant teams is limited: workflow id \"blue-1\" does not match workflow_ids",
        "  teams: is for this caller, but is limited: workflow id \"blue-1\" does not match workflow_ids [\"{team}-*\"], and is limited: signal \"abort\" does not match signals [\"approve\",\"{team}-*\"]\n",
    ];
    ask_ids(RITA, THEN, "SignalWithStartWorkflowExecution", request, 1, &expected);
    let request =
        r#"{"scheduleId": "blue-nightly", "schedule": {"action": {"startWorkflow": {"workflowId": "red-1"}}}}"#;
    let expected = [
        "ids      \"red-1\"\nschedule \"blue-nightly\"\n",
        "is limited: schedule id \"blue-nightly\" does not match schedule_ids [\"{team}-*\"]\n",
    ];
    ask_ids(RITA, THEN, "CreateSchedule", request, 1, &expected);
    let request = r#"{"execution": {"workflowId": "red-1"}, "query": {"queryType": "__stack_trace"}}"#;
    let expected = ["queries  \"__stack_trace\"\n", "query \"__stack_trace\" does not match queries [\"state\"]\n"];
    ask_ids(RITA, THEN, "QueryWorkflow", request, 1, &expected);
    let request = r#"{"workflowExecution": {"workflowId": "red-1"}, "request": {"input": {"name": "pay"}}}"#;
    let expected = ["updates  \"pay\"\n", "update \"pay\" does not match updates [\"price\"]\n"];
    ask_ids(RITA, THEN, "UpdateWorkflowExecution", request, 1, &expected);
    let expected = ["is limited: the request does not say which workflow ids it affects (workflow_ids [\"{team}-*\"])"];
    ask_ids(RITA, THEN, "ListWorkflowExecutions", "{}", 1, &expected);
}

#[test]
fn a_workers_commands_and_its_token_are_shown() {
    let child = r#"{"taskToken": "CgJucxIFcmVkLTE=", "commands": [{"startChildWorkflowExecutionCommandAttributes": {"workflowId": "red-2"}}]}"#;
    let expected = [
        "effects  respond in namespace shared\ncommands start: only denials with commands: true apply to them\nids      \"red-1\", \"red-2\"\n",
        "verdict  DENY by rule workers-start-nothing-of-red",
        "reason   start in namespace \"shared\" is denied: workflow id \"red-1\" does not match workflow_ids",
        "  effects: start\n",
        "  outside: workflow id \"red-1\" does not match workflow_ids [\"blue-*\"]\n",
        "Without it: ALLOW by rule workers\n",
    ];
    ask_ids(SERVICE, THEN, "RespondWorkflowTaskCompleted", child, 1, &expected);
    let without = r#"{"taskToken": "CgJucxIFcmVkLTE="}"#;
    ask_ids(
        SERVICE,
        THEN,
        "RespondWorkflowTaskCompleted",
        without,
        0,
        &["ids      \"red-1\"\n", "ALLOW by rule workers"],
    );
    let component = r#"{"taskToken": "CgJucxIFcmVkLTFyAXg="}"#;
    ask_ids(
        SERVICE,
        THEN,
        "RespondActivityTaskCompleted",
        component,
        0,
        &["         the task belongs to a standalone activity"],
    );
}

#[test]
fn a_request_that_cannot_be_read_is_refused() {
    let twice = r#"{"taskToken": "EgFhEgFi"}"#;
    let expected = ["verdict  REFUSE with INVALID_ARGUMENT\n", "reason   duplicate field in the task token\n"];
    ask_ids(SERVICE, THEN, "RespondActivityTaskCompleted", twice, 1, &expected);
    let junk = r#"{"taskToken": "dA=="}"#;
    let expected = ["verdict  REFUSE with INVALID_ARGUMENT\n", "reason   unmatched end-group tag\n"];
    ask_ids(SERVICE, THEN, "RespondActivityTaskCompleted", junk, 1, &expected);
}

#[test]
fn a_grant_that_ends_is_explained_at_its_time() {
    let at = |at: &str, code, expected: &[&str]| {
        ask_ids(
            ON_CALL,
            at,
            "TerminateWorkflowExecution",
            r#"{"workflowExecution": {"workflowId": "x"}}"#,
            code,
            expected,
        );
    };
    at("2026-12-24T18:59:59+01:00", 0, &["verdict  ALLOW by rule break-glass"]);
    let expected = [
        "reason   no grant covers terminate in any namespace; grant break-glass ended at 2026-12-24T18:00:00Z",
        "  break-glass: would cover the call, but ended at 2026-12-24T18:00:00Z: it gives nothing\n",
    ];
    at("2026-12-24T18:00:00Z", 1, &expected);
    let others = [
        "break-glass: would cover the call, but is not for this caller: claim groups must match \"on-call\", and is [\"team-red\"], and ended at",
    ];
    ask_ids(RITA, "2027-01-01T00:00:00Z", "UpdateNamespace", "{}", 1, &others);
}

#[test]
fn wide_readings_and_doubtful_kinds_are_explained() {
    let contractor = r#"{"sub": "c", "groups": ["team-red"], "status": "senior,contractor"}"#;
    let expected = [
        "verdict  DENY by rule no-contractors",
        "reason   query in namespace \"shared\" is denied; `status` read as a list",
        "  who: is this caller: claim status matches \"contractor\", and is \"senior,contractor\"\n",
    ];
    let query = r#"{"execution": {"workflowId": "red-1"}, "query": {"queryType": "state"}}"#;
    ask_ids(contractor, THEN, "QueryWorkflow", query, 1, &expected);
    let doubtful = r#"{"sub": "d", "groups": ["team-red"], "gty": "CLIENT-CREDENTIALS"}"#;
    let expected = [
        "caller   d of issuer corp, doubtful: a service, with `gty` compared without regard to case and spaces\n",
        "teams: would cover the call, but is not for this caller: kind must be \"human\", and is in doubt\n",
    ];
    ask_ids(doubtful, THEN, "QueryWorkflow", query, 1, &expected);
}

#[test]
fn under_parity_nobody_may_call_unlisted_methods() {
    let call = ["explain", "parity.yaml", "--claims", r#"{"sub": "a"}"#, "--namespace", "a", "--method"];
    let expected = ["verdict  DENY by rule default-deny", "No grant can cover it: no released server has the method"];
    assert_run(&[&call[..], &["SoftDeleteNamespace"]].concat(), 1, &expected);
    assert_run(&[&call[..], &["DeleteWorkflowExecution"]].concat(), 0, &["verdict  ALLOW by rule everybody"]);
}

#[test]
fn newer_values_are_explained() {
    let start = r#"{"workflowId": "red-1", "workflowIdConflictPolicy": 77}"#;
    let expected = [
        "         value 77 of field ",
        " of StartWorkflowExecutionRequest is newer than API ",
        "verdict  DENY by rule default-deny",
        "Without newer_fields: refuse: ALLOW by rule teams\n",
    ];
    ask_ids(RITA, THEN, "StartWorkflowExecution", start, 1, &expected);
}
