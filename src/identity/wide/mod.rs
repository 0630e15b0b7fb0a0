//! Claims as denials read them: a claim in any form must not let its bearer past.

mod reading;
mod texts;

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use super::{ClaimName, ClaimSet, Claims};
pub use reading::{ClaimForm, KindDoubt, WideReading};
pub use texts::Texts;

/// The claims of a token as denials read them. Each claim is read once, however many denials ask for it.
#[derive(Debug)]
pub struct WideClaims<'a> {
    claims: Claims<'a>,
    read: RefCell<Vec<(ClaimName, Rc<Texts<'a>>)>>,
}

impl<'a> WideClaims<'a> {
    pub fn new(claims: Claims<'a>) -> Self {
        Self { claims, read: RefCell::default() }
    }

    /// Every text in a claim. If the claim is one text, its pieces also count.
    pub fn texts(&self, name: &ClaimName) -> Rc<Texts<'a>> {
        let known = |read: &Vec<(ClaimName, Rc<Texts<'a>>)>| {
            read.iter().find(|(known, _)| known == name).map(|(_, texts)| Rc::clone(texts))
        };
        if let Some(texts) = known(&self.read.borrow()) {
            return texts;
        }
        let texts = Rc::new(Texts::new(name, self.claims));
        self.read.borrow_mut().push((name.clone(), Rc::clone(&texts)));
        texts
    }
}

impl ClaimSet {
    /// The claims that match only in the wide reading. `None` if a denial does not match the bearer.
    pub fn matches_widely(&self, wide: &WideClaims<'_>) -> Option<Vec<WideReading>> {
        let mut readings = Vec::new();
        for (name, patterns) in &self.0 {
            if name.matches(patterns, wide.claims) {
                continue;
            }
            let texts = wide.texts(name);
            let matches =
                |(text, _): &&(Cow<'_, str>, ClaimForm)| patterns.iter().any(|pattern| pattern.matches_widely(text));
            let form = match texts.texts.iter().find(matches) {
                Some((_, form)) => *form,
                None if texts.too_many => ClaimForm::TooMany,
                None => return None,
            };
            readings.push(WideReading { claim: name.clone(), form });
        }
        Some(readings)
    }
}

#[cfg(test)]
mod tests;
