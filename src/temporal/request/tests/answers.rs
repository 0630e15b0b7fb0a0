//! The answers of workers: task tokens, commands, and operations at Temporal's own endpoint.

use super::{field, number, read};
use crate::temporal::names::{Limit, LimitSet};
use crate::temporal::{Catalogue, EffectSet, RequestReader, Target};
use crate::wire::DecodeError;

/// A field whose value may be long.
fn long(number: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    assert!(number < 16 && length < 1 << 14);
    [&[number << 3 | 2, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8], value].concat()
}

fn answer(commands: &[Vec<u8>]) -> Result<Target, DecodeError> {
    let commands = commands.iter().map(|command| long(2, command)).collect::<Vec<_>>().concat();
    limited("RespondWorkflowTaskCompleted", &[commands, field(9, b"own")].concat())
}

/// Reads a request with the names that limits compare.
fn limited(method: &str, bytes: &[u8]) -> Result<Target, DecodeError> {
    let read = |chunk: usize| {
        let mut reader = RequestReader::new(Catalogue::default().named(method).unwrap(), true);
        bytes.chunks(chunk).try_for_each(|part| reader.feed(part))?;
        reader.finish()
    };
    let whole = read(usize::MAX);
    for chunk in [1, 2, 3, 7] {
        assert_eq!(read(chunk), whole, "in chunks of {chunk}");
    }
    whole
}

#[test]
fn a_task_token_shows_whether_its_workflow_is_temporals_own() {
    let task = |workflow: &[u8]| field(1, &field(2, workflow));
    let methods = [
        ("RespondWorkflowTaskCompleted", 9),
        ("RespondWorkflowTaskFailed", 6),
        ("RespondActivityTaskCompleted", 4),
        ("RespondActivityTaskFailed", 4),
        ("RespondActivityTaskCanceled", 4),
        ("RecordActivityTaskHeartbeat", 4),
    ];
    for (method, namespace) in methods {
        let target = |token: Vec<u8>| read(method, &[field(namespace, b"own"), token]);
        assert_eq!(target(task(b"order-7")).unwrap().needs_system, None, "{method}");
        for own in [&b"temporal-sys-scheduler:payday"[..], b"Temporal-Sys-x", "t\u{e9}mporal-sys-x".as_bytes()] {
            let target = target(task(own)).unwrap();
            assert!(target.needs_system.is_some() && target.effects.covers(EffectSet::CLUSTER_ADMIN), "{method}");
        }
        assert!(target(field(1, b"\x12\x09short")).is_err(), "{method}: not protobuf");
        let twice = field(1, &[field(2, b"a"), field(2, b"b")].concat());
        assert!(target(twice).is_err() && target(task(b"\xff")).is_err(), "{method}");
        assert!(target([task(b"a"), task(b"a")].concat()).is_err(), "{method}: two tokens");
    }
}

#[test]
fn the_token_of_a_query_or_a_nexus_task_names_a_partition() {
    let methods =
        [("RespondQueryTaskCompleted", 6, 1), ("RespondNexusTaskCompleted", 1, 3), ("RespondNexusTaskFailed", 1, 3)];
    for (method, namespace, token) in methods {
        let needs_system = |queue: &[u8]| {
            read(method, &[field(namespace, b"own"), field(token, &field(2, queue))]).unwrap().needs_system.is_some()
        };
        for queue in [&b"/_sys/payroll-q/2"[..], b"payroll-q", b"host:uuid", b"/temporal-sys/worker-commands/own/uuid"]
        {
            assert!(!needs_system(queue), "{method} {queue:?}");
        }
        for queue in [&b"/_sys/temporal-sys-per-ns-tq/2"[..], b"temporal-sys-per-ns-tq"] {
            assert!(needs_system(queue), "{method} {queue:?}");
        }
    }
}

#[test]
fn limits_compare_the_workflow_of_a_task() {
    let names = |token: &[u8]| {
        let bytes = [field(1, token), field(4, b"own")].concat();
        limited("RespondActivityTaskCompleted", &bytes).unwrap().names
    };
    assert_eq!(names(&field(2, b"order-7")).of(Limit::WorkflowIds), ["order-7"]);
    assert_eq!(names(b"").of(Limit::WorkflowIds), [""], "an empty id matches nothing");
    let standalone = names(&[field(2, b"order-7"), field(14, b"ref")].concat());
    assert!(standalone.has_standalone_task && !names(&field(2, b"order-7")).has_standalone_task);
}

