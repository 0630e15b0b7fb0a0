//! Claims by name or JSON pointer, as the strings that patterns match.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Number, Value};

use super::claim_rules::Claims;
use crate::pattern::{Binding, Pattern};

/// How many ways there may be to bind the captures of one claim set. A token with more groups gets the first bindings only.
const MAX_BINDINGS: usize = 256;

/// Whether a character may separate the values of a claim that is one text.
pub fn is_separator(char: char) -> bool {
    matches!(char, ',' | ';' | '|') || char.is_whitespace()
}

/// The name of a claim: a member of the token or, if it starts with `/`, a JSON pointer into the token (RFC 6901).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimName(String);

impl ClaimName {
    /// The claim of that name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The member of the token that contains the claim.
    #[must_use]
    pub fn member(&self) -> Cow<'_, str> {
        match self.pointer() {
            Some((first, _)) => Cow::Owned(unescaped(first)),
            None => Cow::Borrowed(&self.0),
        }
    }

    /// Whether both names lead to the same values: `email` and `/email` do.
    #[must_use]
    pub fn means(&self, other: &Self) -> bool {
        self.member() == other.member() && self.rest() == other.rest()
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The value of the claim. `None` if it is not there, or the pointer leads into the elements of a list.
    #[must_use]
    pub fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        match self.find_all(claims).as_slice() {
            [value] if !self.reaches_into_lists() => Some(*value),
            _ => None,
        }
    }

    /// The values to which the name leads: several if the pointer has the step `*`, which leads into each element of a list.
    #[must_use]
    pub fn find_all<'a>(&self, claims: &'a Map<String, Value>) -> Vec<&'a Value> {
        let Some((value, steps)) = self.member_and_steps(claims) else { return Vec::new() };
        steps
            .iter()
            .fold(vec![value], |values, step| values.into_iter().flat_map(|value| next_values(value, step)).collect())
    }

    /// Whether the pointer has the step `*`.
    #[must_use]
    pub fn reaches_into_lists(&self) -> bool {
        self.rest().is_some_and(|rest| rest.split('/').any(|step| step == "*"))
    }

    /// Whether the claim counts for grants. Only an e-mail address that is not verified does not. Some providers write
    /// booleans as text.
    pub(super) fn counts_for_grants(&self, claims: Claims<'_>) -> bool {
        let is_verified = || match claims.members.get("email_verified") {
            Some(Value::Bool(yes)) => *yes,
            Some(Value::String(text)) => text == "true",
            _ => false,
        };
        self.member() != "email" || claims.rules.trusts_email || is_verified()
    }

    /// The member of the token that contains the claim, and the steps of the pointer from there.
    pub(super) fn member_and_steps<'a>(&self, claims: &'a Map<String, Value>) -> Option<(&'a Value, Vec<String>)> {
        Some((claims.get(&*self.member())?, self.steps()))
    }

    /// The steps of the pointer from the member of the token that contains the claim.
    pub(super) fn steps(&self) -> Vec<String> {
        self.rest().map(|rest| rest.split('/').map(unescaped).collect()).unwrap_or_default()
    }

    /// The first step of a pointer, and the other steps. The pointer's document is the token itself.
    fn pointer(&self) -> Option<(&str, Option<&str>)> {
        let pointer = self.0.strip_prefix('/')?;
        Some(pointer.split_once('/').map_or((pointer, None), |(first, rest)| (first, Some(rest))))
    }

    /// The steps of a pointer behind the first.
    fn rest(&self) -> Option<&str> {
        self.pointer()?.1
    }

    /// The claim's values as text: a string itself, each value of a list, and numbers and booleans as JSON, unless the issuer's
    /// rules say otherwise. Strings are split at spaces only for `scope` and `scp` (RFC 8693 §4.2). `email` counts only if it
    /// is verified or the issuer is trusted with it.
    #[must_use]
    pub fn values<'a>(&self, claims: Claims<'a>) -> Vec<Cow<'a, str>> {
        if !self.counts_for_grants(claims) {
            return Vec::new();
        }
        let shape = claims.rules.shape(self);
        self.find_all(claims.members).into_iter().flat_map(|value| shape.texts(value, self.is_split())).collect()
    }

    /// The claim, if it is one text that may contain several values. A subject and an issuer are always one value.
    pub(super) fn single_text<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a str> {
        self.find(claims)?.as_str().filter(|_| !matches!(&*self.member(), "sub" | "iss"))
    }

    /// How grants match a pattern against one of the claim's values. If the claim is one text, no `*` and no capture matches a
    /// separator: otherwise the bearer of several values would pass for the bearer of one longer value. An issuer that says how
    /// its texts are split has no other separators.
    pub(super) fn comparison(&self, claims: Claims<'_>) -> fn(&Pattern, &str) -> Option<Option<Binding>> {
        match self.single_text(claims.members) {
            Some(text) if text.contains(is_separator) && claims.rules.shape(self).split.is_none() => {
                |pattern, value| {
                    let separators = |text: &str| text.matches(is_separator).count();
                    let literal: usize = pattern.literals().map(separators).sum();
                    if literal == separators(value) { pattern.matches(value) } else { None }
                }
            }
            _ => Pattern::matches,
        }
    }

    /// Whether one of the patterns matches one of the claim's values, as grants read it.
    pub(super) fn matches(&self, patterns: &[Pattern], claims: Claims<'_>) -> bool {
        let (values, comparison) = (self.values(claims), self.comparison(claims));
        patterns.iter().any(|pattern| values.iter().any(|value| comparison(pattern, value).is_some()))
    }

    /// Whether grants split the claim at spaces.
    fn is_split(&self) -> bool {
        matches!(&*self.member(), "scope" | "scp") && self.rest().is_none()
    }
}

