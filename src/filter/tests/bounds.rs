//! What one caller may take, on the way through the filter.

use super::*;
use crate::answer::Answer;
use crate::wire::protobuf::write_field;
use crate::work::TooMuchWork;

const RESPOND: &str = "/temporal.api.workflowservice.v1.WorkflowService/RespondWorkflowTaskCompleted";

/// How many of these calls are decided before the caller's account is empty. On this host, no time passes.
fn decided(state: &mut FilterState, call: &TestCall, body: &[u8]) -> usize {
    let sent = (0..3_000).take_while(|_| {
        let (mut filter, action, _) = call.open(state);
        assert_eq!(action, Action::Forward);
        let action = filter.on_body(state, body, true, || NOW);
        let is_unpaid = action == Action::Answer(Reply::TOO_MUCH_WORK);
        assert!(is_unpaid || grpc_status(&action) == 0, "{action:?}");
        if is_unpaid {
            let reason = filter.take_decision().unwrap().rejection;
            assert!(matches!(reason, Some(Rejection::Request(DecodeError::Work(TooMuchWork::Unpaid)))), "{reason:?}");
        }
        !is_unpaid
    });
    sent.count()
}

/// An answer of a worker who signals workflows in these namespaces, with these ids; an empty text is left out.
fn signals_to(workflows: impl Iterator<Item = (String, String)>) -> Vec<u8> {
    let mut message = Vec::new();
    write_field(&mut message, 9, b"payroll");
    for (namespace, id) in workflows {
        let (mut execution, mut attributes, mut command) = (Vec::new(), Vec::new(), Vec::new());
        if !namespace.is_empty() {
            write_field(&mut attributes, 1, namespace.as_bytes());
        }
        if !id.is_empty() {
            write_field(&mut execution, 1, id.as_bytes());
            write_field(&mut attributes, 2, &execution);
        }
        write_field(&mut command, 13, &attributes);
        write_field(&mut message, 2, &command);
    }
    frame(&message)
}

/// An answer of a worker whose commands name these namespaces.
fn signals(namespaces: impl Iterator<Item = String>) -> Vec<u8> {
    signals_to(namespaces.map(|namespace| (namespace, String::new())))
}

/// A start of four kilobytes, of which tests send only a part.
fn long_start() -> Vec<u8> {
    frame(&[&[0x0a, 7], b"payroll".as_slice(), &[0x22, 0xff, 0x3f], &[b'x'; 4000]].concat())
}

#[test]
fn comparing_namespaces_is_paid_for() {
    let call = call_to(RESPOND).bearer(&token("k", 1, json!({"permissions": ["temporal-system:admin"]})));
    let long = |count: u32| signals((0..count).map(|index| format!("{}{}", "n".repeat(990), 1000 + index % 17)));
    let few = signals((0..16).map(|index| format!("namespace-{index}")));
    assert_eq!(decided(&mut state(), &call, &few), 3_000, "a few names are free");
    assert!(decided(&mut state(), &call, &long(3_000)) < 20);
}

#[test]
fn comparing_namespaces_with_denials_is_paid_for() {
    let patterns: Vec<_> = (0..200).map(|index| format!("secret-{index}-*")).collect();
    let denials = json!({"denials": [{"name": "d", "effects": ["terminate"], "namespaces": patterns}]});
    let call = call_to(RESPOND).bearer(&token("k", 1, json!({"permissions": ["temporal-system:admin"]})));
    let body = signals((0..16).map(|index| format!("{}{index}", "n".repeat(990))));
    assert!(decided(&mut state_with(denials.clone()), &call, &body) < 20);
    assert_eq!(decided(&mut state_with(denials), &call, &signals(std::iter::empty())), 3_000);
}

#[test]
fn a_request_that_needs_more_than_an_account_has_is_decided_once_in_a_while() {
    let patterns: Vec<_> = (0..400).map(|index| format!("x{index}-*")).chain(["w-*".to_owned()]).collect();
    let grants = json!([{
        "name": "workers", "who": {"issuer": "corp"}, "role": "admin", "namespaces": ["payroll"], "workflow_ids": patterns,
    }]);
    let body = signals_to((0..2_000).map(|index| (String::new(), format!("w-{index:038}"))));
    let call = call_to(RESPOND).good();
    assert_eq!(decided(&mut state_with(json!({"grants": grants})), &call, &body), 1);
}

