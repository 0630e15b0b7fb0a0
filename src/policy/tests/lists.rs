//! Lists over all namespaces that are open to every good token.

use super::*;
use crate::policy::AnswerView;
use crate::policy::denial::{Denial, DeniedOperations};
use crate::temporal::{ListMethod, ListView};

const ENDPOINTS: &str = "ListNexusEndpoints";

pub(super) fn open(grants: Vec<Grant>, denials: Vec<Denial>) -> Policy {
    let path = |name: &str| Catalogue::default().named(name).unwrap().path.to_string();
    Policy {
        grants: grants.into(),
        denials: denials.into_iter().map(Rc::new).collect::<Vec<_>>().into(),
        authenticated: vec![path("ListNamespaces"), path(ENDPOINTS)],
        ..Policy::default()
    }
}

pub(super) fn denial(effects: Option<EffectSet>, namespaces: Option<&str>) -> Denial {
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
        Verdict::Allow(permit) => Some((permit.rule().name().to_owned(), permit.view() != AnswerView::Whole)),
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
fn denials_hide_entries_from_a_peer_with_a_system_grant() {
    let mut grant = system("admin");
    grant.who =
        Who { issuers: vec![], peer: Some(vec![Pattern::parse("mesh").unwrap()]), without_token: true, ..grant.who };
    let policy = open(vec![grant], vec![denial(None, Some("secret-*"))]);
    let peer = Identity { issuer: None, peer: Some("mesh".into()), ..identity(json!({})) };
    let Verdict::Allow(permit) = policy.decide(&policy.principal(peer), &target("ListNamespaces", ""), NOW) else {
        panic!("denied")
    };
    assert_ne!(permit.view(), AnswerView::Whole);
}

#[test]
fn other_open_methods_are_not_reduced() {
    let authenticated = vec![Catalogue::default().named("GetClusterInfo").unwrap().path.to_string()];
    let policy = Policy { authenticated, ..Policy::default() };
    assert_eq!(seen(&policy, "GetClusterInfo"), Some(("authenticated".to_owned(), false)));
}

#[test]
fn a_denial_of_describing_removes_entries_even_for_system_admins() {
    let named = |methods: &[&str], effects| DeniedOperations {
        effects,
        methods: methods.iter().map(|name| (*target(name, "").method.path).into()).collect(),
    };
    let describe = Some(EffectSet::DESCRIBE_NAMESPACE);
    for hides in [
        denial(None, Some("secret-*")),
        denial(describe, Some("secret-*")),
        denial(describe, None),
        Denial { operations: Some(named(&["DescribeNamespace"], EffectSet::NONE)), ..denial(None, Some("secret-*")) },
        Denial {
            operations: Some(named(&["ListNamespaces"], EffectSet::DESCRIBE_NAMESPACE)),
            ..denial(None, Some("secret-*"))
        },
    ] {
        let text = format!("{hides:?}");
        let everywhere = hides.namespaces.is_none();
        let policy = open(vec![system("admin")], vec![hides]);
        let principal = policy.principal(identity(json!({})));
        let may_see = policy.describable(&principal, NOW);
        assert_eq!((may_see("payroll"), may_see("secret-merger")), (!everywhere, false), "{text}");
        let Verdict::Allow(permit) = decide(&policy, "ListNamespaces") else { panic!("{text}") };
        let view = ListView { list: ListMethod::Namespaces, with_external: true };
        assert_eq!(permit.view(), AnswerView::Entries(view), "{text}");
        assert_eq!(permit.rule().name(), "admin");
    }
    let other_effect = open(vec![system("admin")], vec![denial(Some(EffectSet::TERMINATE), Some("secret-*"))]);
    assert_eq!(seen(&other_effect, "ListNamespaces"), Some(("admin".to_owned(), false)));
}

#[test]
fn rules_in_shadow_that_would_change_what_is_seen_are_reported() {
    let outcome = |grants, denials| {
        let policy = open(grants, denials);
        let principal = policy.principal(identity(json!({})));
        let list = target("ListNamespaces", "");
        let verdict = policy.decide(&principal, &list, NOW);
        policy.shadow_outcome(&principal, &list, &verdict, NOW).map(|outcome| outcome.to_string())
    };
    let shadow = Denial { shadow: true, ..denial(None, Some("secret-*")) };
    assert_eq!(outcome(vec![system("admin")], vec![shadow]).as_deref(), Some("denial would deny"));
    let tried = Grant { shadow: true, ..system("reader") };
    assert_eq!(outcome(vec![tried], vec![]).as_deref(), Some("reader would allow"));
    assert_eq!(outcome(vec![system("admin")], vec![]), None);
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
