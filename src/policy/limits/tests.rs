use super::queues::is_sticky;
use super::*;
use crate::temporal::names::{QueueUse, TaskQueue};
use crate::temporal::{Catalogue, RequestReader};

const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn to(wanted: &[(Limit, &str)]) -> Limits {
    let pattern = |text: &str| vec![Pattern::parse(text).unwrap()];
    Limits::from_fn(|limit| wanted.iter().find(|(known, _)| *known == limit).map(|(_, text)| pattern(text)))
}

fn limits() -> Limits {
    to(&[(Limit::TaskQueues, "team-a-*")])
}

fn queue(used: QueueUse, name: &str, kind: i32, normal_name: &str) -> TaskQueue {
    TaskQueue { used, name: name.into(), kind, normal_name: normal_name.into() }
}

fn miss<'a>(limits: &Limits, target: &'a Target) -> Option<LimitMiss<'a>> {
    limits.check(target, NamespaceRole::Own, target.effects).err()
}

fn target(method: &str, queues: Vec<TaskQueue>) -> Target {
    let mut target = RequestReader::new(Catalogue::default().named(method).unwrap(), true).finish().unwrap();
    target.names.queues = queues;
    target
}

#[test]
fn a_queue_is_judged_by_its_name() {
    let sticky = &format!("7@host-{}", UUID.replace('-', ""));
    let cases = [
        (QueueUse::WorkflowPoll, "team-a-x", 1, "", true),
        (QueueUse::WorkflowPoll, "team-a-x", 0, "", true),
        (QueueUse::WorkflowPoll, "team-b-x", 1, "team-a-x", false),
        (QueueUse::WorkflowPoll, "team-b-x", 2, "team-a-x", false),
        (QueueUse::WorkflowPoll, sticky, 2, "team-a-x", true),
        (QueueUse::WorkflowPoll, sticky, 2, "team-b-x", false),
        (QueueUse::WorkflowPoll, sticky, 2, "", false),
        (QueueUse::WorkflowPoll, sticky, 1, "team-a-x", false),
        (QueueUse::WorkflowPoll, "", 1, "team-a-x", false),
        (QueueUse::ActivityPoll, "team-a-x", 1, "", true),
        (QueueUse::ActivityPoll, "team-a-x", 2, "team-a-x", false),
        (QueueUse::ActivityPoll, "team-b-x", 2, "team-a-x", false),
        (QueueUse::ActivityPoll, sticky, 2, "team-a-x", false),
        (QueueUse::NexusPoll, "team-a-x", 1, "", true),
        (QueueUse::NexusPoll, "/temporal-sys/worker-commands/n/k", 3, "", true),
        (QueueUse::NexusPoll, "team-b-x", 3, "", false),
        (QueueUse::NexusPoll, "team-b-x", 1, "", false),
        (QueueUse::Named, "team-a-x", 0, "", true),
        (QueueUse::Named, "", 0, "", true),
        (QueueUse::Named, "team-b-x", 2, "team-a-x", false),
        (QueueUse::Sticky, sticky, 0, "", true),
        (QueueUse::Sticky, "team-b-x", 0, "", false),
        (QueueUse::Shutdown, "team-a-x", 0, "", true),
        (QueueUse::Shutdown, "team-b-x", 0, "", false),
        (QueueUse::Shutdown, "temporal-sys/worker-commands/n/k", 0, "", true),
        (QueueUse::Named, "temporal-sys/worker-commands/n/k", 0, "", false),
    ];
    for (used, name, kind, normal_name, expected) in cases {
        let queue = queue(used, name, kind, normal_name);
        assert_eq!(fits(&queue, limits().of(Limit::TaskQueues).unwrap()), expected, "{queue:?}");
    }
}

#[test]
fn sticky_queues_are_recognized_by_their_names() {
    let plain = UUID.replace('-', "");
    for name in [format!("host:{UUID}"), format!("7@host-{plain}"), format!("7@a:b:{UUID}")] {
        assert!(is_sticky(&name), "{name}");
    }
    for name in [UUID, &plain, "payroll", "é", &format!("-{plain}"), &format!("payroll{plain}"), &format!("a:{UUID}x")]
    {
        assert!(!is_sticky(name), "{name}");
    }
}

