//! Finds the rules that may apply to a caller without looking at each of them: as fast among ten thousand grants as among ten.
//!
//! A rule is indexed by one condition of its `who` that compares a literal, or the literal prefix of a pattern. All conditions
//! must match anyway, so the index uses the condition whose literals the fewest other rules share. Rules without such a
//! condition are found for every caller. Every rule that is found is then matched in full: the index leaves rules out, but
//! never decides.

use std::collections::HashMap;
use std::ops::Deref;
use std::rc::Rc;

use super::denial::Denial;
use super::grant::Grant;
use super::who::Who;
use crate::identity::wide::WideClaims;
use crate::identity::{ClaimName, Identity};
use crate::pattern::{LiteralPrefix, Pattern};

/// A rule that applies to some callers.
pub trait CallerRule {
    /// Whether it reads claims as denials do.
    const WIDE: bool;
    /// The callers to whom it applies. `None` if it applies to everybody.
    fn who(&self) -> Option<&Who>;
}

impl CallerRule for Grant {
    const WIDE: bool = false;

    fn who(&self) -> Option<&Who> {
        Some(&self.who)
    }
}

impl CallerRule for Rc<Denial> {
    const WIDE: bool = true;

    fn who(&self) -> Option<&Who> {
        self.who.as_ref()
    }
}

/// Rules in the order of the configuration, with an index of them.
#[derive(Debug)]
pub struct Rules<R> {
    list: Vec<R>,
    index: Index,
}

impl<R: CallerRule> Rules<R> {
    /// Every rule that applies to this caller, and a few others, in the order of the configuration.
    pub fn candidates(&self, identity: &Identity, wide: &WideClaims<'_>) -> impl Iterator<Item = &R> {
        self.index.find(identity, wide).into_iter().filter_map(|rule| self.list.get(rule))
    }
}

