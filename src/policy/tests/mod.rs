use super::*;
use crate::identity::{ClaimSet, Identity, Kind};
use crate::pattern::Pattern;
use crate::temporal::{Catalogue, EffectSet, MethodRef, SystemReason, Target};
use crate::time::Timestamp;
use grant::GrantScope;
use role::Role;
use serde_json::{Value, json};
use who::Who;

mod by_id;
mod hidden;
mod lists;
mod readings;
mod time;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn grant(name: &str, gives: GrantScope) -> Grant {
    let who = Who {
        issuers: vec!["corp".into()],
        kind: None,
        subject: vec![],
        claims: ClaimSet::default(),
        peer: None,
        without_token: false,
    };
    Grant {
        name: name.into(),
        who,
        gives,
        limits: limits::Limits::default(),
        may_register: false,
        may_call_back: false,
        until: None,
        shadow: false,
    }
}

fn role(name: &str) -> Rc<Role> {
    Rc::new(Role::built_in(name).unwrap())
}

fn in_namespace(role_name: &str, namespace: &str) -> Grant {
    grant(role_name, GrantScope::Namespaces(role(role_name), vec![Pattern::parse(namespace).unwrap()]))
}

fn system(role_name: &str) -> Grant {
    grant(role_name, GrantScope::System(role(role_name)))
}

fn identity(claims: Value) -> Identity {
    Identity {
        issuer: Some("corp".into()),
        subject: "alice".into(),
        kind: None,
        doubt: None,
        claims: claims.as_object().unwrap().clone(),
        claim_rules: Rc::default(),
        peer: None,
    }
}

fn target(method: &str, namespace: &str) -> Target {
    let mut target = Target::of(Catalogue::default().named(method).unwrap());
    target.namespace = namespace.to_owned();
    if namespace.is_empty() && target.needs_system.is_none() {
        target.needs_system = Some(SystemReason::NamespaceMissing);
    }
    target
}

fn allowed(grants: Vec<Grant>, target: &Target) -> bool {
    let policy = Policy { grants: grants.into(), ..Policy::default() };
    let principal = policy.principal(identity(json!({})));
    let verdict = policy.decide(&principal, target, NOW);
    let allowed = verdict.is_allow();
    assert!(
        !allowed || policy.could_allow(&principal, &target.method, NOW),
        "a decision before the body must not be stricter"
    );
    allowed
}

#[test]
fn each_role_covers_its_part_of_the_lattice() {
    let cases = [
        ("DescribeNamespace", &["worker", "reader", "writer", "admin"][..]),
        ("GetWorkflowExecutionHistory", &["worker", "reader", "writer", "admin"]),
        ("PollWorkflowTaskQueue", &["worker", "writer", "admin"]),
        ("RespondActivityTaskCompleted", &["worker", "writer", "admin"]),
        ("ListWorkflowExecutions", &["reader", "writer", "admin"]),
        ("QueryWorkflow", &["reader", "writer", "admin"]),
        ("StartWorkflowExecution", &["writer", "admin"]),
        ("TerminateWorkflowExecution", &["writer", "admin"]),
        ("UpdateNamespace", &["admin"]),
        ("DeleteNamespace", &["admin"]),
    ];
    for (method, roles) in cases {
        for name in ["worker", "reader", "writer", "admin"] {
            let expected = roles.contains(&name);
            assert_eq!(
                allowed(vec![in_namespace(name, "payroll")], &target(method, "payroll")),
                expected,
                "{name} {method}"
            );
            assert_eq!(allowed(vec![system(name)], &target(method, "payroll")), expected, "system {name} {method}");
            assert!(!allowed(vec![in_namespace(name, "payroll")], &target(method, "other")), "{name} {method}");
            assert!(
                !allowed(vec![in_namespace(name, "payroll")], &target(method, "")),
                "{name} {method} without a namespace"
            );
            assert_eq!(
                allowed(vec![system(name)], &target(method, "")),
                expected,
                "system {name} {method} without a namespace"
            );
        }
    }
}