#[test]
fn targets_identified_by_id_are_outside_limits_on_queues_and_types_but_not_on_endpoints() {
    let endpoints = to(&[(Limit::NexusEndpoints, "e")]);
    for method in ["TerminateWorkflowExecution", "SignalWithStartWorkflowExecution", "ListWorkflowExecutions"] {
        assert!(miss(&limits(), &target(method, vec![])).is_some(), "{method}");
        assert!(miss(&endpoints, &target(method, vec![])).is_none(), "{method}");
    }
    for method in ["GetWorkflowExecutionHistory", "DescribeNamespace", "RespondActivityTaskCompleted"] {
        assert!(miss(&limits(), &target(method, vec![])).is_none(), "{method}");
    }
    assert!(miss(&limits(), &target("StartWorkflowExecution", vec![])).is_some(), "names no queue");
    let named = vec![queue(QueueUse::Named, "team-a-x", 0, "")];
    let mut start = target("StartWorkflowExecution", named);
    assert!(miss(&limits(), &start).is_none());
    start.effects = start.effects.with(EffectSet::TERMINATE);
    assert!(miss(&limits(), &start).is_some(), "terminates another");
}

#[test]
fn every_name_must_match() {
    let of = |names: &[&str]| names.iter().map(|name| queue(QueueUse::Named, name, 0, "")).collect();
    assert!(miss(&limits(), &target("RespondWorkflowTaskCompleted", of(&["team-a-x", "team-a-y", ""]))).is_none());
    assert!(miss(&limits(), &target("RespondWorkflowTaskCompleted", of(&["team-a-x", "team-b-y"]))).is_some());
    let mut many = target("RespondWorkflowTaskCompleted", vec![]);
    for index in 0..65 {
        many.names.add(Limit::Signals, &index.to_string());
    }
    assert!(miss(&limits(), &many).is_none(), "names of another sort");
    for index in 0..65 {
        many.names.add(Limit::WorkflowTypes, &index.to_string());
    }
    let limits = || to(&[(Limit::WorkflowTypes, "*")]);
    assert!(miss(&limits(), &many).is_some());
}

#[test]
fn a_command_into_another_namespace_starts_what_it_names_and_nothing_else() {
    let answer = target("RespondWorkflowTaskCompleted", vec![queue(QueueUse::Named, "team-a-x", 0, "")]);
    let elsewhere = |effects| limits().check(&answer, NamespaceRole::Foreign, effects).is_ok();
    assert!(elsewhere(EffectSet::START));
    assert!(!elsewhere(EffectSet::SIGNAL) && !elsewhere(EffectSet::START.with(EffectSet::TERMINATE)));
}

#[test]
fn a_start_that_attaches_to_a_running_execution_is_outside() {
    let mut start = target("StartWorkflowExecution", vec![queue(QueueUse::Named, "team-a-x", 0, "")]);
    assert!(miss(&limits(), &start).is_none());
    start.names.attaches_to_running = true;
    assert!(miss(&limits(), &start).is_some());
}

#[test]
fn admin_service_is_outside_every_limit() {
    let admin = Target::of(crate::temporal::MethodRef::Known(&crate::temporal::method::ADMIN_METHOD));
    assert!(miss(&limits(), &admin).is_some());
    let endpoints = to(&[(Limit::NexusEndpoints, "e")]);
    assert!(miss(&endpoints, &admin).is_some());
}

fn named(method: &str, names: &[(Limit, &str)]) -> Target {
    let mut target = target(method, vec![]);
    for (limit, name) in names {
        target.names.add(*limit, name);
    }
    target
}