#[test]
fn effects_of_commands_are_kept_apart_from_effects_of_the_answer() {
    let child = field(12, &field(2, b"c"));
    let cancel = |child_only: u8| field(9, &[field(2, b"w"), number(5, child_only)].concat());
    let cases = [
        (child.clone(), EffectSet::START),
        (field(12, &field(1, b"own")), EffectSet::START),
        (field(13, &field(2, &field(1, b"w"))), EffectSet::SIGNAL),
        (field(13, &number(6, 1)), EffectSet::SIGNAL),
        (cancel(0), EffectSet::CANCEL),
        (cancel(1), EffectSet::NONE),
        (field(18, &field(1, b"tax")), EffectSet::NEXUS),
        (field(2, b""), EffectSet::NONE),
        (field(4, b""), EffectSet::NONE),
        (field(11, b""), EffectSet::NONE),
    ];
    for (command, expected) in cases {
        let target = answer(std::slice::from_ref(&command)).unwrap();
        assert_eq!((target.commands, target.effects), (expected, EffectSet::RESPOND), "{command:?}");
    }
    let target = answer(&[child, field(13, b"")]).unwrap();
    assert_eq!(target.commands, EffectSet::START.with(EffectSet::SIGNAL));
    let elsewhere = answer(&[field(12, &field(1, b"other"))]).unwrap();
    assert_eq!((elsewhere.commands, elsewhere.elsewhere.len()), (EffectSet::NONE, 1));
}

#[test]
fn names_in_commands_are_compared() {
    let child = field(12, &[field(2, b"c-1"), field(3, &field(1, b"Pay"))].concat());
    let signal = field(13, &[field(2, &field(1, b"w-1")), field(3, b"approve")].concat());
    let names = answer(&[child, signal, field(9, &field(2, b"w-2"))]).unwrap().names;
    assert_eq!(names.of(Limit::WorkflowIds), ["c-1", "w-1", "w-2"]);
    assert_eq!(
        (names.of(Limit::Signals), names.of(Limit::WorkflowTypes)),
        (&["approve".into()][..], &["Pay".into()][..])
    );
    assert!(answer(&[field(12, &field(3, &field(1, b"temporal-sys-batch")))]).unwrap().needs_system.is_some());
}

const SERVICE: &[u8] = b"temporal.api.workflowservice.v1.WorkflowService";
const OPERATION: &[u8] = b"SignalWithStartWorkflowExecution";

fn payload(encoding: &[u8], request: &[u8]) -> [Vec<u8>; 2] {
    [field(1, &[field(1, b"encoding"), field(2, encoding)].concat()), long(2, request)]
}

/// The command that starts an operation at Temporal's own endpoint, from its fields.
fn operation(parts: &[Vec<u8>]) -> Vec<u8> {
    let parts = parts.concat();
    let length = parts.len();
    [&[0x92, 0x01, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8], &parts[..]].concat()
}

fn signal_with_start(request: &[u8]) -> Vec<u8> {
    let input = payload(b"binary/protobuf", request).concat();
    operation(&[field(1, b"__temporal_system"), field(2, SERVICE), field(3, OPERATION), long(4, &input)])
}

#[test]
fn a_workflow_may_signal_with_start() {
    let request = [field(2, b"w-1"), field(3, &field(1, b"Pay")), field(4, &field(1, b"q")), field(12, b"approve")];
    let both = EffectSet::START.with(EffectSet::SIGNAL);
    for namespace in [&b""[..], b"own"] {
        let target = answer(&[signal_with_start(&[&field(1, namespace)[..], &request.concat()].concat())]).unwrap();
        assert_eq!((target.needs_system, target.effects, target.commands), (None, EffectSet::RESPOND, both));
        assert_eq!(target.names.of(Limit::WorkflowIds), ["w-1"]);
        assert_eq!(target.names.of(Limit::WorkflowTypes), ["Pay"]);
        assert_eq!(target.names.of(Limit::Signals), ["approve"]);
        assert_eq!(target.names.queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), ["q"]);
        assert_eq!((target.elsewhere, target.names.of(Limit::NexusEndpoints)), (vec![], &[][..]));
    }
    let foreign = answer(&[signal_with_start(&field(1, b"other"))]).unwrap();
    assert!(foreign.needs_system.is_some() && foreign.elsewhere.len() == 1);
    let terminates = answer(&[signal_with_start(&[field(2, b"w"), number(22, 3)].concat())]).unwrap();
    assert_eq!(terminates.effects, EffectSet::RESPOND.with(EffectSet::TERMINATE), "its options count");
    for own in [field(2, b"temporal-sys-scheduler:x"), field(3, &field(1, b"temporal-sys-x"))] {
        assert!(answer(&[signal_with_start(&own)]).unwrap().needs_system.is_some());
    }
}

#[test]
fn data_may_come_before_its_encoding() {
    let [metadata, data] = payload(b"binary/protobuf", &field(2, b"temporal-sys-scheduler:x"));
    let start = |parts: &[Vec<u8>]| {
        let input = long(4, &parts.concat());
        answer(&[operation(&[field(1, b"__temporal_system"), field(2, SERVICE), field(3, OPERATION), input])])
    };
    assert!(start(&[data.clone(), metadata.clone()]).unwrap().needs_system.is_some());
    let [metadata, data] = payload(b"binary/protobuf", &field(2, b"w-1"));
    assert_eq!(start(&[data.clone(), metadata.clone()]).unwrap().needs_system, None);
    let twice = long(2, &[field(2, b"a"), field(2, b"b")].concat());
    assert!(start(&[twice.clone(), metadata]).is_err(), "a duplicate field");
    let [encrypted, _] = payload(b"binary/encrypted", b"");
    assert!(start(&[twice, encrypted]).unwrap().needs_system.is_some(), "data that is not protobuf is not read");
    assert!(start(&[data]).unwrap().needs_system.is_some());
}

