//! Requests over HTTP: the same meaning as over gRPC, from path, query and JSON.

use super::*;
use crate::temporal::http::{ApiCall, Verb, api_call};
use crate::temporal::names::Limit;
use crate::temporal::{EffectSet, Target};
use crate::wire::http::{HttpFault, pairs, segments};

fn read(verb: &str, target: &str, body: &str) -> Result<Target, DecodeError> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut call: ApiCall = api_call(Verb::of(verb.as_bytes()), &segments(path.as_bytes())?).expect("a route");
    if !call.has_body {
        call.parameters.query = pairs(query.as_bytes())?;
    }
    let body = call.has_body.then_some(body.as_bytes());
    RequestReader::new(call.method, true).finish_http(&call.parameters, body)
}

fn start(body: &str) -> Result<Target, DecodeError> {
    read("POST", "/api/v1/namespaces/payroll/workflows/w", body)
}

fn refused(fault: HttpFault) -> Result<Target, DecodeError> {
    Err(DecodeError::Http(fault))
}

#[test]
fn path_and_body_are_one_request() {
    let target =
        start(r#"{"workflowType":{"name":"T"},"task_queue":{"name":"q","kind":"TASK_QUEUE_KIND_NORMAL"}}"#).unwrap();
    assert_eq!((target.namespace.as_str(), target.effects), ("payroll", EffectSet::START));
    assert_eq!(target.names.of(Limit::WorkflowIds), ["w"]);
    assert_eq!(target.names.of(Limit::WorkflowTypes), ["T"]);
    assert_eq!((target.names.queues[0].name.as_str(), target.names.queues[0].kind), ("q", 1));
    assert_eq!(target.newer.count, 0);
    for empty in ["", " \r\n\t", "{}", r#"{"namespace":null,"workflowType":null}"#] {
        assert_eq!(start(empty).unwrap().namespace, "payroll", "{empty:?}");
    }
}

#[test]
fn options_inside_the_body_have_their_effects() {
    let terminate = EffectSet::START.with(EffectSet::TERMINATE);
    for (body, effects) in [
        (r#"{"workflowIdConflictPolicy":"WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"}"#, terminate),
        (r#"{"workflow_id_conflict_policy":"TerminateExisting"}"#, terminate),
        (r#"{"workflowIdConflictPolicy":3}"#, terminate),
        (r#"{"workflow\u0049dConflictPolicy":3}"#, terminate),
        (r#"{"workflowIdReusePolicy":"WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING"}"#, terminate),
        (r#"{"workflowIdConflictPolicy":"UseExisting"}"#, EffectSet::START),
        (r#"{"requestEagerExecution":true}"#, EffectSet::START.with(EffectSet::POLL)),
        (r#"{"requestEagerExecution":false}"#, EffectSet::START),
        (r#"{"completionCallbacks":[{}]}"#, EffectSet::START.with(EffectSet::NEXUS)),
        (r#"{"completionCallbacks":[]}"#, EffectSet::START),
        (
            r#"{"input":[{"workflowIdConflictPolicy":3}],"memo":{"fields":{"requestEagerExecution":true}}}"#,
            EffectSet::START,
        ),
    ] {
        assert_eq!(start(body).unwrap().effects, effects, "{body}");
    }
    let callback = start(r#"{"completionCallbacks":[{"nexus":{"url":"temporal://system"}}]}"#).unwrap();
    assert!(callback.registers_callback);
    assert!(!start(r#"{"completionCallbacks":[{"nexus":{"url":"http://x"}}]}"#).unwrap().registers_callback);
    assert!(start(r#"{"onConflictOptions":{}}"#).unwrap().names.attaches_to_running);
    assert!(!start(r#"{"onConflictOptions":null}"#).unwrap().names.attaches_to_running);
    let batch = |operation: &str| {
        read("POST", "/namespaces/p/batch-operations/b", &format!("{{{operation}}}")).unwrap().effects
    };
    assert!(batch(r#""terminationOperation":{}"#).covers(EffectSet::TERMINATE));
    assert!(!batch(r#""signalOperation":{"signal":"s"}"#).covers(EffectSet::TERMINATE));
    assert!(batch(r#""operationOfTheFuture":{}"#).covers(EffectSet::WRITER));
    assert!(batch("").covers(EffectSet::WRITER));
}

#[test]
fn a_body_that_could_be_read_in_two_ways_is_refused() {
    use HttpFault::{DuplicateMember, Json, JsonValue, PathContradicted, SecondArm};
    for (body, fault) in [
        (r#"{"workflowType":{"name":"A"},"workflow_type":{"name":"B"}}"#, DuplicateMember),
        (r#"{"workflowType":{"name":"A","name":"B"}}"#, DuplicateMember),
        (r#"{"workflowType":null,"workflowType":{"name":"B"}}"#, DuplicateMember),
        (r#"{"namespace":"payroll","namespace":"payroll"}"#, DuplicateMember),
        (r#"{"namespace":null,"namespace":"other"}"#, DuplicateMember),
        (r#"{"namespace":"other"}"#, PathContradicted),
        (r#"{"workflowId":"x"}"#, PathContradicted),
        (r#"{"workflow_id":"x"}"#, PathContradicted),
        (r#"{"completionCallbacks":[{"nexus":{"url":"http://x"},"internal":{}}]}"#, SecondArm),
        (r#"{} {}"#, Json),
        (r#"{}x"#, Json),
        (r#"{"#, Json),
        ("null", Json),
        ("[]", Json),
        ("\u{feff}{}", Json),
        (r#"{"a":01}"#, Json),
        (r#"{a:1}"#, Json),
        (r#"{"a":1,}"#, Json),
        (r#"{"workflowIdConflictPolicy":3.0}"#, JsonValue),
        (r#"{"workflowIdConflictPolicy":3e0}"#, JsonValue),
        (r#"{"workflowIdConflictPolicy":"3"}"#, JsonValue),
        (r#"{"workflowIdConflictPolicy":"NONSENSE"}"#, JsonValue),
        (r#"{"workflowIdConflictPolicy":4294967299}"#, JsonValue),
        (r#"{"workflowIdConflictPolicy":true}"#, JsonValue),
        (r#"{"workflowIdConflictPolicy":[3]}"#, JsonValue),
        (r#"{"requestEagerExecution":1}"#, JsonValue),
        (r#"{"requestEagerExecution":"true"}"#, JsonValue),
        (r#"{"workflowType":"A"}"#, JsonValue),
        (r#"{"workflowType":[{"name":"A"}]}"#, JsonValue),
        (r#"{"workflowType":{"name":7}}"#, JsonValue),
        (r#"{"workflowType":{"name":{}}}"#, JsonValue),
        (r#"{"completionCallbacks":{}}"#, JsonValue),
        (r#"{"completionCallbacks":[null]}"#, JsonValue),
        (r#"{"completionCallbacks":[[{}]]}"#, JsonValue),
    ] {
        assert_eq!(start(body), refused(fault), "{body}");
    }
    assert_eq!(start("{\"a\":\"\u{1}\"}"), refused(Json));
    assert!(start(r#"{"namespace":7}"#).is_err() && start(r#"{"workflowId":7}"#).is_err());
    assert!(start(r#"{"workflowType":{"name":"\ud800"}}"#).is_err());
    assert!(start(r#"{"namespace":"payroll","workflow_id":"w"}"#).is_ok());
    assert!(start(&format!(r#"{{"workflowType":{{"name":"{}"}}}}"#, "x".repeat(1001))).is_err());
    let bytes = b"{\"identity\":\"\xff\"}";
    let call = api_call(Some(Verb::Post), &segments(b"/namespaces/p/workflows/w").unwrap()).unwrap();
    let read = RequestReader::new(call.method, true).finish_http(&call.parameters, Some(bytes));
    assert_eq!(read, Err(DecodeError::NotUtf8));
}

#[test]
fn variables_within_messages_are_set_with_and_without_their_message_in_the_body() {
    let signal = |body: &str| read("POST", "/namespaces/p/workflows/w/signal/s", body);
    for body in [
        "",
        "{}",
        r#"{"workflowExecution":{}}"#,
        r#"{"workflowExecution":null}"#,
        r#"{"workflow_execution":{"runId":"r","workflowId":"w"}}"#,
    ] {
        let target = signal(body).unwrap();
        assert_eq!(target.names.of(Limit::WorkflowIds), ["w"], "{body}");
        assert_eq!(target.names.of(Limit::Signals), ["s"], "{body}");
        assert_eq!((target.namespace.as_str(), target.effects), ("p", EffectSet::SIGNAL));
    }
    assert_eq!(signal(r#"{"workflowExecution":{"workflowId":"x"}}"#), refused(HttpFault::PathContradicted));
    assert_eq!(signal(r#"{"signalName":"x"}"#), refused(HttpFault::PathContradicted));
    let query = read("POST", "/namespaces/p/workflows/w/query/q", r#"{"query":{"queryArgs":["x"]}}"#).unwrap();
    assert_eq!(query.names.of(Limit::Queries), ["q"]);
    let update = read("POST", "/namespaces/p/workflows/w/update/u", r#"{"request":{"input":{"args":[1]}}}"#).unwrap();
    assert_eq!(update.names.of(Limit::Updates), ["u"]);
    assert!(read("POST", "/namespaces/p/workflows/w/update/u", r#"{"request":{"input":{"name":"v"}}}"#).is_err());
}

#[test]
fn a_namespace_may_be_in_the_body_alone() {
    let register = |body: &str| read("POST", "/cluster/namespaces", body).unwrap();
    assert_eq!(register(r#"{"namespace":"new"}"#).namespace, "new");
    assert_eq!(register("").namespace, "");
    assert!(register("").needs_system.is_some());
    let update = r#"{"config":{"customSearchAttributeAliases":{"Keyword01":"x","TemporalNamespaceDivision":"y"}}}"#;
    let update = read("POST", "/cluster/namespaces/p/update", update).unwrap();
    assert!(update.needs_system.is_some(), "{update:?}");
    let plain = r#"{"config":{"customSearchAttributeAliases":{"Keyword01":"x"}},"updateInfo":{"state":"NAMESPACE_STATE_DELETED"}}"#;
    let plain = read("POST", "/cluster/namespaces/p/update", plain).unwrap();
    assert!(plain.needs_system.is_none() && plain.effects.covers(EffectSet::DELETE), "{plain:?}");
}

#[test]
fn task_tokens_are_read_in_base64() {
    let complete =
        |token: &str| read("POST", "/namespaces/p/activity-complete", &format!(r#"{{"taskToken":"{token}"}}"#));
    for token in ["EgJ3Zg==", "EgJ3Zg"] {
        assert_eq!(complete(token).unwrap().names.of(Limit::WorkflowIds), ["wf"], "{token}");
    }
    assert_eq!(complete("*"), refused(HttpFault::Base64));
    assert!(complete("EgJ3").is_err(), "a token that ends within a field");
}

#[test]
fn the_query_completes_requests_without_a_body() {
    let get = |target: &str| read("GET", target, "");
    let history = get("/namespaces/p/workflows/w/history?execution.runId=r&maximumPageSize=1&pretty").unwrap();
    assert_eq!(history.names.of(Limit::WorkflowIds), ["w"]);
    assert_eq!((history.namespace.as_str(), history.newer.count), ("p", 0));
    let by_id = get("/cluster/namespaces/p?id=uuid").unwrap();
    assert!(by_id.needs_system.is_some());
    assert!(get("/cluster/namespaces/p?id=").unwrap().needs_system.is_none());
    assert_eq!(get("/cluster/namespaces/p?future=1").unwrap().newer.count, 1);
    for (target, fault) in [
        ("/cluster/namespaces/p?id=a&id=b", HttpFault::DuplicateParameter),
        ("/cluster/namespaces/p?namespace=q", HttpFault::DuplicateParameter),
        ("/cluster/namespaces/p?namespace=p", HttpFault::DuplicateParameter),
        ("/cluster/namespaces/p?id.x=a", HttpFault::Parameter),
        ("/cluster/namespaces/p?id[x]=a", HttpFault::QueryKey),
        ("/cluster/namespaces/p?id=a;b", HttpFault::QuerySeparator),
        ("/cluster/namespaces/p?id=%", HttpFault::QueryEscape),
        ("/namespaces/p/workflows/w/history?execution.workflowId=x", HttpFault::DuplicateParameter),
        ("/namespaces/p/workflows/w/history?execution.workflow_id=w", HttpFault::DuplicateParameter),
        ("/namespaces/p/workflows/w/history?execution=x", HttpFault::Parameter),
        ("/namespaces/p/activities/a?activityId=b", HttpFault::DuplicateParameter),
    ] {
        assert_eq!(get(target), refused(fault), "{target}");
    }
    // A list on which no decision depends.
    assert_eq!(get("/namespaces/p/task-queues/q?taskQueueTypes=1&task_queue_types=2").unwrap().newer.count, 0);
    let delete = read("DELETE", "/namespaces/p/schedules/s?identity=me", "").unwrap();
    assert_eq!((delete.effects, delete.names.of(Limit::ScheduleIds)), (EffectSet::SCHEDULE, &["s".to_owned()][..]));
    let queue =
        get("/namespaces/p/task-queues/q?taskQueue.kind=TASK_QUEUE_KIND_STICKY&task_queue.normalName=n").unwrap();
    assert_eq!((queue.names.queues[0].kind, queue.names.queues[0].normal_name.as_str()), (2, "n"));
    let queue = |kind: &str| get(&format!("/namespaces/p/task-queues/q?taskQueue.kind={kind}"));
    assert_eq!(queue("2").unwrap().names.queues[0].kind, 2);
    for kind in ["99", "-1", "+1", "x", ""] {
        assert!(queue(kind).is_err(), "{kind}");
    }
}

#[test]
fn the_query_is_ignored_where_there_is_a_body() {
    let target = read("POST", "/namespaces/p/workflows/w?namespace=other&workflowIdConflictPolicy=3", "{}").unwrap();
    assert_eq!((target.namespace.as_str(), target.effects), ("p", EffectSet::START));
}

#[test]
fn large_bodies_that_do_not_matter_are_skipped() {
    let deep = format!(r#"{{"input":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(start(&deep).is_ok());
    assert!(start(&format!(r#"{{"x":{}}}"#, "[".repeat(100_000))).is_err());
    let members = |count: usize| format!("{{{}\"z\":1}}", "\"a\":1,".repeat(count));
    assert!(start(&members(999)).is_ok());
    assert_eq!(start(&members(1000)), refused(HttpFault::TooManyMembers));
    let callbacks = format!(r#"{{"completionCallbacks":[{}]}}"#, vec![members(900); 3].join(","));
    assert_eq!(start(&callbacks), refused(HttpFault::TooManyMembers));
    assert!(start(&format!(r#"{{"completionCallbacks":[{}]}}"#, vec!["{}"; 10_000].join(","))).is_ok());
}
