//! Which callers match the `who` of a grant, or an `unless`, as docs/configuration.md describes it.
//!
//! A caller is JSON, so that a failing case can be reduced: `{"issuer": …, "claims": {…}, "peer": …}`. A caller without an
//! issuer has no token.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::pattern::{Bindings, elements, is_separator, matches_up_to};
use crate::wide;

/// The bindings for each way in which the caller matches `who` or `unless`.
pub fn ways(config: &Value, who: &Value, caller: &Value) -> Vec<Bindings> {
    let has_token = !caller["issuer"].is_null();
    // If `who` has a peer but no issuer, it matches callers without a token.
    let issued = who.get("issuer").map_or(!has_token || who.get("peer").is_none(), |issuers| is_from(issuers, caller));
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

/// Whether the token is from one of these issuers.
pub fn is_from(issuers: &Value, caller: &Value) -> bool {
    caller["issuer"].as_str().is_some_and(|issuer| strings(issuers).iter().any(|name| name == issuer))
}

/// The subject of the token, if there is one.
pub fn subject<'a>(config: &Value, caller: &'a Value) -> &'a Value {
    let settings = &config["issuers"][caller["issuer"].as_str().unwrap_or_default()];
    find(settings["subject"].as_str().unwrap_or("sub"), caller)
}

/// `human`, `service`, or `doubtful`, which is neither for grants and both for denials. Empty if the issuer has no
/// `service_when`.
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
        // A single text may hold several values. Only denials split it.
        let stops = if is_one_text(name, caller) { is_separator } else { |_| false };
        extend(ways, patterns, &values(name, caller), stops)
    })
}

/// Whether a claim is a single text that may hold several values.
pub fn is_one_text(name: &str, caller: &Value) -> bool {
    find(name, caller).is_string() && !["sub", "iss"].contains(&name.trim_start_matches('/'))
}

/// The ways so far, each combined with each way in which a pattern matches a value.
fn extend(ways: Vec<Bindings>, patterns: &Value, values: &[String], stops: fn(char) -> bool) -> Vec<Bindings> {
    let patterns: Vec<_> = strings(patterns).iter().map(|pattern| elements(pattern)).collect();
    let pairs = patterns.iter().flat_map(|pattern| values.iter().map(move |value| (pattern, value)));
    let found =
        pairs.flat_map(|(pattern, value)| ways.iter().filter_map(move |way| matches_up_to(stops, pattern, value, way)));
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The token's value for a claim's name.
pub fn find<'a>(name: &str, caller: &'a Value) -> &'a Value {
    let steps = name.strip_prefix('/').map_or(vec![name], |pointer| pointer.split('/').collect());
    steps.into_iter().fold(&caller["claims"], |value, step| {
        if value.is_array() { &value[step.parse().unwrap_or(usize::MAX)] } else { &value[step] }
    })
}

/// The values that count for grants.
pub fn values(name: &str, caller: &Value) -> Vec<String> {
    let plain = name.strip_prefix('/').unwrap_or(name);
    let verified = &caller["claims"]["email_verified"];
    if plain == "email" && verified != true && verified != "true" {
        return Vec::new();
    }
    texts(find(name, caller), plain == "scope" || plain == "scp")
}

/// The texts of a claim, or of one pattern or a list of patterns, which have the same form.
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
