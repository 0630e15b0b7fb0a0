//! Grants that nearly cover a call, and why each does not.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use temporal_auth::policy::expiry::Expiry;
use temporal_auth::temporal::{Access, Limit};

use super::trial::{Trial, for_all, shown_miss};
use crate::caller::AssumedCaller;
use crate::filter::Call;

/// The fields that limit a grant to certain names.
fn limits() -> [&'static str; Limit::ALL.len()] {
    Limit::ALL.map(Limit::name)
}

/// The flags that let a grant do more.
const PERMISSIONS: [&str; 2] = ["may_register", "may_call_back"];

/// The fields that may suspend a grant.
const SUSPENDING: [&str; 2] = ["shadow", "until"];

/// How many near misses are reported, at most. Policies with more of them have many that are alike.
pub(super) const MOST: usize = 20;

/// The first grants, at most [`MOST`], that nearly cover a call that no grant covers, each with what it lacks; and whether
/// there may be more.
pub(super) fn find(
    config: &Value,
    caller: &AssumedCaller,
    call: &Call,
    effects: &[&str],
) -> Result<(Vec<(String, String)>, bool), String> {
    // Each trial replaces these fields, so copying them would be a waste.
    let bare = &without(config, &["grants", "denials", "newer_fields"]);
    let misses = NearMisses { trial: Trial { config: bare, caller, call }, effects };
    let grants: Vec<_> = config.get("grants").and_then(Value::as_array).into_iter().flatten().collect();
    let own = first(&grants, &|some| misses.trial.allow(some.iter().map(|grant| for_all(who(grant))).collect()))?;
    let others = first(&grants, &|some| misses.trial.allow(some.iter().map(|grant| misses.loosest(grant)).collect()))?;
    let near: BTreeMap<_, _> =
        others.into_iter().map(|index| (index, false)).chain(own.into_iter().map(|index| (index, true))).collect();
    let is_cut = near.len() >= MOST;
    let near = near.into_iter().take(MOST).filter_map(|(index, is_own)| Some((*grants.get(index)?, is_own)));
    let told = near.map(|(grant, is_own)| {
        let name = grant.get("name").and_then(Value::as_str).unwrap_or_default();
        Ok((name.to_owned(), misses.miss(grant, is_own)?))
    });
    Ok((told.collect::<Result<_, String>>()?, is_cut))
}

/// The indices of the first items, at most [`MOST`], for which `has` is true. It is true for several items if it is true for
/// any of them, so a few among ten thousand are found with few questions.
fn first<T>(items: &[T], has: &dyn Fn(&[T]) -> Result<bool, String>) -> Result<Vec<usize>, String> {
    let (mut found, mut parts) = (Vec::new(), vec![(0usize, items)]);
    while let Some((index, part)) = parts.pop() {
        if found.len() >= MOST || part.is_empty() || !has(part)? {
            continue;
        }
        if part.len() == 1 {
            found.push(index);
        } else {
            let half = part.len() / 2;
            let (left, right) = part.split_at(half);
            parts.extend([(index.saturating_add(half), right), (index, left)]);
        }
    }
    Ok(found)
}

struct NearMisses<'a> {
    trial: Trial<'a>,
    effects: &'a [&'a str],
}

impl NearMisses<'_> {
    /// The grant as if it were for this caller and its captures matched anything.
    fn loosest(&self, grant: &Value) -> Value {
        let mut loosest = changed(&without(grant, &SUSPENDING), &[("who", self.trial.caller.who())]);
        for name in limits().into_iter().chain(["namespaces"]) {
            loosest = changed(&loosest, &[(name, loosened(grant.get(name)))]);
        }
        loosest
    }

    /// Why a grant does not allow the call. The grant is the caller's own, or would cover the call.
    fn miss(&self, grant: &Value, is_own: bool) -> Result<String, String> {
        let suspended = self.suspended(grant);
        let grant = &without(grant, &SUSPENDING);
        if !suspended.is_empty() && self.trial.allows(grant.clone())? {
            return Ok(format!("would cover the call, but {}: it gives nothing", suspended.join(", and ")));
        }
        let also = suspended.iter().map(|why| format!(", and {why}")).collect::<String>();
        if is_own {
            return Ok(self.lacks(grant)? + &also);
        }
        let failed = self.trial.failed(&who(grant))?;
        Ok(format!("would cover the call, but is not for this caller: {}{also}", failed.join(", and ")))
    }

    /// Why a grant gives nothing to anybody. Empty if it is in force.
    fn suspended(&self, grant: &Value) -> Vec<String> {
        let shadow = (grant.get("shadow") == Some(&Value::Bool(true))).then(|| "is in shadow".to_owned());
        let until = grant.get("until").and_then(Value::as_str).and_then(Expiry::parse);
        let ended = until.filter(|until| until.has_passed(self.trial.caller.at));
        shadow.into_iter().chain(ended.map(|until| format!("ended at {until}"))).collect()
    }

    /// Why a grant that is for the caller does not cover the call.
    fn lacks(&self, grant: &Value) -> Result<String, String> {
        let mut lacks = Vec::new();
        // The grant with everything that it could have; below, each of its own fields is put back in turn.
        let open = without(grant, &limits());
        let open = with(open, &PERMISSIONS.map(|permission| (permission, json!(true))));
        let open = changed(&open, &[("role", json!("admin")), ("namespaces", json!(["*"]))]);
        let covers = self.trial.allows(open.clone())?;
        if let Some(claim) = grant.get("permissions_claim") {
            if !covers {
                return Ok(format!(
                    "is for this caller, but the permissions in their claim {claim} do not cover the call"
                ));
            }
        } else {
            let role = grant.get("role").and_then(Value::as_str).unwrap_or_default();
            let missing = self.missing(grant, role)?;
            if !missing.is_empty() {
                lacks.push(match self.least() {
                    Some(least) => format!("its role {role} is below {least}, which parity: upstream requires"),
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
            for permission in
                PERMISSIONS.iter().filter(|permission| grant.get(**permission) != Some(&Value::Bool(true)))
            {
                if !self.trial.allows(without(&open, &[permission]))? {
                    lacks.push(format!("it has no {permission}: true"));
                }
            }
        }
        for name in limits() {
            let Some(list) = grant.get(name) else { continue };
            let limit = Map::from_iter([(name.to_owned(), list.clone())]);
            if let Some(miss) = self.trial.limit_miss(&limit, who(grant))? {
                lacks.push(format!("is limited: {}", shown_miss(&miss, name, list)));
            }
        }
        if lacks.is_empty() {
            lacks.push("it covers only part of the call, and no other grant covers the rest".to_owned());
        }
        Ok(format!("is for this caller, but {}", lacks.join(", and ")))
    }

    /// The role that Temporal's own authorizer requires, under `parity: upstream`.
    fn least(&self) -> Option<&'static str> {
        self.trial.config.get("parity")?;
        self.trial.call.method.as_ref().map(|method| match method.access {
            Access::ReadOnly => "reader",
            Access::Write => "writer",
            // Nobody is granted unlisted methods, so they are not asked about.
            Access::Admin | Access::Unlisted => "admin",
        })
    }

    /// The effects of the call that a role does not give. An effect is missing if the role does not suffice even with all
    /// other effects.
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

/// The object without these members.
pub(super) fn without(grant: &Value, names: &[&str]) -> Value {
    let mut grant = grant.clone();
    if let Some(members) = grant.as_object_mut() {
        members.retain(|name, _| !names.contains(&name.as_str()));
    }
    grant
}

/// The patterns with `*` in place of captures.
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
mod tests;
