//! Finds the rules that may mean a caller without a look at each: among ten thousand grants as fast as among ten.
//!
//! A rule is kept under one condition of its `who` that tells callers apart by a literal, or by the literal that a pattern
//! starts with: under that which the fewest other rules share, for all conditions must hold anyway. Rules without one are
//! found for every caller. What is found is matched in full afterwards: the index decides nothing, it leaves out.

use std::collections::{BTreeSet, HashMap};
use std::ops::Deref;
use std::rc::Rc;

use super::denial::Denial;
use super::grant::Grant;
use super::pattern::Head;
use super::who::Who;
use crate::identity::{ClaimName, Identity};

/// A rule that means some callers.
pub trait Means {
    /// Which; none means everybody.
    fn who(&self) -> Option<&Who>;
}

impl Means for Grant {
    fn who(&self) -> Option<&Who> {
        Some(&self.who)
    }
}

impl Means for Rc<Denial> {
    fn who(&self) -> Option<&Who> {
        self.who.as_ref()
    }
}

/// Rules in the order of the configuration, and the index over them.
#[derive(Debug)]
pub struct Rules<R> {
    list: Vec<R>,
    /// Places in the list of the rules that have no condition to be found by.
    unkeyed: Vec<usize>,
    /// Places of the rules that are kept under the same key.
    buckets: Vec<Vec<usize>>,
    issuers: Keys,
    subjects: Keys,
    peers: Keys,
    /// By the member of the token that a claim is in, so that only those which a token has are looked at.
    claims: HashMap<Box<str>, HashMap<ClaimName, Keys>>,
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Field<'a> {
    Issuer,
    Subject,
    Peer,
    Claim(&'a ClaimName),
}

/// Buckets by what a value must be, or start with.
#[derive(Debug, Default)]
struct Keys {
    whole: HashMap<Box<str>, usize>,
    starts: HashMap<Box<str>, usize>,
    /// How long, in bytes, those starts are.
    lengths: BTreeSet<usize>,
}

impl Keys {
    /// The bucket of this key, which is the next one if there is none yet.
    fn bucket(&mut self, head: Head<'_>, next: usize) -> usize {
        match head {
            Head::Whole(text) => *self.whole.entry(text.into()).or_insert(next),
            Head::Start(text) => {
                self.lengths.insert(text.len());
                *self.starts.entry(text.into()).or_insert(next)
            }
        }
    }

    fn find(&self, value: &str, found: &mut Vec<usize>) {
        found.extend(self.whole.get(value));
        let starts = self.lengths.iter().map_while(|length| (*length <= value.len()).then(|| value.get(..*length)));
        found.extend(starts.flatten().filter_map(|start| self.starts.get(start)));
    }
}

impl<R: Means> Rules<R> {
    /// Rules in their order.
    #[must_use]
    pub fn new(list: Vec<R>) -> Self {
        let mut rules = Self { list: Vec::new(), ..Self::default() };
        let mut shared: HashMap<(Field<'_>, Head<'_>), usize> = HashMap::new();
        for (field, heads) in list.iter().filter_map(Means::who).flat_map(conditions) {
            for head in heads {
                let count = shared.entry((field, head)).or_default();
                *count = count.saturating_add(1);
            }
        }
        for (place, rule) in list.iter().enumerate() {
            let crowd = |(field, heads): &(Field<'_>, Vec<Head<'_>>)| {
                let of = |head: &Head<'_>| shared.get(&(*field, *head)).copied().unwrap_or_default();
                let starts = heads.iter().any(|head| matches!(head, Head::Start(_)));
                (heads.iter().map(of).fold(0, usize::saturating_add), starts)
            };
            match rule.who().and_then(|who| conditions(who).min_by_key(crowd)) {
                Some((field, heads)) => heads.into_iter().for_each(|head| rules.keep(place, field, head)),
                None => rules.unkeyed.push(place),
            }
        }
        Self { list, ..rules }
    }

    fn keep(&mut self, place: usize, field: Field<'_>, head: Head<'_>) {
        let keys = match field {
            Field::Issuer => &mut self.issuers,
            Field::Subject => &mut self.subjects,
            Field::Peer => &mut self.peers,
            Field::Claim(name) => {
                self.claims.entry(name.member().into()).or_default().entry(name.clone()).or_default()
            }
        };
        let next = self.buckets.len();
        let bucket = keys.bucket(head, next);
        if bucket == next {
            self.buckets.push(Vec::new());
        }
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            bucket.push(place);
        }
    }

    /// Every rule that means this caller, and few others, in their order.
    pub fn about(&self, identity: &Identity) -> impl Iterator<Item = &R> {
        let mut found = Vec::new();
        if let Some(issuer) = &identity.issuer {
            self.issuers.find(issuer, &mut found);
            self.subjects.find(&identity.subject, &mut found);
        }
        if let Some(peer) = &identity.peer {
            self.peers.find(peer, &mut found);
        }
        for (name, keys) in identity.claims.keys().filter_map(|member| self.claims.get(member.as_str())).flatten() {
            for value in name.values(&identity.claims) {
                keys.find(&value, &mut found);
            }
        }
        // Each bucket once, however many values lead there.
        found.sort_unstable();
        found.dedup();
        let buckets = found.into_iter().filter_map(|bucket| self.buckets.get(bucket));
        let mut places: Vec<_> = self.unkeyed.iter().chain(buckets.flatten()).copied().collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| self.list.get(place))
    }
}

/// The conditions of which each value that meets them has one of these heads.
fn conditions(who: &Who) -> impl Iterator<Item = (Field<'_>, Vec<Head<'_>>)> {
    let issuers: Vec<_> = who.issuers.iter().map(|name| Head::Whole(name)).collect();
    let claims = who.claims.0.iter().map(|(name, patterns)| (Field::Claim(name), patterns.as_slice()));
    let patterns = [(Field::Subject, who.subject.as_slice()), (Field::Peer, who.peer.as_deref().unwrap_or_default())];
    let headed = patterns.into_iter().chain(claims).filter_map(|(field, patterns)| {
        Some((field, patterns.iter().map(|pattern| pattern.head()).collect::<Option<Vec<_>>>()?))
    });
    headed.chain([(Field::Issuer, issuers)]).filter(|(_, heads)| !heads.is_empty())
}

impl<R> Default for Rules<R> {
    fn default() -> Self {
        let (issuers, subjects, peers) = (Keys::default(), Keys::default(), Keys::default());
        Self { list: vec![], unkeyed: vec![], buckets: vec![], issuers, subjects, peers, claims: HashMap::new() }
    }
}

impl<R: Means> From<Vec<R>> for Rules<R> {
    fn from(list: Vec<R>) -> Self {
        Self::new(list)
    }
}

impl<R> Deref for Rules<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.list
    }
}