#[test]
fn every_other_operation_at_that_endpoint_is_temporals_own() {
    let input = long(4, &payload(b"binary/protobuf", &field(2, b"w-1")).concat());
    let (endpoint, service, name) = (field(1, b"__temporal_system"), field(2, SERVICE), field(3, OPERATION));
    let reason = |parts: &[Vec<u8>]| answer(&[operation(parts)]).unwrap().needs_system;
    let whole = [endpoint.clone(), service.clone(), name.clone(), input.clone()];
    assert_eq!(reason(&whole), None);
    let others = [
        vec![endpoint.clone(), field(2, b"temporal.Other"), name.clone(), input.clone()],
        vec![endpoint.clone(), service.clone(), field(3, b"TerminateWorkflowExecution"), input.clone()],
        vec![endpoint.clone(), service.clone(), name.clone()],
        vec![endpoint.clone()],
        // In an order that no encoder writes.
        vec![input.clone(), endpoint.clone(), service.clone(), name.clone()],
        vec![service.clone(), endpoint.clone(), name.clone(), input.clone()],
        vec![service.clone(), name.clone(), input.clone(), endpoint.clone()],
    ];
    for parts in others {
        assert!(reason(&parts).is_some(), "{parts:?}");
    }
    let foreign = [field(1, b"tax"), service.clone(), name.clone(), input.clone()];
    assert_eq!(reason(&foreign), None);
    for again in [&input, &service, &name, &endpoint] {
        assert!(answer(&[operation(&[&whole[..], std::slice::from_ref(again)].concat())]).is_err());
    }
    let early = [field(4, b""), endpoint, service, name, input];
    assert!(answer(&[operation(&early)]).is_err(), "another input before the endpoint");
}

#[test]
fn an_unread_operation_may_have_any_effect() {
    let target = answer(&[operation(&[field(1, b"__temporal_system"), field(2, SERVICE)])]).unwrap();
    assert!(target.commands.covers(EffectSet::START) && target.names.has_unread_operation);
    let signal = read("SignalWorkflowExecution", &[field(1, b"own"), field(2, &field(1, b"temporal-sys-scheduler:x"))]);
    assert!(signal.unwrap().may_have_any_effect);
    let poll = read("PollWorkflowTaskQueue", &[field(1, b"own"), field(2, &field(1, b"temporal-sys-per-ns-tq"))]);
    assert!(!poll.unwrap().may_have_any_effect, "Temporal's own workers poll its queues");
    let start = read("StartWorkflowExecution", &[field(1, b"temporal-system")]).unwrap();
    assert!(start.may_have_any_effect && start.may_reach_any_namespace);
}

#[test]
fn too_many_children_matter_only_to_limits_on_workflow_ids() {
    let names = |limits: LimitSet, count: usize| {
        let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
        let mut reader = RequestReader::for_limits(method, limits);
        for index in 0..count {
            reader.feed(&field(2, &field(12, &field(2, format!("{index:0>36}").as_bytes())))).unwrap();
        }
        reader.finish().unwrap().names
    };
    let (ids, queues) = (LimitSet::NONE.with(Limit::WorkflowIds), LimitSet::NONE.with(Limit::TaskQueues));
    assert!(!names(ids, 2000).is_incomplete(Limit::WorkflowIds) && names(ids, 2049).is_incomplete(Limit::WorkflowIds));
    assert_eq!(names(queues, 2049).of(Limit::WorkflowIds).len(), 0);
    assert!(!names(queues, 2049).is_incomplete(Limit::WorkflowIds));
}

#[test]
fn effects_in_too_many_namespaces_count_in_the_requests_own() {
    let command =
        |index: usize, last: &[u8]| field(12, &[field(1, format!("n{index}").as_bytes()), last.to_vec()].concat());
    let mut commands: Vec<_> = (0..16).map(|index| command(index, b"")).collect();
    commands.push(command(16, &number(11, 4)));
    let target = answer(&commands).unwrap();
    assert!(target.needs_system.is_some() && target.effects.covers(EffectSet::TERMINATE.with(EffectSet::START)));
}

#[test]
fn naming_a_schedules_workflow_names_the_schedule() {
    let bytes = [field(1, b"own"), field(2, &field(1, b"temporal-sys-scheduler:payday"))].concat();
    let names = limited("DescribeWorkflowExecution", &bytes).unwrap().names;
    assert_eq!(names.of(Limit::ScheduleIds), ["payday"]);
}
