//! Answers that are reduced to what the caller may see.

use super::*;
use crate::wire::protobuf::write_field;

const ANSWER: &[(&[u8], &[u8])] =
    &[(b":status", b"200"), (b"content-type", b"application/grpc"), (b"content-length", b"100")];

fn page(names: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        let (mut info, mut entry) = (Vec::new(), Vec::new());
        write_field(&mut info, 1, name.as_bytes());
        write_field(&mut entry, 1, &info);
        write_field(&mut bytes, 1, &entry);
    }
    bytes
}

fn open_lists(change: Value) -> FilterState {
    let mut members = json!({"authenticated": ["ListNamespaces"]});
    members.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    state_with(members)
}

/// A list call whose request has gone on.
fn asked(state: &mut FilterState) -> RequestFilter {
    let (mut call, step, _) = call_to(LIST).good().open(state);
    assert_eq!(step, Action::Forward);
    assert_eq!(call.on_body(state, &frame(&[]), true, || NOW), Action::Forward);
    call
}

fn headers(call: &mut RequestFilter, state: &FilterState, headers: &[(&[u8], &[u8])]) -> Vec<String> {
    let mut drop = Vec::new();
    call.on_answer_headers(state, Headers::new(&serialize(headers)), false, &mut drop).unwrap();
    drop.iter().map(|name| String::from_utf8(name.to_vec()).unwrap()).collect()
}

fn body(call: &mut RequestFilter, state: &mut FilterState, chunk: &[u8]) -> ResponseAction {
    call.on_answer_body(state, chunk, || NOW)
}

fn replaced(bytes: &[u8]) -> ResponseAction {
    ResponseAction::Replace(bytes.to_vec())
}

#[test]
fn an_answer_is_sent_once_when_it_is_complete() {
    let whole = frame(&page(&["payroll", "secret-merger"]));
    let mine = replaced(&frame(&page(&["payroll"])));
    for size in [1, 7, whole.len()] {
        let state = &mut open_lists(json!({}));
        let mut call = asked(state);
        assert!(call.reads_answer());
        assert_eq!(headers(&mut call, state, ANSWER), ["content-length"]);
        let chunks: Vec<_> = whole.chunks(size).collect();
        let (last, first) = chunks.split_last().unwrap();
        for chunk in first {
            assert_eq!(body(&mut call, state, chunk), replaced(b""));
        }
        assert_eq!(body(&mut call, state, last), mine);
        assert_eq!(body(&mut call, state, b""), replaced(b""));
        assert_eq!(call.on_answer_trailers(state), None);
        assert_eq!(state.held_answers.get(), 0);
    }
}

#[test]
fn an_answer_that_cannot_be_read_ends_in_14() {
    for (answer, chunk) in [
        (ANSWER, &frame(b"\xff")[..]),
        (ANSWER, b"{}{}{}"),
        (ANSWER, &frame(&page(&["payroll"]))[..5]),
        (&[(b":status", b"200"), (b"content-type", b"application/json")], &frame(&page(&["payroll"]))),
        (&[(b":status", b"503"), (b"content-type", b"application/grpc")], &frame(&page(&["payroll"]))),
        (&[ANSWER[0], ANSWER[1], (b"grpc-encoding", b"zstd")], &frame(&page(&["payroll"]))),
        (
            &[ANSWER[0], ANSWER[1], (b"grpc-encoding", b"gzip"), (b"grpc-encoding", b"zstd")],
            &frame(&page(&["payroll"])),
        ),
    ] {
        let state = &mut open_lists(json!({}));
        let mut call = asked(state);
        headers(&mut call, state, answer);
        assert_eq!(body(&mut call, state, chunk), replaced(b""), "{chunk:?}");
        let trailers = call.on_answer_trailers(state).unwrap_or_default();
        assert!(trailers.contains(&("grpc-status", "14".into())), "{chunk:?}");
    }
}

