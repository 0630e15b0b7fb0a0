//! Every text in a claim, in whatever form the claim has it.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Value};

use super::ClaimForm;
use crate::identity::claims::{is_separator, whole};
use crate::identity::{ClaimName, Claims};

/// How many texts of a claim are compared. A claim with more matches any denial.
pub(super) const MAX_TEXTS: usize = 1024;
/// How many values are looked at to find the texts. A claim with more, such as lists within lists for a pointer with several
/// `*`, matches any denial as well.
const MAX_VALUES: usize = 16 * MAX_TEXTS;

/// Every text in a claim.
#[derive(Debug, Default)]
pub struct Texts<'a> {
    pub(super) texts: Vec<(Cow<'a, str>, ClaimForm)>,
    pub(super) too_many: bool,
    values: usize,
}

impl<'a> Texts<'a> {
    pub(super) fn new(name: &ClaimName, claims: Claims<'a>) -> Self {
        let mut texts = Self::default();
        let Some((value, steps)) = name.member_and_steps(claims.members) else { return texts };
        let plain = if name.counts_for_grants(claims) { ClaimForm::Loose } else { ClaimForm::Unverified };
        texts.follow(value, &steps, plain);
        if let Some(text) = name.single_text(claims.members) {
            texts.add_pieces(text);
        }
        texts
    }

    /// The texts. `None` if there are too many to compare.
    pub fn all(&self) -> Option<impl Iterator<Item = &str>> {
        (!self.too_many).then(|| self.texts.iter().map(|(text, _)| &**text))
    }

    fn push(&mut self, text: impl Into<Cow<'a, str>>, form: ClaimForm) {
        if self.texts.len() < MAX_TEXTS {
            self.texts.push((text.into(), form));
        } else {
            self.too_many = true;
        }
    }

    /// Counts a value. Returns whether there are too many values or texts to go on.
    fn has_enough(&mut self) -> bool {
        self.values = self.values.saturating_add(1);
        self.too_many |= self.values > MAX_VALUES;
        self.too_many
    }

    /// Adds the texts that a pointer leads to. The pointer is also followed into the elements of a list. If it cannot be
    /// followed to its end, the last value that it reaches counts.
    fn follow(&mut self, value: &'a Value, steps: &[String], form: ClaimForm) {
        if self.has_enough() {
            return;
        }
        match (steps.split_first(), value) {
            (None, value) => self.add(value, form),
            (Some((step, rest)), Value::Object(members)) => {
                members.get(step).into_iter().for_each(|value| self.follow(value, rest, form));
                if step == "*" {
                    // Some issuers write one element without its list.
                    self.follow(value, rest, ClaimForm::Nested);
                    self.follow_members(members, rest);
                }
            }
            (Some((step, rest)), Value::Array(values)) if step == "*" => {
                values.iter().for_each(|value| self.follow(value, rest, form));
                for value in values {
                    match value {
                        Value::Array(_) => self.follow(value, steps, ClaimForm::Nested),
                        Value::Object(members) => self.follow_members(members, rest),
                        _ => {}
                    }
                }
            }
            (Some((step, rest)), Value::Array(values)) => {
                let named = step.parse().ok().and_then(|index: usize| values.get(index));
                named.into_iter().for_each(|value| self.follow(value, rest, form));
                values.iter().for_each(|value| self.follow(value, steps, ClaimForm::Nested));
            }
            (Some(_), value) => self.add(value, ClaimForm::Nested),
        }
    }

    /// Follows a pointer behind a step `*` into the objects of an object: some issuers write a list in this way. A member may
    /// also have the step as its name.
    fn follow_members(&mut self, members: &'a Map<String, Value>, rest: &[String]) {
        let elements = members.iter().filter(|(name, value)| value.is_object() || *name == "*");
        elements.for_each(|(_, value)| self.follow(value, rest, ClaimForm::Nested));
    }

    /// Adds the texts at every depth of a value. serde_json bounds the depth.
    fn add(&mut self, value: &'a Value, form: ClaimForm) {
        if self.has_enough() {
            return;
        }
        match value {
            Value::Null => {}
            Value::String(text) => self.push(text.as_str(), form),
            Value::Bool(_) => self.push(value.to_string(), form),
            Value::Number(number) => {
                self.push(value.to_string(), form);
                // `7.0` also counts as 7.
                if let Some(whole) = whole(number).filter(|_| number.is_f64()) {
                    self.push(whole.to_string(), ClaimForm::Loose);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.add(value, form.of_element(value))),
            Value::Object(members) => members.iter().for_each(|(name, value)| {
                self.push(name.as_str(), ClaimForm::Nested);
                self.add(value, ClaimForm::Nested);
            }),
        }
    }

    /// Adds the pieces of one text. The separator is not known, and a value may contain a character that separates other values.
    /// Quotes and brackets around a piece come from a list that was written as text.
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
                    self.push(piece, ClaimForm::ListItem);
                }
            }
            if self.too_many {
                return;
            }
        }
    }
}

impl ClaimForm {
    /// The form of an element of a list that has this form.
    fn of_element(self, element: &Value) -> Self {
        if matches!(element, Value::Array(_) | Value::Object(_)) { Self::Nested } else { self }
    }
}
