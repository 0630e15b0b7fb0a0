//! Which callers match the `who` of a denial, as docs/configuration.md describes it: a claim counts in any form.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::caller::{find, is_from, is_one_text, kind, strings, subject};
use crate::pattern::means_widely;

/// If a claim has more texts than this, every denial that asks for it matches.
const MAX_TEXTS: usize = 1024;

/// Whether the caller matches a denial's `who`.
pub fn matches(config: &Value, who: &Value, caller: &Value) -> bool {
    let is_kind = |only: &Value| only == kind(config, caller) || kind(config, caller) == "doubtful";
    let is = |patterns: &Value, value: &Value| {
        strings(patterns).iter().any(|pattern| strings(value).iter().any(|value| means_widely(pattern, value)))
    };
    who.get("issuer").is_none_or(|issuers| is_from(issuers, caller))
        && who.get("kind").is_none_or(is_kind)
        && who.get("subject").is_none_or(|patterns| is(patterns, subject(config, caller)))
        && who.get("peer").is_none_or(|patterns| is(patterns, &caller["peer"]))
        && claimed(&who["claims"], caller)
}

/// Whether the token has every claim of the set, each with a text that matches one of its patterns.
pub fn claimed(set: &Value, caller: &Value) -> bool {
    set.as_object().into_iter().flatten().all(|(name, patterns)| {
        let texts = texts(name, caller);
        texts.len() > MAX_TEXTS
            || strings(patterns).iter().any(|pattern| texts.iter().any(|text| means_widely(pattern, text)))
    })
}

/// All texts in a claim. A single text also counts as its pieces, whichever characters separate them, with and without the
/// characters around a piece.
fn texts(name: &str, caller: &Value) -> Vec<String> {
    let steps: Vec<_> = name.strip_prefix('/').map_or(vec![name], |pointer| pointer.split('/').collect());
    let mut texts = follow(&caller["claims"], &steps);
    if is_one_text(name, caller) {
        let whole = find(name, caller).as_str().unwrap();
        let choices = [",;| \t\n", ",;|", ",;", ",", ";", "|", " \t\n"];
        let pieces = choices.iter().flat_map(|choice| whole.split(|char| choice.contains(char)));
        let pieces = pieces.flat_map(|piece| [piece, piece.trim_matches(|char| " \t\n[](){}<>\"'`".contains(char))]);
        let pieces: BTreeSet<_> = pieces.filter(|piece| !piece.is_empty() && *piece != whole).collect();
        texts.extend(pieces.into_iter().map(str::to_owned));
    }
    texts
}

/// The texts to which a pointer leads. It is also followed into all elements of a list, and it may end early.
fn follow(value: &Value, steps: &[&str]) -> Vec<String> {
    let Some((step, rest)) = steps.split_first() else { return texts_in(value) };
    match value {
        Value::Object(members) => members.get(*step).map(|value| follow(value, rest)).unwrap_or_default(),
        Value::Array(list) => {
            let named = step.parse().ok().and_then(|index: usize| list.get(index));
            let all = list.iter().flat_map(|value| follow(value, steps));
            named.map(|value| follow(value, rest)).into_iter().flatten().chain(all).collect()
        }
        value => texts_in(value),
    }
}

/// The texts at any depth: elements of lists, names and values of objects, and the JSON of numbers and booleans. 7.0 is also
/// the text 7.
fn texts_in(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
            whole.map(|float| format!("{float:.0}")).into_iter().chain([value.to_string()]).collect()
        }
        Value::Bool(_) => vec![value.to_string()],
        Value::Array(list) => list.iter().flat_map(texts_in).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| [vec![name.clone()], texts_in(value)].concat()).collect()
        }
    }
}
