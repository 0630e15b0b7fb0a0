//! Verified tokens and who they stand for: a hit is a comparison of bytes.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::keys::KeyId;
use crate::policy::Principal;

/// How much of a token's end finds its entry. It is part of the signature, and the whole token is compared afterwards.
const TAIL: usize = 32;
/// What an entry costs beside its token and its principal, roughly, in bytes.
const OVERHEAD: usize = 512;

/// A bounded cache of verified tokens; the oldest leaves first.
#[derive(Debug)]
pub struct TokenCache {
    entries: HashMap<[u8; TAIL], Entry>,
    order: VecDeque<[u8; TAIL]>,
    bytes: usize,
    limit: usize,
}

#[derive(Debug)]
struct Entry {
    token: Box<[u8]>,
    header: Rc<str>,
    key: KeyId,
    until: u64,
    principal: Rc<Principal>,
}

impl TokenCache {
    /// A cache of at most this many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), bytes: 0, limit }
    }

    /// Whom the token stands for, if it was verified in a header of this name and is still valid.
    #[must_use]
    pub fn get(&self, token: &[u8], header: &str, now: u64) -> Option<Rc<Principal>> {
        let entry = self.entries.get(token.last_chunk::<TAIL>()?)?;
        (*entry.token == *token && *entry.header == *header && now < entry.until).then(|| Rc::clone(&entry.principal))
    }

    /// Remembers a token that was verified with this key.
    pub fn insert(&mut self, token: &[u8], header: &str, key: KeyId, until: u64, principal: Rc<Principal>) {
        let Some(tail) = token.last_chunk::<TAIL>() else { return };
        let entry = Entry { token: token.into(), header: header.into(), key, until, principal };
        let size = entry.size();
        if size > self.limit {
            return;
        }
        if self.take(tail) {
            self.order.retain(|other| other != tail);
        }
        while self.bytes.saturating_add(size) > self.limit {
            let Some(oldest) = self.order.pop_front() else { break };
            self.take(&oldest);
        }
        self.bytes = self.bytes.saturating_add(size);
        self.order.push_back(*tail);
        self.entries.insert(*tail, entry);
    }

    /// Forgets what has expired and what was verified with a key that is no longer there.
    pub fn retain(&mut self, now: u64, is_key: impl Fn(&KeyId) -> bool) {
        let before = self.entries.len();
        let bytes = &mut self.bytes;
        self.entries.retain(|_, entry| {
            let stays = now < entry.until && is_key(&entry.key);
            if !stays {
                *bytes = bytes.saturating_sub(entry.size());
            }
            stays
        });
        if self.entries.len() != before {
            self.order.retain(|tail| self.entries.contains_key(tail));
        }
    }

    fn take(&mut self, tail: &[u8; TAIL]) -> bool {
        let Some(entry) = self.entries.remove(tail) else { return false };
        self.bytes = self.bytes.saturating_sub(entry.size());
        true
    }
}

impl Entry {
    fn size(&self) -> usize {
        self.token.len().saturating_add(self.principal.size()).saturating_add(OVERHEAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::policy::Policy;

    fn principal(subject: &str) -> Rc<Principal> {
        let identity =
            Identity { issuer: "i".into(), subject: subject.into(), kind: None, claims: serde_json::Map::new() };
        Rc::new(Policy::default().principal(identity))
    }

    fn token(n: u8) -> Vec<u8> {
        [vec![b'h'; 100], vec![n; TAIL]].concat()
    }

    fn key(n: u8) -> KeyId {
        KeyId { issuer: 0, jwk: Rc::from([n]) }
    }

    fn holds(cache: &TokenCache, token: &[u8], now: u64) -> bool {
        cache.get(token, "authorization", now).is_some()
    }

    #[test]
    fn only_the_same_token_in_the_same_header_until_it_ends() {
        let mut cache = TokenCache::new(1 << 20);
        cache.insert(&token(1), "authorization", key(1), 100, principal("a"));
        assert!(holds(&cache, &token(1), 99) && !holds(&cache, &token(1), 100));
        let mut other = token(1);
        other[0] = b'x';
        assert!(!holds(&cache, &other, 0), "compared in full");
        assert!(
            cache.get(&token(1), "x-token", 0).is_none() && !holds(&cache, &token(2), 0) && !holds(&cache, b"short", 0)
        );
    }

    #[test]
    fn a_token_goes_with_its_key() {
        let mut cache = TokenCache::new(1 << 20);
        cache.insert(&token(1), "authorization", key(1), 100, principal("a"));
        cache.insert(&token(2), "authorization", key(2), 100, principal("b"));
        cache.retain(0, |id| *id == key(2));
        assert!(!holds(&cache, &token(1), 0) && holds(&cache, &token(2), 0));
        cache.retain(100, |_| true);
        assert_eq!((cache.entries.len(), cache.order.len(), cache.bytes), (0, 0, 0));
    }

    #[test]
    fn the_oldest_leaves_when_it_is_full() {
        let size = token(0).len() + principal("a").size() + OVERHEAD;
        let mut cache = TokenCache::new(2 * size);
        for n in 1..=3 {
            cache.insert(&token(n), "authorization", key(1), 100, principal("a"));
            cache.insert(&token(n), "authorization", key(1), 100, principal("a"));
            assert!(cache.bytes <= 2 * size && cache.order.len() == cache.entries.len());
        }
        assert!(!holds(&cache, &token(1), 0) && holds(&cache, &token(2), 0) && holds(&cache, &token(3), 0));
        cache.insert(&vec![0; 4 * size], "authorization", key(1), 100, principal("a"));
        assert_eq!(cache.entries.len(), 2, "one that is larger than the cache is not kept");
    }
}
