//! The tokens of a page. Each is given in full, or as changes to another token.

use serde_json::{Map, Value, json};

use common::{FilterClient, NOW};

pub struct PresetTokens<'a>(&'a Map<String, Value>);

/// A token that is not signed yet.
struct Unsigned<'a> {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// Text at the end of the payload, before its last brace.
    tail: &'a str,
}

impl<'a> PresetTokens<'a> {
    pub fn new(tokens: &'a Value) -> Self {
        Self(tokens.as_object().unwrap())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The token of this name, signed.
    pub fn signed(&self, name: &str, client: &mut FilterClient) -> String {
        let Unsigned { header, claims, tail } = self.get(name);
        let mut payload = serde_json::to_string(&claims).unwrap();
        payload.insert_str(payload.len() - 1, tail);
        client.sign(&header.into(), &payload)
    }

    /// By default, a token is valid for an hour.
    fn get(&self, name: &str) -> Unsigned<'a> {
        let token = self.0.get(name).unwrap_or_else(|| panic!("no token {name}"));
        let known = ["like", "claims", "typ", "header", "tail"];
        for member in token.as_object().unwrap().keys() {
            assert!(known.contains(&member.as_str()), "unknown member {member} of the token {name}");
        }
        let mut found = match token["like"].as_str() {
            Some(other) => self.get(other),
            None => Unsigned {
                header: object(json!({"alg": "ES256", "kid": "vectors"})),
                claims: object(json!({"iat": NOW.as_millis() / 1000, "exp": NOW.as_millis() / 1000 + 3600})),
                tail: "",
            },
        };
        merge(&mut found.claims, token["claims"].as_object().unwrap());
        if let Some(typ) = token.get("typ") {
            merge(&mut found.header, &object(json!({"typ": typ})));
        }
        if let Some(header) = token.get("header") {
            merge(&mut found.header, header.as_object().unwrap());
        }
        found.tail = token.get("tail").map_or(found.tail, |tail| tail.as_str().unwrap());
        found
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
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
