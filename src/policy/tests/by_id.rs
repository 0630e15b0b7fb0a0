//! DescribeNamespace for a namespace that only its id names.

use super::lists::denial;
use super::*;
use crate::policy::AnswerView;
use crate::policy::denial::Denial;
use crate::temporal::Target;

fn policy(grants: Vec<Grant>, denials: Vec<Denial>) -> Policy {
    let denials: Vec<_> = denials.into_iter().map(Rc::new).collect();
    Policy { grants: grants.into(), denials: denials.into(), checks_answers: true, ..Policy::default() }
}

fn by_id(method: &str, namespace: &str) -> Target {
    Target {
        namespace_id: "an-id".to_owned(),
        needs_system: Some(SystemReason::NamespaceId),
        may_reach_any_namespace: true,
        ..target(method, namespace)
    }
}

/// The rule that allows the call and whether its answer is checked, or `None` if it is denied.
fn decided(policy: &Policy, target: &Target) -> Option<(String, bool)> {
    match policy.decide(&policy.principal(identity(json!({}))), target, NOW) {
        Verdict::Allow(permit) => {
            Some((permit.rule().name().to_owned(), permit.view() == AnswerView::DescribableNamespace))
        }
        Verdict::Deny(_) => None,
    }
}

fn described(policy: &Policy) -> Option<(String, bool)> {
    decided(policy, &by_id("DescribeNamespace", ""))
}

#[test]
fn the_answer_is_checked_unless_a_system_grant_shows_all() {
    for role in ["worker", "reader", "admin"] {
        assert_eq!(described(&policy(vec![in_namespace(role, "payroll")], vec![])), Some((role.to_owned(), true)));
        assert_eq!(described(&policy(vec![system(role)], vec![])), Some((role.to_owned(), false)));
    }
    assert_eq!(described(&policy(vec![], vec![])), None);
    let mut starter = in_namespace("reader", "payroll");
    starter.gives = GrantScope::Namespaces(
        Rc::new(Role { effects: EffectSet::START, ..Role::built_in("reader").unwrap() }),
        vec![],
    );
    assert_eq!(described(&policy(vec![starter], vec![])), None, "a grant that describes nothing");
}

#[test]
fn only_that_call_may_ask_by_id() {
    let policy = policy(vec![in_namespace("admin", "payroll")], vec![]);
    assert_eq!(decided(&policy, &by_id("DescribeNamespace", "payroll")), None, "a name and an id");
    assert_eq!(decided(&policy, &by_id("DeleteNamespace", "")), None);
    assert_eq!(decided(&policy, &target("DescribeNamespace", "")), None, "neither name nor id");
}

#[test]
fn nobody_asks_by_id_if_answers_are_not_read_or_as_upstream_decides() {
    let grants = || vec![in_namespace("admin", "payroll")];
    assert_eq!(described(&Policy { checks_answers: false, ..policy(grants(), vec![]) }), None);
    assert_eq!(described(&Policy { parity: true, ..policy(grants(), vec![]) }), None);
}

#[test]
fn a_denial_of_some_namespaces_is_left_to_the_answer() {
    let describe = Some(EffectSet::DESCRIBE_NAMESPACE);
    for grant in ["reader", "system reader"] {
        let grants = || match grant {
            "reader" => vec![in_namespace("reader", "*")],
            _ => vec![system("reader")],
        };
        for hides in [denial(None, Some("secret-*")), denial(describe, Some("secret-*"))] {
            let policy = policy(grants(), vec![hides]);
            assert_eq!(described(&policy), Some(("reader".to_owned(), true)), "{grant}");
            let may_describe = policy.principal(identity(json!({})));
            let may_describe = policy.describable(&may_describe, NOW);
            assert!(may_describe("payroll") && !may_describe("secret-merger"), "{grant}");
        }
        for denies in [denial(None, None), denial(describe, None)] {
            assert_eq!(described(&policy(grants(), vec![denies])), None, "{grant}");
        }
    }
    let other = denial(Some(EffectSet::TERMINATE), Some("secret-*"));
    assert_eq!(described(&policy(vec![system("reader")], vec![other])), Some(("reader".to_owned(), false)));
}

#[test]
fn an_ended_grant_and_a_grant_in_shadow_do_not_help() {
    let shadow = Grant { shadow: true, ..in_namespace("reader", "payroll") };
    let policy = policy(vec![shadow], vec![]);
    assert_eq!(described(&policy), None);
    let principal = policy.principal(identity(json!({})));
    let call = by_id("DescribeNamespace", "");
    let verdict = policy.decide(&principal, &call, NOW);
    let outcome = policy.shadow_outcome(&principal, &call, &verdict, NOW);
    assert_eq!(outcome.map(|outcome| outcome.to_string()).as_deref(), Some("reader would allow"));
}