#[test]
fn the_cluster_needs_a_system_grant() {
    for (method, role) in [("ListNamespaces", "reader"), ("CreateNexusEndpoint", "admin")] {
        assert!(!allowed(vec![in_namespace("admin", "*")], &target(method, "")), "{method}");
        assert!(allowed(vec![system(role)], &target(method, "")), "{method}");
    }
    assert!(!allowed(vec![system("writer")], &target("CreateNexusEndpoint", "")));
}

#[test]
fn registering_a_namespace_needs_a_system_grant_or_may_register() {
    let register = target("RegisterNamespace", "payroll");
    assert!(!allowed(vec![in_namespace("admin", "payroll")], &register));
    assert!(allowed(vec![system("admin")], &register));
    assert!(allowed(vec![Grant { may_register: true, ..in_namespace("admin", "payroll") }], &register));
    assert!(!allowed(vec![Grant { may_register: true, ..in_namespace("writer", "payroll") }], &register));
}

#[test]
fn effects_may_come_from_several_grants_but_all_must_be_covered() {
    let mut start = target("StartWorkflowExecution", "payroll");
    start.effects = start.effects.with(EffectSet::TERMINATE);
    let only = |name: &str, effects| {
        let role = Rc::new(Role { name: name.into(), effects, plus: vec![], minus: vec![] });
        grant(name, GrantScope::Namespaces(role, vec![Pattern::parse("payroll").unwrap()]))
    };
    assert!(!allowed(vec![only("s", EffectSet::START)], &start));
    assert!(!allowed(vec![only("t", EffectSet::TERMINATE)], &start));
    assert!(allowed(vec![only("s", EffectSet::START), only("t", EffectSet::TERMINATE)], &start));
}

#[test]
fn a_role_may_add_and_remove_single_methods() {
    let path = |name: &str| Rc::from(&*Catalogue::default().named(name).unwrap().path);
    let odd = || {
        let role = Role {
            name: "odd".into(),
            effects: EffectSet::READER,
            plus: vec![path("SignalWorkflowExecution")],
            minus: vec![path("QueryWorkflow")],
        };
        vec![grant("odd", GrantScope::Namespaces(Rc::new(role), vec![Pattern::parse("n").unwrap()]))]
    };
    assert!(allowed(odd(), &target("SignalWorkflowExecution", "n")));
    assert!(!allowed(odd(), &target("SignalWithStartWorkflowExecution", "n")));
    assert!(!allowed(odd(), &target("QueryWorkflow", "n")));
    assert!(allowed(odd(), &target("ListWorkflowExecutions", "n")));
}

#[test]
fn permissions_of_the_token_are_literal_namespaces() {
    let claims = json!({"permissions": ["payroll:write", "*:admin", "temporal-system:read"]});
    let policy = Policy {
        grants: vec![grant(
            "p",
            GrantScope::Permissions(
                crate::identity::ClaimName::new("permissions"),
                grant::PermissionsFormat::default(),
            ),
        )]
        .into(),
        ..Policy::default()
    };
    let principal = policy.principal(identity(claims));
    let allowed = |method: &str, namespace: &str| policy.decide(&principal, &target(method, namespace), NOW).is_allow();
    assert!(allowed("StartWorkflowExecution", "payroll") && !allowed("StartWorkflowExecution", "other"));
    assert!(allowed("ListWorkflowExecutions", "other"), "temporal-system:read reads everywhere");
    assert!(!allowed("UpdateNamespace", "other") && allowed("UpdateNamespace", "*"));
}

#[test]
fn a_grant_is_for_its_issuer_kind_subject_and_claims_only() {
    let mut narrow = in_namespace("writer", "payroll");
    narrow.who.kind = Some(Kind::Service);
    narrow.who.subject = vec![Pattern::parse("alice").unwrap()];
    let policy = Policy { grants: vec![narrow].into(), ..Policy::default() };
    let start = target("StartWorkflowExecution", "payroll");
    let decide = |identity: Identity| policy.decide(&policy.principal(identity), &start, NOW).is_allow();
    let good = Identity { kind: Some(Kind::Service), ..identity(json!({})) };
    assert!(decide(good.clone()));
    assert!(!decide(Identity { kind: Some(Kind::Human), ..good.clone() }));
    assert!(!decide(Identity { kind: None, ..good.clone() }));
    assert!(!decide(Identity { subject: "bob".into(), ..good.clone() }));
    assert!(!decide(Identity { issuer: Some("other".into()), ..good }));
}

