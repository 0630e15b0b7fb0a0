use super::outcome::MAX_MENTIONS;
use super::*;
use crate::temporal::names::{Limit, QueueUse};
use crate::temporal::{Catalogue, NamespaceEffects};

mod answers;
mod http;
mod newer;

fn field(number: u8, value: &[u8]) -> Vec<u8> {
    assert!(number < 32 && value.len() < 128);
    let tag = u32::from(number) << 3 | 2;
    let tag = if tag < 128 { vec![tag as u8] } else { vec![tag as u8 | 0x80, (tag >> 7) as u8] };
    [tag, vec![value.len() as u8], value.to_vec()].concat()
}

fn number(number: u8, value: u8) -> Vec<u8> {
    let tag = u32::from(number) << 3;
    let tag = if tag < 128 { vec![tag as u8] } else { vec![tag as u8 | 0x80, (tag >> 7) as u8] };
    [tag, vec![value]].concat()
}

fn read(method: &str, parts: &[Vec<u8>]) -> Result<Target, DecodeError> {
    let method = Catalogue::default().named(method).unwrap();
    let bytes = parts.concat();
    let read = |chunk: usize| {
        let mut reader = RequestReader::new(method.clone(), false);
        for part in bytes.chunks(chunk) {
            reader.feed(part)?;
        }
        reader.finish()
    };
    let whole = read(usize::MAX);
    for chunk in 1..bytes.len() {
        assert_eq!(read(chunk), whole, "in chunks of {chunk}");
    }
    whole
}

#[test]
fn the_namespace_is_read_from_the_field_that_the_table_says() {
    let target = read("StartWorkflowExecution", &[field(2, b"id"), field(1, b"payroll")]).unwrap();
    assert_eq!((target.namespace.as_str(), target.effects, target.needs_system), ("payroll", EffectSet::START, None));
    let target = read("RespondWorkflowTaskCompleted", &[field(9, b"payroll"), field(1, &field(2, b"w"))]).unwrap();
    assert_eq!((target.namespace.as_str(), target.needs_system), ("payroll", None));
}

#[test]
fn two_namespaces_are_refused_in_either_order() {
    for (first, second) in [("own", ""), ("", "own"), ("own", "other"), ("own", "own")] {
        let parts = [field(1, first.as_bytes()), field(1, second.as_bytes())];
        assert!(read("StartWorkflowExecution", &parts).is_err(), "{first:?} {second:?}");
    }
}

#[test]
fn a_field_with_another_wire_type_is_not_the_namespace() {
    let target = read("StartWorkflowExecution", &[number(1, 5), field(1, b"payroll")]).unwrap();
    assert_eq!(target.namespace, "payroll");
    assert!(read("StartWorkflowExecution", &[number(1, 5)]).unwrap().needs_system.is_some());
}

#[test]
fn names_must_be_utf8() {
    assert!(read("StartWorkflowExecution", &[field(1, b"pay\xffroll")]).is_err());
    assert!(read("StartWorkflowExecution", &[field(1, b"pay\xc0\x80roll")]).is_err(), "overlong");
}

#[test]
fn a_namespace_that_is_missing_or_named_by_id_needs_a_system_grant() {
    assert!(read("DescribeNamespace", &[field(1, b"own"), field(2, b"uuid")]).unwrap().needs_system.is_some());
    assert!(read("DescribeNamespace", &[field(2, b"uuid")]).unwrap().needs_system.is_some());
    assert!(read("DescribeNamespace", &[field(1, b"own"), field(2, b"")]).unwrap().needs_system.is_none());
    assert!(read("RespondWorkflowTaskCompleted", &[field(1, &field(2, b"w"))]).unwrap().needs_system.is_some());
}

#[test]
fn commands_are_searched_for_other_namespaces() {
    let child = |namespace: &[u8]| field(2, &field(12, &field(1, namespace)));
    let target = |commands: &[Vec<u8>]| {
        read("RespondWorkflowTaskCompleted", &[commands, &[field(9, b"own")][..]].concat()).unwrap()
    };
    assert_eq!(target(&[child(b"own"), child(b"own"), child(b"")]).needs_system, None);
    assert_eq!(target(&[child(b"own"), child(b"")]).elsewhere, []);
    let three = target(&[child(b"own"), child(b"a"), child(b"b")]);
    let start = |namespace: &str| NamespaceEffects { namespace: namespace.to_owned(), effects: EffectSet::START };
    assert_eq!((three.needs_system, three.elsewhere), (None, vec![start("a"), start("b")]));
    assert_eq!(three.effects, EffectSet::RESPOND);
}

