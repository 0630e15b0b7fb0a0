//! Evaluates a call again, with a configuration that is changed in one respect, so that only the library knows what a rule
//! means.

use serde_json::{Map, Value, json};
use temporal_auth::answer::Answer;
use temporal_auth::identity::ClaimName;
use temporal_auth::policy::limits::LimitMiss;

use crate::caller::AssumedCaller;
use crate::filter::{Call, Evaluation, Filter};

/// A call to evaluate with other rules.
pub(super) struct Trial<'a> {
    pub(super) config: &'a Value,
    pub(super) caller: &'a AssumedCaller,
    pub(super) call: &'a Call,
}

impl Trial<'_> {
    /// Whether this grant alone would allow the call if there were no denials.
    pub(super) fn allows(&self, grant: Value) -> Result<bool, String> {
        self.allows_with(self.config, grant)
    }

    /// The same for several grants together, which need no names.
    pub(super) fn allow(&self, mut grants: Vec<Value>) -> Result<bool, String> {
        for (index, grant) in grants.iter_mut().enumerate() {
            if let Some(members) = grant.as_object_mut() {
                members.insert("name".to_owned(), Value::from(format!("trial-{index}")));
            }
        }
        Ok(self.evaluation(self.config, Value::Array(grants), json!([]))?.is_allowed())
    }

    /// The same with another configuration.
    pub(super) fn allows_with(&self, config: &Value, grant: Value) -> Result<bool, String> {
        Ok(self.evaluation(config, json!([grant]), json!([]))?.is_allowed())
    }

    /// The evaluation of the call with these rules.
    pub(super) fn evaluation(&self, config: &Value, grants: Value, denials: Value) -> Result<Evaluation, String> {
        let mut config = config.clone();
        if let Some(members) = config.as_object_mut() {
            members.insert("denials".to_owned(), denials);
            members.insert("grants".to_owned(), grants);
        }
        let evaluation = Filter::new(&config, self.caller)?.evaluate(self.caller, self.call);
        if evaluation.answer == Some(Answer::TooMuchWork) {
            return Err("the request takes more work with these rules than the filter does for any caller".to_owned());
        }
        Ok(evaluation)
    }

    /// Whether `who` matches the caller.
    pub(super) fn is_for(&self, who: Value) -> Result<bool, String> {
        self.allows(for_all(who))
    }

    /// The conditions of `who` that the caller does not meet.
    pub(super) fn failed(&self, who: &Value) -> Result<Vec<String>, String> {
        let empty = Map::new();
        let who = who.as_object().unwrap_or(&empty);
        let Some(issuer) = &self.caller.issuer else { return self.failed_without_token(who) };
        if who.contains_key("peer") && !who.contains_key("issuer") {
            return Ok(vec!["it is for a peer without a token, and the caller has one".to_owned()]);
        }
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
                failed.push(if name == "peer" {
                    self.wrong_peer(condition)
                } else {
                    let doubtful = if name == "kind" && self.is_doubtful()? { ", and is in doubt" } else { "" };
                    format!("{name} must be {condition}{doubtful}")
                });
            }
        }
        for (name, patterns) in who.get("claims").and_then(Value::as_object).unwrap_or(&empty) {
            if !self.is_for(json!({"issuer": issuer, "claims": {name: patterns}}))? {
                let found = self.found(name).map_or("is not there".to_owned(), |found| format!("is {found}"));
                failed.push(format!("claim {name} must match {patterns}, and {found}"));
            }
        }
        if failed.is_empty() {
            failed.push("a capture matches different texts in different conditions".to_owned());
        }
        Ok(failed)
    }

    /// Whether the caller counts neither as human nor as service.
    fn is_doubtful(&self) -> Result<bool, String> {
        let evaluation = self.evaluation(self.config, json!([]), json!([]))?;
        Ok(evaluation.caller.is_some_and(|seen| seen.doubt.is_some()))
    }

    /// The same for a caller who has only a certificate.
    fn failed_without_token(&self, who: &Map<String, Value>) -> Result<Vec<String>, String> {
        if let Some(issuer) = who.get("issuer") {
            return Ok(vec![format!("a token of issuer {issuer} is needed, and there is none")]);
        }
        let mut failed = Vec::new();
        for (name, condition) in who {
            match name.as_str() {
                // The subject of such a caller is the peer's name.
                "peer" | "subject" if self.is_for(json!({"peer": condition}))? => {}
                "peer" => failed.push(self.wrong_peer(condition)),
                "claims" => {
                    let names: Vec<_> = condition.as_object().into_iter().flatten().map(|(name, _)| &**name).collect();
                    failed.push(format!("a token with claim {} is needed, and there is none", names.join(" and ")));
                }
                "kind" => failed.push(format!("kind must be {condition}, and only a token can show it")),
                _ => failed.push(format!("{name} must be {condition}")),
            }
        }
        Ok(failed)
    }

    fn wrong_peer(&self, condition: &Value) -> String {
        let found = self.caller.peer.as_ref().map_or("there is none".to_owned(), |peer| format!("is {peer:?}"));
        format!("peer must match {condition}, and {found}")
    }

    /// The caller's value of a claim.
    pub(super) fn found(&self, claim: &str) -> Option<Value> {
        ClaimName::new(claim).find(&self.caller.claims).cloned()
    }

    /// Why the limits do not cover the call. `None` if they do.
    pub(super) fn limit_miss(
        &self,
        limits: &Map<String, Value>,
        who: Value,
    ) -> Result<Option<LimitMiss<'static>>, String> {
        let mut grant = json!({"name": "trial", "who": who, "role": "admin", "system": true});
        if !self.evaluation(self.config, json!([grant]), json!([]))?.is_allowed() {
            return Ok(None);
        }
        if let Some(members) = grant.as_object_mut() {
            members.extend(limits.clone());
        }
        let evaluation = self.evaluation(self.config, json!([grant]), json!([]))?;
        Ok(evaluation.denied.and_then(|reason| reason.limit_miss().cloned()))
    }
}

/// A missed limit, with the rule's patterns for it.
pub(super) fn shown_miss(miss: &LimitMiss<'_>, name: &str, patterns: &Value) -> String {
    match miss {
        LimitMiss::Outside(..) => format!("{miss} {patterns}"),
        _ => format!("{miss} ({name} {patterns})"),
    }
}

/// A grant of everything to the callers that `who` matches.
pub(super) fn for_all(who: Value) -> Value {
    json!({"name": "trial", "who": who, "role": "admin", "system": true})
}
