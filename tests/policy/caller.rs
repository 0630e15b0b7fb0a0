//! Whom a grant or an `unless` means: claims, as docs/configuration.md tells how they match.
//!
//! A caller is JSON, so that a failing one can be reduced: `{"issuer": …, "claims": {…}, "peer": …}`. Without an issuer
//! there is no token.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pattern::{Bindings, is_separator, matches_up_to, tokens};
use crate::wide;

/// Every way in which the caller is meant by `who` or `unless`, as what the captures took.
pub fn ways(config: &Value, who: &Value, caller: &Value) -> Vec<Bindings> {
    let has_token = !caller["issuer"].is_null();
    // A peer without an issuer is one without a token.
    let issued = who.get("issuer").map_or(!has_token || who.get("peer").is_none(), |issuers| is_one(issuers, caller));
    if !issued || who.get("kind").is_some_and(|only| only != kind(config, caller)) {
        return Vec::new();
    }
    let mut ways = claimed(&who["claims"], caller);
    if let Some(patterns) = who.get("peer") {
        ways = extend(ways, patterns, &strings(&caller["peer"]), |_| false);
    }
    if let Some(patterns) = who.get("subject") {
        ways = extend(ways, patterns, &strings(subject(config, caller)), |_| false);
    }
    ways
}

pub fn is_one(issuers: &Value, caller: &Value) -> bool {
    caller["issuer"].as_str().is_some_and(|issuer| strings(issuers).iter().any(|name| name == issuer))
}

/// The subject of the token, if there is one.
pub fn subject<'a>(config: &Value, caller: &'a Value) -> &'a Value {
    let settings = &config["issuers"][caller["issuer"].as_str().unwrap_or_default()];
    find(settings["subject"].as_str().unwrap_or("sub"), caller)
}

/// `human`, `service`, or `doubtful`, which is neither for grants and both for denials; nothing where nobody tells.
pub fn kind(config: &Value, caller: &Value) -> &'static str {
    let settings = &config["issuers"][caller["issuer"].as_str().unwrap_or_default()];
    match list(&settings["service_when"]) {
        [] => "",
        sets if sets.iter().any(|set| !claimed(set, caller).is_empty()) => "service",
        sets if sets.iter().any(|set| wide::claimed(set, caller)) => "doubtful",
        _ => "human",
    }
}

fn claimed(set: &Value, caller: &Value) -> Vec<Bindings> {
    let conditions = set.as_object().into_iter().flatten();
    conditions.fold(vec![Bindings::new()], |ways, (name, patterns)| {
        // One text may be several values, of which only denials make a list.
        let stops = if is_one_text(name, caller) { is_separator } else { |_| false };
        extend(ways, patterns, &values(name, caller), stops)
    })
}

/// Whether a claim is one text that may be several values.
pub fn is_one_text(name: &str, caller: &Value) -> bool {
    find(name, caller).is_string() && !["sub", "iss"].contains(&name.trim_start_matches('/'))
}

/// Each way so far, with each way in which a pattern matches a value.
fn extend(ways: Vec<Bindings>, patterns: &Value, values: &[String], stops: fn(char) -> bool) -> Vec<Bindings> {
    let patterns: Vec<_> = strings(patterns).iter().map(|pattern| tokens(pattern)).collect();
    let pairs = patterns.iter().flat_map(|pattern| values.iter().map(move |value| (pattern, value)));
    let found =
        pairs.flat_map(|(pattern, value)| ways.iter().filter_map(move |way| matches_up_to(stops, pattern, value, way)));
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What the token has under a claim's name.
pub fn find<'a>(name: &str, caller: &'a Value) -> &'a Value {
    let steps = name.strip_prefix('/').map_or(vec![name], |pointer| pointer.split('/').collect());
    steps.into_iter().fold(&caller["claims"], |value, step| {
        if value.is_array() { &value[step.parse().unwrap_or(usize::MAX)] } else { &value[step] }
    })
}

/// The values that count for grants.
pub fn values(name: &str, caller: &Value) -> Vec<String> {
    let plain = name.strip_prefix('/').unwrap_or(name);
    if plain == "email" && caller["claims"]["email_verified"] != true {
        return Vec::new();
    }
    texts(find(name, caller), plain == "scope" || plain == "scp")
}

/// The texts of a claim, or of a pattern or a list of them, which are written alike.
pub fn texts(value: &Value, split: bool) -> Vec<String> {
    match value {
        Value::String(text) if split => text.split_whitespace().map(str::to_owned).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Number(_) | Value::Bool(_) => vec![value.to_string()],
        Value::Array(list) => {
            list.iter().filter(|value| !value.is_array()).flat_map(|value| texts(value, false)).collect()
        }
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

pub fn strings(value: &Value) -> Vec<String> {
    texts(value, false)
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
