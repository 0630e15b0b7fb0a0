//! Grants that end.

use super::*;
use expiry::Expiry;

fn why_denied(verdict: Verdict) -> String {
    let Verdict::Deny(reason) = verdict else { panic!("{verdict:?}") };
    reason.to_string()
}

#[test]
fn a_grant_gives_nothing_from_its_end_on() {
    let until = Expiry::parse("2027-01-15T08:00:00Z").unwrap();
    let end = until.at();
    let [before, after] = [end.as_millis() - 1, end.as_millis() + 1].map(Timestamp::from_millis);
    let ending = Grant { until: Some(until), ..in_namespace("writer", "payroll") };
    let policy = Policy { grants: vec![ending, in_namespace("reader", "payroll")].into(), ..Policy::default() };
    let principal = policy.principal(identity(json!({})));
    let start = target("StartWorkflowExecution", "payroll");
    assert!(principal.depends_on_time());
    assert_eq!(policy.decide(&principal, &start, before), Verdict::Allow(Permit::new(Rule::Grant("writer".into()))));
    assert!(policy.could_allow(&principal, &start.method, before));
    for now in [end, after] {
        let why = "no grant covers start in namespace \"payroll\"; grant writer ended at 2027-01-15T08:00:00Z";
        assert_eq!(why_denied(policy.decide(&principal, &start, now)), why);
        assert!(!policy.could_allow(&principal, &start.method, now));
        let never = policy.why_never(&principal, &start.method, now).to_string();
        assert_eq!(never, "no grant covers start in any namespace; grant writer ended at 2027-01-15T08:00:00Z");
        let list = target("ListWorkflowExecutions", "payroll");
        assert!(policy.decide(&principal, &list, now).is_allow(), "the other grant stays");
    }
    let lasting = Policy { grants: vec![in_namespace("reader", "payroll")].into(), ..Policy::default() };
    assert!(!lasting.principal(identity(json!({}))).depends_on_time());
}

#[test]
fn an_ended_grant_is_named_only_if_it_would_have_helped() {
    let ended = Grant { until: Expiry::parse("1970-01-01T00:00:00Z"), ..in_namespace("worker", "payroll") };
    let policy = Policy { grants: vec![ended].into(), ..Policy::default() };
    let principal = policy.principal(identity(json!({})));
    let why = why_denied(policy.decide(&principal, &target("StartWorkflowExecution", "payroll"), NOW));
    assert_eq!(why, "no grant covers start in namespace \"payroll\"");
}