#[test]
fn a_command_has_its_effects_in_the_namespace_that_it_names() {
    // A child with WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING, and a signal.
    let child = |namespace: &[u8]| field(2, &field(12, &[field(1, namespace), number(11, 4)].concat()));
    let signal = |namespace: &[u8]| field(2, &field(13, &field(1, namespace)));
    let read = |commands: &[Vec<u8>]| {
        let parts = [commands, &[field(9, b"own")][..]].concat();
        let target = super::tests::read("RespondWorkflowTaskCompleted", &parts).unwrap();
        target.effects_by_namespace().map(|(name, effects)| (name.to_owned(), effects)).collect::<Vec<_>>()
    };
    let respond = EffectSet::RESPOND;
    assert_eq!(read(&[child(b"own"), signal(b"")]), [("own".to_owned(), respond.with(EffectSet::TERMINATE))]);
    assert_eq!(read(&[child(b"")]), [("own".to_owned(), respond.with(EffectSet::TERMINATE))]);
    let there = EffectSet::START.with(EffectSet::TERMINATE);
    assert_eq!(read(&[child(b"a")]), [("own".to_owned(), respond), ("a".to_owned(), there)]);
    let both = there.with(EffectSet::SIGNAL);
    assert_eq!(read(&[child(b"a"), signal(b"a")]), [("own".to_owned(), respond), ("a".to_owned(), both)]);
}

#[test]
fn too_many_namespaces_need_a_system_grant() {
    let signals = |count: usize| -> Vec<Vec<u8>> {
        let named = |index| field(2, &field(13, &field(1, format!("n{index}").as_bytes())));
        (0..count).map(named).chain([field(9, b"own")]).collect()
    };
    let read = |count| super::tests::read("RespondWorkflowTaskCompleted", &signals(count)).unwrap();
    assert_eq!((read(MAX_MENTIONS).needs_system, read(MAX_MENTIONS).may_reach_any_namespace), (None, false));
    assert_eq!(
        (read(MAX_MENTIONS + 1).needs_system.is_some(), read(MAX_MENTIONS + 1).may_reach_any_namespace),
        (true, true)
    );
}

#[test]
fn the_operations_of_a_multi_operation_are_searched() {
    let start = |namespace: &[u8]| field(2, &field(1, &field(1, namespace)));
    let target = |inner: &[u8]| read("ExecuteMultiOperation", &[field(1, b"own"), start(inner)]).unwrap();
    assert_eq!((target(b"own").needs_system, target(b"own").elsewhere), (None, vec![]));
    let other = NamespaceEffects { namespace: "other".to_owned(), effects: EffectSet::START };
    assert_eq!(target(b"other").elsewhere, [other]);
}

#[test]
fn options_that_terminate_have_the_effect_terminate() {
    let start = |value| read("StartWorkflowExecution", &[field(1, b"own"), number(22, value)]).unwrap().effects;
    assert!(start(3).covers(EffectSet::TERMINATE), "TERMINATE_EXISTING");
    assert!(!start(2).covers(EffectSet::TERMINATE));
    let twice = [field(1, b"own"), number(22, 1), number(22, 3)];
    assert!(read("StartWorkflowExecution", &twice).is_err(), "a duplicate option");
}

#[test]
fn an_enum_is_read_from_its_low_32_bits_as_protobuf_go_does() {
    let high = [vec![0xb0, 0x01], vec![0x83, 0x80, 0x80, 0x80, 0x10]].concat();
    let target = read("StartWorkflowExecution", &[field(1, b"own"), high]).unwrap();
    assert!(target.effects.covers(EffectSet::TERMINATE));
}

