//! Why a denial matches a call: each of its conditions, and the verdict without the denial.

use serde_json::{Map, Value, json};
use temporal_auth::policy::Rule;

use super::trial::{Trial, shown_miss};
use crate::caller::AssumedCaller;
use crate::filter::{Call, Evaluation, Filter};

/// Each condition of a denial that matches the call, with the reason why it matches.
pub(super) fn conditions(
    config: &Value,
    caller: &AssumedCaller,
    call: &Call,
    name: &str,
) -> Result<Vec<(&'static str, String)>, String> {
    let trial = Trial { config, caller, call };
    let Some(denial) = denials(config).find(|denial| denial.get("name").and_then(Value::as_str) == Some(name)) else {
        return Ok(Vec::new());
    };
    let mut conditions = Vec::new();
    if let Some(who) = denial.get("who") {
        conditions.push(("who", format!("is this caller: {}", met(&trial, who))));
    }
    if let Some(unless) = denial.get("unless") {
        let failed = trial.failed(unless)?.join(", and ");
        conditions.push(("unless", format!("does not exempt this caller: {failed}")));
    }
    let matching = matching(&trial, denial)?;
    for (field, list) in ["effects", "namespaces"].into_iter().zip(matching) {
        if denial.get(field).is_some() {
            conditions.push((field, list.join(", ")));
        }
    }
    if let Some(limits) = denial.get("outside").and_then(Value::as_object) {
        for (name, list) in limits {
            let limit = Map::from_iter([(name.clone(), list.clone())]);
            if let Some(miss) = trial.limit_miss(&limit, caller.who())? {
                conditions.push(("outside", shown_miss(&miss, name, list)));
            }
        }
    }
    Ok(conditions)
}

/// The evaluation of the call without this denial.
pub(super) fn without(config: &Value, caller: &AssumedCaller, call: &Call, name: &str) -> Result<Evaluation, String> {
    let mut config = config.clone();
    let others: Vec<_> = denials(&config).filter(|denial| denial.get("name") != Some(&json!(name))).cloned().collect();
    if let Some(members) = config.as_object_mut() {
        members.insert("denials".to_owned(), Value::from(others));
    }
    Ok(Filter::new(&config, caller)?.evaluate(caller, call))
}

fn denials(config: &Value) -> impl Iterator<Item = &Value> {
    config.get("denials").and_then(Value::as_array).into_iter().flatten()
}

/// The conditions of `who`, with the caller's values.
fn met(trial: &Trial<'_>, who: &Value) -> String {
    let conditions = who.as_object().into_iter().flatten().filter(|(name, _)| *name != "claims");
    let mut met: Vec<_> = conditions
        .map(|(name, condition)| match &trial.caller.peer {
            Some(peer) if name == "peer" => format!("peer matches {condition}, and is {peer:?}"),
            _ => format!("{name} {condition}"),
        })
        .collect();
    for (name, patterns) in who.get("claims").and_then(Value::as_object).into_iter().flatten() {
        let found = trial.found(name).unwrap_or_default();
        met.push(format!("claim {name} matches {patterns}, and is {found}"));
    }
    met.join(", and ")
}

