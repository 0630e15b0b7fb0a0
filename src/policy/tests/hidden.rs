//! Namespaces in which a caller may do nothing.

use super::lists::{denial, open};
use super::*;
use crate::policy::denial::Denial;
use crate::policy::expiry::Expiry;

fn hidden(grants: Vec<Grant>, denials: Vec<Denial>, namespace: &str) -> bool {
    let policy = open(grants, denials);
    policy.may_do_nothing_in(&policy.principal(identity(json!({}))), namespace, NOW)
}

#[test]
fn who_has_any_grant_in_a_namespace_may_know_that_it_exists() {
    assert!(hidden(vec![], vec![], "payroll"));
    assert!(hidden(vec![in_namespace("writer", "payroll-*")], vec![], "payroll"));
    assert!(!hidden(vec![in_namespace("worker", "payroll")], vec![], "payroll"));
    assert!(!hidden(vec![in_namespace("reader", "pay*")], vec![], "payroll"));
    assert!(!hidden(vec![system("reader")], vec![], "payroll"));
}

#[test]
fn a_grant_that_gives_nothing_yet_or_no_longer_does_not_count() {
    let shadowed = Grant { shadow: true, ..in_namespace("writer", "payroll") };
    assert!(hidden(vec![shadowed], vec![], "payroll"));
    let ends = |at: &str| Grant { until: Expiry::parse(at), ..in_namespace("writer", "payroll") };
    assert!(hidden(vec![ends("2020-01-01T00:00:00Z")], vec![], "payroll"));
    assert!(!hidden(vec![ends("2100-01-01T00:00:00Z")], vec![], "payroll"));
}

#[test]
fn a_denial_hides_a_namespace_only_if_it_takes_everything_away() {
    let all = || vec![in_namespace("writer", "*")];
    assert!(hidden(all(), vec![denial(None, Some("pay*"))], "payroll"));
    assert!(hidden(all(), vec![denial(None, None)], "payroll"));
    assert!(!hidden(all(), vec![denial(None, Some("pay*"))], "finance"));
    assert!(!hidden(all(), vec![denial(Some(EffectSet::ADMIN), Some("payroll"))], "payroll"));
    assert!(!hidden(all(), vec![Denial { shadow: true, ..denial(None, None) }], "payroll"));
}

#[test]
fn calls_of_workers_and_calls_without_a_namespace_of_their_own_hide_none() {
    let may_hide = |name: &str| may_hide_namespace(&Catalogue::default().named(name).unwrap());
    for name in [
        "DescribeNamespace",
        "PollWorkflowTaskQueue",
        "PollActivityTaskQueue",
        "PollNexusTaskQueue",
        "RespondWorkflowTaskCompleted",
        "RespondQueryTaskCompleted",
        "RespondActivityTaskFailed",
        "RespondNexusTaskCompleted",
        "RecordActivityTaskHeartbeat",
        "RecordWorkerHeartbeat",
        "ShutdownWorker",
        "GetWorkflowExecutionHistory",
        "RegisterNamespace",
        "ListNamespaces",
        "GetClusterInfo",
    ] {
        assert!(!may_hide(name), "{name}");
    }
    for name in ["ListSearchAttributes", "ListWorkflowExecutions", "StartWorkflowExecution", "PatchSchedule"] {
        assert!(may_hide(name), "{name}");
    }
}
