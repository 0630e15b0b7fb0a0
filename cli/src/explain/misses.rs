//! Grants that nearly cover a call. Found by asking the filter again, with one grant that is changed in one respect: so
//! what a grant means stands in the library alone.

use serde_json::{Map, Value, json};
use temporal_auth::identity::ClaimName;

use crate::filter::{Caller, Filter, Target};

/// The grants that nearly cover a denied call, each with what it lacks.
pub(super) fn find(
    config: &Value,
    caller: &Caller,
    target: &Target,
    effects: &[&str],
) -> Result<Vec<(String, String)>, String> {
    let trial = Trial { config, caller, target, effects };
    let mut misses = Vec::new();
    for grant in config.get("grants").and_then(Value::as_array).into_iter().flatten() {
        let name = grant.get("name").and_then(Value::as_str).unwrap_or_default();
        if let Some(why) = trial.miss(grant)? {
            misses.push((name.to_owned(), why));
        }
    }
    Ok(misses)
}

struct Trial<'a> {
    config: &'a Value,
    caller: &'a Caller,
    target: &'a Target,
    effects: &'a [&'a str],
}

impl Trial<'_> {
    /// Whether this grant alone would allow the call.
    fn allows(&self, grant: Value) -> Result<bool, String> {
        self.allows_with(self.config, grant)
    }

    fn allows_with(&self, config: &Value, grant: Value) -> Result<bool, String> {
        let mut config = config.clone();
        if let Some(members) = config.as_object_mut() {
            members.remove("denials");
            members.insert("grants".to_owned(), json!([grant]));
        }
        Ok(Filter::new(&config, self.caller)?.call(self.caller, self.target).status == 0)
    }

    fn miss(&self, grant: &Value) -> Result<Option<String>, String> {
        if self.is_for(who(grant))? {
            return self.lacks(grant).map(Some);
        }
        // Whoever it is for: would it cover the call?
        let others = changed(grant, &[("who", json!({"issuer": self.caller.issuer})), ("namespaces", loosened(grant))]);
        if !self.allows(others)? {
            return Ok(None);
        }
        let failed = self.failed(who(grant))?;
        Ok(Some(format!("would cover the call, but is not for this caller: {}", failed.join(", and "))))
    }

    fn is_for(&self, who: Value) -> Result<bool, String> {
        self.allows(json!({"name": "trial", "who": who, "role": "admin", "system": true}))
    }

    /// What a grant that is for the caller lacks.
    fn lacks(&self, grant: &Value) -> Result<String, String> {
        if let Some(claim) = grant.get("permissions_claim") {
            return Ok(format!("is for this caller, but what their claim {claim} permits does not cover the call"));
        }
        let mut lacks = Vec::new();
        let role = grant.get("role").and_then(Value::as_str).unwrap_or_default();
        let missing = self.missing(grant, role)?;
        if !missing.is_empty() {
            lacks.push(format!("its role {role} does not give {}", missing.join(", ")));
        }
        let anywhere = Value::from(vec!["*"]);
        let admin = |namespaces: Value| {
            changed(grant, &[("role", json!("admin")), ("may_register", json!(true)), ("namespaces", namespaces)])
        };
        if let Some(namespaces) = grant.get("namespaces") {
            if !self.allows(admin(anywhere))? {
                lacks.push("only a grant with system: true covers the call".to_owned());
            } else if !self.allows(admin(namespaces.clone()))? {
                lacks.push(format!("its namespaces {namespaces} do not match"));
            }
        }
        if lacks.is_empty() {
            lacks.push("it does not say may_register: true".to_owned());
        }
        Ok(format!("is for this caller, but {}", lacks.join(", and ")))
    }

    /// The effects of the call that a role does not give: without which one it still is not enough when it has all
    /// others.
    fn missing(&self, grant: &Value, role: &str) -> Result<Vec<String>, String> {
        let mut missing = Vec::new();
        for effect in self.effects {
            let others: Vec<_> = self.effects.iter().filter(|other| *other != effect).collect();
            let mut config = self.config.clone();
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
            if !self.allows_with(&config, grant)? {
                missing.push((*effect).to_owned());
            }
        }
        Ok(missing)
    }

    /// The conditions of `who` that the caller does not meet.
    fn failed(&self, who: Value) -> Result<Vec<String>, String> {
        let empty = Map::new();
        let who = who.as_object().unwrap_or(&empty);
        let issuer = &self.caller.issuer;
        let listed = match who.get("issuer") {
            Some(Value::Array(list)) => list.iter().any(|name| *name == **issuer),
            Some(name) => *name == **issuer,
            None => true,
        };
        if !listed {
            let wanted = who.get("issuer").unwrap_or(&Value::Null);
            return Ok(vec![format!("issuer must be {wanted}, and is {issuer}")]);
        }
        let mut failed = Vec::new();
        for (name, condition) in who.iter().filter(|(name, _)| !matches!(name.as_str(), "issuer" | "claims")) {
            if !self.is_for(json!({"issuer": issuer, name: condition}))? {
                failed.push(format!("{name} must be {condition}"));
            }
        }
        for (name, patterns) in who.get("claims").and_then(Value::as_object).unwrap_or(&empty) {
            if !self.is_for(json!({"issuer": issuer, "claims": {name: patterns}}))? {
                let found = ClaimName::new(name).find(&self.caller.claims);
                let found = found.map_or("is not there".to_owned(), |found| format!("is {found}"));
                failed.push(format!("claim {name} must match {patterns}, and {found}"));
            }
        }
        if failed.is_empty() {
            failed.push("what its captures take differs between the conditions".to_owned());
        }
        Ok(failed)
    }
}

fn who(grant: &Value) -> Value {
    grant.get("who").cloned().unwrap_or_default()
}

/// The grant with other values in some of the fields that it has; `may_register` may be new.
fn changed(grant: &Value, changes: &[(&str, Value)]) -> Value {
    let mut grant = grant.clone();
    if let Some(members) = grant.as_object_mut() {
        for (name, value) in changes {
            if members.contains_key(*name) || *name == "may_register" {
                members.insert((*name).to_owned(), value.clone());
            }
        }
    }
    grant
}

/// The namespaces of a grant for whatever its captures take: both a capture and `*` match any name's part.
fn loosened(grant: &Value) -> Value {
    let patterns = grant.get("namespaces").and_then(Value::as_array).into_iter().flatten();
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

    fn misses(who: Value, gives: Value, claims: Value, method: &str, namespace: &str) -> Option<String> {
        let mut grant = json!({"name": "g", "who": who});
        gives.as_object().unwrap().iter().for_each(|(name, value)| grant[name] = value.clone());
        let issuer = |issuer: &str| json!({"issuer": issuer, "audiences": ["t"], "keys": {"jwks_uri": "https://i/", "cluster": "c"}, "service_when": [{"gty": "cc"}]});
        let config = json!({
            "version": 1,
            "issuers": {"corp": issuer("https://a/"), "other": issuer("https://b/")},
            "grants": [grant],
        });
        let parsed = temporal_auth::config::Config::parse(config.to_string().as_bytes()).unwrap();
        let (target, named) = Target::new(&parsed, method, namespace).unwrap();
        let claims = claims.as_object().unwrap().clone();
        let caller = Caller { issuer: "corp".into(), claims, typ: None, times: Times::Good };
        let effects: Vec<_> = named.unwrap().effects.names().collect();
        find(&config, &caller, &target, &effects).unwrap().pop().map(|(_, why)| why)
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
}
