//! Finds the rules that may mean a caller without a look at each: among ten thousand grants as fast as among ten.
//!
//! A rule is kept under one condition of its `who` that tells callers apart by a literal, or by the literal that a pattern
//! starts with: under that which the fewest other rules share, for all conditions must hold anyway. Rules without one are
//! found for every caller. What is found is matched in full afterwards: the index decides nothing, it leaves out.

use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

use super::denial::Denial;
use super::grant::Grant;
use super::who::Who;
use crate::identity::wide::WideClaims;
use crate::identity::{ClaimName, Identity};
use crate::pattern::{Head, Pattern};

/// A rule that means some callers.
pub trait Means {
    /// Whether it reads claims as denials do.
    const WIDE: bool;
    /// Which callers; `None` means everybody.
    fn who(&self) -> Option<&Who>;
}

impl Means for Grant {
    const WIDE: bool = false;

    fn who(&self) -> Option<&Who> {
        Some(&self.who)
    }
}

impl Means for Rc<Denial> {
    const WIDE: bool = true;

    fn who(&self) -> Option<&Who> {
        self.who.as_ref()
    }
}

/// Rules in the order of the configuration, and the index over them.
#[derive(Debug)]
pub struct Rules<R> {
    list: Vec<R>,
    index: Index,
}

impl<R: Means> Rules<R> {
    /// Every rule that means this caller, and few others, in their order.
    pub fn about(&self, identity: &Identity, wide: &WideClaims<'_>) -> impl Iterator<Item = &R> {
        self.index.find(identity, wide).into_iter().filter_map(|place| self.list.get(place))
    }
}

impl<R: Means> From<Vec<R>> for Rules<R> {
    fn from(list: Vec<R>) -> Self {
        let index = Index::new(&list.iter().map(Means::who).collect::<Vec<_>>(), R::WIDE);
        Self { list, index }
    }
}

impl<R> Default for Rules<R> {
    fn default() -> Self {
        Self { list: Vec::new(), index: Index::default() }
    }
}

impl<R> Deref for Rules<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.list
    }
}

/// Places of rules, by what their conditions have in common.
#[derive(Debug, Default)]
struct Index {
    /// Whether claims are read, and compared, as denials do.
    wide: bool,
    /// How many rules there are.
    rules: usize,
    /// Those of rules that have no condition to be found by.
    unkeyed: Vec<usize>,
    /// What conditions are about; keys begin with the place in this list, as a character.
    fields: Vec<Field>,
    /// Numbers of buckets, by [`key`].
    keys: HashMap<Box<str>, usize>,
    buckets: Vec<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// How many rules have a condition with this key.
    shared: usize,
    /// Places of those that are kept here.
    places: Vec<usize>,
}

#[derive(Debug)]
struct Field {
    of: Of<ClaimName>,
    /// How long the literals are that patterns start with, in bytes.
    starts: Vec<usize>,
}

#[derive(Debug)]
enum Of<Name> {
    Issuer,
    Subject,
    Peer,
    Claim(Name),
}

/// A literal of one condition of a rule.
#[derive(Debug, Clone, Copy)]
struct Literal {
    rule: usize,
    condition: usize,
    bucket: usize,
}

impl Index {
    fn new(rules: &[Option<&Who>], wide: bool) -> Self {
        let keys = HashMap::with_capacity(rules.len());
        let mut index = Self { wide, rules: rules.len(), keys, ..Self::default() };
        let mut literals = Vec::with_capacity(rules.len().saturating_mul(2));
        for (rule, who) in rules.iter().enumerate() {
            let before = literals.len();
            who.iter().for_each(|who| index.conditions(rule, who, &mut literals));
            if literals.len() == before {
                index.unkeyed.push(rule);
            }
        }
        for literal in &literals {
            if let Some(bucket) = index.buckets.get_mut(literal.bucket) {
                bucket.shared = bucket.shared.saturating_add(1);
            }
        }
        for of_rule in literals.chunk_by(|one, next| one.rule == next.rule) {
            let shared = |literal: &Literal| index.buckets.get(literal.bucket).map_or(0, |bucket| bucket.shared);
            let crowd = |condition: &&[Literal]| condition.iter().map(shared).fold(0, usize::saturating_add);
            let conditions = of_rule.chunk_by(|one, next| one.condition == next.condition);
            for literal in conditions.min_by_key(crowd).unwrap_or_default() {
                if let Some(bucket) = index.buckets.get_mut(literal.bucket) {
                    bucket.places.push(literal.rule);
                }
            }
        }
        index
    }

