//! Denials of effects that answers to workflow tasks also have, without `commands` to say whether answers are denied.

use serde_json::Value;
use temporal_auth::config::Config;
use temporal_auth::policy::grant::Grant;
use temporal_auth::temporal::EffectSet;
use temporal_auth::time::Timestamp;

use super::answers::{allows_answers, done_by_answers};
use super::roles::verbs;
use super::{Lint, denial_path};
use crate::analysis::denied::may_reach;

pub(super) fn lint(config: &Config, value: &Value, now: Timestamp) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (index, denial) in config.policy.denials.iter().enumerate() {
        let states_commands = value.pointer(&format!("/denials/{index}/commands")).is_some();
        let Some(operations) = denial.operations.as_ref().filter(|_| !states_commands) else { continue };
        let effects = done_by_answers(operations.effects, &operations.methods);
        let answer = config.catalogue.named("RespondWorkflowTaskCompleted");
        let answers_too = answer.is_some_and(|method| {
            operations.effects.intersects(method.effects)
                || operations.methods.iter().any(|path| **path == *method.path)
        });
        if effects.is_empty() || answers_too {
            continue;
        }
        let reached = |grant: &&Grant| allows_answers(grant, config, now) && may_reach(denial, grant);
        let Some(grant) = config.policy.grants.iter().find(reached) else { continue };
        let help = if effects == EffectSet::TERMINATE {
            "denials never stop an answer that ends its own workflow; give these callers `client`, which cannot answer \
             tasks, or write `commands: false` if they are workers"
        } else {
            "write `commands: true` to deny such answers too, whose tasks Temporal then retries forever, or \
             `commands: false` to allow them"
        };
        lints.push(Lint {
            path: denial_path(index).member("effects"),
            text: format!(
                "denial {} does not set `commands`: callers who may answer workflow tasks under grant {} can still {} \
                 through their answers",
                denial.name,
                grant.name,
                verbs(effects)
            ),
            help: help.to_owned(),
        });
    }
    lints
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn lints(grants: Value, denial: Value) -> Vec<String> {
        let issuer = |iss: &str| json!({"issuer": iss, "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}, "service_when": [{"gty": "cc"}]});
        let mut config = json!({
            "version": 1,
            "issuers": {"corp": issuer("https://corp/"), "other": issuer("https://other/")},
            "roles": {"answering": {"from": "client", "plus": ["RespondWorkflowTaskCompleted"]}},
            "grants": grants,
            "denials": [denial],
        });
        config["denials"][0]["name"] = json!("d");
        let grants = config["grants"].as_array_mut().unwrap().iter_mut().enumerate();
        grants.for_each(|(index, grant)| grant["name"] = json!(format!("g{index}")));
        let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
        lint(&parsed, &config, NOW).into_iter().map(|lint| format!("{}: {}", lint.path, lint.text)).collect()
    }

    /// Whether there is a warning about a denial of starts next to one grant.
    fn is_reported(who: Value, role: &str, mut denial: Value) -> bool {
        denial["effects"] = json!(["start"]);
        !lints(json!([{"who": who, "role": role, "namespaces": ["payroll", "{t}-*"]}]), denial).is_empty()
    }

    fn team() -> Value {
        json!({"issuer": "corp", "kind": "service", "subject": "{t}-worker"})
    }

    #[test]
    fn denials_that_answers_get_around_are_reported() {
        let grants = || json!([{"who": {"issuer": "corp"}, "role": "worker", "namespaces": ["a"]}]);
        assert_eq!(
            lints(grants(), json!({"effects": ["start", "signal", "schedule"]})),
            [
                "denials[0].effects: denial d does not set `commands`: callers who may answer workflow tasks under grant g0 \
              can still start workflows and signal workflows through their answers"
            ]
        );
        for effects in [json!(["terminate"]), json!(["cancel"]), json!(["StartWorkflowExecution"])] {
            assert_eq!(lints(grants(), json!({"effects": effects})).len(), 1, "{effects}");
        }
    }

    #[test]
    fn denials_that_state_commands_or_concern_other_effects_are_not_reported() {
        let grants = || json!([{"who": {"issuer": "corp"}, "role": "writer", "namespaces": ["a"]}]);
        for denial in [
            json!({"effects": ["start"], "commands": true}),
            json!({"effects": ["start"], "commands": false}),
            json!({"effects": ["delete", "reset", "SignalWithStartWorkflowExecution"]}),
            json!({"effects": ["start", "respond"]}),
            json!({"effects": ["start", "RespondWorkflowTaskCompleted"]}),
            json!({"namespaces": ["a"]}),
        ] {
            assert_eq!(lints(grants(), denial.clone()), [""; 0], "{denial}");
        }
    }

    #[test]
    fn a_denial_is_reported_only_if_it_reaches_callers_who_answer_tasks() {
        for role in ["worker", "writer", "admin", "answering"] {
            assert!(is_reported(team(), role, json!({})), "{role}");
        }
        assert!(!is_reported(team(), "client", json!({})) && !is_reported(team(), "reader", json!({})));
        for reached in [
            json!({"who": {"kind": "service"}}),
            json!({"who": {"subject": "A-*"}}),
            json!({"who": {"claims": {"groups": "x"}}}),
            json!({"unless": {"kind": "human"}}),
            json!({"unless": {"issuer": "corp", "subject": "a-worker"}}),
            json!({"namespaces": ["pay*"]}),
            json!({"namespaces": ["a-b"]}),
        ] {
            assert!(is_reported(team(), "worker", reached.clone()), "{reached}");
        }
        for not_reached in [
            json!({"who": {"kind": "human"}}),
            json!({"who": {"issuer": "other"}}),
            json!({"who": {"subject": "*-runner"}}),
            json!({"unless": {"issuer": "corp"}}),
            json!({"unless": {"kind": "service"}}),
            json!({"namespaces": ["orders"]}),
        ] {
            assert!(!is_reported(team(), "worker", not_reached.clone()), "{not_reached}");
        }
    }

    #[test]
    fn peers_and_permissions_claims_are_considered() {
        let peer = json!({"peer": "spiffe://td/ns/{t}/sa/w"});
        assert!(is_reported(peer.clone(), "worker", json!({"who": {"peer": "spiffe://td/*"}})));
        assert!(!is_reported(peer.clone(), "worker", json!({"who": {"peer": "spiffe://other/*"}})));
        assert!(!is_reported(peer, "worker", json!({"who": {"kind": "human"}})), "it has no token");
        let permissions = json!([{"who": {"issuer": "corp"}, "permissions_claim": "p"}]);
        assert_eq!(lints(permissions, json!({"effects": ["start"]})).len(), 1);
    }

    #[test]
    fn a_grant_that_gives_nothing_allows_no_answers() {
        let grant = |field: &str, value: Value| {
            let mut grant = json!({"who": {"issuer": "corp"}, "role": "writer", "namespaces": ["a"]});
            grant[field] = value;
            lints(json!([grant]), json!({"effects": ["start"]})).len()
        };
        assert_eq!((grant("shadow", json!(true)), grant("shadow", json!(false))), (0, 1));
        let until = |text: &str| grant("until", json!(text));
        assert_eq!((until("2020-01-01T00:00:00Z"), until("2100-01-01T00:00:00Z")), (0, 1));
    }
}
