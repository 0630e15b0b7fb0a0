//! How an issuer says that its claims are to be read. Grants read a claim as its rules say; denials read it in every form.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::ClaimName;
use super::claim_value::{text, texts};

/// Claims, and the rules of their issuer.
#[derive(Debug, Clone, Copy)]
pub struct Claims<'a> {
    pub members: &'a Map<String, Value>,
    pub rules: &'a ClaimRules,
}

/// An issuer's rules for its claims.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimRules {
    /// Whether e-mail addresses count for grants even if the token does not say that they are verified.
    pub trusts_email: bool,
    /// Claims with rules of their own.
    pub shapes: Vec<(ClaimName, ClaimShape)>,
}

/// The shape in which a claim has its values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClaimShape {
    /// Whether the names of an object are its values.
    pub names: bool,
    /// `None` if the claim's name decides.
    pub split: Option<Split>,
}

/// How a text becomes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// A text is one value.
    Never,
    /// Values are separated by this character, and white space around them does not count.
    At(char),
}

impl<'a> Claims<'a> {
    pub fn new(members: &'a Map<String, Value>, rules: &'a ClaimRules) -> Self {
        Self { members, rules }
    }

    /// Claims without rules.
    pub fn plain(members: &'a Map<String, Value>) -> Self {
        static NONE: ClaimRules = ClaimRules { trusts_email: false, shapes: Vec::new() };
        Self { members, rules: &NONE }
    }
}

impl ClaimRules {
    /// The shape of a claim.
    pub fn shape(&self, name: &ClaimName) -> ClaimShape {
        self.shapes.iter().find(|(known, _)| known.means(name)).map(|(_, shape)| *shape).unwrap_or_default()
    }
}

impl ClaimShape {
    /// The texts in a claim's value. `splits` says whether a text is split at spaces if the shape does not say how.
    pub(super) fn texts(self, value: &Value, splits: bool) -> Vec<Cow<'_, str>> {
        match (value, self.split) {
            (Value::Object(members), _) if self.names => {
                let present = members.iter().filter(|(_, value)| says_something(value));
                present.map(|(name, _)| Cow::from(name.as_str())).collect()
            }
            (Value::String(text), Some(Split::At(separator))) => {
                text.split(separator).map(str::trim).filter(|piece| !piece.is_empty()).map(Cow::from).collect()
            }
            (Value::String(_), Some(Split::Never)) => text(value).into_iter().collect(),
            _ => texts(value, splits),
        }
    }
}

/// Whether a member's value means that its name counts.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(shape: ClaimShape, claim: Value) -> Vec<String> {
        let rules = ClaimRules { shapes: vec![(ClaimName::new("c"), shape)], ..ClaimRules::default() };
        let members = json!({ "c": claim });
        let claims = Claims::new(members.as_object().unwrap(), &rules);
        ClaimName::new("c").values(claims).into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn the_names_of_an_object_are_its_values() {
        let names = ClaimShape { names: true, ..ClaimShape::default() };
        let zitadel = json!({"admin": {"org": "example.com"}, "writer": {"org": "example.com"}});
        assert_eq!(values(names, zitadel.clone()), ["admin", "writer"]);
        assert_eq!(values(ClaimShape::default(), zitadel), [""; 0]);
        let empty = json!({"a": false, "b": null, "c": 0, "d": "", "e": [], "f": {}, "g": 0.0, "h": true, "i": 1, "j": "x", "k": [0]});
        assert_eq!(values(names, empty), ["h", "i", "j", "k"]);
        assert_eq!(values(names, json!(["x", {"y": 1}])), ["x"], "other forms are read as without the rule");
        assert_eq!(values(names, json!("x")), ["x"]);
    }

    #[test]
    fn a_text_is_split_where_the_issuer_says() {
        let at = |separator| ClaimShape { split: Some(Split::At(separator)), ..ClaimShape::default() };
        assert_eq!(values(at(','), json!("dev, ops team,,x;y ")), ["dev", "ops team", "x;y"]);
        assert_eq!(values(at(';'), json!("CN=a,OU=b; CN=c")), ["CN=a,OU=b", "CN=c"]);
        assert_eq!(values(at(' '), json!("a  b")), ["a", "b"]);
        assert_eq!(values(at(','), json!(["a,b", "c"])), ["a,b", "c"], "a list has its values already");
        assert_eq!(values(at(','), json!(7)), ["7"]);
    }

    #[test]
    fn a_shape_is_that_of_the_claim_whatever_its_name() {
        let never = ClaimShape { split: Some(Split::Never), ..ClaimShape::default() };
        let members = json!({"scope": "read write", "a/b": "x y"});
        for (named, asked, expected) in [
            ("scope", "/scope", vec!["read write"]),
            ("/scope", "scope", vec!["read write"]),
            ("/scope/*", "scope", vec!["read", "write"]),
            ("/a~1b", "a/b", vec!["x y"]),
        ] {
            let rules = ClaimRules { shapes: vec![(ClaimName::new(named), never)], ..ClaimRules::default() };
            let claims = Claims::new(members.as_object().unwrap(), &rules);
            assert_eq!(ClaimName::new(asked).values(claims), expected, "{asked} with a rule for {named}");
        }
    }

    #[test]
    fn a_scope_is_split_at_spaces_unless_the_issuer_says_otherwise() {
        let members = json!({"scope": "read write"});
        let read = |rules: &ClaimRules| {
            let claims = Claims::new(members.as_object().unwrap(), rules);
            ClaimName::new("scope").values(claims).into_iter().map(Cow::into_owned).collect::<Vec<_>>()
        };
        assert_eq!(read(&ClaimRules::default()), ["read", "write"]);
        let never = ClaimShape { split: Some(Split::Never), ..ClaimShape::default() };
        let rules = ClaimRules { shapes: vec![(ClaimName::new("scope"), never)], ..ClaimRules::default() };
        assert_eq!(read(&rules), ["read write"]);
    }
}
