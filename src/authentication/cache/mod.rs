//! Verified tokens and who they stand for: a hit is a comparison of bytes.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::keys::KeyId;
use crate::policy::Principal;
use crate::time::Timestamp;

/// How much of a token's end finds its entry. It is part of the signature, and the whole token is compared afterwards.
const TAIL: usize = 32;
/// What an entry costs beside its token and its principal, roughly, in bytes.
const OVERHEAD: usize = 768;

/// How a token came: in a header of this name, over a connection from this peer, where that matters.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The header's name.
    pub header: &'a str,
    /// Who the TLS peer is.
    pub peer: Option<&'a str>,
}

/// A bounded cache of verified tokens.
///
/// When it is full, a subject that has more than its share makes room with a token of its own. Otherwise the oldest token
/// goes that nobody has used since it was last looked at (second chance). So neither one caller with ever new tokens nor
/// many who come once push out those who call all the time.
#[derive(Debug)]
pub struct TokenCache {
    entries: HashMap<Place, Entry>,
    /// All entries, those that are looked at next first.
    order: VecDeque<Place>,
    /// What each subject takes, in bytes.
    shares: HashMap<Subject, usize>,
    bytes: usize,
    limit: usize,
}

/// Where a token is kept.
type Place = [u8; TAIL];
/// The issuer's place in the configuration, and the subject.
type Subject = (usize, Rc<str>);

#[derive(Debug)]
struct Entry {
    token: Box<[u8]>,
    header: Rc<str>,
    /// Who the TLS peer was, where that matters.
    peer: Option<Rc<str>>,
    key: KeyId,
    until: Timestamp,
    principal: Rc<Principal>,
    subject: Subject,
    /// Whether anybody used it since it was last looked at.
    used: Cell<bool>,
}

impl TokenCache {
    /// A cache of at most this many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), shares: HashMap::new(), bytes: 0, limit }
    }

    /// Whom the token stands for, if it was verified in a header of this name, from this peer, and is still valid.
    #[must_use]
    pub fn get(&self, token: &[u8], origin: Origin<'_>, now: Timestamp) -> Option<Rc<Principal>> {
        let entry = self.entries.get(&place(token, origin)?)?;
        let same =
            *entry.header == *origin.header && entry.peer.as_deref() == origin.peer && is_same(&entry.token, token);
        (same && now < entry.until).then(|| {
            entry.used.set(true);
            Rc::clone(&entry.principal)
        })
    }

    /// Remembers a token that was verified with this key.
    pub fn insert(&mut self, token: &[u8], origin: Origin<'_>, key: KeyId, until: Timestamp, principal: Rc<Principal>) {
        let Some(place) = place(token, origin) else { return };
        let subject = (key.issuer, Rc::from(principal.subject.as_str()));
        let (header, peer) = (origin.header.into(), origin.peer.map(Rc::from));
        let entry = Entry { token: token.into(), header, peer, key, until, principal, subject, used: Cell::new(false) };
        let size = entry.size();
        if size > self.limit {
            return;
        }
        if self.remove(&place) {
            self.order.retain(|other| *other != place);
        }
        while self.bytes.saturating_add(size) > self.limit && self.make_room(&entry.subject) {}
        self.bytes = self.bytes.saturating_add(size);
        let share = self.shares.entry(entry.subject.clone()).or_default();
        *share = share.saturating_add(size);
        self.order.push_back(place);
        self.entries.insert(place, entry);
    }

    /// Forgets what has expired and what was verified with a key that is no longer there.
    pub fn retain(&mut self, now: Timestamp, is_key: impl Fn(&KeyId) -> bool) {
        let gone = self.entries.iter().filter(|(_, entry)| now >= entry.until || !is_key(&entry.key));
        let gone: Vec<_> = gone.map(|(place, _)| *place).collect();
        if gone.is_empty() {
            return;
        }
        for place in gone {
            self.remove(&place);
        }
        let entries = &self.entries;
        self.order.retain(|place| entries.contains_key(place));
    }

    /// Removes one entry, so that this subject can have another. False if there is none left.
    fn make_room(&mut self, subject: &Subject) -> bool {
        let fair = self.limit.checked_div(self.shares.len()).unwrap_or(self.limit);
        let has_more = self.shares.get(subject).is_some_and(|share| *share > fair);
        // Those who were used are spared once: after two rounds somebody goes.
        for _ in 0..self.order.len().saturating_mul(2) {
            let Some(place) = self.order.pop_front() else { return false };
            let Some(entry) = self.entries.get(&place) else { continue };
            let is_spared = if has_more { entry.subject != *subject } else { entry.used.take() };
            if !is_spared {
                return self.remove(&place);
            }
            self.order.push_back(place);
        }
        false
    }

    /// Removes an entry, but not from the order.
    fn remove(&mut self, place: &Place) -> bool {
        let Some(entry) = self.entries.remove(place) else { return false };
        let size = entry.size();
        self.bytes = self.bytes.saturating_sub(size);
        if let Some(share) = self.shares.get_mut(&entry.subject) {
            *share = share.saturating_sub(size);
            if *share == 0 {
                self.shares.remove(&entry.subject);
            }
        }
        true
    }
}

/// Where a token is kept: by its end, and by the peer it came from, so that the peers of one token do not push each other
/// out.
fn place(token: &[u8], origin: Origin<'_>) -> Option<Place> {
    let mut place = *token.last_chunk::<TAIL>()?;
    for (byte, at) in origin.peer.unwrap_or_default().bytes().zip((0..TAIL).cycle()) {
        if let Some(there) = place.get_mut(at) {
            *there = there.rotate_left(1) ^ byte;
        }
    }
    Some(place)
}

/// Equality, eight bytes at a time: what `==` calls in WebAssembly takes one at a time, for longer than all else that a hit
/// costs.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let number = |word: &[u8; 8]| u64::from_ne_bytes(*word);
    one.len() == other.len() && words.iter().map(number).eq(other_words.iter().map(number)) && rest == other_rest
}

impl Entry {
    fn size(&self) -> usize {
        self.token.len().saturating_add(self.principal.size()).saturating_add(OVERHEAD)
    }
}

#[cfg(test)]
mod tests;