#[test]
fn without_grants_nothing_but_the_lists() {
    let path = |name: &str| Catalogue::default().named(name).unwrap().path.to_string();
    let policy = Policy { authenticated: vec![path("GetClusterInfo")], ..Policy::default() };
    let nobody = policy.principal(identity(json!({})));
    for method in &["GetClusterInfo", "ListNamespaces", "DescribeNamespace", "PollWorkflowTaskQueue"] {
        let target = target(method, "payroll");
        let allow = *method == "GetClusterInfo";
        assert_eq!(policy.decide(&nobody, &target, NOW).is_allow(), allow, "{method}");
        assert!(!policy.could_allow(&nobody, &target.method, NOW), "{method}");
    }
}

#[test]
fn a_verdict_names_its_rule_and_its_reason() {
    let policy = Policy { grants: vec![in_namespace("reader", "payroll")].into(), ..Policy::default() };
    let principal = policy.principal(identity(json!({})));
    let verdict = policy.decide(&principal, &target("ListWorkflowExecutions", "payroll"), NOW);
    assert_eq!(verdict, Verdict::Allow(Permit::new(Rule::Grant("reader".into()))));
    let verdict = policy.decide(&principal, &target("StartWorkflowExecution", "payroll"), NOW);
    let Verdict::Deny(reason) = verdict else { panic!("a reader starts nothing") };
    assert_eq!(reason.rule(), Rule::DefaultDeny);
    assert_eq!(reason.to_string(), "no grant covers start in namespace \"payroll\"");
}

fn denial(change: impl FnOnce(&mut denial::Denial)) -> Rc<denial::Denial> {
    let (who, unless) = (None, None);
    let what = Some(denial::DeniedOperations { effects: EffectSet::START, methods: vec![] });
    let namespaces = Some(vec![Pattern::literal("payroll")]);
    let mut denial = denial::Denial {
        name: "d".into(),
        who,
        unless,
        operations: what,
        namespaces,
        outside: None,
        commands: false,
        shadow: false,
    };
    change(&mut denial);
    Rc::new(denial)
}

fn denied(denials: Vec<Rc<denial::Denial>>, target: &Target) -> bool {
    let policy = Policy { grants: vec![system("admin")].into(), denials: denials.into(), ..Policy::default() };
    policy.decide(&policy.principal(identity(json!({"groups": "ops"}))), target, NOW).rule() == Rule::Denial("d".into())
}

#[test]
fn a_denial_wins_over_every_grant_if_all_its_conditions_match() {
    let start = target("StartWorkflowExecution", "payroll");
    assert!(denied(vec![denial(|_| {})], &start));
    assert!(!denied(vec![denial(|_| {})], &target("StartWorkflowExecution", "other")));
    assert!(!denied(vec![denial(|_| {})], &target("QueryWorkflow", "payroll")));
    let group = |name: &str| Who {
        issuers: vec![],
        kind: None,
        subject: vec![],
        claims: ClaimSet(vec![(crate::identity::ClaimName::new("groups"), vec![Pattern::literal(name)])]),
        peer: None,
        without_token: false,
    };
    assert!(denied(vec![denial(|denial| denial.who = Some(group("ops")))], &start));
    assert!(!denied(vec![denial(|denial| denial.who = Some(group("finance")))], &start));
    assert!(!denied(vec![denial(|denial| denial.unless = Some(group("ops")))], &start));
    assert!(denied(vec![denial(|denial| denial.unless = Some(group("finance")))], &start));
    assert!(!denied(vec![denial(|denial| denial.shadow = true)], &start));
}

#[test]
fn an_unknown_namespace_matches_every_namespace_of_a_denial() {
    let mut any_namespace = target("StartWorkflowExecution", "other");
    any_namespace.may_reach_any_namespace = true;
    assert!(denied(vec![denial(|_| {})], &any_namespace));
    let admin = Target::of(MethodRef::Known(&crate::temporal::method::ADMIN_METHOD));
    assert!(denied(vec![denial(|_| {})], &admin));
    // Reading from the cluster touches no namespace.
    let any = |namespaces| denial(|denial| (denial.operations, denial.namespaces) = (None, namespaces));
    let list = target("ListNamespaces", "");
    assert!(!denied(vec![any(Some(vec![Pattern::parse("*").unwrap()]))], &list));
    assert!(denied(vec![any(None)], &list));
}