#[test]
fn workflows_and_queues_of_temporals_own_need_an_admin_of_the_cluster() {
    let execution = |id: &[u8]| field(2, &field(1, id));
    let needs_admin = |method: &str, parts: &[Vec<u8>]| {
        let target = read(method, &[parts, &[field(1, b"own")][..]].concat()).unwrap();
        assert_eq!(target.needs_system.is_some(), target.effects.covers(EffectSet::CLUSTER_ADMIN));
        target.needs_system.is_some()
    };
    assert!(needs_admin("SignalWorkflowExecution", &[execution(b"temporal-sys-scheduler:payday")]));
    assert!(!needs_admin("SignalWorkflowExecution", &[execution(b"my-temporal-sys-scheduler")]));
    assert!(needs_admin("PollWorkflowTaskQueue", &[execution(b"temporal-sys-per-ns-tq")]));
    assert!(needs_admin("PollActivityTaskQueue", &[execution(b"/_sys/payroll/1")]));
    assert!(!needs_admin("GetWorkflowExecutionHistory", &[execution(b"temporal-sys-scheduler:payday")]));
    assert!(needs_admin("StartWorkflowExecution", &[field(4, &field(1, b"temporal-sys-batcher-taskqueue"))]));
}

#[test]
fn temporals_own_endpoint_needs_a_system_grant() {
    let schedule = |endpoint: &[u8]| field(2, &field(18, &field(1, endpoint)));
    let needs_system = |endpoint: &[u8]| {
        read("RespondWorkflowTaskCompleted", &[field(9, b"own"), schedule(endpoint)]).unwrap().needs_system
    };
    assert!(needs_system(b"__temporal_system").is_some() && needs_system(b"payments").is_none());
}

#[test]
fn stopping_a_batch_terminates_the_workflow_with_its_id() {
    let stop = |job: &[u8]| read("StopBatchOperation", &[field(1, b"own"), field(2, job)]).unwrap();
    assert_eq!((stop(b"job").effects, stop(b"job").needs_system), (EffectSet::BATCH.with(EffectSet::TERMINATE), None));
    assert!(stop(b"temporal-sys-scheduler:payday").needs_system.is_some());
    let start = |job: &[u8]| read("StartBatchOperation", &[field(1, b"own"), field(3, job)]).unwrap();
    assert!(start(b"temporal-sys-scheduler:payday").needs_system.is_some() && start(b"job").needs_system.is_none());
}

#[test]
fn callbacks_into_temporal_may_reach_any_namespace() {
    let callback = |url: &str| field(21, &field(2, &field(1, url.as_bytes())));
    let target = |url: &str| read("StartWorkflowExecution", &[field(1, b"own"), callback(url)]).unwrap();
    for url in ["temporal://system", "temporal://internal", "Temporal:x", " temporal://system"] {
        assert!(target(url).registers_callback && target(url).may_reach_any_namespace, "{url}");
    }
    let other = target("https://temporal.example.com/");
    assert!(!other.registers_callback && !other.may_reach_any_namespace && other.effects.covers(EffectSet::NEXUS));
    let internal = [field(1, b"own"), field(21, &field(3, &field(1, b"anything")))];
    assert!(read("StartWorkflowExecution", &internal).unwrap().registers_callback);
}

#[test]
fn names_are_read_if_limits_need_them() {
    let queue = |name: &[u8]| [field(3, b"normal"), field(1, name), number(2, 2)].concat();
    let child = [field(3, &field(1, b"Child")), field(4, &queue(b"q"))].concat();
    let commands = field(2, &[field(12, &child), field(18, &field(1, b"tax"))].concat());
    let sticky = field(4, &field(1, &queue(b"host-uuid")));
    let bytes = [commands, sticky, field(9, b"own")].concat();
    let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
    let names = |watch: bool, chunk: usize| {
        let mut reader = RequestReader::new(method.clone(), watch);
        bytes.chunks(chunk).for_each(|part| reader.feed(part).unwrap());
        reader.finish().unwrap().names
    };
    assert_eq!(names(false, 1), RequestNames::default());
    let queue = |used, name: &str| TaskQueue { used, name: name.into(), kind: 2, normal_name: "normal".into() };
    let mut expected = RequestNames::collecting(LimitSet::ALL);
    [queue(QueueUse::Named, "q"), queue(QueueUse::WorkflowPoll, "host-uuid")]
        .into_iter()
        .for_each(|queue| expected.add_queue(queue));
    expected.add(Limit::WorkflowTypes, "Child");
    expected.add(Limit::NexusEndpoints, "tax");
    for chunk in 1..=bytes.len() {
        assert_eq!(names(true, chunk), expected, "in chunks of {chunk}");
    }
}

