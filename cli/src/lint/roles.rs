//! Roles that lost an effect in `minus`, but still have it because they may answer workflow tasks.

use std::rc::Rc;

use serde_json::{Map, Value, json};
use temporal_auth::config::Config;
use temporal_auth::policy::grant::GrantScope;
use temporal_auth::policy::role::Role;
use temporal_auth::temporal::EffectSet;

use super::answers::{DONE_BY_ANSWERS, answers, done_by_answers};
use super::{Lint, members};

pub(super) fn lint(config: &Config, value: &Value) -> Vec<Lint> {
    let Some(written) = value.get("roles").and_then(Value::as_object) else { return Vec::new() };
    let roles = roles(value, written);
    let lost = |name: &str| {
        let (_, role) = roles.iter().find(|(known, _)| known == name)?;
        let lost = lost(name, role, written);
        (!lost.is_empty() && answers(role, config)).then_some(lost)
    };
    let mut lints = Vec::new();
    for (name, _) in &roles {
        let Some(effects) = lost(name) else { continue };
        // A warning about the role that it inherits from is not repeated.
        let from = written.get(name).and_then(|role| role.get("from")).and_then(Value::as_str);
        if from.and_then(lost).is_some_and(|before| before.covers(effects)) {
            continue;
        }
        lints.push(Lint {
            path: members(&["roles", name, "minus"]),
            text: format!(
                "role {name} lacks {effects} but keeps respond: its holders can still {} by answering workflow tasks",
                verbs(effects)
            ),
            help: "write `from: client`, which cannot answer tasks, and give workers `worker`; or remove `respond` as well"
                .to_owned(),
        });
    }
    lints
}

/// What these effects do to workflows, in words.
pub(super) fn verbs(effects: EffectSet) -> String {
    let verbs = ["end workflows", "cancel workflows", "start workflows", "signal workflows"];
    let meant = DONE_BY_ANSWERS.iter().zip(verbs).filter(|((effect, _), _)| effects.covers(*effect));
    meant.map(|(_, verb)| verb).collect::<Vec<_>>().join(" and ")
}

/// The custom roles, as the library reads them.
fn roles(value: &Value, written: &Map<String, Value>) -> Vec<(String, Rc<Role>)> {
    let issuer = value.get("issuers").and_then(Value::as_object).and_then(|issuers| issuers.keys().next());
    let grants: Value = written
        .keys()
        .enumerate()
        .map(|(index, role)| json!({"name": format!("role-{index}"), "who": {"issuer": issuer}, "role": role, "system": true}))
        .collect();
    let mut asked = json!({"version": 1, "grants": grants});
    for field in ["issuers", "roles", "methods"] {
        if let (Some(members), Some(value)) = (asked.as_object_mut(), value.get(field)) {
            members.insert(field.to_owned(), value.clone());
        }
    }
    let Ok(config) = Config::parse(asked.to_string().as_bytes()) else { return Vec::new() };
    let role = |gives: &GrantScope| match gives {
        GrantScope::System(role) => Some((role.name.to_string(), Rc::clone(role))),
        _ => None,
    };
    config.policy.grants.iter().filter_map(|grant| role(&grant.gives)).collect()
}

/// The effects that were taken from this role or a role that it inherits from, and not given back.
fn lost(name: &str, role: &Role, written: &Map<String, Value>) -> EffectSet {
    let mut taken = EffectSet::NONE;
    let mut next = written.get(name);
    // The library has already refused cycles.
    for _ in 0..=written.len() {
        let Some(role) = next else { break };
        let minus = role.get("minus").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        taken = minus.filter_map(EffectSet::named).fold(taken, EffectSet::with);
        next = role.get("from").and_then(Value::as_str).and_then(|from| written.get(from));
    }
    done_by_answers(taken.without(role.effects), &role.minus)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lints(roles: Value, parity: bool) -> Vec<String> {
        let mut config = json!({
            "version": 1,
            "issuers": {"corp": {"issuer": "https://corp/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}}},
            "roles": roles,
        });
        if parity {
            config["parity"] = json!("upstream");
        }
        let parsed = Config::parse(config.to_string().as_bytes()).unwrap();
        lint(&parsed, &config).into_iter().map(|lint| format!("{}: {}", lint.path, lint.text)).collect()
    }

    fn role(role: Value) -> Vec<String> {
        lints(json!({"mine": role}), false)
    }

    #[test]
    fn roles_that_keep_lost_effects_by_answers_are_reported() {
        assert_eq!(
            role(json!({"from": "writer", "minus": ["terminate", "delete", "reset"]})),
            [
                "roles.mine.minus: role mine lacks terminate but keeps respond: its holders can still end workflows by answering workflow tasks"
            ]
        );
        let both = role(json!({"from": "admin", "minus": ["signal", "StartWorkflowExecution"]}));
        assert!(
            both[0].contains("lacks start, signal but") && both[0].contains("start workflows and signal workflows"),
            "{both:?}"
        );
        for kept in [
            json!({"from": "writer", "minus": ["cancel"]}),
            json!({"from": "writer", "minus": ["TerminateWorkflowExecution"]}),
            json!({"from": "writer", "minus": ["terminate", "respond"], "plus": ["history"]}),
            json!({"from": "client", "plus": ["RespondWorkflowTaskCompleted"], "minus": ["terminate"]}),
        ] {
            let is_kept = kept.pointer("/minus/1") != Some(&json!("respond"));
            assert_eq!(role(kept.clone()).len(), usize::from(is_kept), "{kept}");
        }
    }

    #[test]
    fn roles_that_really_lack_the_effects_are_not_reported() {
        for role_ in [
            json!({"from": "client", "minus": ["terminate", "delete", "reset"]}),
            json!({"from": "writer", "minus": ["terminate", "poll", "respond"]}),
            json!({"from": "writer", "minus": ["terminate", "RespondWorkflowTaskCompleted"]}),
            json!({"from": "writer", "minus": ["delete", "reset", "SignalWithStartWorkflowExecution"]}),
            json!({"from": "worker", "plus": ["start", "nexus"]}),
            json!({"from": "worker", "plus": ["SignalWorkflowExecution"], "minus": ["poll", "respond", "history"]}),
            json!({"from": "writer"}),
        ] {
            assert_eq!(role(role_.clone()), [""; 0], "{role_}");
        }
    }

    #[test]
    fn a_warning_is_not_repeated_for_roles_that_inherit() {
        let base = json!({"from": "writer", "minus": ["terminate"]});
        let more = |more: Value| lints(json!({"base": base, "more": more}), false);
        assert_eq!(more(json!({"from": "base", "minus": ["delete"]})).len(), 1, "reported once");
        assert_eq!(more(json!({"from": "base", "minus": ["signal"]})).len(), 2, "another effect");
        assert_eq!(more(json!({"from": "base", "plus": ["terminate"]})).len(), 1, "given back");
        let client = json!({"from": "client", "minus": ["terminate"]});
        let found = lints(json!({"base": client, "more": {"from": "base", "plus": ["respond"]}}), false);
        assert!(found.len() == 1 && found[0].starts_with("roles.more.minus: role more lacks terminate"), "{found:?}");
    }

    #[test]
    fn under_parity_such_a_role_counts_as_reader() {
        assert_eq!(lints(json!({"mine": {"from": "writer", "minus": ["terminate"]}}), true), [""; 0]);
    }
}
