//! Tests of parts of requests that are newer than the method table.

use super::*;
use crate::counters::Counters;

const POLL: &str = "/temporal.api.workflowservice.v1.WorkflowService/PollWorkflowTaskQueue";
const LIST: &str = "/temporal.api.workflowservice.v1.WorkflowService/ListWorkflowExecutions";

/// A request in the namespace `payroll` with a field that no API has.
fn newer(field: u16) -> Vec<u8> {
    let tag = u32::from(field) << 3;
    let tag = [(tag & 0x7f) as u8 | 0x80, (tag >> 7 & 0x7f) as u8 | 0x80, (tag >> 14) as u8];
    frame(&[&b"\x0a\x07payroll"[..], &tag, &[1]].concat())
}

fn run(state: &mut FilterState, path: &str, body: &[u8]) -> u32 {
    let (mut call, action, _) = call_to(path).good().open(state);
    let action = if action == Action::Forward { call.on_body(state, body, true, || NOW) } else { action };
    grpc_status(&action)
}

fn unknown_fields(state: &mut FilterState) -> u64 {
    let index = Counters::names().iter().position(|name| name == "temporal_auth.unknown_fields").unwrap();
    state.counters.take()[index]
}

#[test]
fn newer_parts_are_counted_and_logged_once() {
    let state = &mut state();
    assert_eq!((run(state, START, &newer(3000)), run(state, START, &newer(3000))), (0, 0));
    assert_eq!(unknown_fields(state), 2);
    let notices = texts(state.take_notices());
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("StartWorkflowExecution: field 3000 of StartWorkflowExecutionRequest"), "{notices:?}");
    assert_eq!((run(state, START, &start_in("payroll")), unknown_fields(state)), (0, 0));
}

#[test]
fn newer_parts_cannot_fill_the_log() {
    let state = &mut state();
    for field in 3000..3200 {
        run(state, START, &newer(field));
    }
    assert_eq!((state.take_notices().len(), unknown_fields(state)), (64, 200));
}

#[test]
fn newer_parts_may_be_refused_unless_the_call_only_reads() {
    let state = &mut state_with(json!({"newer_fields": "refuse"}));
    assert_eq!((run(state, START, &newer(3000)), run(state, START, &start_in("payroll"))), (7, 0));
    assert_eq!((run(state, LIST, &newer(3000)), run(state, POLL, &newer(3000))), (0, 0));
    let limited = json!([{
        "name": "g", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["payroll"], "workflow_ids": ["a-*"],
    }]);
    let state = &mut state_with(json!({"newer_fields": "refuse", "grants": limited}));
    assert_eq!(run(state, POLL, &newer(3000)), 7, "a poll under limits");
}
