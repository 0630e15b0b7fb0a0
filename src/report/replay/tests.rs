use serde_json::{Value, json};

use super::*;
use crate::config::Config;
use crate::identity::ClaimName;
use crate::policy::{CallerInputs, PolicyInputs};
use crate::temporal::names::{RequestNames, TaskQueue};
use crate::temporal::{
    Catalogue, EffectSet, Limit, LimitSet, NamespaceEffects, NewerPart, NewerParts, SystemReason, Target,
};
use crate::time::Timestamp;

const TIME: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn inputs() -> PolicyInputs {
    PolicyInputs { claims: vec![ClaimName::new("groups"), ClaimName::new("/a/b")], limits: LimitSet::ALL, peer: true }
}

fn caller() -> CallerInputs {
    let claims = json!({"groups": ["finance"], "a": {"b": 7}}).to_string();
    CallerInputs { claims, peer: Some("spiffe://td/a".to_owned()) }
}

/// A target in which nothing has its usual value.
fn target() -> Target {
    let mut names = RequestNames::collecting(LimitSet::ALL);
    names.add_queue(TaskQueue {
        used: QueueUse::WorkflowPoll,
        name: "q".into(),
        kind: 2,
        normal_name: "normal".into(),
    });
    for (limit, name) in
        Limit::ALL.into_iter().skip(1).zip(["type", "endpoint", "id", "schedule", "signal", "query", "é\""])
    {
        names.add(limit, name);
    }
    let mut names = names.incomplete_for(LimitSet::NONE.with(Limit::Updates).with(Limit::WorkflowIds));
    (names.attaches_to_running, names.has_standalone_task, names.has_unread_operation) = (true, true, true);
    let part = NewerPart { message: "the request", field: 0, value: None };
    Target {
        method: Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap(),
        namespace: "payroll".to_owned(),
        namespace_id: "id".to_owned(),
        effects: EffectSet::RESPOND.with(EffectSet::START),
        commands: EffectSet::TERMINATE,
        elsewhere: vec![NamespaceEffects { namespace: "other".to_owned(), effects: EffectSet::SIGNAL }],
        needs_system: Some(SystemReason::WholeCluster),
        may_have_any_effect: true,
        may_reach_any_namespace: true,
        registers_callback: true,
        names,
        newer: NewerParts { count: 3, first: vec![part] },
    }
}

fn record(target: &Target, was_read: bool) -> Value {
    serde_json::from_str(&super::record(&inputs(), &caller(), target, was_read, TIME)).unwrap()
}

fn read(record: &Value) -> Option<Recorded> {
    Recorded::read(record, target().method)
}

#[test]
fn what_was_recorded_is_read_again() {
    for was_read in [true, false] {
        let recorded = read(&record(&target(), was_read)).unwrap();
        let CallerInputs { claims, peer } = caller();
        assert_eq!((recorded.time, recorded.peer, recorded.was_read), (TIME, peer, was_read));
        assert_eq!(Value::Object(recorded.claims), serde_json::from_str::<Value>(&claims).unwrap());
        if was_read {
            assert_eq!((recorded.inputs, recorded.target), (inputs(), target()));
        } else {
            assert_eq!(recorded.inputs.limits, LimitSet::NONE, "no names were read");
        }
    }
    let usual = Target { needs_system: None, ..Target::of(target().method) };
    assert_eq!(read(&record(&usual, true)).unwrap().target, usual);
}

#[test]
fn a_record_with_anything_that_is_not_known_is_not_read() {
    let whole = record(&target(), true);
    let changed = |pointer: &str, value: Value| {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        read(&changed).is_some()
    };
    assert!(changed("/time", json!(1)));
    for (pointer, value) in [
        ("/effects/0/effects/0", json!("fly")),
        ("/effects/1/namespace", json!(null)),
        ("/effects", json!([])),
        ("/commands", json!("terminate")),
        ("/claims", json!([])),
        ("/names/signals", json!("x")),
        ("/names/task_queues/0/use", json!("x")),
        ("/names/task_queues/0/kind", json!(null)),
        ("/too_many", json!(["x"])),
        ("/newer", json!("3")),
        ("/time", json!("now")),
    ] {
        assert!(!changed(pointer, value), "{pointer}");
    }
    for record in [json!("too long"), json!(null), json!({}), json!([])] {
        assert!(read(&record).is_none());
    }
}

/// The configuration's own inputs, in the order in which its rules read them.
#[test]
fn a_policy_reads_the_claims_limits_and_peers_of_its_rules() {
    let keys = json!({"inline": {"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}});
    let issuer =
        |when: Value| json!({"issuer": "https://a.test/", "audiences": ["t"], "keys": keys, "service_when": when});
    let config = json!({
        "version": 1,
        "issuers": {"corp": issuer(json!([{"gty": "client"}]))},
        "grants": [
            {"name": "a", "who": {"issuer": "corp", "claims": {"email": "a@b.c"}}, "role": "writer", "namespaces": ["x"], "signals": ["go"]},
            {"name": "b", "who": {"issuer": "corp"}, "permissions_claim": "/email"},
        ],
        "denials": [{"name": "c", "unless": {"claims": {"team": "x"}}, "outside": {"task_queues": ["q"]}}],
        "log": {"replay": true}
    });
    let config = Config::parse(config.to_string().as_bytes()).unwrap();
    let names: Vec<_> = config.inputs().claims.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["email", "team", "gty", "email_verified"]);
    assert!(!config.inputs().peer);
    assert_eq!(config.inputs().limits, LimitSet::NONE.with(Limit::Signals).with(Limit::TaskQueues));
    assert_eq!(config.policy.recorded, Some(config.inputs()));
}

#[test]
fn a_record_is_no_longer_than_it_takes_to_see_that_it_is_too_long() {
    let mut names = RequestNames::collecting(LimitSet::ALL);
    (0..1000).for_each(|number| names.add(Limit::WorkflowIds, &format!("{number}-{}", "x".repeat(100))));
    let many = Target { names, ..target() };
    let long = CallerInputs { claims: format!("{{\"groups\":{:?}}}", "é".repeat(60_000)), peer: None };
    for (caller, target) in [(&caller(), &many), (&long, &target())] {
        let record = super::record(&inputs(), caller, target, true, TIME);
        assert!((2049..10_000).contains(&record.len()), "{}", record.len());
    }
}
