//! Grants read claims narrowly and denials read them widely, in whatever form.

use super::*;
use crate::identity::Claims;
use crate::identity::Kind;

/// Why a denial with this `who` denies the caller. `None` if it does not.
fn denied_as(who: Value, identity: Identity) -> Option<String> {
    let config = json!({
        "version": 1,
        "issuers": {"corp": {
            "issuer": "https://idp/", "audiences": ["t"], "keys": {"jwks_uri": "https://idp/", "cluster": "c"},
            "service_when": [{"gty": "cc"}],
        }},
        "grants": [{"name": "all", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["*"]}],
        "denials": [{"name": "d", "effects": ["terminate"], "who": who}],
    });
    let policy = crate::config::Config::parse(config.to_string().as_bytes()).unwrap().policy;
    match policy.decide(&policy.principal(identity), &target("TerminateWorkflowExecution", "v1:data-0"), NOW) {
        Verdict::Allow(_) => None,
        Verdict::Deny(reason) => {
            assert_eq!(reason.rule(), Rule::Denial("d".into()));
            Some(reason.to_string())
        }
    }
}

#[test]
fn a_claim_in_any_form_does_not_let_its_bearer_past_a_denial() {
    let who = || json!({"claims": {"groups": "contractors"}});
    let plain = denied_as(who(), identity(json!({"groups": ["dev", "contractors"]})));
    assert_eq!(plain.as_deref(), Some("terminate in namespace \"v1:data-0\" is denied"));
    for form in [
        json!("dev,contractors"),
        json!("dev contractors"),
        json!({"contractors": {}}),
        json!([["Contractors"]]),
        json!([{"name": " contractors"}]),
    ] {
        let why = denied_as(who(), identity(json!({"groups": form}))).unwrap();
        assert!(why.contains("; `groups` "), "{why}");
    }
    for other in [json!(["dev"]), json!("dev"), json!(["dev contractors"]), json!(null)] {
        assert_eq!(denied_as(who(), identity(json!({"groups": other}))), None);
    }
    assert_eq!(denied_as(who(), identity(json!({}))), None);
}

#[test]
fn a_star_in_a_denial_also_matches_empty_text() {
    let subject = |subject: &str| Identity { subject: subject.into(), ..identity(json!({})) };
    let who = || json!({"subject": "repo:acme/app:*"});
    for denied in ["repo:acme/app:ref:refs/heads/main", "repo:acme/app:", "Repo:ACME/app:environment:prod"] {
        assert!(denied_as(who(), subject(denied)).is_some(), "{denied}");
    }
    assert!(denied_as(who(), subject("repo:acme/app2:ref:refs/heads/main")).is_none());
    let mail = |verified: bool| identity(json!({"email": "a@Contractor.com", "email_verified": verified}));
    for verified in [true, false] {
        assert!(denied_as(json!({"claims": {"email": "*@contractor.com"}}), mail(verified)).is_some());
    }
}

#[test]
fn a_kind_in_doubt_is_neither_kind_for_grants_and_both_for_denials() {
    let service_when: Vec<_> = [r#"{"gty": "cc"}"#]
        .map(|set| {
            let set: Value = serde_json::from_str(set).unwrap();
            let patterns = set.as_object().unwrap().iter().map(|(name, value)| {
                (crate::identity::ClaimName::new(name), vec![Pattern::parse(value.as_str().unwrap()).unwrap()])
            });
            ClaimSet(patterns.collect())
        })
        .into();
    let kind = |claims: Value| Identity::kind_of(&service_when, Claims::plain(claims.as_object().unwrap()));
    assert_eq!(kind(json!({"gty": "cc"})), (Some(Kind::Service), None));
    assert_eq!(kind(json!({"gty": "x"})), (Some(Kind::Human), None));
    assert_eq!(Identity::kind_of(&[], Claims::plain(&serde_json::Map::new())), (None, None));
    let (doubtful, doubt) = kind(json!({"gty": "x,cc"}));
    assert_eq!(
        (doubtful, doubt.as_ref().map(ToString::to_string).as_deref()),
        (Some(Kind::Doubtful), Some("a service, with `gty` read as a list"))
    );

    let caller = || Identity { kind: doubtful, doubt: doubt.clone(), ..identity(json!({})) };
    for kind in ["human", "service"] {
        let why = denied_as(json!({"issuer": "corp", "kind": kind}), caller()).unwrap();
        assert!(why.ends_with("; the kind is in doubt: a service, with `gty` read as a list"), "{why}");
    }
    for kind in [Kind::Human, Kind::Service] {
        let who = |grant: Grant| Grant { who: Who { kind: Some(kind), ..grant.who }, ..grant };
        let exempting = denial(|denial| denial.unless = Some(who(system("admin")).who));
        let policy = Policy { grants: vec![who(system("admin"))].into(), ..Policy::default() };
        let start = target("StartWorkflowExecution", "payroll");
        assert!(!policy.decide(&policy.principal(caller()), &start, NOW).is_allow());
        let policy =
            Policy { grants: vec![system("admin")].into(), denials: vec![exempting].into(), ..Policy::default() };
        let verdict = policy.decide(&policy.principal(caller()), &start, NOW);
        assert!(matches!(verdict, Verdict::Deny(DenyReason::Denial(_))), "{verdict:?}");
    }
}

#[test]
fn a_denial_reaches_commands_only_if_it_says_so() {
    let mut answer = target("RespondWorkflowTaskCompleted", "payroll");
    answer.commands = EffectSet::START;
    let commands = |commands: bool| denial(|denial| denial.commands = commands);
    assert!(denied(vec![commands(true)], &answer) && !denied(vec![commands(false)], &answer));
    assert!(!denied(vec![commands(true)], &Target { commands: EffectSet::SIGNAL, ..answer.clone() }));
    assert!(!denied(vec![commands(true)], &Target { namespace: "other".into(), ..answer.clone() }));
    let elsewhere = vec![crate::temporal::NamespaceEffects { namespace: "payroll".into(), effects: EffectSet::START }];
    let there = Target { namespace: "other".into(), commands: EffectSet::NONE, elsewhere, ..answer };
    assert!(denied(vec![commands(false)], &there), "in another namespace a command always has its effect");
}

#[test]
fn a_call_that_touches_something_of_temporals_own_may_have_any_effect() {
    let mut signal = target("SignalWorkflowExecution", "payroll");
    assert!(!denied(vec![denial(|_| {})], &signal));
    signal.may_have_any_effect = true;
    assert!(denied(vec![denial(|_| {})], &signal), "a signal to a schedule's workflow starts other workflows");
    assert!(!denied(vec![denial(|denial| denial.namespaces = Some(vec![Pattern::literal("other")]))], &signal));
}
