//! Grants that nearly cover a call: what keeps each from it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use temporal_auth::temporal::Access;

use super::trial::{Trial, for_all};
use crate::filter::{Caller, Target};

/// What a grant may say of names.
const LIMITS: [&str; 3] = ["task_queues", "workflow_types", "nexus_endpoints"];
/// What a grant says only if it is meant.
const LICENCES: [&str; 2] = ["may_register", "may_call_back"];

/// So many of the grants that nearly cover a call are told of. Who has more of them has them all alike.
pub(super) const MOST: usize = 20;

/// The first grants, at most [`MOST`], that nearly cover a call that no grant covers, each with what it lacks; and whether
/// there may be more.
pub(super) fn find(
    config: &Value,
    caller: &Caller,
    target: &Target,
    effects: &[&str],
) -> Result<(Vec<(String, String)>, bool), String> {
    // Each trial has rules of its own, and would copy these for nothing.
    let bare = &without(config, &["grants", "denials"]);
    let misses = Misses { trial: Trial { config: bare, caller, target }, effects };
    let grants: Vec<_> = config.get("grants").and_then(Value::as_array).into_iter().flatten().collect();
    let own = first(&grants, &|some| misses.trial.allow(some.iter().map(|grant| for_all(who(grant))).collect()))?;
    let others = first(&grants, &|some| misses.trial.allow(some.iter().map(|grant| misses.loosest(grant)).collect()))?;
    let near: BTreeMap<_, _> =
        others.into_iter().map(|place| (place, false)).chain(own.into_iter().map(|place| (place, true))).collect();
    let is_cut = near.len() >= MOST;
    let near = near.into_iter().take(MOST).filter_map(|(place, is_own)| Some((*grants.get(place)?, is_own)));
    let told = near.map(|(grant, is_own)| {
        let name = grant.get("name").and_then(Value::as_str).unwrap_or_default();
        Ok((name.to_owned(), misses.miss(grant, is_own)?))
    });
    Ok((told.collect::<Result<_, String>>()?, is_cut))
}

/// The places of the first items, at most [`MOST`], that `has` is true of: it is of several if it is of any of them, so
/// that of ten thousand those that matter are found with few questions.
fn first<T>(items: &[T], has: &dyn Fn(&[T]) -> Result<bool, String>) -> Result<Vec<usize>, String> {
    let (mut found, mut parts) = (Vec::new(), vec![(0usize, items)]);
    while let Some((place, part)) = parts.pop() {
        if found.len() >= MOST || part.is_empty() || !has(part)? {
            continue;
        }
        if part.len() == 1 {
            found.push(place);
        } else {
            let half = part.len() / 2;
            let (left, right) = part.split_at(half);
            parts.extend([(place.saturating_add(half), right), (place, left)]);
        }
    }
    Ok(found)
}

struct Misses<'a> {
    trial: Trial<'a>,
    effects: &'a [&'a str],
}