/// Which of a denial's effects and namespaces match the call together.
fn matching(trial: &Trial<'_>, denial: &Value) -> Result<[Vec<String>; 2], String> {
    // A field that is absent is not tried.
    let list = |field: &str| match denial.get(field).and_then(Value::as_array) {
        Some(list) => list.iter().map(Some).collect(),
        None => vec![None],
    };
    let grant = json!({"name": "trial", "who": trial.caller.who(), "role": "admin", "system": true});
    let mut matching = [Vec::new(), Vec::new()];
    for effect in list("effects") {
        for namespace in list("namespaces") {
            let mut tried = json!({"name": "denial", "who": trial.caller.who()});
            let parts = [("effects", effect), ("namespaces", namespace)];
            let stated = parts.iter().filter_map(|(field, value)| Some(((*field).to_owned(), json!([(*value)?]))));
            let stated = stated.chain(denial.get("commands").map(|commands| ("commands".to_owned(), commands.clone())));
            if let Some(members) = tried.as_object_mut() {
                members.extend(stated);
            }
            let evaluation = trial.evaluation(trial.config, json!([grant]), json!([tried]))?;
            if !matches!(evaluation.rule, Some(Rule::Denial(_))) {
                continue;
            }
            for (shown, (_, value)) in matching.iter_mut().zip(parts) {
                let text = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
                shown.extend(text.filter(|text| !shown.contains(text)).into_iter().collect::<Vec<_>>());
            }
        }
    }
    Ok(matching)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(denial: Value, claims: Value, method: &str, namespace: &str) -> (Vec<String>, Evaluation) {
        let mut denial = denial;
        denial["name"] = json!("d");
        let issuer = json!({"issuer": "https://a/", "audiences": ["t"], "keys": {"jwks_uri": "https://i/", "cluster": "c"}, "service_when": [{"gty": "cc"}]});
        let config = json!({
            "version": 1,
            "issuers": {"corp": issuer},
            "grants": [{"name": "g", "who": {"issuer": "corp"}, "role": "writer", "namespaces": ["a*", "b"]}],
            "denials": [denial, {"name": "other", "effects": ["cancel"]}],
        });
        let parsed = temporal_auth::config::Config::parse(config.to_string().as_bytes()).unwrap();
        let call = Call::new(&parsed, method, namespace).unwrap();
        let claims = claims.as_object().unwrap().clone();
        let caller = AssumedCaller::with_claims("corp", claims, temporal_auth::time::Timestamp::now());
        let evaluation = Filter::new(&config, &caller).unwrap().evaluate(&caller, &call);
        assert_eq!((evaluation.status(), evaluation.rule_name()), (7, Some("d")));
        let conditions = conditions(&config, &caller, &call, "d").unwrap();
        let shown = conditions.iter().map(|(name, what)| format!("{name}: {what}")).collect();
        (shown, without(&config, &caller, &call, "d").unwrap())
    }

    #[test]
    fn each_condition_says_why_it_matches() {
        let denial = json!({
            "who": {"claims": {"groups": "team-*"}, "kind": "human"},
            "unless": {"issuer": "corp", "claims": {"groups": "finance"}},
            "effects": ["delete", "start", "signal"],
            "namespaces": ["b*", "a-*"],
            "outside": {"task_queues": ["q"], "nexus_endpoints": ["e"]},
        });
        let (conditions, without) =
            explained(denial, json!({"sub": "s", "groups": ["team-x"]}), "StartWorkflowExecution", "a-1");
        assert_eq!(
            conditions,
            [
                "who: is this caller: kind \"human\", and claim groups matches \"team-*\", and is [\"team-x\"]",
                "unless: does not exempt this caller: claim groups must match \"finance\", and is [\"team-x\"]",
                "effects: start",
                "namespaces: a-*",
                "outside: the request names no task queue (task_queues [\"q\"])",
            ]
        );
        assert_eq!((without.status(), without.rule_name()), (0, Some("g")));
    }

    #[test]
    fn denials_of_a_peer_without_a_token_are_explained() {
        let config = json!({
            "version": 1,
            "issuers": {"corp": {"issuer": "https://a/", "audiences": ["t"], "keys": {"jwks_uri": "https://i/", "cluster": "c"}}},
            "grants": [{"name": "g", "who": {"peer": "a*"}, "role": "writer", "namespaces": ["x"]}],
            "denials": [{
                "name": "d", "who": {"peer": "ab*"}, "unless": {"peer": "abc"}, "effects": ["read", "start"], "namespaces": ["x"],
                "outside": {"task_queues": ["q"]},
            }, {"name": "e", "unless": {"issuer": "corp"}, "effects": ["query"]}],
        });
        let parsed = temporal_auth::config::Config::parse(config.to_string().as_bytes()).unwrap();
        let caller = AssumedCaller::without_token("ab*{\\".to_owned(), temporal_auth::time::Timestamp::now());
        let ask = |method: &str, name: &str| {
            let call = Call::new(&parsed, method, "x").unwrap();
            let found = conditions(&config, &caller, &call, name).unwrap();
            let found: Vec<_> = found.iter().map(|(name, what)| format!("{name}: {what}")).collect();
            (found, without(&config, &caller, &call, name).unwrap().status())
        };
        assert_eq!(
            ask("StartWorkflowExecution", "d"),
            (
                [
                    "who: is this caller: peer matches \"ab*\", and is \"ab*{\\\\\"",
                    "unless: does not exempt this caller: peer must match \"abc\", and is \"ab*{\\\\\"",
                    "effects: start",
                    "namespaces: x",
                    "outside: the request names no task queue (task_queues [\"q\"])",
                ]
                .map(str::to_owned)
                .to_vec(),
                0
            )
        );
        let needed = "unless: does not exempt this caller: a token of issuer \"corp\" is needed, and there is none";
        assert_eq!(ask("QueryWorkflow", "e"), ([needed, "effects: query"].map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn the_verdict_without_the_denial_is_shown() {
        let sub = || json!({"sub": "s"});
        let (conditions, without) = explained(
            json!({"effects": ["start", "RequestCancelWorkflowExecution"]}),
            sub(),
            "RequestCancelWorkflowExecution",
            "b",
        );
        assert_eq!(conditions, ["effects: RequestCancelWorkflowExecution"]);
        assert_eq!((without.status(), without.rule_name()), (7, Some("other")));
        let (conditions, without) = explained(json!({"namespaces": ["x"]}), sub(), "QueryWorkflow", "x");
        assert_eq!(conditions, ["namespaces: x"]);
        assert_eq!((without.status(), without.rule_name()), (7, Some("default-deny")));
    }
}