#[test]
fn a_limit_on_workflow_ids_covers_requests_that_name_a_matching_id() {
    let ids = to(&[(Limit::WorkflowIds, "team-a-*")]);
    for method in
        ["StartWorkflowExecution", "TerminateWorkflowExecution", "QueryWorkflow", "RespondActivityTaskFailedById"]
    {
        assert!(miss(&ids, &named(method, &[(Limit::WorkflowIds, "team-a-1")])).is_none(), "{method}");
        for others in [&["team-b-1"][..], &["team-a-1", "team-b-1"], &[""], &[]] {
            let names: Vec<_> = others.iter().map(|name| (Limit::WorkflowIds, *name)).collect();
            assert!(miss(&ids, &named(method, &names)).is_some(), "{method} {others:?}");
        }
    }
    for method in ["PollWorkflowTaskQueue", "DescribeNamespace", "RespondQueryTaskCompleted", "RecordWorkerHeartbeat"] {
        assert!(miss(&ids, &named(method, &[])).is_none(), "{method} names no workflow");
    }
    for method in ["ListWorkflowExecutions", "StartBatchOperation", "StartActivityExecution", "CreateWorkflowRule"] {
        assert!(miss(&ids, &named(method, &[(Limit::WorkflowIds, "team-a-1")])).is_some(), "{method}");
    }
    let mut answer = named("RespondActivityTaskCompleted", &[(Limit::WorkflowIds, "team-a-1")]);
    assert!(miss(&ids, &answer).is_none());
    answer.names.has_standalone_task = true;
    assert!(miss(&ids, &answer).is_some(), "whatever workflow its token claims");
    answer.names = RequestNames::default();
    assert!(miss(&limits(), &answer).is_none());
    answer.names.has_unread_operation = true;
    assert!(miss(&ids, &answer).is_some() && miss(&limits(), &answer).is_some());
}

#[test]
fn a_schedule_needs_a_limit_on_schedule_ids_as_well() {
    let ids = to(&[(Limit::WorkflowIds, "a-*")]);
    let both = to(&[(Limit::WorkflowIds, "a-*"), (Limit::ScheduleIds, "s-*")]);
    let create = [(Limit::WorkflowIds, "a-1"), (Limit::ScheduleIds, "s-1")];
    assert!(miss(&both, &named("CreateSchedule", &create)).is_none());
    assert!(miss(&ids, &named("CreateSchedule", &create)).is_some());
    assert!(miss(&both, &named("CreateSchedule", &create[1..])).is_some(), "without the id of its action");
    assert!(miss(&both, &named("UpdateSchedule", &[create[0], (Limit::ScheduleIds, "t-1")])).is_some());
    assert!(miss(&both, &named("PatchSchedule", &create[1..])).is_none());
    assert!(miss(&ids, &named("PatchSchedule", &create[1..])).is_some());
    let schedules = to(&[(Limit::ScheduleIds, "s-*")]);
    assert!(miss(&schedules, &named("DescribeSchedule", &create[1..])).is_none());
    assert!(miss(&schedules, &named("DescribeSchedule", &[])).is_some());
    assert!(miss(&schedules, &named("ListSchedules", &[])).is_some());
    assert!(miss(&schedules, &named("StartWorkflowExecution", &[])).is_none(), "it names no schedule");
}

#[test]
fn a_request_that_signals_must_name_the_signal() {
    let signals = to(&[(Limit::Signals, "approve-*")]);
    for method in ["SignalWorkflowExecution", "SignalWithStartWorkflowExecution"] {
        assert!(miss(&signals, &named(method, &[(Limit::Signals, "approve-1")])).is_none(), "{method}");
        assert!(miss(&signals, &named(method, &[(Limit::Signals, "cancel")])).is_some(), "{method}");
        assert!(miss(&signals, &named(method, &[])).is_some(), "{method}");
    }
    assert!(miss(&signals, &named("TerminateWorkflowExecution", &[])).is_none());
    let mut answer = named("RespondWorkflowTaskCompleted", &[]);
    assert!(miss(&signals, &answer).is_none());
    answer.commands = EffectSet::SIGNAL;
    assert!(miss(&signals, &answer).is_some(), "a worker's command");
    let mut batch = named("StartBatchOperation", &[]);
    batch.effects = EffectSet::WRITER;
    assert!(miss(&signals, &batch).is_some(), "an unknown operation");
    let queries = to(&[(Limit::Queries, "state")]);
    assert!(miss(&queries, &named("QueryWorkflow", &[(Limit::Queries, "state")])).is_none());
    assert!(miss(&queries, &named("QueryWorkflow", &[(Limit::Queries, "__stack_trace")])).is_some());
    let updates = to(&[(Limit::Updates, "set")]);
    assert!(miss(&updates, &named("UpdateWorkflowExecution", &[(Limit::Updates, "set")])).is_none());
    assert!(miss(&updates, &named("ExecuteMultiOperation", &[])).is_some());
}
