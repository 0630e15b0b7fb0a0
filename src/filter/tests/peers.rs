//! Tests of forwarded certificates that cannot be read, and of grants that end before the body is complete.

use super::*;

#[test]
fn a_forwarded_certificate_that_cannot_be_read_refuses_the_call() {
    let state = &mut state_with(json!({
        "grants": [
            {"name": "all", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["payroll"]},
            {"name": "mesh", "who": {"peer": "spiffe://td/*"}, "role": "reader", "namespaces": ["payroll"]},
        ],
        "denials": [{"name": "d", "effects": ["start"], "who": {"peer": "spiffe://td/ns/*/sa/cli"}}],
        "peers": {"xfcc": true},
    }));
    let status = |state: &mut FilterState, path: &str, header: &str| {
        let (mut call, action, _) = call_to(path).good().with("x-forwarded-client-cert", header).open(state);
        let action =
            if action == Action::Forward { call.on_body(state, &start_in("payroll"), true, || NOW) } else { action };
        grpc_status(&action)
    };
    let from_proxy = r#"By=spiffe://front;Hash=1;Subject="CN=cli";URI=spiffe://td/ns/a/sa/cli"#;
    assert_eq!(status(state, START, "URI=spiffe://td/ns/a/sa/web"), 0);
    assert_eq!(status(state, START, from_proxy), 7);
    assert_eq!(status(state, START, &format!("URI=spiffe://td/ns/a/sa/web,{from_proxy}")), 7);
    for own in ["X=\"", "X", "X=\\", ""] {
        assert_eq!(status(state, START, &format!("{own},{from_proxy}")), 16, "{own}");
    }
    assert_eq!(status(state, INFO, "X"), 0, "an anonymous method");
    assert_eq!(status(state, "/temporal.api.workflowservice.v1.WorkflowService/New", "X"), 12);
}

#[test]
fn a_grant_that_ends_before_the_body_is_complete_gives_nothing() {
    let grant = |until: &str| json!([{"name": "g", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["payroll"], "until": until}]);
    // NOW is 2027-01-15T08:00:00Z.
    let state = &mut state_with(json!({"grants": grant("2027-01-15T08:00:01Z")}));
    let status = |state: &mut FilterState, arrives: Timestamp, completed: Timestamp| {
        let (mut call, action, _) = TestCall { arrives, ..call_to(START).good() }.open(state);
        let action = if action == Action::Forward {
            call.on_body(state, &start_in("payroll"), true, || completed)
        } else {
            action
        };
        grpc_status(&action)
    };
    assert_eq!((status(state, NOW, after(999)), status(state, NOW, after(1000))), (0, 7));
    assert_eq!((status(state, after(1000), after(1000)), status(state, after(1000), NOW)), (7, 7));
}

#[test]
fn a_grant_that_ends_before_the_body_is_complete_does_not_cover_the_cluster() {
    let delete = "/temporal.api.operatorservice.v1.OperatorService/DeleteNexusEndpoint";
    let grant = |until: Value| json!([{"name": "g", "who": {"issuer": "corp"}, "role": "admin", "system": true, "until": until}]);
    let state = &mut state_with(json!({"grants": grant(json!("2027-01-15T08:00:01Z"))}));
    let status = |state: &mut FilterState, completed: Timestamp| {
        let (mut call, action, _) = call_to(delete).good().open(state);
        assert_eq!((action, call.on_body(state, &[0, 0, 0, 0], false, || NOW)), (Action::Forward, Action::Forward));
        grpc_status(&call.on_body(state, &[0], true, || completed))
    };
    assert_eq!((status(state, after(999)), status(state, after(1000))), (0, 7));
}
