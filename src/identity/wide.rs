//! Claims as denials read them: a claim that is there in any form must not let its bearer past.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::claims::{is_separator, whole};
use super::{ClaimName, ClaimSet};

/// How many texts of a claim are compared. One with more is what any denial means.
const MAX_TEXTS: usize = 1024;

/// How a claim had to be read for a denial to mean its bearer, where grants would read it otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    claim: ClaimName,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Without regard to case and outer spaces, and with `*` for no text at all.
    Loosely,
    /// An e-mail address that nobody verified.
    Unverified,
    /// One text as a list of its pieces.
    AsList,
    /// At every depth, names of members and all.
    InDepth,
    /// Not at all.
    TooMany,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = &self.claim;
        match self.how {
            How::Loosely => write!(f, "`{claim}` compared without regard to case and spaces"),
            How::Unverified => write!(f, "`{claim}` counted although it is not verified"),
            How::AsList => write!(f, "`{claim}` read as a list"),
            How::InDepth => write!(f, "`{claim}` read at every depth"),
            How::TooMany => write!(f, "`{claim}` has more than {MAX_TEXTS} values"),
        }
    }
}

/// The claims of a token as denials read them, each of them once however many denials ask.
#[derive(Debug)]
pub struct WideClaims<'a> {
    claims: &'a Map<String, Value>,
    read: RefCell<Vec<(ClaimName, Rc<Texts<'a>>)>>,
}

/// Every text in a claim.
#[derive(Debug, Default)]
pub struct Texts<'a> {
    texts: Vec<(Cow<'a, str>, How)>,
    too_many: bool,
}

impl<'a> WideClaims<'a> {
    /// These claims, of which nothing has been read yet.
    #[must_use]
    pub fn new(claims: &'a Map<String, Value>) -> Self {
        Self { claims, read: RefCell::default() }
    }

    /// Every text in a claim. A claim that is one text counts also as the pieces that separators make of it.
    pub fn texts(&self, name: &ClaimName) -> Rc<Texts<'a>> {
        let known = |read: &Vec<(ClaimName, Rc<Texts<'a>>)>| {
            read.iter().find(|(known, _)| known == name).map(|(_, texts)| Rc::clone(texts))
        };
        if let Some(texts) = known(&self.read.borrow()) {
            return texts;
        }
        let texts = Rc::new(Texts::of(name, self.claims));
        self.read.borrow_mut().push((name.clone(), Rc::clone(&texts)));
        texts
    }
}

impl<'a> Texts<'a> {
    fn of(name: &ClaimName, claims: &'a Map<String, Value>) -> Self {
        let mut texts = Self::default();
        let Some((value, steps)) = name.member_and_steps(claims) else { return texts };
        let plain = if name.counts(claims) { How::Loosely } else { How::Unverified };
        texts.follow(value, &steps, plain);
        if let Some(text) = name.one_text(claims) {
            texts.add_pieces(text);
        }
        texts
    }

    /// The texts, or nothing where there are more than are compared.
    #[must_use]
    pub fn all(&self) -> Option<impl Iterator<Item = &str>> {
        (!self.too_many).then(|| self.texts.iter().map(|(text, _)| &**text))
    }

    fn push(&mut self, text: impl Into<Cow<'a, str>>, how: How) {
        if self.texts.len() < MAX_TEXTS {
            self.texts.push((text.into(), how));
        } else {
            self.too_many = true;
        }
    }

    /// Follows a pointer: into the elements of a list as well, and where it cannot be followed to its end, to what stands
    /// there.
    fn follow(&mut self, value: &'a Value, steps: &[String], how: How) {
        match (steps.split_first(), value) {
            (None, value) => self.add(value, how),
            (Some((step, rest)), Value::Object(members)) => {
                members.get(step).into_iter().for_each(|value| self.follow(value, rest, how));
            }
            (Some((step, rest)), Value::Array(values)) => {
                let named = step.parse().ok().and_then(|index: usize| values.get(index));
                named.into_iter().for_each(|value| self.follow(value, rest, how));
                values.iter().for_each(|value| self.follow(value, steps, How::InDepth));
            }
            (Some(_), value) => self.add(value, How::InDepth),
        }
    }

