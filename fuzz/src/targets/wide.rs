//! Claims as denials read them: what simple code finds in them at any depth, and never less than grants do.

use std::collections::BTreeSet;

use serde_json::Value;
use temporal_auth::identity::wide::WideClaims;
use temporal_auth::identity::{ClaimName, ClaimSet};
use temporal_auth::pattern::Pattern;

use super::super::pattern::means_widely;

const CLAIMS: [&str; 6] = ["groups", "sub", "email", "scope", "/groups/a", "/iss"];

/// The texts at any depth.
fn inside(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0);
            whole.map(|float| format!("{float:.0}")).into_iter().chain([value.to_string()]).collect()
        }
        Value::Bool(_) => vec![value.to_string()],
        Value::Array(list) => list.iter().flat_map(inside).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| [vec![name.clone()], inside(value)].concat()).collect()
        }
    }
}

/// The texts under the last step of a pointer: in all objects of a list, too, and what stands where it leads no further.
fn follow(value: &Value, step: &str) -> Vec<String> {
    match value {
        Value::Object(members) => members.get(step).map(inside).unwrap_or_default(),
        Value::Array(list) => list.iter().flat_map(|value| follow(value, step)).collect(),
        value => inside(value),
    }
}

/// The pieces of one text, whichever characters separate them, with and without what is around them.
fn pieces(text: &str) -> Vec<String> {
    let is = |set: &'static str, white: bool| move |char: char| set.contains(char) || (white && char.is_whitespace());
    let choices = [
        is(",;|", true),
        is(",;|", false),
        is(",;", false),
        is(",", false),
        is(";", false),
        is("|", false),
        is("", true),
    ];
    let pieces = choices.into_iter().flat_map(|separates| text.split(separates).collect::<Vec<_>>());
    let both = pieces.flat_map(|piece| [piece, piece.trim_matches(|char| is("[](){}<>\"'`", true)(char))]);
    both.filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

/// See the module: a byte, a pattern, a line feed, and a token's claims as JSON.
pub fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let Ok((pattern, claims)) = std::str::from_utf8(data).map(|text| text.split_once('\n').unwrap_or_default()) else {
        return;
    };
    let (Ok(parsed), Ok(Value::Object(claims))) = (Pattern::parse(pattern), serde_json::from_str(claims)) else {
        return;
    };
    if parsed.captures().next().is_some() {
        return;
    }
    let name = CLAIMS[usize::from(*mode) % CLAIMS.len()];
    let set = ClaimSet(vec![(ClaimName::new(name), vec![parsed])]);
    let wide = set.matches_widely(&WideClaims::new(&claims));
    assert!(wide.is_some() || !set.matches(&claims), "a grant matches its bearer, and no denial does");
    assert_eq!(set.matches(&claims), !set.bindings(&claims).is_empty());
    let steps: Vec<_> = name.strip_prefix('/').map_or(vec![name], |pointer| pointer.split('/').collect());
    let (all, one_text) = match steps[..] {
        [member] => {
            let claim = claims.get(member).unwrap_or(&Value::Null);
            (inside(claim), claim.as_str().filter(|_| !["sub", "iss"].contains(&member)))
        }
        [member, step] => {
            let claim = claims.get(member).unwrap_or(&Value::Null);
            (follow(claim, step), claim.get(step).filter(|_| claim.is_object()).and_then(Value::as_str))
        }
        _ => panic!("a longer pointer: {name}"),
    };
    let texts: BTreeSet<_> = all.iter().cloned().chain(one_text.into_iter().flat_map(pieces)).collect();
    let meant = texts.iter().any(|text| means_widely(pattern, text));
    // How many there are is counted before equal ones are left out.
    if all.len() + texts.len() <= 1024 {
        assert_eq!(wide.is_some(), meant, "{pattern:?} {claims:?}");
    } else {
        assert!(wide.is_some() || !meant);
    }
}