/// The number as an integer. `None` unless it is whole and a double holds it exactly.
pub(crate) fn whole(number: &Number) -> Option<i64> {
    const MAX_EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < MAX_EXACT)?;
    Some(float as i64)
}

/// The values to which a step of a pointer leads from this value (RFC 6901 §4). `*` leads into each element of a list.
fn next_values<'a>(value: &'a Value, step: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(values) if step == "*" => values.iter().collect(),
        Value::Array(values) => {
            // No number in JSON pointers begins with a zero.
            let is_index = step == "0" || !step.starts_with(['0', '+']);
            let index = step.parse::<usize>().ok().filter(|_| is_index);
            index.and_then(|index| values.get(index)).into_iter().collect()
        }
        Value::Object(members) => members.get(step).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A step of a pointer without its escapes (RFC 6901 §4).
fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

impl fmt::Display for ClaimName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Claims that a token must have: for each name, one of the patterns must match one of the values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimSet(pub Vec<(ClaimName, Vec<Pattern>)>);

impl ClaimSet {
    /// Whether the claims match.
    #[must_use]
    pub fn matches(&self, claims: Claims<'_>) -> bool {
        self.first_mismatch(claims).is_none()
    }

    /// The first claim that does not match, with its patterns.
    pub(super) fn first_mismatch(&self, claims: Claims<'_>) -> Option<&(ClaimName, Vec<Pattern>)> {
        self.0.iter().find(|(name, patterns)| !name.matches(patterns, claims))
    }

    /// The values of the captures, for each way in which the claims match. Empty if they do not match.
    #[must_use]
    pub fn bindings(&self, claims: Claims<'_>) -> Vec<Vec<Binding>> {
        self.0.iter().fold(vec![Vec::new()], |ways, (name, patterns)| {
            bind(ways, patterns, &name.values(claims), name.comparison(claims))
        })
    }
}