    /// Adds the texts at every depth of a value. serde_json bounds how deep that is.
    fn add(&mut self, value: &'a Value, how: How) {
        if self.too_many {
            return;
        }
        match value {
            Value::Null => {}
            Value::String(text) => self.push(text.as_str(), how),
            Value::Bool(_) => self.push(value.to_string(), how),
            Value::Number(number) => {
                self.push(value.to_string(), how);
                // `7.0` is 7, too.
                if let Some(whole) = whole(number).filter(|_| number.is_f64()) {
                    self.push(whole.to_string(), How::Loosely);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.add(value, how.inside(value))),
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                self.push(name.as_str(), How::InDepth);
                self.add(value, How::InDepth);
            }),
        }
    }

    /// Adds the pieces of one text. What separates them is not known: one value may hold what separates others. Quotes and
    /// brackets around a piece are those of a list that was written as text.
    fn add_pieces(&mut self, text: &'a str) {
        const CHOICES: [fn(char) -> bool; 7] = [
            is_separator,
            |char| matches!(char, ',' | ';' | '|'),
            |char| matches!(char, ',' | ';'),
            |char| char == ',',
            |char| char == ';',
            |char| char == '|',
            char::is_whitespace,
        ];
        let around = |char: char| char.is_whitespace() || "[](){}<>\"'`".contains(char);
        let mut known = HashSet::from([text, ""]);
        for piece in CHOICES.into_iter().flat_map(|separates| text.split(separates)) {
            for piece in [piece, piece.trim_matches(around)] {
                if known.insert(piece) {
                    self.push(piece, How::AsList);
                }
            }
            if self.too_many {
                return;
            }
        }
    }
}

impl How {
    /// How an element of a list is read that is read like this.
    fn inside(self, element: &Value) -> Self {
        if matches!(element, Value::Array(_) | Value::Object(_)) { Self::InDepth } else { self }
    }
}

