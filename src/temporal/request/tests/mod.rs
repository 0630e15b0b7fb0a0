use super::outcome::MAX_NAMED;
use super::*;
use crate::temporal::names::{Limit, Use};
use crate::temporal::{Catalogue, NamespaceEffects};

mod answers;
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
fn the_namespace_sits_where_the_table_says() {
    let target = read("StartWorkflowExecution", &[field(2, b"id"), field(1, b"payroll")]).unwrap();
    assert_eq!((target.namespace.as_str(), target.effects, target.beyond), ("payroll", EffectSet::START, None));
    let target = read("RespondWorkflowTaskCompleted", &[field(9, b"payroll"), field(1, &field(2, b"w"))]).unwrap();
    assert_eq!((target.namespace.as_str(), target.beyond), ("payroll", None));
}

#[test]
fn a_namespace_given_twice_is_refused_in_either_order() {
    for (first, second) in [("own", ""), ("", "own"), ("own", "other"), ("own", "own")] {
        let parts = [field(1, first.as_bytes()), field(1, second.as_bytes())];
        assert!(read("StartWorkflowExecution", &parts).is_err(), "{first:?} {second:?}");
    }
}

#[test]
fn of_another_wire_type_it_is_not_the_namespace() {
    let target = read("StartWorkflowExecution", &[number(1, 5), field(1, b"payroll")]).unwrap();
    assert_eq!(target.namespace, "payroll");
    assert!(read("StartWorkflowExecution", &[number(1, 5)]).unwrap().beyond.is_some());
}

#[test]
fn names_must_be_utf8() {
    assert!(read("StartWorkflowExecution", &[field(1, b"pay\xffroll")]).is_err());
    assert!(read("StartWorkflowExecution", &[field(1, b"pay\xc0\x80roll")]).is_err(), "overlong");
}

#[test]
fn a_namespace_known_by_id_or_not_at_all_is_beyond_a_namespaces_grant() {
    assert!(read("DescribeNamespace", &[field(1, b"own"), field(2, b"uuid")]).unwrap().beyond.is_some());
    assert!(read("DescribeNamespace", &[field(2, b"uuid")]).unwrap().beyond.is_some());
    assert!(read("DescribeNamespace", &[field(1, b"own"), field(2, b"")]).unwrap().beyond.is_none());
    assert!(read("RespondWorkflowTaskCompleted", &[field(1, &field(2, b"w"))]).unwrap().beyond.is_some());
}

#[test]
fn commands_are_searched_for_other_namespaces() {
    let child = |namespace: &[u8]| field(2, &field(12, &field(1, namespace)));
    let target = |commands: &[Vec<u8>]| {
        read("RespondWorkflowTaskCompleted", &[commands, &[field(9, b"own")][..]].concat()).unwrap()
    };
    assert_eq!(target(&[child(b"own"), child(b"own"), child(b"")]).beyond, None);
    assert_eq!(target(&[child(b"own"), child(b"")]).elsewhere, []);
    let three = target(&[child(b"own"), child(b"a"), child(b"b")]);
    let start = |namespace: &str| NamespaceEffects { namespace: namespace.to_owned(), effects: EffectSet::START };
    assert_eq!((three.beyond, three.elsewhere), (None, vec![start("a"), start("b")]));
    assert_eq!(three.effects, EffectSet::RESPOND);
}

