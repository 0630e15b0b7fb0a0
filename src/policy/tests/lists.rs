//! Lists over all namespaces that are open to every good token.

use super::*;
use crate::policy::denial::{Denial, DeniedOperations};
use crate::temporal::ListMethod;

const ENDPOINTS: &str = "ListNexusEndpoints";

fn open(grants: Vec<Grant>, denials: Vec<Denial>) -> Policy {
    let path = |name: &str| Catalogue::default().named(name).unwrap().path.to_string();
    Policy {
        grants: grants.into(),
        denials: denials.into_iter().map(Rc::new).collect::<Vec<_>>().into(),
        authenticated: vec![path("ListNamespaces"), path(ENDPOINTS)],
        ..Policy::default()
    }
}

fn denial(effects: Option<EffectSet>, namespaces: Option<&str>) -> Denial {
    Denial {
        name: "denial".into(),
        who: None,
        unless: None,
        operations: effects.map(|effects| DeniedOperations { effects, methods: vec![] }),
        namespaces: namespaces.map(|pattern| vec![Pattern::parse(pattern).unwrap()]),
        outside: None,
        commands: false,
        shadow: false,
    }
}

fn decide(policy: &Policy, method: &str) -> Verdict {
    policy.decide(&policy.principal(identity(json!({}))), &target(method, ""), NOW)
}

/// The rule that allows the call and whether the list must be reduced, or `None` if it is denied.
fn seen(policy: &Policy, method: &str) -> Option<(String, bool)> {
    match decide(policy, method) {
        Verdict::Allow(permit) => Some((permit.rule().name().to_owned(), permit.reduced_list().is_some())),
        Verdict::Deny(_) => None,
    }
}

fn reduced() -> Option<(String, bool)> {
    Some(("authenticated".to_owned(), true))
}

#[test]
fn only_a_system_grant_shows_a_list_as_it_is() {
    for method in ["ListNamespaces", ENDPOINTS] {
        assert_eq!(seen(&open(vec![], vec![]), method), reduced());
        assert_eq!(seen(&open(vec![in_namespace("admin", "*")], vec![]), method), reduced());
        assert_eq!(seen(&open(vec![system("admin")], vec![]), method), Some(("admin".to_owned(), false)));
    }
    assert_eq!(seen(&open(vec![system("reader")], vec![]), "ListNamespaces"), Some(("reader".to_owned(), false)));
    assert_eq!(seen(&open(vec![system("reader")], vec![]), ENDPOINTS), reduced(), "upstream counts it as admin");
}

#[test]
fn without_a_token_a_list_is_not_open() {
    let policy = open(vec![], vec![]);
    let principal = policy.principal(Identity { issuer: None, ..identity(json!({})) });
    assert!(!policy.decide(&principal, &target("ListNamespaces", ""), NOW).is_allow());
}

#[test]
fn other_open_methods_are_not_reduced() {
    let authenticated = vec![Catalogue::default().named("GetClusterInfo").unwrap().path.to_string()];
    let policy = Policy { authenticated, ..Policy::default() };
    assert_eq!(seen(&policy, "GetClusterInfo"), Some(("authenticated".to_owned(), false)));
}

#[test]
fn a_denial_of_some_namespaces_removes_their_entries_even_for_system_admins() {
    let hides = denial(None, Some("secret-*"));
    let policy = open(vec![system("admin")], vec![hides]);
    let principal = policy.principal(identity(json!({})));
    let may_see = policy.describable(&principal, NOW);
    assert!(may_see("payroll") && !may_see("secret-merger"));
    assert_eq!(seen(&policy, "ListNamespaces"), reduced());
    assert_eq!(seen(&policy, ENDPOINTS), reduced());
    let other_effect = open(vec![system("admin")], vec![denial(Some(EffectSet::TERMINATE), Some("secret-*"))]);
    assert_eq!(seen(&other_effect, "ListNamespaces"), Some(("admin".to_owned(), false)));
}

#[test]
fn a_denial_that_does_not_hide_entries_denies_the_list() {
    let by_name = DeniedOperations {
        effects: EffectSet::DESCRIBE_NAMESPACE,
        methods: vec![(*target(ENDPOINTS, "").method.path).into()],
    };
    for denial in [
        denial(None, None),
        denial(Some(EffectSet::CLUSTER_ADMIN), Some("secret-*")),
        Denial { operations: Some(by_name), ..denial(None, Some("secret-*")) },
    ] {
        assert_eq!(seen(&open(vec![], vec![denial]), ENDPOINTS), None);
    }
}

#[test]
fn an_entry_is_seen_by_whoever_may_describe_its_namespace() {
    let policy = open(vec![in_namespace("reader", "payroll"), in_namespace("worker", "v1:*")], vec![]);
    let principal = policy.principal(identity(json!({})));
    let may_see = policy.describable(&principal, NOW);
    assert!(may_see("payroll") && may_see("v1:data"));
    for other in ["", "Payroll", "payroll ", "secret-merger", "temporal-system"] {
        assert!(!may_see(other), "{other:?}");
    }
    assert_eq!(ListMethod::of(&target("DescribeNamespace", "payroll").method), None);
}