#[test]
fn too_many_names_are_reported() {
    let names = |count: usize| {
        let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
        let mut reader = RequestReader::new(method, true);
        for index in 0..count {
            reader.feed(&field(2, &field(18, &field(1, format!("e{index}").as_bytes())))).unwrap();
        }
        reader.finish().unwrap().names.is_incomplete(Limit::NexusEndpoints)
    };
    assert!(!names(64) && names(65));
}

#[test]
fn names_are_remembered_up_to_a_total_length() {
    let names = |count: usize| {
        let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
        let mut reader = RequestReader::new(method, true);
        for index in 0..count {
            let queue = field(4, &field(1, format!("{index:0>100}").as_bytes()));
            let command = field(2, &field(12, &queue));
            reader.feed(&command).unwrap();
        }
        reader.finish().unwrap().names
    };
    assert!(!names(64).is_incomplete(Limit::TaskQueues), "64 names of 100 bytes fit");
    let mut long = RequestNames::collecting(LimitSet::ALL);
    for index in 0..30 {
        long.add_queue(TaskQueue {
            name: format!("{index:0>1000}"),
            normal_name: "n".repeat(1000),
            ..TaskQueue::default()
        });
    }
    assert!(long.is_incomplete(Limit::TaskQueues) && long.queues.len() == 8, "{}", long.queues.len());
}

#[test]
fn temporals_own_namespace_needs_an_admin_of_the_cluster() {
    let target = |method: &str| read(method, &[field(1, b"temporal-system")]).unwrap();
    assert!(target("StartWorkflowExecution").effects.covers(EffectSet::CLUSTER_ADMIN));
    assert!(target("PollActivityTaskQueue").needs_system.is_some());
    for other in ["TEMPORAL-System", "temporal-system  "] {
        let target = read("StartWorkflowExecution", &[field(1, other.as_bytes())]).unwrap();
        assert!(target.needs_system.is_some(), "{other:?}");
    }
    assert!(read("StartWorkflowExecution", &[field(1, b"temporal-systems")]).unwrap().needs_system.is_none());
    assert!(target("ListWorkflowExecutions").needs_system.is_none(), "reading is harmless");
    let command = field(2, &field(13, &field(1, b"temporal-system")));
    assert!(read("RespondWorkflowTaskCompleted", &[command, field(9, b"own")]).unwrap().needs_system.is_some());
}

#[test]
fn a_batch_over_temporals_own_workflows_needs_an_admin_of_the_cluster() {
    let query = |text: &[u8]| {
        let parts = [field(1, b"own"), field(11, b""), field(2, text)];
        read("StartBatchOperation", &parts).unwrap().effects.covers(EffectSet::CLUSTER_ADMIN)
    };
    assert!(query(b"TemporalNamespaceDivision = 'TemporalScheduler'"));
    assert!(query(b"`Namespace``division` IS NOT NULL"));
    assert!(!query(b"WorkflowType = 'Namespace'"));
}

#[test]
fn the_length_of_a_batchs_query_is_bounded() {
    let query = |length: usize| {
        let method = Catalogue::default().named("StartBatchOperation").unwrap();
        let mut reader = RequestReader::new(method, false);
        let length_bytes = [length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8];
        reader.feed(&[&[0x12][..], &length_bytes, &vec![b'x'; length]].concat())?;
        reader.finish()
    };
    assert!(query(2000).is_ok() && query(64 << 10).is_ok());
    assert!(query((64 << 10) + 1).is_err());
}

#[test]
fn a_batch_has_the_effects_of_its_operation() {
    let effects = |parts: &[Vec<u8>]| {
        let target = read("StartBatchOperation", &[parts, &[field(1, b"own")][..]].concat()).unwrap();
        assert_eq!(target.needs_system, None);
        target.effects
    };
    let terminate = field(10, b"");
    assert_eq!(effects(std::slice::from_ref(&terminate)), EffectSet::BATCH.with(EffectSet::TERMINATE));
    // Without a known operation, or with an unknown field, the batch could do anything that a batch may do.
    assert!(effects(&[]).covers(EffectSet::WRITER));
    assert!(effects(&[field(11, b""), field(23, b"")]).covers(EffectSet::WRITER));
    assert!(!effects(&[field(11, b"")]).covers(EffectSet::TERMINATE));
}
