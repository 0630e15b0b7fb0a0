//! Whom a grant means: claims, as docs/configuration.md tells how they match.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::pattern::{Bindings, matches, tokens};

pub type Claims = Map<String, Value>;

/// Every way in which the caller is meant by `who` or `unless`, as what the captures took.
pub fn ways(config: &Value, who: &Value, issuer: &str, claims: &Claims) -> Vec<Bindings> {
    let settings = &config["issuers"][issuer];
    let kind = match list(&settings["service_when"]) {
        [] => "",
        sets if sets.iter().any(|set| !claimed(set, claims).is_empty()) => "service",
        _ => "human",
    };
    let issued = who.get("issuer").is_none_or(|issuers| strings(issuers).contains(&issuer.to_owned()));
    if !issued || who.get("kind").is_some_and(|only| only != kind) {
        return Vec::new();
    }
    let subject = find(settings["subject"].as_str().unwrap_or("sub"), claims);
    let ways = claimed(&who["claims"], claims);
    if who.get("subject").is_none() { ways } else { extend(ways, &who["subject"], &texts(subject, false)) }
}

fn claimed(set: &Value, claims: &Claims) -> Vec<Bindings> {
    let conditions = set.as_object().into_iter().flatten();
    conditions.fold(vec![Bindings::new()], |ways, (name, patterns)| extend(ways, patterns, &values(name, claims)))
}

/// Each way so far, with each way in which a pattern matches a value.
fn extend(ways: Vec<Bindings>, patterns: &Value, values: &[String]) -> Vec<Bindings> {
    let patterns: Vec<_> = strings(patterns).iter().map(|pattern| tokens(pattern)).collect();
    let pairs = patterns.iter().flat_map(|pattern| values.iter().map(move |value| (pattern, value)));
    let found = pairs.flat_map(|(pattern, value)| ways.iter().filter_map(move |way| matches(pattern, value, way)));
    found.collect::<BTreeSet<_>>().into_iter().collect()
}

pub fn find<'a>(name: &str, claims: &'a Claims) -> &'a Value {
    let mut steps = name.strip_prefix('/').map_or(vec![name], |pointer| pointer.split('/').collect()).into_iter();
    let first = steps.next().and_then(|first| claims.get(first)).unwrap_or(&Value::Null);
    steps.fold(
        first,
        |value, step| if value.is_array() { &value[step.parse().unwrap_or(usize::MAX)] } else { &value[step] },
    )
}

fn values(name: &str, claims: &Claims) -> Vec<String> {
    let plain = name.strip_prefix('/').unwrap_or(name);
    if plain == "email" && claims.get("email_verified") != Some(&Value::Bool(true)) {
        return Vec::new();
    }
    texts(find(name, claims), plain == "scope" || plain == "scp")
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
