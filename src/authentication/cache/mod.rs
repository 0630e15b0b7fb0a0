//! The cache of verified tokens and their principals. A hit costs a lookup and a comparison of bytes.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::keys::KeyId;
use crate::policy::Principal;
use crate::time::Timestamp;

/// How many bytes at the end of a token find its entry. They are part of the signature; the whole token is compared
/// afterwards.
const TAIL_LENGTH: usize = 32;
/// Roughly the size of an entry in bytes, without its token and its principal.
const ENTRY_OVERHEAD: usize = 768;

/// How a token arrived.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The name of the header.
    pub header: &'a str,
    /// The TLS peer, if the configuration reads peers.
    pub peer: Option<&'a str>,
}

/// A bounded cache of verified tokens.
///
/// When the cache is full, a subject that has more than its share loses one of its own tokens. Otherwise the cache
/// evicts the oldest token that was not used since it was last considered (second chance). So neither a caller who
/// always sends new tokens nor many callers who call once evict the tokens of regular callers.
#[derive(Debug)]
pub struct TokenCache {
    entries: HashMap<CacheKey, CacheEntry>,
    /// All entries. The first is considered next for eviction.
    order: VecDeque<CacheKey>,
    /// The size of each subject's entries in bytes.
    shares: HashMap<Subject, usize>,
    bytes: usize,
    limit: usize,
}

type CacheKey = [u8; TAIL_LENGTH];
/// The issuer's index in the configuration, and the subject.
type Subject = (usize, Rc<str>);

#[derive(Debug)]
struct CacheEntry {
    token: Box<[u8]>,
    header: Rc<str>,
    /// See [`Origin::peer`].
    peer: Option<Rc<str>>,
    /// The key that verified the token.
    verified_with: KeyId,
    until: Timestamp,
    principal: Rc<Principal>,
    subject: Subject,
    /// Whether the entry was used since it was last considered for eviction.
    used: Cell<bool>,
}

impl TokenCache {
    /// A cache of at most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), shares: HashMap::new(), bytes: 0, limit }
    }

    /// The principal of a token that was verified with the same origin and is still valid.
    #[must_use]
    pub fn get(&self, token: &[u8], origin: Origin<'_>, now: Timestamp) -> Option<Rc<Principal>> {
        let entry = self.entries.get(&cache_key(token, origin)?)?;
        let is_hit =
            *entry.header == *origin.header && entry.peer.as_deref() == origin.peer && is_equal(&entry.token, token);
        (is_hit && now < entry.until).then(|| {
            entry.used.set(true);
            Rc::clone(&entry.principal)
        })
    }

    /// How many tokens there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Adds a token that was verified with this key.
    pub fn insert(&mut self, token: &[u8], origin: Origin<'_>, key: KeyId, until: Timestamp, principal: Rc<Principal>) {
        let Some(cache_key) = cache_key(token, origin) else { return };
        let subject = (key.issuer, Rc::from(principal.subject.as_str()));
        let (header, peer) = (origin.header.into(), origin.peer.map(Rc::from));
        let entry = CacheEntry {
            token: token.into(),
            header,
            peer,
            verified_with: key,
            until,
            principal,
            subject,
            used: Cell::new(false),
        };
        let size = entry.size();
        if size > self.limit {
            return;
        }
        if self.remove(&cache_key) {
            self.order.retain(|other| *other != cache_key);
        }
        while self.bytes.saturating_add(size) > self.limit && self.evict(&entry.subject) {}
        self.bytes = self.bytes.saturating_add(size);
        let share = self.shares.entry(entry.subject.clone()).or_default();
        *share = share.saturating_add(size);
        self.order.push_back(cache_key);
        self.entries.insert(cache_key, entry);
    }

    /// Removes tokens that have expired and tokens whose key is no longer valid.
    pub fn retain(&mut self, now: Timestamp, is_valid: impl Fn(&KeyId) -> bool) {
        let gone = self.entries.iter().filter(|(_, entry)| now >= entry.until || !is_valid(&entry.verified_with));
        let gone: Vec<_> = gone.map(|(cache_key, _)| *cache_key).collect();
        if gone.is_empty() {
            return;
        }
        for cache_key in gone {
            self.remove(&cache_key);
        }
        let entries = &self.entries;
        self.order.retain(|cache_key| entries.contains_key(cache_key));
    }

    /// Evicts one entry to make room for an entry of this subject; `false` if the cache is empty.
    fn evict(&mut self, subject: &Subject) -> bool {
        let fair_share = self.limit.checked_div(self.shares.len()).unwrap_or(self.limit);
        let has_more = self.shares.get(subject).is_some_and(|share| *share > fair_share);
        // An entry that was used is kept once, so that two rounds evict something.
        for _ in 0..self.order.len().saturating_mul(2) {
            let Some(cache_key) = self.order.pop_front() else { return false };
            let Some(entry) = self.entries.get(&cache_key) else { continue };
            let is_kept = if has_more { entry.subject != *subject } else { entry.used.take() };
            if !is_kept {
                return self.remove(&cache_key);
            }
            self.order.push_back(cache_key);
        }
        false
    }

    /// Removes an entry, but not from the order. Returns whether it was there.
    fn remove(&mut self, cache_key: &CacheKey) -> bool {
        let Some(entry) = self.entries.remove(cache_key) else { return false };
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

/// The end of the token, combined with the peer, so that several peers with the same token do not evict each other;
/// `None` if the token is too short.
fn cache_key(token: &[u8], origin: Origin<'_>) -> Option<CacheKey> {
    let mut cache_key = *token.last_chunk::<TAIL_LENGTH>()?;
    for (byte, index) in origin.peer.unwrap_or_default().bytes().zip((0..TAIL_LENGTH).cycle()) {
        if let Some(mixed) = cache_key.get_mut(index) {
            *mixed = mixed.rotate_left(1) ^ byte;
        }
    }
    Some(cache_key)
}

/// Whether the texts are equal, eight bytes at a time: in WebAssembly, `==` compares byte by byte, which takes longer
/// than everything else about a hit.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let ((words, rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let number = |word: &[u8; 8]| u64::from_ne_bytes(*word);
    one.len() == other.len() && words.iter().map(number).eq(other_words.iter().map(number)) && rest == other_rest
}

impl CacheEntry {
    fn size(&self) -> usize {
        self.token.len().saturating_add(self.principal.size()).saturating_add(ENTRY_OVERHEAD)
    }
}

#[cfg(test)]
mod tests;
