//! Answers that describe one thing: a namespace that the request names by its id, and the server.

use super::*;
use crate::counters::Counters;
use crate::wire::protobuf::write_field;

const DESCRIBE: &str = "/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace";
const ID: &str = "0190a5c4-0000-7000-8000-000000000000";
const ANSWER: &[(&[u8], &[u8])] =
    &[(b":status", b"200"), (b"content-type", b"application/grpc"), (b"content-length", b"100")];

fn text(number: u32, value: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    write_field(&mut field, number, value);
    field
}

/// An answer of DescribeNamespace.
fn description(namespace: &str) -> Vec<u8> {
    frame(&[text(1, &[text(1, namespace.as_bytes()), text(6, ID.as_bytes())].concat()), text(2, b"")].concat())
}

/// A call by the id alone, which has gone on.
fn asked(state: &mut FilterState) -> RequestFilter {
    let (mut call, step, _) = call_to(DESCRIBE).good().open(state);
    assert_eq!(step, Action::Forward);
    assert_eq!(call.on_body(state, &frame(&text(2, ID.as_bytes())), true, || NOW), Action::Forward);
    assert!(call.reads_answer());
    call
}

fn answered(
    call: &mut RequestFilter,
    state: &mut FilterState,
    headers: &[(&[u8], &[u8])],
    body: &[u8],
) -> ResponseAction {
    let mut drop = Vec::new();
    call.on_answer_headers(state, Headers::new(&serialize(headers)), false, &mut drop).unwrap();
    call.on_answer_body(state, body, || NOW)
}

fn counted(state: &mut FilterState) -> u64 {
    let index = Counters::names().iter().position(|name| name == "temporal_auth.newer_server").unwrap();
    state.counters.take()[index]
}

#[test]
fn a_namespace_that_the_caller_may_describe_is_shown() {
    let state = &mut state();
    let mut call = asked(state);
    let shown = description("payroll");
    assert_eq!(answered(&mut call, state, ANSWER, &shown), ResponseAction::Replace(shown));
    assert_eq!(call.on_answer_trailers(state), None);
}

#[test]
fn any_other_namespace_looks_unknown() {
    for name in ["secret-merger", "Payroll", ""] {
        let state = &mut state();
        let mut call = asked(state);
        assert_eq!(answered(&mut call, state, ANSWER, &description(name)), ResponseAction::Replace(vec![]));
        assert_eq!(call.on_answer_body(state, b"more", || NOW), ResponseAction::Replace(vec![]));
        let trailers = call.on_answer_trailers(state).unwrap();
        assert_eq!(trailers[0], ("grpc-status", "5".into()), "{name}");
        assert_eq!(trailers[1].1, format!("Namespace {ID} is not found."));
        assert!(state.take_notices().is_empty());
    }
}

#[test]
fn a_description_that_could_be_read_in_two_ways_is_hidden_or_withheld() {
    let two_names = [text(1, b"payroll"), text(1, b"secret-merger")].concat();
    let two_infos = [text(1, &text(1, b"payroll")), text(1, &text(1, b"secret-merger"))].concat();
    for (body, status) in [(frame(&text(1, &two_names)), "5"), (frame(&two_infos), "5"), (b"{}{}{}".to_vec(), "14")] {
        let state = &mut state();
        let mut call = asked(state);
        assert_eq!(answered(&mut call, state, ANSWER, &body), ResponseAction::Replace(vec![]));
        assert_eq!(call.on_answer_trailers(state).unwrap()[0], ("grpc-status", status.into()));
    }
}

#[test]
fn in_shadow_a_description_passes_and_the_log_tells() {
    let state = &mut state_with(json!({"mode": "shadow"}));
    let mut call = asked(state);
    assert_eq!(answered(&mut call, state, ANSWER, &description("secret-merger")), ResponseAction::Forward);
    assert_eq!(call.on_answer_trailers(state), None);
    assert_eq!(texts(state.take_notices()), ["DescribeNamespace: the namespace with this id would be hidden"]);
}

#[test]
fn a_newer_server_is_counted_each_time_and_logged_once() {
    let state = &mut state();
    for (version, count, lines) in
        [("1.32.2", 0, 0), ("1.33.0", 1, 1), ("1.33.1", 1, 0), ("1.40.0", 1, 1), ("1.33.0", 1, 0), ("dev", 0, 0)]
    {
        let (mut call, step, _) = call_to(INFO).open(state);
        assert_eq!((step, call.reads_answer()), (Action::Forward, true));
        let body = frame(&text(1, version.as_bytes()));
        assert_eq!(answered(&mut call, state, ANSWER, &body), ResponseAction::Forward);
        assert_eq!(call.on_answer_trailers(state), None);
        assert_eq!((counted(state), state.take_notices().len()), (count, lines), "{version}");
    }
}

#[test]
fn an_unreadable_answer_of_get_system_info_passes() {
    let state = &mut state();
    let zstd: &[(&[u8], &[u8])] = &[ANSWER[0], ANSWER[1], (b"grpc-encoding", b"zstd")];
    for (headers, body) in [(ANSWER, &b"{}{}{}"[..]), (zstd, b"\x01anything"), (&ANSWER[..1], b"anything")] {
        let (mut call, ..) = call_to(INFO).open(state);
        assert_eq!(answered(&mut call, state, headers, body), ResponseAction::Forward);
        assert_eq!(call.on_answer_trailers(state), None);
        assert!(state.take_notices().is_empty());
    }
}