impl<R: CallerRule> From<Vec<R>> for Rules<R> {
    fn from(list: Vec<R>) -> Self {
        let index = Index::new(&list.iter().map(CallerRule::who).collect::<Vec<_>>(), R::WIDE);
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

/// The indices of rules by the literals in their conditions.
#[derive(Debug, Default)]
struct Index {
    /// Whether claims are read and compared as denials do.
    wide: bool,
    rule_count: usize,
    /// The rules without a condition to find them by.
    unkeyed: Vec<usize>,
    /// The attributes that conditions compare. Keys begin with an index into this list, as a character.
    attributes: Vec<IndexedAttribute>,
    /// The indices of buckets by [`Index::key`].
    keys: HashMap<Box<str>, usize>,
    buckets: Vec<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// How many rules have a condition with this key.
    rule_count: usize,
    /// The rules that are found by this key.
    rules: Vec<usize>,
}

/// An attribute of callers that conditions compare.
#[derive(Debug)]
struct IndexedAttribute {
    attribute: Attribute<ClaimName>,
    /// The lengths of the literals that patterns start with, in bytes.
    prefix_lengths: Vec<usize>,
}

#[derive(Debug)]
enum Attribute<Name> {
    Issuer,
    Subject,
    Peer,
    Claim(Name),
}

/// A literal in a condition of a rule.
#[derive(Debug, Clone, Copy)]
struct Literal {
    rule: usize,
    condition: usize,
    bucket: usize,
}

impl Index {
    fn new(rules: &[Option<&Who>], wide: bool) -> Self {
        let keys = HashMap::with_capacity(rules.len());
        let mut index = Self { wide, rule_count: rules.len(), keys, ..Self::default() };
        let mut literals = Vec::with_capacity(rules.len().saturating_mul(2));
        for (rule, who) in rules.iter().enumerate() {
            let before = literals.len();
            who.iter().for_each(|who| index.add_conditions(rule, who, &mut literals));
            if literals.len() == before {
                index.unkeyed.push(rule);
            }
        }
        for literal in &literals {
            if let Some(bucket) = index.buckets.get_mut(literal.bucket) {
                bucket.rule_count = bucket.rule_count.saturating_add(1);
            }
        }
        for of_rule in literals.chunk_by(|literal, next| literal.rule == next.rule) {
            let rule_count =
                |literal: &Literal| index.buckets.get(literal.bucket).map_or(0, |bucket| bucket.rule_count);
            let shared_by = |condition: &&[Literal]| condition.iter().map(rule_count).fold(0, usize::saturating_add);
            let conditions = of_rule.chunk_by(|literal, next| literal.condition == next.condition);
            for literal in conditions.min_by_key(shared_by).unwrap_or_default() {
                if let Some(bucket) = index.buckets.get_mut(literal.bucket) {
                    bucket.rules.push(literal.rule);
                }
            }
        }
        index
    }

    /// Adds the literals of each condition whose patterns all begin with a literal, because a value that matches also does.
    fn add_conditions(&mut self, rule: usize, who: &Who, literals: &mut Vec<Literal>) {
        let claims = who.claims.0.iter().map(|(name, patterns)| (Attribute::Claim(name), patterns.as_slice()));
        let others =
            [(Attribute::Subject, who.subject.as_slice()), (Attribute::Peer, who.peer.as_deref().unwrap_or_default())];
        for (condition, (attribute, patterns)) in others.into_iter().chain(claims).enumerate() {
            if patterns.iter().all(|pattern| pattern.literal_prefix().is_some()) {
                for prefix in patterns.iter().filter_map(Pattern::literal_prefix) {
                    literals.push(Literal { rule, condition, bucket: self.bucket(&attribute, prefix) });
                }
            }
        }
        for name in &who.issuers {
            let bucket = self.bucket(&Attribute::Issuer, LiteralPrefix::Whole(name));
            literals.push(Literal { rule, condition: usize::MAX, bucket });
        }
    }

    /// The index of this attribute, which is added if it is new.
    fn attribute_index(&mut self, attribute: &Attribute<&ClaimName>) -> usize {
        let is_same = |known: &IndexedAttribute| match (&known.attribute, attribute) {
            (Attribute::Claim(known), Attribute::Claim(name)) => known == *name,
            (Attribute::Issuer, Attribute::Issuer)
            | (Attribute::Subject, Attribute::Subject)
            | (Attribute::Peer, Attribute::Peer) => true,
            _ => false,
        };
        self.attributes.iter().position(is_same).unwrap_or_else(|| {
            let attribute = match attribute {
                Attribute::Issuer => Attribute::Issuer,
                Attribute::Subject => Attribute::Subject,
                Attribute::Peer => Attribute::Peer,
                Attribute::Claim(name) => Attribute::Claim((*name).clone()),
            };
            self.attributes.push(IndexedAttribute { attribute, prefix_lengths: Vec::new() });
            self.attributes.len().saturating_sub(1)
        })
    }

    /// The index of the bucket for this literal, which is added if it is new.
    fn bucket(&mut self, attribute: &Attribute<&ClaimName>, prefix: LiteralPrefix<'_>) -> usize {
        let index = self.attribute_index(attribute);
        let key = match prefix {
            LiteralPrefix::Whole(text) => self.key(index, text) + WHOLE,
            LiteralPrefix::Start(text) => {
                let key = self.key(index, text);
                let length = key.chars().next().map_or(0, |char| key.len().saturating_sub(char.len_utf8()));
                let known = self.attributes.get_mut(index).map(|indexed| &mut indexed.prefix_lengths);
                if let Some(lengths) = known.filter(|lengths| !lengths.contains(&length)) {
                    lengths.push(length);
                }
                key
            }
        };
        let next = self.buckets.len();
        let bucket = *self.keys.entry(key.into()).or_insert(next);
        if bucket == next {
            self.buckets.push(Bucket::default());
        }
        bucket
    }

    /// The index of every rule that applies to this caller, and of a few others, in order.
    fn find(&self, identity: &Identity, wide: &WideClaims<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        for (index, indexed) in self.attributes.iter().enumerate() {
            let mut look_up = |value: &str| self.look_up(index, indexed, value, &mut found);
            match &indexed.attribute {
                Attribute::Issuer => identity.issuer.iter().for_each(|issuer| look_up(issuer)),
                Attribute::Subject => look_up(&identity.subject),
                Attribute::Peer => identity.peer.iter().for_each(|peer| look_up(peer)),
                Attribute::Claim(name) => {
                    // The values that grants read are also read widely, but not all of them are among the texts.
                    name.values(identity.claims()).iter().for_each(|value| look_up(value));
                    if self.wide {
                        match wide.texts(name).all() {
                            Some(texts) => texts.for_each(look_up),
                            None => return (0..self.rule_count).collect(),
                        }
                    }
                }
            }
        }
        // Each bucket counts once, however many values lead to it.
        sort(&mut found);
        let buckets = found.into_iter().filter_map(|bucket| self.buckets.get(bucket));
        let mut rules = self.unkeyed.clone();
        buckets.for_each(|bucket| rules.extend(&bucket.rules));
        sort(&mut rules);
        rules
    }

    fn look_up(&self, index: usize, indexed: &IndexedAttribute, value: &str, found: &mut Vec<usize>) {
        let mut key = self.key(index, value);
        let before = key.chars().next().map_or(0, char::len_utf8);
        for length in &indexed.prefix_lengths {
            let start = before.checked_add(*length).and_then(|end| key.get(..end));
            found.extend(start.and_then(|start| self.keys.get(start)));
        }
        key.push_str(WHOLE);
        found.extend(self.keys.get(key.as_str()));
    }

    /// The key of a value, or of its start, for the attribute with this index. Attributes that shared a character would share
    /// buckets.
    fn key(&self, attribute: usize, text: &str) -> String {
        let text = if self.wide { text.trim() } else { text };
        // With room for the end, so that there is only one allocation.
        let mut key = String::with_capacity(text.len().saturating_add(8));
        key.push(u32::try_from(attribute).ok().and_then(char::from_u32).unwrap_or_default());
        key.push_str(text);
        if self.wide {
            key.make_ascii_lowercase();
        }
        key
    }
}

/// Ends the key of a whole value, as opposed to a prefix. A prefix that happens to end with it only shares a bucket.
const WHOLE: &str = "\0";

fn sort(list: &mut Vec<usize>) {
    list.sort_unstable();
    list.dedup();
}
