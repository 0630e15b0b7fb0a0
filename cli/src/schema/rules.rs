//! The schema of roles, grants and denials.

use serde_json::{Value, json};
use temporal_auth::temporal::Limit;

use super::names;
use super::parts::{
    claim_name, claims, either, exactly_one_of, flag, instant, list, matcher, object, one_or_list, pattern, reference,
    say, sentence, text, words,
};

pub(super) fn role() -> Value {
    let parts = list(1, reference("effect-or-method"));
    let mut role = object(
        &[],
        vec![
            ("from", sentence("A built-in role or another one.", role_name())),
            ("plus", sentence("Effects and single methods that it has besides.", parts.clone())),
            ("minus", sentence("Effects and single methods that are taken away.", parts)),
        ],
    );
    say(&mut role, "anyOf", json!([{"required": ["from"]}, {"required": ["plus"]}]));
    role
}

fn role_name() -> Value {
    either(&[reference("built-in-role"), text(None)])
}

/// The name of a grant or a denial.
fn rule_name() -> Value {
    let mut name = sentence("What verdicts give as their rule.", text(None));
    say(&mut name, "not", words(&["anonymous", "authenticated", "default-deny"]));
    name
}

fn limits() -> [(&'static str, &'static str); Limit::ALL.len()] {
    Limit::ALL.map(|limit| {
        let about = match limit {
            Limit::TaskQueues => "Task queues that are inside.",
            Limit::WorkflowTypes => "Workflow types that are inside.",
            Limit::NexusEndpoints => "Nexus endpoints that are inside.",
            Limit::WorkflowIds => "Workflow ids that are inside.",
            Limit::ScheduleIds => "Schedule ids that are inside.",
            Limit::Signals => "Names of signals that may be sent.",
            Limit::Queries => "Types of queries that may be sent.",
            Limit::Updates => "Names of updates that may be sent.",
        };
        (limit.name(), about)
    })
}

pub(super) fn grant() -> Value {
    let mut fields = vec![
        ("name", rule_name()),
        ("who", reference("grant-who")),
        ("role", role_name()),
        ("system", sentence("The cluster and every namespace.", json!({"const": true}))),
        ("namespaces", sentence("Patterns of namespace names.", list(1, pattern()))),
        ("permissions_claim", sentence("The claim with Temporal's own permissions.", claim_name())),
        (
            "permissions_regex",
            sentence("How Temporal's own claim mapper reads each permission; with `parity: upstream`.", regex()),
        ),
        ("may_register", sentence("Whether it covers RegisterNamespace.", flag())),
        ("may_call_back", sentence("Whether it covers callbacks into Temporal itself.", flag())),
        ("until", sentence("It gives nothing from this instant on, as \"2026-12-24T18:00:00Z\".", instant())),
        ("shadow", sentence("It gives nothing, and tells what it would allow.", flag())),
    ];
    fields.extend(limits().map(|(name, about)| (name, sentence(about, list(1, pattern())))));
    let mut grant = object(&["name", "who"], fields);
    say(&mut grant, "oneOf", exactly_one_of(&["system", "namespaces", "permissions_claim"]));
    say(&mut grant, "if", json!({"required": ["permissions_claim"]}));
    say(&mut grant, "then", json!({"not": {"required": ["role"]}}));
    say(&mut grant, "else", json!({"required": ["role"]}));
    say(&mut grant, "dependentRequired", json!({"permissions_regex": ["permissions_claim"]}));
    grant
}

/// An expression with the groups that permissions are made of.
fn regex() -> Value {
    let group = |name: &str| json!({"pattern": format!(r"\(\?P?<{name}>")});
    json!({"type": "string", "allOf": [group("namespace"), group("role")]})
}

/// Where a `who` stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Grant,
    Denial,
    Unless,
}

pub(super) fn who(place: Place) -> Value {
    let for_grant = place == Place::Grant;
    let mut who = object(
        &[],
        vec![
            ("issuer", sentence("Names of issuers.", one_or_list(text(None)))),
            ("kind", sentence("Needs service_when at the issuer.", words(&names::kinds()))),
            ("subject", one_or_list(matcher(for_grant))),
            ("claims", claims(for_grant)),
            (
                "peer",
                sentence("Who the TLS peer is; without an issuer, without a token.", one_or_list(matcher(for_grant))),
            ),
        ],
    );
    if for_grant {
        say(&mut who, "anyOf", json!([{"required": ["issuer"]}, {"required": ["peer"]}]));
    } else {
        say(&mut who, "minProperties", json!(1));
    }
    if place != Place::Denial {
        say(&mut who, "if", json!({"required": ["peer"], "not": {"required": ["issuer"]}}));
        say(&mut who, "then", json!({"properties": {"kind": false, "subject": false, "claims": false}}));
    }
    who
}

pub(super) fn denial() -> Value {
    let fields = ["who", "unless", "effects", "namespaces", "outside"];
    let mut denial = object(
        &["name"],
        vec![
            ("name", rule_name()),
            ("who", sentence("Whose calls; without it everybody's.", reference("denial-who"))),
            ("unless", sentence("Whose calls are spared.", reference("denial-unless"))),
            ("effects", sentence("Any of these; without it any at all.", list(1, reference("effect-or-method")))),
            ("namespaces", sentence("Without it everywhere, the cluster included.", list(1, matcher(false)))),
            ("outside", sentence("What these limits on a grant would refuse.", reference("outside"))),
            (
                "commands",
                sentence("Whether it reaches what a worker's commands do in the namespace of its answer.", flag()),
            ),
            ("shadow", sentence("It only tells what it would deny.", flag())),
        ],
    );
    say(&mut denial, "anyOf", fields.iter().map(|field| json!({"required": [field]})).collect());
    denial
}

pub(super) fn outside() -> Value {
    let fields = limits().map(|(name, about)| (name, sentence(about, list(1, matcher(false)))));
    let mut outside = object(&[], fields.to_vec());
    say(&mut outside, "minProperties", json!(1));
    outside
}
