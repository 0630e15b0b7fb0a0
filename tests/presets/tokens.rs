//! The tokens of a page. Each is given in full, or as changes to another token.

use serde_json::{Map, Value, json};

use common::NOW;

pub struct PresetTokens<'a>(&'a Map<String, Value>);

impl<'a> PresetTokens<'a> {
    pub fn new(tokens: &'a Value) -> Self {
        Self(tokens.as_object().unwrap())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The claims, and the header's `typ`. By default, a token is valid for an hour.
    pub fn get(&self, name: &str) -> (Map<String, Value>, Option<&'a str>) {
        let token = self.0.get(name).unwrap_or_else(|| panic!("no token {name}"));
        let (mut claims, typ) = match token["like"].as_str() {
            Some(other) => self.get(other),
            None => (
                json!({"iat": NOW.as_millis() / 1000, "exp": NOW.as_millis() / 1000 + 3600})
                    .as_object()
                    .unwrap()
                    .clone(),
                None,
            ),
        };
        merge(&mut claims, token["claims"].as_object().unwrap());
        (claims, token.get("typ").map_or(typ, Value::as_str))
    }
}

/// Applies a JSON merge patch (RFC 7396). A null removes the member.
fn merge(claims: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (claims.get_mut(name), value) {
            (_, Value::Null) => drop(claims.remove(name)),
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            _ => drop(claims.insert(name.clone(), value.clone())),
        }
    }
}