#[test]
fn a_body_without_headers_is_withheld() {
    let state = &mut open_lists(json!({}));
    let mut call = asked(state);
    assert_eq!(body(&mut call, state, &frame(&page(&["payroll"]))), replaced(b""));
    assert!(call.on_answer_trailers(state).is_some());
}

#[test]
fn what_is_withheld_is_said_once() {
    for (mode, verb) in [("enforce", "is"), ("shadow", "would be")] {
        let state = &mut open_lists(json!({"mode": mode}));
        let mut call = asked(state);
        headers(&mut call, state, ANSWER);
        for _ in 0..3 {
            body(&mut call, state, b"{}{}{}");
        }
        let line = format!("ListNamespaces: the server's answer cannot be read and {verb} withheld");
        assert_eq!(texts(state.take_notices()), [line]);
    }
}

#[test]
fn an_answer_before_the_request_is_complete_is_reduced_too() {
    let state = &mut open_lists(json!({"grants": [
        {"name": "ends", "who": {"issuer": "corp"}, "role": "reader", "namespaces": ["payroll"], "until": "2999-01-01T00:00:00Z"},
    ]}));
    let (mut call, step, _) = call_to(LIST).good().open(state);
    assert_eq!(step, Action::Forward);
    headers(&mut call, state, ANSWER);
    let whole = frame(&page(&["payroll", "secret-merger"]));
    let (first, rest) = whole.split_at(9);
    assert_eq!(body(&mut call, state, first), replaced(b""));
    assert_eq!(call.on_body(state, &frame(&[]), true, || NOW), Action::Forward);
    assert_eq!(body(&mut call, state, rest), replaced(&frame(&page(&["payroll"]))));
}

#[test]
fn an_error_of_the_server_is_not_touched() {
    for answer in [ANSWER, &[ANSWER[0], ANSWER[1], (b"grpc-encoding", b"zstd")]] {
        let state = &mut open_lists(json!({}));
        let mut call = asked(state);
        headers(&mut call, state, answer);
        assert_eq!(call.on_answer_trailers(state), None);
    }
}

#[test]
fn the_answers_that_are_held_are_bounded_together() {
    let state = &mut open_lists(json!({}));
    let large = frame(&vec![0x1a; 4 << 20]);
    let half = large.split_at(3 << 20).0;
    let mut calls: Vec<_> = (0..8).map(|_| asked(state)).collect();
    for call in &mut calls {
        headers(call, state, ANSWER);
        assert_eq!(body(call, state, half), replaced(b""));
    }
    assert!(state.held_answers.get() <= 16 << 20);
    let withheld = |call: &mut RequestFilter, state: &mut FilterState| {
        body(call, state, &[0x1a]);
        state.held_answers.get()
    };
    assert!(withheld(&mut calls[7], state) <= 16 << 20);
    drop(calls);
    assert_eq!(state.held_answers.get(), 0, "calls that break off leave nothing");
}

#[test]
fn in_shadow_an_answer_passes_whole_and_is_only_counted() {
    let state = &mut open_lists(json!({"mode": "shadow"}));
    let mut call = asked(state);
    assert_eq!(headers(&mut call, state, ANSWER), [""; 0]);
    let whole = frame(&page(&["payroll", "secret-merger", "other"]));
    assert_eq!(body(&mut call, state, &whole), ResponseAction::Forward);
    assert_eq!(call.on_answer_trailers(state), None);
    assert_eq!(texts(state.take_notices()), ["ListNamespaces: 2 of 3 entries would be removed"]);
}

#[test]
fn other_answers_and_those_of_system_readers_are_not_read() {
    let state = &mut open_lists(json!({}));
    let (mut other, ..) = call_to(START).good().open(state);
    other.on_body(state, &start_in("payroll"), true, || NOW);
    let system = token("k", 1, json!({"permissions": ["temporal-system:read"]}));
    let (whole, ..) = call_to(LIST).bearer(&system).open(state);
    for mut call in [other, whole] {
        assert!(!call.reads_answer());
        assert_eq!(body(&mut call, state, b"anything"), ResponseAction::Forward);
    }
}