impl ClaimSet {
    /// Whether a denial means the bearer of these claims, and how claims had to be read for that.
    #[must_use]
    pub fn could_match(&self, wide: &WideClaims<'_>) -> Option<Vec<Reading>> {
        let mut readings = Vec::new();
        for (name, patterns) in &self.0 {
            let (values, comparison) = (name.values(wide.claims), name.comparison(wide.claims));
            if patterns.iter().any(|pattern| values.iter().any(|value| comparison(pattern, value).is_some())) {
                continue;
            }
            let texts = wide.texts(name);
            let meant = |(text, _): &&(Cow<'_, str>, How)| patterns.iter().any(|pattern| pattern.matches_widely(text));
            let how = match texts.texts.iter().find(meant) {
                Some((_, how)) => *how,
                None if texts.too_many => How::TooMany,
                None => return None,
            };
            readings.push(Reading { claim: name.clone(), how });
        }
        Some(readings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Pattern;
    use serde_json::json;

    fn reading(name: &str, pattern: &str, claims: Value) -> Option<String> {
        let set = ClaimSet(vec![(ClaimName::new(name), vec![Pattern::parse(pattern).unwrap()])]);
        let readings = set.could_match(&WideClaims::new(claims.as_object().unwrap()))?;
        Some(readings.iter().map(Reading::to_string).collect::<Vec<_>>().join("; "))
    }

    fn groups(value: Value) -> Option<String> {
        reading("groups", "contractors", json!({"groups": value}))
    }

    #[test]
    fn a_claim_counts_in_every_form() {
        assert_eq!(groups(json!(["dev", "contractors"])).as_deref(), Some(""));
        for text in ["dev,contractors", "dev; contractors", "contractors dev", ",contractors", "a b;contractors,c d"] {
            assert_eq!(groups(json!(text)).as_deref(), Some("`groups` read as a list"), "{text}");
        }
        for value in [json!({"contractors": true}), json!([["contractors"]]), json!([{"name": "contractors"}])] {
            assert_eq!(groups(value.clone()).as_deref(), Some("`groups` read at every depth"), "{value}");
        }
        let loosely = Some("`groups` compared without regard to case and spaces");
        assert_eq!(groups(json!(["CONTRACTORS "])).as_deref(), loosely);
        assert_eq!(reading("level", "7", json!({"level": {"a": [7]}})).as_deref(), Some("`level` read at every depth"));
        assert_eq!(reading("ok", "true", json!({"ok": [[true]]})).as_deref(), Some("`ok` read at every depth"));
    }

    #[test]
    fn a_value_may_hold_what_separates_others() {
        for (text, group) in [("x,dev contractors", "dev contractors"), ("CN=a,OU=b;CN=c,OU=d", "CN=c,OU=d")] {
            assert!(reading("groups", group, json!({"groups": text})).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_read_into_it() {
        for value in [json!("contractors2"), json!(["dev contractors"]), json!({"a": "dev,contractors"}), json!(null)] {
            assert_eq!(groups(value.clone()), None, "{value}");
        }
        assert_eq!(reading("groups", "contractors", json!({"teams": "contractors"})), None);
        for name in ["sub", "iss", "/sub"] {
            assert_eq!(reading(name, "contractors", json!({"sub": "dev,contractors", "iss": "a contractors"})), None);
        }
        assert_eq!(reading("/realm/roles", "contractors", json!({"realm": {"groups": ["contractors"]}})), None);
    }

    #[test]
    fn one_text_may_be_a_list_of_any_notation() {
        let texts = [
            r#"["dev","contractors"]"#,
            "[dev, contractors]",
            "{dev|contractors}",
            "dev\tcontractors",
            "dev\u{a0}contractors",
            "'contractors'",
            "dev|Contractors",
        ];
        for text in texts {
            assert_eq!(groups(json!(text)).as_deref(), Some("`groups` read as a list"), "{text}");
        }
        assert!(groups(json!(["contractors\t"])).is_some() && groups(json!(["dev|contractors"])).is_none());
    }

    #[test]
    fn a_number_is_the_same_in_every_notation() {
        for value in [json!(7), json!(7.0), json!("7"), json!([7.0])] {
            assert!(reading("level", "7", json!({"level": value})).is_some(), "{value}");
        }
        assert!(reading("level", "7", json!({"level": 7.5})).is_none());
    }

    #[test]
    fn a_pointer_is_followed_into_lists_and_as_far_as_it_goes() {
        let roles = |value: Value| reading("/realm/roles", "contractors", json!({"realm": value}));
        assert_eq!(roles(json!({"roles": ["contractors"]})).as_deref(), Some(""));
        for value in [json!([{"roles": ["contractors"]}]), json!(["contractors"]), json!("contractors")] {
            assert_eq!(roles(value.clone()).as_deref(), Some("`/realm/roles` read at every depth"), "{value}");
        }
        assert_eq!(roles(json!([{"groups": "contractors"}])), None);
    }

    #[test]
    fn an_email_counts_unverified() {
        let unverified = Some("`email` counted although it is not verified");
        for claims in [json!({"email": "a@x.com"}), json!({"email": "a@x.com", "email_verified": false})] {
            assert_eq!(reading("email", "*@x.com", claims).as_deref(), unverified);
        }
        assert_eq!(
            reading("email", "*@x.com", json!({"email": "a@x.com", "email_verified": true})).as_deref(),
            Some("")
        );
    }

    #[test]
    fn more_than_is_compared_is_what_any_denial_means() {
        let many = |count: usize| json!((0..count).map(|index| format!("g{index}")).collect::<Vec<_>>());
        assert_eq!(groups(many(1024)), None);
        assert_eq!(groups(many(1025)).as_deref(), Some("`groups` has more than 1024 values"));
        assert_eq!(
            reading("groups", "g1024", json!({"groups": many(1025)})).as_deref(),
            Some(""),
            "as a grant reads it"
        );
    }
}