#[test]
fn limits_are_paid_for_in_each_namespace() {
    let patterns: Vec<_> = (0..100).map(|index| format!("x{index}-*")).chain(["w-*".to_owned()]).collect();
    let grants = json!([{
        "name": "workers", "who": {"issuer": "corp"}, "role": "admin", "namespaces": ["*"], "workflow_ids": patterns,
    }]);
    let signals_in = |namespaces: u32| {
        signals_to((0..200).map(|index| (format!("n{}", index % namespaces), format!("w-{index:04}"))))
    };
    let decided_in = |namespaces| {
        decided(&mut state_with(json!({"grants": grants})), &call_to(RESPOND).good(), &signals_in(namespaces))
    };
    let (few, many) = (decided_in(1), decided_in(16));
    assert!(many > 0 && few >= 4 * many, "{few}, {many}");
}

#[test]
fn a_request_that_was_given_up_does_not_go_on_after_the_host_failed() {
    let mut state = state_with(json!({"mode": "shadow"}));
    let (mut filter, _, _) = call_to(START).good().open(&mut state);
    assert_eq!(filter.on_body(&mut state, &start_in("payroll")[..9], false, || NOW), Action::Forward);
    assert_eq!(state.parked.len(), 1);
    state.parked = parked::ParkedRequests::default();
    assert_eq!(grpc_status(&filter.host_failed(&mut state)), 14);
}

#[test]
fn requests_from_before_the_clock_was_set_back_are_given_up() {
    let mut state = state();
    let call = call_to(START).good();
    let message = long_start();
    let mut begin = |at: Timestamp| call.open(&mut state).0.on_body(&mut state, &message[..1500], false, || at);
    while begin(after(100_000)) == Action::Forward {}
    assert_eq!(begin(after(100_000)), Action::Answer(Reply::BUSY));
    assert_eq!(begin(NOW), Action::Forward);
}

#[test]
fn nothing_is_given_up_for_a_request_that_would_not_fit_all_the_same() {
    let mut state = state_with(json!({"http": {"api": true}}));
    let call = call_to(START).good();
    let message = long_start();
    for index in 0u64..10_000 {
        // All but the first hundred are too young to be given up.
        let at = if index < 100 { NOW } else { after(9_000) };
        if call.open(&mut state).0.on_body(&mut state, &message[..1500], false, || at) != Action::Forward {
            break;
        }
    }
    let parked = state.parked.len();
    let mut post = call_to("/api/v1/namespaces/payroll/workflows/x").good().with("content-type", "application/json");
    post.headers.retain(|(name, _)| name != "te");
    let mut large = post.open(&mut state).0;
    let body = vec![b' '; 1 << 20];
    assert_eq!(grpc_status(&large.on_body(&mut state, &body, false, || after(12_000))), 14);
    assert_eq!(state.parked.len(), parked);
}

#[test]
fn messages_in_json_are_charged() {
    let mut call =
        call_to("/api/v1/namespaces/payroll/batch-operations/x").good().with("content-type", "application/json");
    call.headers.retain(|(name, _)| name != "te");
    let is_unpaid = |count: usize| {
        let mut state = state_with(json!({"http": {"api": true}}));
        let body = format!(r#"{{"executions":[{{}}{}]}}"#, ",{}".repeat(count));
        let action = call.open(&mut state).0.on_body(&mut state, body.as_bytes(), true, || NOW);
        matches!(action, Action::Answer(reply) if reply.answer() == Answer::TooMuchWork)
    };
    assert!(!is_unpaid(50_000) && is_unpaid(1_000_000));
}

#[test]
fn a_byte_now_and_then_does_not_keep_a_request() {
    let mut state = state();
    let call = call_to(START).good();
    let (mut slow, _, _) = call.open(&mut state);
    let message = long_start();
    for (second, byte) in message.iter().take(12).enumerate() {
        let now = after(1_000 * u64::try_from(second).unwrap());
        assert_eq!(slow.on_body(&mut state, &[*byte], false, || now), Action::Forward);
    }
    let mut moving: Vec<_> = (0..12_000).map(|_| call.open(&mut state).0).collect();
    let turned_away =
        moving.iter_mut().map(|filter| filter.on_body(&mut state, &message[..1500], false, || after(12_000)));
    assert!(
        turned_away.filter(|action| *action != Action::Forward).count() > 0,
        "the caller holds as much as may be held"
    );
    assert_eq!(grpc_status(&slow.on_body(&mut state, b"x", false, || after(12_000))), 14);
}

#[test]
fn nobody_elses_request_is_given_up_for_a_caller_who_holds_too_much() {
    let mut state = state();
    let message = long_start();
    let (mut patient, _, _) = call_to(START).good().open(&mut state);
    assert_eq!(patient.on_body(&mut state, &message[..1500], false, || NOW), Action::Forward);
    let greedy = call_to(START).bearer(&token("k", 1, json!({"sub": "mallory"})));
    let mut begin = || greedy.open(&mut state).0.on_body(&mut state, &message[..1500], false, || after(100_000));
    while begin() == Action::Forward {}
    assert_eq!(patient.on_body(&mut state, &message[1500..1501], false, || after(100_000)), Action::Forward);
}
