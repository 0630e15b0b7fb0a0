//! Namespaces that a caller is told do not exist.

use super::*;
use crate::wire::protobuf::write_field;

const SEARCH_ATTRIBUTES: &str = "/temporal.api.operatorservice.v1.OperatorService/ListSearchAttributes";
const POLL: &str = "/temporal.api.workflowservice.v1.WorkflowService/PollActivityTaskQueue";

fn in_namespace(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_field(&mut bytes, 1, name.as_bytes());
    frame(&bytes)
}

/// The gRPC status of the answer to this call, with the counters.
fn answer(change: Value, path: &str, namespace: &str, who: Value) -> (Option<u32>, Counters) {
    let state = &mut state_with(change);
    let (mut call, mut action, _) = call_to(path).bearer(&token("k", 1, who)).open(state);
    if action == Action::Forward {
        action = call.on_body(state, &in_namespace(namespace), true, || NOW);
    }
    let status = match action {
        Action::Answer(reply) => Some(reply.code().number()),
        _ => None,
    };
    (status, std::mem::take(&mut state.counters))
}

fn status(change: Value, path: &str, namespace: &str, who: Value) -> Option<u32> {
    answer(change, path, namespace, who).0
}

fn hides() -> Value {
    json!({"hide_namespaces": true})
}

#[test]
fn a_namespace_is_hidden_only_where_the_caller_may_do_nothing_and_only_if_the_configuration_says_so() {
    let reader = || json!({"permissions": ["payroll:read"]});
    assert_eq!(status(json!({}), START, "secret", reader()), Some(7));
    assert_eq!(status(hides(), START, "secret", reader()), Some(5));
    assert_eq!(status(hides(), START, "payroll", reader()), Some(7));
    assert_eq!(status(hides(), SEARCH_ATTRIBUTES, "secret", reader()), Some(5));
    assert_eq!(status(hides(), SEARCH_ATTRIBUTES, "payroll", reader()), None);
    assert_eq!(status(hides(), SEARCH_ATTRIBUTES, "", reader()), Some(7), "no namespace is named");
    assert_eq!(status(hides(), POLL, "secret", reader()), Some(7), "workers end on NOT_FOUND");
}

#[test]
fn a_caller_without_any_grant_learns_no_more() {
    let nobody = || json!({"permissions": []});
    assert_eq!(status(hides(), START, "secret", nobody()), Some(5));
    assert_eq!(status(hides(), POLL, "secret", nobody()), Some(7));
    assert_eq!(status(json!({}), START, "secret", nobody()), Some(7));
}

#[test]
fn the_answer_is_temporals_own_and_never_explains() {
    let state = &mut state_with(json!({"hide_namespaces": true, "explain_to_client": true}));
    let (mut call, _, _) = call_to(START).good().open(state);
    let Action::Answer(reply) = call.on_body(state, &in_namespace("secret"), true, || NOW) else { panic!("goes on") };
    assert_eq!(reply.message(), "Namespace secret is not found.");
    let decision = call.take_decision().unwrap();
    let line = decision.line();
    assert!(line.contains("\"status\":5") && line.contains("no grant covers start"), "{line}");
}

#[test]
fn in_shadow_the_call_goes_on_and_counts() {
    let change = json!({"hide_namespaces": true, "mode": "shadow"});
    let (status, mut counters) = answer(change, START, "secret", json!({}));
    assert_eq!(status, None);
    let names = Counters::names();
    let counts = counters.take();
    let name = "temporal_auth.shadow.denied.namespace_not_found";
    assert_eq!(counts[names.iter().position(|known| known == name).unwrap()], 1);
}
