//! Claims as denials read them: they match what simple code finds at any depth, and everything that grants match.

use std::collections::BTreeSet;

use serde_json::Value;
use temporal_auth::identity::wide::WideClaims;
use temporal_auth::identity::{ClaimName, ClaimRules, ClaimSet, ClaimShape, Claims, Split};
use temporal_auth::pattern::Pattern;

use super::super::pattern::means_widely;

const CLAIMS: [&str; 6] = ["groups", "sub", "email", "scope", "/groups/a", "/iss"];

/// The texts of a claim at any depth.
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

/// The texts under the last step of a pointer, also in all objects of a list. If the pointer cannot be followed
/// further, the texts of the value where it ends.
fn follow(value: &Value, step: &str) -> Vec<String> {
    match value {
        Value::Object(members) => members.get(step).map(texts_in).unwrap_or_default(),
        Value::Array(list) => list.iter().flat_map(|value| follow(value, step)).collect(),
        value => texts_in(value),
    }
}

/// The pieces of a text for each choice of separators, with and without enclosing brackets and quotes.
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
    let wide = set.matches_widely(&WideClaims::new(Claims::plain(&claims)));
    // However the issuer says that the claim is read, a grant never sees what a denial does not.
    let splits = [None, Some(Split::Never), Some(Split::At(',')), Some(Split::At(';')), Some(Split::At(' '))];
    // `sub` and `iss` cannot have rules.
    let splits = if ["sub", "/iss"].contains(&name) { &splits[..1] } else { &splits[..] };
    for (names, split) in splits.iter().flat_map(|split| [(false, *split), (true, *split)]) {
        let shape = ClaimShape { names, split };
        let rules = ClaimRules { trusts_email: names, shapes: vec![(ClaimName::new(name), shape)] };
        let claims = Claims::new(&claims, &rules);
        assert!(wide.is_some() || !set.matches(claims), "a grant matches its bearer, and no denial does: {shape:?}");
        assert_eq!(set.matches(claims), !set.bindings(claims).is_empty());
    }
    let claims = &claims;
    let steps: Vec<_> = name.strip_prefix('/').map_or(vec![name], |pointer| pointer.split('/').collect());
    let (all, one_text) = match steps[..] {
        [member] => {
            let claim = claims.get(member).unwrap_or(&Value::Null);
            (texts_in(claim), claim.as_str().filter(|_| !["sub", "iss"].contains(&member)))
        }
        [member, step] => {
            let claim = claims.get(member).unwrap_or(&Value::Null);
            (follow(claim, step), claim.get(step).filter(|_| claim.is_object()).and_then(Value::as_str))
        }
        _ => panic!("a longer pointer: {name}"),
    };
    let texts: BTreeSet<_> = all.iter().cloned().chain(one_text.into_iter().flat_map(pieces)).collect();
    let is_match = texts.iter().any(|text| means_widely(pattern, text));
    // The texts are counted before duplicates are removed.
    if all.len() + texts.len() <= 1024 {
        assert_eq!(wide.is_some(), is_match, "{pattern:?} {claims:?}");
    } else {
        assert!(wide.is_some() || !is_match);
    }
}