#[test]
fn a_command_has_its_effects_in_the_namespace_it_names() {
    // A child with WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING, and a signal.
    let child = |namespace: &[u8]| field(2, &field(12, &[field(1, namespace), number(11, 4)].concat()));
    let signal = |namespace: &[u8]| field(2, &field(13, &field(1, namespace)));
    let read = |commands: &[Vec<u8>]| {
        let parts = [commands, &[field(9, b"own")][..]].concat();
        let target = super::tests::read("RespondWorkflowTaskCompleted", &parts).unwrap();
        target.places().map(|(name, effects)| (name.to_owned(), effects)).collect::<Vec<_>>()
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
fn more_namespaces_than_are_remembered_are_beyond_namespace_grants() {
    let signals = |count: usize| -> Vec<Vec<u8>> {
        let named = |place| field(2, &field(13, &field(1, format!("n{place}").as_bytes())));
        (0..count).map(named).chain([field(9, b"own")]).collect()
    };
    let read = |count| super::tests::read("RespondWorkflowTaskCompleted", &signals(count)).unwrap();
    assert_eq!((read(MAX_NAMED).beyond, read(MAX_NAMED).unseen), (None, false));
    assert_eq!((read(MAX_NAMED + 1).beyond.is_some(), read(MAX_NAMED + 1).unseen), (true, true));
}

#[test]
fn the_operations_of_a_multi_operation_are_searched() {
    let start = |namespace: &[u8]| field(2, &field(1, &field(1, namespace)));
    let target = |inner: &[u8]| read("ExecuteMultiOperation", &[field(1, b"own"), start(inner)]).unwrap();
    assert_eq!((target(b"own").beyond, target(b"own").elsewhere), (None, vec![]));
    let other = NamespaceEffects { namespace: "other".to_owned(), effects: EffectSet::START };
    assert_eq!(target(b"other").elsewhere, [other]);
}

#[test]
fn options_that_terminate_have_the_effect() {
    let start = |value| read("StartWorkflowExecution", &[field(1, b"own"), number(22, value)]).unwrap().effects;
    assert!(start(3).covers(EffectSet::TERMINATE), "TERMINATE_EXISTING");
    assert!(!start(2).covers(EffectSet::TERMINATE));
    let twice = [field(1, b"own"), number(22, 1), number(22, 3)];
    assert!(read("StartWorkflowExecution", &twice).is_err(), "an option that decides twice");
}

#[test]
fn an_enum_is_its_low_32_bits_as_protobuf_go_reads_it() {
    let high = [vec![0xb0, 0x01], vec![0x83, 0x80, 0x80, 0x80, 0x10]].concat();
    let target = read("StartWorkflowExecution", &[field(1, b"own"), high]).unwrap();
    assert!(target.effects.covers(EffectSet::TERMINATE));
}

#[test]
fn workflows_and_queues_of_temporals_own_need_an_admin_of_the_cluster() {
    let execution = |id: &[u8]| field(2, &field(1, id));
    let needs_admin = |method: &str, parts: &[Vec<u8>]| {
        let target = read(method, &[parts, &[field(1, b"own")][..]].concat()).unwrap();
        assert_eq!(target.beyond.is_some(), target.effects.covers(EffectSet::CLUSTER_ADMIN));
        target.beyond.is_some()
    };
    assert!(needs_admin("SignalWorkflowExecution", &[execution(b"temporal-sys-scheduler:payday")]));
    assert!(!needs_admin("SignalWorkflowExecution", &[execution(b"my-temporal-sys-scheduler")]));
    assert!(needs_admin("PollWorkflowTaskQueue", &[execution(b"temporal-sys-per-ns-tq")]));
    assert!(needs_admin("PollActivityTaskQueue", &[execution(b"/_sys/payroll/1")]));
    assert!(!needs_admin("GetWorkflowExecutionHistory", &[execution(b"temporal-sys-scheduler:payday")]));
    assert!(needs_admin("StartWorkflowExecution", &[field(4, &field(1, b"temporal-sys-batcher-taskqueue"))]));
}

#[test]
fn the_endpoint_of_temporal_itself_is_its_own() {
    let schedule = |endpoint: &[u8]| field(2, &field(18, &field(1, endpoint)));
    let beyond =
        |endpoint: &[u8]| read("RespondWorkflowTaskCompleted", &[field(9, b"own"), schedule(endpoint)]).unwrap().beyond;
    assert!(beyond(b"__temporal_system").is_some() && beyond(b"payments").is_none());
}

#[test]
fn to_stop_a_batch_is_to_terminate_what_has_its_id() {
    let stop = |job: &[u8]| read("StopBatchOperation", &[field(1, b"own"), field(2, job)]).unwrap();
    assert_eq!((stop(b"job").effects, stop(b"job").beyond), (EffectSet::BATCH.with(EffectSet::TERMINATE), None));
    assert!(stop(b"temporal-sys-scheduler:payday").beyond.is_some());
    let start = |job: &[u8]| read("StartBatchOperation", &[field(1, b"own"), field(3, job)]).unwrap();
    assert!(start(b"temporal-sys-scheduler:payday").beyond.is_some() && start(b"job").beyond.is_none());
}

#[test]
fn callbacks_into_temporal_may_end_in_any_namespace() {
    let callback = |url: &str| field(21, &field(2, &field(1, url.as_bytes())));
    let target = |url: &str| read("StartWorkflowExecution", &[field(1, b"own"), callback(url)]).unwrap();
    for url in ["temporal://system", "temporal://internal", "Temporal:x", " temporal://system"] {
        assert!(target(url).calls_back && target(url).unseen, "{url}");
    }
    let other = target("https://temporal.example.com/");
    assert!(!other.calls_back && !other.unseen && other.effects.covers(EffectSet::NEXUS));
    let internal = [field(1, b"own"), field(21, &field(3, &field(1, b"anything")))];
    assert!(read("StartWorkflowExecution", &internal).unwrap().calls_back);
}

#[test]
fn names_are_read_where_limits_need_them() {
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
    assert_eq!(names(false, 1), Names::default());
    let queue = |used, name: &str| Queue { used, name: name.into(), kind: 2, normal_name: "normal".into() };
    let mut expected = Names::wanting(LimitSet::ALL);
    [queue(Use::Named, "q"), queue(Use::WorkflowPoll, "host-uuid")].into_iter().for_each(|queue| expected.queue(queue));
    expected.name(Limit::WorkflowTypes, "Child");
    expected.name(Limit::NexusEndpoints, "tax");
    for chunk in 1..=bytes.len() {
        assert_eq!(names(true, chunk), expected, "in chunks of {chunk}");
    }
}

#[test]
fn more_names_than_are_remembered_are_told_of() {
    let names = |count: usize| {
        let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
        let mut reader = RequestReader::new(method, true);
        for place in 0..count {
            reader.feed(&field(2, &field(18, &field(1, format!("e{place}").as_bytes())))).unwrap();
        }
        reader.finish().unwrap().names.is_incomplete(Limit::NexusEndpoints)
    };
    assert!(!names(64) && names(65));
}

#[test]
fn names_are_remembered_up_to_a_length() {
    let names = |count: usize| {
        let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
        let mut reader = RequestReader::new(method, true);
        for place in 0..count {
            let queue = field(4, &field(1, format!("{place:0>100}").as_bytes()));
            let command = field(2, &field(12, &queue));
            reader.feed(&command).unwrap();
        }
        reader.finish().unwrap().names
    };
    assert!(!names(64).is_incomplete(Limit::TaskQueues), "as many as any workflow has");
    let mut long = Names::wanting(LimitSet::ALL);
    for place in 0..30 {
        long.queue(Queue { name: format!("{place:0>1000}"), normal_name: "n".repeat(1000), ..Queue::default() });
    }
    assert!(long.is_incomplete(Limit::TaskQueues) && long.queues.len() == 8, "{}", long.queues.len());
}

#[test]
fn temporals_own_namespace_is_for_admins_of_the_cluster() {
    let target = |method: &str| read(method, &[field(1, b"temporal-system")]).unwrap();
    assert!(target("StartWorkflowExecution").effects.covers(EffectSet::CLUSTER_ADMIN));
    assert!(target("PollActivityTaskQueue").beyond.is_some());
    for other in ["TEMPORAL-System", "temporal-system  "] {
        let target = read("StartWorkflowExecution", &[field(1, other.as_bytes())]).unwrap();
        assert!(target.beyond.is_some(), "{other:?}");
    }
    assert!(read("StartWorkflowExecution", &[field(1, b"temporal-systems")]).unwrap().beyond.is_none());
    assert!(target("ListWorkflowExecutions").beyond.is_none(), "to read");
    let command = field(2, &field(13, &field(1, b"temporal-system")));
    assert!(read("RespondWorkflowTaskCompleted", &[command, field(9, b"own")]).unwrap().beyond.is_some());
}

#[test]
fn a_batch_over_temporals_own_workflows_is_for_admins_of_the_cluster() {
    let query = |text: &[u8]| {
        let parts = [field(1, b"own"), field(11, b""), field(2, text)];
        read("StartBatchOperation", &parts).unwrap().effects.covers(EffectSet::CLUSTER_ADMIN)
    };
    assert!(query(b"TemporalNamespaceDivision = 'TemporalScheduler'"));
    assert!(query(b"`Namespace``division` IS NOT NULL"));
    assert!(!query(b"WorkflowType = 'Namespace'"));
}

#[test]
fn a_batchs_query_may_be_long_but_not_without_end() {
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
fn a_batch_does_what_its_operation_does() {
    let effects = |parts: &[Vec<u8>]| {
        let target = read("StartBatchOperation", &[parts, &[field(1, b"own")][..]].concat()).unwrap();
        assert_eq!(target.beyond, None);
        target.effects
    };
    let terminate = field(10, b"");
    assert_eq!(effects(std::slice::from_ref(&terminate)), EffectSet::BATCH.with(EffectSet::TERMINATE));
    // Without an operation that is known, or beside a field that is not: the most that a batch could do.
    assert!(effects(&[]).covers(EffectSet::WRITER));
    assert!(effects(&[field(11, b""), field(23, b"")]).covers(EffectSet::WRITER));
    assert!(!effects(&[field(11, b"")]).covers(EffectSet::TERMINATE));
}