impl Misses<'_> {
    /// The grant, were it for the caller, whatever its captures take.
    fn loosest(&self, grant: &Value) -> Value {
        let mut loosest = changed(&without(grant, &["shadow"]), &[("who", self.trial.caller.who())]);
        for name in LIMITS.iter().chain(&["namespaces"]) {
            loosest = changed(&loosest, &[(name, loosened(grant.get(name)))]);
        }
        loosest
    }

    /// What keeps a grant from the call: one for the caller, or one that would cover it.
    fn miss(&self, grant: &Value, is_own: bool) -> Result<String, String> {
        let in_shadow = grant.get("shadow") == Some(&Value::Bool(true));
        let grant = &without(grant, &["shadow"]);
        if in_shadow && self.trial.allows(grant.clone())? {
            return Ok("would cover the call, but is in shadow: it gives nothing".to_owned());
        }
        if is_own {
            let also = if in_shadow { ", and is in shadow" } else { "" };
            return Ok(self.lacks(grant)? + also);
        }
        let failed = self.trial.failed(&who(grant))?;
        Ok(format!("would cover the call, but is not for this caller: {}", failed.join(", and ")))
    }

    /// What a grant that is for the caller lacks.
    fn lacks(&self, grant: &Value) -> Result<String, String> {
        let mut lacks = Vec::new();
        // The grant with all that it could have, and with each of its own in turn.
        let open = without(grant, &LIMITS);
        let open = with(open, &LICENCES.map(|licence| (licence, json!(true))));
        let open = changed(&open, &[("role", json!("admin")), ("namespaces", json!(["*"]))]);
        let covers = self.trial.allows(open.clone())?;
        if let Some(claim) = grant.get("permissions_claim") {
            if !covers {
                return Ok(format!("is for this caller, but what their claim {claim} permits does not cover the call"));
            }
        } else {
            let role = grant.get("role").and_then(Value::as_str).unwrap_or_default();
            let missing = self.missing(grant, role)?;
            if !missing.is_empty() {
                lacks.push(match self.least() {
                    Some(least) => format!("its role {role} is not all of {least}, as parity: upstream asks for"),
                    None => format!("its role {role} does not give {}", missing.join(", ")),
                });
            }
        }
        if !covers {
            lacks.push("only a grant with system: true covers the call".to_owned());
        } else {
            if let Some(namespaces) = grant.get("namespaces")
                && !self.trial.allows(changed(&open, &[("namespaces", namespaces.clone())]))?
            {
                lacks.push(format!("its namespaces {namespaces} do not match"));
            }
            for licence in LICENCES.iter().filter(|licence| grant.get(**licence) != Some(&Value::Bool(true))) {
                if !self.trial.allows(without(&open, &[licence]))? {
                    lacks.push(format!("it does not say {licence}: true"));
                }
            }
        }
        for name in LIMITS {
            let Some(list) = grant.get(name) else { continue };
            let limit = Map::from_iter([(name.to_owned(), list.clone())]);
            if let Some(why) = self.trial.refused_by(&limit, who(grant))? {
                lacks.push(format!("is limited: {why} ({name} {list})"));
            }
        }
        if lacks.is_empty() {
            lacks.push("together with no other grant it covers the whole call".to_owned());
        }
        Ok(format!("is for this caller, but {}", lacks.join(", and ")))
    }

    /// The role that Temporal's own authorizer asks for, where it decides.
    fn least(&self) -> Option<&'static str> {
        self.trial.config.get("parity")?;
        self.trial.target.method.as_ref().map(|method| match method.access {
            Access::ReadOnly => "reader",
            Access::Write => "writer",
            Access::Admin => "admin",
        })
    }

    /// The effects of the call that a role does not give: without which one it still is not enough when it has all
    /// others.
    fn missing(&self, grant: &Value, role: &str) -> Result<Vec<String>, String> {
        let mut missing = Vec::new();
        for effect in self.effects {
            let others: Vec<_> = self.effects.iter().filter(|other| *other != effect).collect();
            let mut config = self.trial.config.clone();
            let with = if others.is_empty() { json!({"from": role}) } else { json!({"from": role, "plus": others}) };
            // No role of a policy has this name.
            const NAME: &str = "\u{1}trial";
            if let Some(members) = config.as_object_mut() {
                let roles = members.entry("roles").or_insert_with(|| json!({}));
                if let Some(roles) = roles.as_object_mut() {
                    roles.insert(NAME.to_owned(), with);
                }
            }
            let grant = json!({"name": "trial", "who": who(grant), "role": NAME, "system": true});
            if !self.trial.allows_with(&config, grant)? {
                missing.push((*effect).to_owned());
            }
        }
        Ok(missing)
    }
}

fn who(grant: &Value) -> Value {
    grant.get("who").cloned().unwrap_or_default()
}

/// The grant with other values in some of the fields that it has.
fn changed(grant: &Value, changes: &[(&str, Value)]) -> Value {
    let has = |(name, _): &&(&str, Value)| grant.get(*name).is_some();
    with(grant.clone(), &changes.iter().filter(has).cloned().collect::<Vec<_>>())
}

