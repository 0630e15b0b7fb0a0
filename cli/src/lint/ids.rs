//! Limits on workflow ids in grants to workers, whose polls name no ids and whose children often have none.

use temporal_auth::config::Config;
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::grant::GrantScope;
use temporal_auth::temporal::{EffectSet, Limit};

use super::answers::answers;
use super::{Lint, grant_path};

/// Ids that SDKs give to a child that is started without an id: a UUID, or in Go the run's id and a number.
const IDS_OF_SDKS: [&str; 2] = ["0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-a165-70867728950e_5"];

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for (index, grant) in config.policy.grants.iter().enumerate() {
        let Some(patterns) = grant.limits.of(Limit::WorkflowIds) else { continue };
        let (may_answer, may_poll) = match &grant.gives {
            GrantScope::System(role) | GrantScope::Namespaces(role, _) => {
                (answers(role, config), role.effects.intersects(EffectSet::POLL))
            }
            GrantScope::Permissions(..) => (true, true),
        };
        let path = grant_path(index).member("workflow_ids");
        let listed = || patterns.iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>().join(", ");
        let is_inside = |id: &&str| patterns.iter().any(|pattern: &Pattern| pattern.matches(id).is_some());
        if may_answer && !IDS_OF_SDKS.iter().all(is_inside) {
            lints.push(Lint {
                path: path.clone(),
                text: format!(
                    "an answer that starts a child workflow without an id is denied: the SDK gives the child a UUID, which \
                     {} does not match",
                    listed()
                ),
                help: "give each child an id that matches, or limit workers by `task_queues` and `workflow_types` in a \
                       separate grant"
                    .to_owned(),
            });
        }
        if may_poll && grant.limits.of(Limit::TaskQueues).is_none() {
            lints.push(Lint {
                path,
                text: "a poll names no workflow: without `task_queues` it takes the tasks of any workflow in the namespace"
                    .to_owned(),
                help: "add `task_queues`, or derive the role `from: client`, which does not poll".to_owned(),
            });
        }
    }
    lints
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn grant(fields: Value) -> Vec<String> {
        let mut grant = json!({"name": "g", "who": {"issuer": "corp", "subject": "{t}"}});
        grant.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let config = json!({
            "version": 1,
            "issuers": {"corp": {"issuer": "https://corp/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"}}},
            "roles": {"poller": {"plus": ["poll"]}, "answerer": {"plus": ["respond"]}},
            "grants": [grant],
        });
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        lint(&config).into_iter().map(|lint| format!("{}: {}", lint.path, lint.text)).collect()
    }

    fn limited(role: &str, limits: Value) -> Vec<String> {
        let mut fields = json!({"role": role, "namespaces": ["a"]});
        fields.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        grant(fields)
    }

    #[test]
    fn workflow_ids_on_a_grant_to_a_worker_are_reported() {
        assert_eq!(
            limited("worker", json!({"workflow_ids": ["{t}-*", "x"]})),
            [
                "grants[0].workflow_ids: an answer that starts a child workflow without an id is denied: the SDK gives the \
                 child a UUID, which `{t}-*`, `x` does not match",
                "grants[0].workflow_ids: a poll names no workflow: without `task_queues` it takes the tasks of any workflow \
                 in the namespace",
            ]
        );
        assert_eq!(grant(json!({"permissions_claim": "p", "workflow_ids": ["x"]})).len(), 2);
    }

    #[test]
    fn answers_and_polls_are_reported_separately() {
        let queues = json!({"workflow_ids": ["x"], "task_queues": ["q"]});
        assert!(
            limited("worker", queues.clone())[0].contains("a child workflow without an id")
                && limited("worker", queues).len() == 1
        );
        assert!(limited("worker", json!({"workflow_ids": ["*"]}))[0].contains("a poll names no workflow"));
        assert!(limited("poller", json!({"workflow_ids": ["x"]}))[0].contains("a poll names no workflow"));
        assert!(limited("answerer", json!({"workflow_ids": ["x"]}))[0].contains("a child workflow without an id"));
        assert_eq!(limited("worker", json!({"workflow_ids": ["*"], "task_queues": ["q"]})), [""; 0]);
    }

    #[test]
    fn grants_to_callers_who_are_not_workers_are_not_reported() {
        assert_eq!(limited("client", json!({"workflow_ids": ["{t}-*"]})), [""; 0]);
        assert_eq!(limited("reader", json!({"workflow_ids": ["{t}-*"]})), [""; 0]);
        assert_eq!(limited("worker", json!({"workflow_types": ["W"]})), [""; 0]);
    }
}