    /// Adds the literals of those conditions that a value meets only if it has one of them in common with a pattern.
    fn conditions(&mut self, rule: usize, who: &Who, literals: &mut Vec<Literal>) {
        let claims = who.claims.0.iter().map(|(name, patterns)| (Of::Claim(name), patterns.as_slice()));
        let others =
            [(Of::Subject, who.subject.as_slice()), (Of::Peer, who.peer.as_deref().unwrap_or_default())].into_iter();
        for (condition, (of, patterns)) in others.chain(claims).enumerate() {
            if patterns.iter().all(|pattern| pattern.head().is_some()) {
                for head in patterns.iter().filter_map(Pattern::head) {
                    literals.push(Literal { rule, condition, bucket: self.bucket(&of, head) });
                }
            }
        }
        for name in &who.issuers {
            let bucket = self.bucket(&Of::Issuer, Head::Whole(name));
            literals.push(Literal { rule, condition: usize::MAX, bucket });
        }
    }

    /// The place of a field, which is a new one if it is not there yet.
    fn field(&mut self, of: &Of<&ClaimName>) -> usize {
        let known = |field: &Field| match (&field.of, of) {
            (Of::Claim(known), Of::Claim(name)) => known == *name,
            (Of::Issuer, Of::Issuer) | (Of::Subject, Of::Subject) | (Of::Peer, Of::Peer) => true,
            _ => false,
        };
        self.fields.iter().position(known).unwrap_or_else(|| {
            let of = match of {
                Of::Issuer => Of::Issuer,
                Of::Subject => Of::Subject,
                Of::Peer => Of::Peer,
                Of::Claim(name) => Of::Claim((*name).clone()),
            };
            self.fields.push(Field { of, starts: Vec::new() });
            self.fields.len().saturating_sub(1)
        })
    }

    /// The bucket of a literal, which is a new one if there is none yet.
    fn bucket(&mut self, of: &Of<&ClaimName>, head: Head<'_>) -> usize {
        let place = self.field(of);
        let text = match head {
            Head::Whole(text) => self.key(place, text) + WHOLE,
            Head::Start(text) => {
                let key = self.key(place, text);
                let length = key.chars().next().map_or(0, |field| key.len().saturating_sub(field.len_utf8()));
                if let Some(field) = self.fields.get_mut(place).filter(|field| !field.starts.contains(&length)) {
                    field.starts.push(length);
                }
                key
            }
        };
        let next = self.buckets.len();
        let bucket = *self.keys.entry(text.into()).or_insert(next);
        if bucket == next {
            self.buckets.push(Bucket::default());
        }
        bucket
    }

    /// Places of every rule that means this caller, and of few others, in their order.
    fn find(&self, identity: &Identity, wide: &WideClaims<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        for (place, field) in self.fields.iter().enumerate() {
            match &field.of {
                Of::Issuer => identity.issuer.iter().for_each(|issuer| self.look_up(place, field, issuer, &mut found)),
                Of::Subject => self.look_up(place, field, &identity.subject, &mut found),
                Of::Peer => identity.peer.iter().for_each(|peer| self.look_up(place, field, peer, &mut found)),
                Of::Claim(name) if self.wide => match wide.texts(name).all() {
                    Some(texts) => texts.for_each(|text| self.look_up(place, field, text, &mut found)),
                    None => return (0..self.rules).collect(),
                },
                Of::Claim(name) => {
                    name.values(&identity.claims)
                        .iter()
                        .for_each(|value| self.look_up(place, field, value, &mut found));
                }
            }
        }
        // Each bucket once, however many values lead there.
        sort(&mut found);
        let buckets = found.into_iter().filter_map(|bucket| self.buckets.get(bucket));
        let mut places = self.unkeyed.clone();
        buckets.for_each(|bucket| places.extend(&bucket.places));
        sort(&mut places);
        places
    }

    fn look_up(&self, place: usize, field: &Field, value: &str, found: &mut Vec<usize>) {
        let mut key = self.key(place, value);
        let before = key.chars().next().map_or(0, char::len_utf8);
        for length in &field.starts {
            let start = before.checked_add(*length).and_then(|end| key.get(..end));
            found.extend(start.and_then(|start| self.keys.get(start)));
        }
        key.push_str(WHOLE);
        found.extend(self.keys.get(key.as_str()));
    }

    /// The key of a value or its start, of the field at this place. Fields that shared a character would share buckets.
    fn key(&self, place: usize, text: &str) -> String {
        let text = if self.wide { text.trim() } else { text };
        // With room for the end, so that it is allocated once.
        let mut key = String::with_capacity(text.len().saturating_add(8));
        key.push(u32::try_from(place).ok().and_then(char::from_u32).unwrap_or_default());
        key.push_str(text);
        if self.wide {
            key.make_ascii_lowercase();
        }
        key
    }
}

/// Ends the key of a whole value. A pattern that starts with what ends so would only share its bucket.
const WHOLE: &str = "\0";

fn sort(list: &mut Vec<usize>) {
    list.sort_unstable();
    list.dedup();
}