fn with(mut grant: Value, changes: &[(&str, Value)]) -> Value {
    if let Some(members) = grant.as_object_mut() {
        members.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    grant
}

fn without(grant: &Value, names: &[&str]) -> Value {
    let mut grant = grant.clone();
    if let Some(members) = grant.as_object_mut() {
        members.retain(|name, _| !names.contains(&name.as_str()));
    }
    grant
}

/// Patterns for whatever their captures take: both a capture and `*` match any name's part.
fn loosened(patterns: Option<&Value>) -> Value {
    let patterns = patterns.and_then(Value::as_array).into_iter().flatten();
    patterns.map(|pattern| Value::from(loose(pattern.as_str().unwrap_or_default()))).collect()
}

fn loose(pattern: &str) -> String {
    let mut loose = String::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => loose.extend(std::iter::once(char).chain(chars.next())),
            '{' => {
                chars.by_ref().find(|char| *char == '}');
                loose.push('*');
            }
            other => loose.push(other),
        }
    }
    loose
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Times;

    #[test]
    fn captures_become_stars() {
        for (pattern, expected) in [("{team}-*", "*-*"), ("a", "a"), ("\\{a}{b}", "\\{a}*"), ("a\\\\{b}", "a\\\\*")] {
            assert_eq!(loose(pattern), expected);
        }
    }

    #[test]
    fn the_first_few_of_many_are_found_with_few_questions() {
        let asked = std::cell::Cell::new(0);
        let found = |items: &[usize], step: usize| {
            asked.set(0);
            let has = |part: &[usize]| {
                asked.set(asked.get() + 1);
                Ok(part.iter().any(|item| item % step == step - 1))
            };
            (first(items, &has).unwrap(), asked.get())
        };
        let many: Vec<_> = (0..10_000).collect();
        assert_eq!(found(&many, 20_000), (vec![], 1));
        assert_eq!(found(&many, 10_000).0, [9999]);
        assert_eq!(found(&many, 5000).0, [4999, 9999]);
        assert!(found(&many, 5000).1 < 60);
        assert_eq!(found(&many, 1).0, (0..MOST).collect::<Vec<_>>());
        assert_eq!(found(&[], 1), (vec![], 0));
    }

    fn misses(who: Value, gives: Value, claims: Value, method: &str, namespace: &str) -> Option<String> {
        let claims = claims.as_object().unwrap().clone();
        let caller = Caller { issuer: Some("corp".into()), claims, typ: None, times: Times::Good, peer: None };
        misses_of(&caller, json!({}), who, gives, method, namespace)
    }

    fn misses_of(
        caller: &Caller,
        top: Value,
        who: Value,
        gives: Value,
        method: &str,
        namespace: &str,
    ) -> Option<String> {
        let mut grant = json!({"name": "g", "who": who});
        gives.as_object().unwrap().iter().for_each(|(name, value)| grant[name] = value.clone());
        let issuer = |issuer: &str| json!({"issuer": issuer, "audiences": ["t"], "keys": {"jwks_uri": "https://i/", "cluster": "c"}, "service_when": [{"gty": "cc"}]});
        let mut config = json!({
            "version": 1,
            "issuers": {"corp": issuer("https://a/"), "other": issuer("https://b/")},
            "roles": {"most": {"from": "writer", "minus": ["terminate"]}},
            "grants": [grant],
        });
        top.as_object().unwrap().iter().for_each(|(name, value)| config[name] = value.clone());
        let parsed = temporal_auth::config::Config::parse(config.to_string().as_bytes()).unwrap();
        let target = Target::new(&parsed, method, namespace).unwrap();
        let effects: Vec<_> = target.reading().unwrap().unwrap().effects.names().collect();
        find(&config, caller, &target, &effects).unwrap().0.pop().map(|(_, why)| why)
    }

    #[test]
    fn what_a_callers_own_grant_lacks() {
        let own = |gives: Value, method: &str, namespace: &str| {
            misses(json!({"issuer": "corp"}), gives, json!({"sub": "a"}), method, namespace).unwrap()
        };
        let writer = || json!({"role": "writer", "namespaces": ["x"]});
        let reader = || json!({"role": "reader", "namespaces": ["x"]});
        assert!(own(writer(), "StartWorkflowExecution", "y").ends_with("but its namespaces [\"x\"] do not match"));
        assert!(own(reader(), "StartWorkflowExecution", "x").ends_with("but its role reader does not give start"));
        let both = own(json!({"role": "worker", "namespaces": ["x"]}), "SignalWithStartWorkflowExecution", "y");
        assert!(both.contains("does not give start, signal, and its namespaces"), "{both}");
        assert!(own(reader(), "ListNamespaces", "").ends_with("only a grant with system: true covers the call"));
        let admin = json!({"role": "admin", "namespaces": ["x"]});
        assert!(own(admin, "RegisterNamespace", "x").ends_with("may_register: true"));
        assert!(
            own(json!({"role": "reader", "system": true}), "StartWorkflowExecution", "x").ends_with("not give start")
        );
        assert!(own(json!({"permissions_claim": "p"}), "StartWorkflowExecution", "x").contains("claim \"p\" permits"));
    }

    #[test]
    fn whom_a_grant_of_others_is_for() {
        let other = |who: Value, namespaces: Value, claims: Value| {
            let gives = json!({"role": "writer", "namespaces": namespaces});
            misses(who, gives, claims, "StartWorkflowExecution", "a-x")
        };
        let alice = || json!({"sub": "alice", "groups": ["team-b"]});
        let claim = json!({"issuer": "corp", "claims": {"groups": "team-a", "x": "y"}});
        let why = other(claim.clone(), json!(["a-x"]), alice()).unwrap();
        assert!(why.ends_with(
            "claim groups must match \"team-a\", and is [\"team-b\"], and claim x must match \"y\", and is not there"
        ));
        assert_eq!(other(claim, json!(["b"]), alice()), None, "it would not cover the call");
        let bob =
            other(json!({"issuer": "corp", "kind": "service", "subject": "bob"}), json!(["a-x"]), alice()).unwrap();
        assert!(bob.ends_with("kind must be \"service\", and subject must be \"bob\""));
        assert!(other(json!({"issuer": ["other"]}), json!(["a-x"]), alice()).unwrap().ends_with("and is corp"));
        let team = json!({"issuer": "corp", "claims": {"groups": "{t}", "dept": "{t}"}});
        let why = other(team, json!(["{t}-*"]), json!({"sub": "a", "groups": "a", "dept": "b"})).unwrap();
        assert!(why.contains("captures take differs"), "{why}");
    }

    #[test]
    fn what_limits_a_callers_own_grant() {
        let limited = |gives: Value, method: &str| {
            misses(json!({"issuer": "corp", "subject": "{t}"}), gives, json!({"sub": "a"}), method, "x").unwrap()
        };
        let writer = |limits: &[(&str, &str)]| {
            let mut grant = json!({"role": "writer", "namespaces": ["x"]});
            limits.iter().for_each(|(name, pattern)| grant[*name] = json!([pattern]));
            grant
        };
        let queues = writer(&[("task_queues", "{t}-*")]);
        assert_eq!(
            limited(queues.clone(), "StartWorkflowExecution"),
            "is for this caller, but is limited: it names no task queue (task_queues [\"{t}-*\"])"
        );
        assert!(limited(queues, "SignalWorkflowExecution").contains("is limited: what it touches is known by id"));
        let both = writer(&[("task_queues", "q"), ("workflow_types", "W"), ("nexus_endpoints", "E")]);
        let why = limited(both, "ListWorkflowExecutions");
        assert!(why.contains("(task_queues [\"q\"])") && why.contains("(workflow_types"), "{why}");
        assert!(!why.contains("nexus_endpoints") && !why.contains("role"), "only what keeps it from the call: {why}");
        let other = json!({"role": "reader", "namespaces": ["y"], "task_queues": ["q"]});
        let why = limited(other, "StartWorkflowExecution");
        for lack in ["does not give start", "its namespaces [\"y\"]", "is limited: it names no task queue"] {
            assert!(why.contains(lack), "{lack}: {why}");
        }
        let claim = json!({"permissions_claim": "p", "task_queues": ["q"]});
        assert!(limited(claim, "StartWorkflowExecution").contains("claim \"p\" permits does not cover the call"));
    }

    #[test]
    fn a_grant_of_others_is_near_only_if_its_limits_let_the_call_through() {
        let who = || json!({"issuer": "corp", "subject": "{t}-runner"});
        let near = |queues: Value, method: &str| {
            let gives =
                json!({"role": "writer", "namespaces": ["x"], "nexus_endpoints": ["{t}-e"], "task_queues": queues});
            misses(who(), gives, json!({"sub": "a"}), method, "x")
        };
        assert!(near(json!(["{t}-*"]), "PollWorkflowTaskQueue").is_none(), "it names no queue");
        assert!(near(json!(["{t}-*"]), "DescribeNamespace").unwrap().contains("subject must be \"{t}-runner\""));
    }

    #[test]
    fn peers() {
        let gives = || json!({"role": "worker", "namespaces": ["{t}"]});
        let alone = |who: Value, gives: Value, namespace: &str| {
            let caller = Caller::without_token("spiffe://a/*".to_owned());
            misses_of(&caller, json!({}), who, gives, "PollWorkflowTaskQueue", namespace)
        };
        let why = alone(json!({"peer": "spiffe://{t}/x"}), gives(), "a").unwrap();
        assert!(why.ends_with("this caller: peer must match \"spiffe://{t}/x\", and is \"spiffe://a/*\""), "{why}");
        let own =
            alone(json!({"peer": "spiffe://a/{t}"}), json!({"role": "reader", "namespaces": ["b"]}), "a").unwrap();
        assert_eq!(
            own,
            "is for this caller, but its role reader does not give poll, and its namespaces [\"b\"] do not match"
        );
        let why = alone(json!({"issuer": "corp", "subject": "{t}-w"}), gives(), "a").unwrap();
        assert!(why.ends_with("a token of issuer \"corp\" is needed, and there is none"), "{why}");
        let limited = json!({"role": "worker", "namespaces": ["a"], "task_queues": ["q"]});
        assert!(alone(json!({"peer": "spiffe://a/\\*"}), limited, "a").unwrap().contains("is limited: "));

        let with_token = |who: Value, peer: Option<&str>| {
            let (issuer, peer) = (Some("corp".into()), peer.map(str::to_owned));
            let claims = json!({"sub": "s"}).as_object().unwrap().clone();
            let caller = Caller { issuer, claims, typ: None, times: Times::Good, peer };
            misses_of(
                &caller,
                json!({}),
                who,
                json!({"role": "worker", "namespaces": ["a"]}),
                "PollWorkflowTaskQueue",
                "a",
            )
        };
        let why = with_token(json!({"peer": "p"}), Some("p")).unwrap();
        assert!(why.ends_with("it is for a peer without a token, and there is one"), "{why}");
        let both = || json!({"issuer": "corp", "peer": "p"});
        assert!(with_token(both(), Some("q")).unwrap().ends_with("peer must match \"p\", and is \"q\""));
        assert!(with_token(both(), None).unwrap().ends_with("peer must match \"p\", and there is none"));
    }

    #[test]
    fn roles_under_parity() {
        let gives = |role: &str| json!({"role": role, "namespaces": ["x"]});
        let of = |gives: Value, method: &str| {
            let claims = json!({"sub": "a", "p": ["x:read"]}).as_object().unwrap().clone();
            let caller = Caller { issuer: Some("corp".into()), claims, typ: None, times: Times::Good, peer: None };
            misses_of(&caller, json!({"parity": "upstream"}), json!({"issuer": "corp"}), gives, method, "x").unwrap()
        };
        let why = of(gives("most"), "StartWorkflowExecution");
        assert_eq!(why, "is for this caller, but its role most is not all of writer, as parity: upstream asks for");
        assert!(of(gives("worker"), "SignalWithStartWorkflowExecution").contains("role worker is not all of writer"));
        let claim = json!({"permissions_claim": "p", "permissions_regex": "(?P<namespace>.+)/(?P<role>.+)"});
        assert!(of(claim, "StartWorkflowExecution").contains("claim \"p\" permits does not cover"));
    }

    #[test]
    fn a_grant_in_shadow() {
        let gives = |shadow: bool| json!({"role": "writer", "namespaces": ["x"], "shadow": shadow});
        let of = |gives: Value, namespace: &str| {
            misses(json!({"issuer": "corp"}), gives, json!({"sub": "a"}), "StartWorkflowExecution", namespace).unwrap()
        };
        assert_eq!(of(gives(true), "x"), "would cover the call, but is in shadow: it gives nothing");
        assert!(of(gives(true), "y").ends_with("namespaces [\"x\"] do not match, and is in shadow"));
        assert!(!of(gives(false), "y").contains("shadow"));
    }
}