#[test]
fn no_spelling_of_a_namespace_escapes_a_denial() {
    let denied_in = |pattern: &str, namespace: &str| {
        let only = denial(|denial| denial.namespaces = Some(vec![Pattern::parse(pattern).unwrap()]));
        denied(vec![only], &target("StartWorkflowExecution", namespace))
    };
    for other in ["PAYROLL", "payRoll", "payroll ", "p\u{e4}yroll", "pay\u{1}roll", "\u{ff50}ayroll"] {
        assert!(denied_in("payroll", other) && denied_in("Pay*", other), "{other:?}");
        assert!(!allowed(vec![in_namespace("writer", "payroll")], &target("StartWorkflowExecution", other)));
    }
    for other in ["payrolls", "pay roll", " payroll", "finance", "\u{652f}\u{4ed8}"] {
        assert!(!denied_in("payroll", other), "{other:?}");
    }
    assert!(denied_in("\u{652f}\u{4ed8}", "\u{652f}\u{6255}"), "a database may take either for the other");
    assert!(denied_in("*", "team:a") && denied_in("team*", "team:a") && denied_in("team*", "TEAM"));
}

#[test]
fn an_effect_in_another_namespace_needs_a_grant_and_no_denial_there() {
    let mut child = target("RespondWorkflowTaskCompleted", "finance");
    child.elsewhere =
        vec![crate::temporal::NamespaceEffects { namespace: "payroll".into(), effects: EffectSet::START }];
    assert!(!allowed(vec![in_namespace("worker", "finance")], &child));
    assert!(!allowed(vec![in_namespace("worker", "*")], &child));
    assert!(allowed(vec![in_namespace("worker", "finance"), in_namespace("writer", "payroll")], &child));
    assert!(!allowed(vec![in_namespace("writer", "payroll")], &child));
    assert!(denied(vec![denial(|_| {})], &child));
    assert!(!denied(vec![denial(|denial| denial.namespaces = Some(vec![Pattern::literal("finance")]))], &child));
}

#[test]
fn a_denial_of_a_method_applies_only_to_that_method() {
    let what = |path: &str| denial::DeniedOperations {
        effects: EffectSet::NONE,
        methods: vec![format!("/temporal.api.workflowservice.v1.WorkflowService/{path}").into()],
    };
    let of = |path: &str| denial(|denial| denial.operations = Some(what(path)));
    assert!(denied(vec![of("StartWorkflowExecution")], &target("StartWorkflowExecution", "payroll")));
    assert!(!denied(vec![of("SignalWithStartWorkflowExecution")], &target("StartWorkflowExecution", "payroll")));
}

#[test]
fn rules_in_shadow_report_but_do_not_decide() {
    let shadow_grant = Grant { shadow: true, ..in_namespace("writer", "payroll") };
    let policy = Policy {
        grants: vec![shadow_grant, in_namespace("reader", "payroll")].into(),
        denials: vec![denial(|denial| {
            (denial.shadow, denial.operations) =
                (true, Some(denial::DeniedOperations { effects: EffectSet::QUERY, methods: vec![] }));
        })]
        .into(),
        ..Policy::default()
    };
    let principal = policy.principal(identity(json!({})));
    let both = |method: &str| {
        let target = target(method, "payroll");
        assert!(
            policy.could_allow(&principal, &target.method, NOW),
            "it must be read so that shadow rules can be reported"
        );
        let verdict = policy.decide(&principal, &target, NOW);
        (verdict.is_allow(), policy.shadow_outcome(&principal, &target, &verdict, NOW))
    };
    assert_eq!(both("StartWorkflowExecution"), (false, Some(ShadowOutcome::Allowed("writer".into()))));
    assert_eq!(both("QueryWorkflow"), (true, Some(ShadowOutcome::Denied("d".into()))));
    assert_eq!(both("ListWorkflowExecutions"), (true, None));
}