/// Extends each way by each way in which a pattern matches a value. A capture that is already bound must have the same value.
pub(crate) fn bind(
    ways: Vec<Vec<Binding>>,
    patterns: &[Pattern],
    values: &[Cow<'_, str>],
    comparison: impl Fn(&Pattern, &str) -> Option<Option<Binding>>,
) -> Vec<Vec<Binding>> {
    let mut matches: Vec<Option<Binding>> = Vec::new();
    for found in patterns.iter().flat_map(|pattern| values.iter().filter_map(|value| comparison(pattern, value))) {
        // Going on would cost the bearer of the token nothing, but the proxy a lot.
        if matches.len() >= MAX_BINDINGS {
            break;
        }
        if !matches.contains(&found) {
            matches.push(found);
        }
    }
    let mut extended = Vec::new();
    for (way, found) in ways.iter().flat_map(|way| matches.iter().map(move |found| (way, found))) {
        if extended.len() >= MAX_BINDINGS {
            break;
        }
        let mut way = way.clone();
        if let Some(found) = found {
            match way.iter().find(|bound| bound.name == found.name) {
                Some(bound) if bound.value != found.value => continue,
                Some(_) => {}
                None => way.push(found.clone()),
            }
        }
        if !extended.contains(&way) {
            extended.push(way);
        }
    }
    extended
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::ClaimRules;
    use serde_json::json;

    fn values(name: &str, claims: Value) -> Vec<String> {
        let claims = claims.as_object().unwrap();
        ClaimName::new(name).values(Claims::plain(claims)).into_iter().map(Cow::into_owned).collect()
    }

    fn set(name: &str, patterns: &[&str]) -> (ClaimName, Vec<Pattern>) {
        (ClaimName::new(name), patterns.iter().map(|pattern| Pattern::parse(pattern).unwrap()).collect())
    }

    #[test]
    fn values_are_read_in_every_form() {
        assert_eq!(values("a", json!({"a": "x y"})), ["x y"]);
        assert_eq!(values("scope", json!({"scope": "x  y"})), ["x", "y"]);
        assert_eq!(values("a", json!({"a": ["x", 1, true, null, ["y"], {"z": 1}]})), ["x", "1", "true"]);
        assert_eq!(values("a", json!({"a": null})), [""; 0]);
        assert_eq!(values("a", json!({"b": 1})), [""; 0]);
    }

    #[test]
    fn no_star_matches_a_separator_in_one_text() {
        let matches = |name: &str, pattern: &str, claims: Value| {
            let claims = Claims::plain(claims.as_object().unwrap());
            let set = ClaimSet(vec![set(name, &[pattern])]);
            assert_eq!(set.matches(claims), !set.bindings(claims).is_empty());
            set.matches(claims)
        };
        for text in ["finance,contractors", "finance;x", "finance x"] {
            for pattern in ["finance*", "fin{rest}", "*x", "*contractors"] {
                assert!(!matches("groups", pattern, json!({"groups": text})), "{pattern} {text}");
            }
            assert!(
                matches("groups", text, json!({"groups": text}))
                    && matches("groups", "finance*", json!({"groups": [text]}))
            );
        }
        assert!(
            matches("name", "Doe, J*", json!({"name": "Doe, Jane"}))
                && !matches("name", "Doe*", json!({"name": "Doe, Jane"}))
        );
        assert!(
            matches("groups", "fin*, x", json!({"groups": "finance, x"}))
                && matches("groups", "fin*", json!({"groups": "finance"}))
        );
        assert!(matches("sub", "a*", json!({"sub": "a b"})) && matches("scope", "r*", json!({"scope": "read write"})));
        assert!(!matches("scope", "finance*", json!({"scope": "finance,contractors"})));
    }

    #[test]
    fn pointers_lead_into_the_token() {
        let claims = json!({"realm_access": {"roles": ["r"]}, "https://x/y": "z", "a": [{"b": 1}]});
        assert_eq!(values("/realm_access/roles", claims.clone()), ["r"]);
        assert_eq!(values("/https:~1~1x~1y", claims.clone()), ["z"]);
        assert_eq!(values("https://x/y", claims.clone()), ["z"]);
        assert_eq!(values("/a/0/b", claims.clone()), ["1"]);
        assert_eq!(values("/a/00/b", claims.clone()), [""; 0]);
        assert_eq!(values("/realm_access/nothing", claims), [""; 0]);
    }

    #[test]
    fn a_star_leads_into_each_element_of_a_list() {
        let casdoor = json!({"roles": [{"name": "dev"}, {"name": "ops", "id": 7}, "x", {"name": ["a", "b"]}]});
        assert_eq!(values("/roles/*/name", casdoor.clone()), ["dev", "ops", "a", "b"]);
        assert_eq!(values("/roles/*", casdoor.clone()), ["x"]);
        assert_eq!(values("/roles/name", casdoor), [""; 0]);
        let deep = json!({"orgs": [{"teams": [{"id": 1}, {"id": 2}]}, {"teams": [{"id": 3}]}], "o": {"*": "star"}});
        assert_eq!(values("/orgs/*/teams/*/id", deep.clone()), ["1", "2", "3"]);
        assert_eq!(values("/o/*", deep), ["star"], "a member of this name");
        assert!(ClaimName::new("/roles/*/name").find(json!({"roles": [{"name": "x"}]}).as_object().unwrap()).is_none());
    }

    #[test]
    fn an_email_counts_only_if_verified() {
        assert_eq!(values("email", json!({"email": "a@b", "email_verified": true})), ["a@b"]);
        assert_eq!(values("email", json!({"email": "a@b", "email_verified": "true"})), ["a@b"]);
        let trusting = ClaimRules { trusts_email: true, ..ClaimRules::default() };
        for unverified in [
            json!({"email": "a@b"}),
            json!({"email": "a@b", "email_verified": false}),
            json!({"email": "a@b", "email_verified": "false"}),
            json!({"email": "a@b", "email_verified": 1}),
        ] {
            assert_eq!(values("email", unverified.clone()), [""; 0]);
            assert_eq!(values("/email", unverified.clone()), [""; 0]);
            let mut list = unverified.clone();
            list["email"] = json!([{"value": "a@b"}, "a@b"]);
            for name in ["/email/*", "/email/1", "/email/*/value"] {
                assert_eq!(values(name, list.clone()), [""; 0], "{name}");
            }
            let claims = Claims::new(unverified.as_object().unwrap(), &trusting);
            assert_eq!(ClaimName::new("email").values(claims), ["a@b"]);
        }
    }

    #[test]
    fn every_name_must_match_with_any_value() {
        let both = ClaimSet(vec![set("groups", &["a", "b-*"]), set("kind", &["x"])]);
        let claims = |value: Value| value.as_object().unwrap().clone();
        let matches = |value: Value| both.matches(Claims::plain(&claims(value)));
        assert!(matches(json!({"groups": ["z", "b-1"], "kind": "x"})));
        assert!(!matches(json!({"groups": ["z", "b-1"]})));
        assert!(!matches(json!({"groups": [], "kind": "x"})));
    }

    #[test]
    fn each_matching_value_gives_its_own_binding_and_names_must_agree() {
        let claims = json!({"groups": ["team-a", "team-b", "other"], "team": "b"});
        let claims = Claims::plain(claims.as_object().unwrap());
        let teams = |set: &ClaimSet| -> Vec<String> {
            set.bindings(claims).iter().map(|way| way.iter().map(|bound| bound.value.as_str()).collect()).collect()
        };
        assert_eq!(teams(&ClaimSet(vec![set("groups", &["team-{t}"])])), ["a", "b"]);
        assert_eq!(teams(&ClaimSet(vec![set("groups", &["team-{t}"]), set("team", &["{t}"])])), ["b"]);
        assert_eq!(teams(&ClaimSet(vec![set("groups", &["team-*"])])), [""]);
        assert!(ClaimSet(vec![set("groups", &["no-{t}"])]).bindings(claims).is_empty());
    }
}
