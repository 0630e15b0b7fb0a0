//! Verified tokens and who they stand for: a hit is a comparison of bytes.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use crate::keys::KeyId;
use crate::policy::Principal;

/// How much of a token's end finds its entry. It is part of the signature, and the whole token is compared afterwards.
const TAIL: usize = 32;
/// What an entry costs beside its token and its principal, roughly, in bytes.
const OVERHEAD: usize = 512;

/// How a token came: in a header of this name, over a connection from this peer, where that matters.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The header's name.
    pub header: &'a str,
    /// Who the TLS peer is.
    pub peer: Option<&'a str>,
}

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
    /// Who the TLS peer was, where that matters.
    peer: Option<Rc<str>>,
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

    /// Whom the token stands for, if it was verified in a header of this name, from this peer, and is still valid.
    #[must_use]
    pub fn get(&self, token: &[u8], origin: Origin<'_>, now: u64) -> Option<Rc<Principal>> {
        let entry = self.entries.get(&place(token, origin)?)?;
        let same = *entry.header == *origin.header && entry.peer.as_deref() == origin.peer && *entry.token == *token;
        (same && now < entry.until).then(|| Rc::clone(&entry.principal))
    }

    /// Remembers a token that was verified with this key.
    pub fn insert(&mut self, token: &[u8], origin: Origin<'_>, key: KeyId, until: u64, principal: Rc<Principal>) {
        let Some(tail) = &place(token, origin) else { return };
        let (header, peer) = (origin.header.into(), origin.peer.map(Rc::from));
        let entry = Entry { token: token.into(), header, peer, key, until, principal };
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

/// Where a token is kept: by its end, and by the peer it came from, so that the peers of one token do not push each other
/// out.
fn place(token: &[u8], origin: Origin<'_>) -> Option<[u8; TAIL]> {
    let mut place = *token.last_chunk::<TAIL>()?;
    for (byte, at) in origin.peer.unwrap_or_default().bytes().zip((0..TAIL).cycle()) {
        if let Some(there) = place.get_mut(at) {
            *there = there.rotate_left(1) ^ byte;
        }
    }
    Some(place)
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
        let identity = Identity {
            issuer: Some("i".into()),
            subject: subject.into(),
            kind: None,
            claims: serde_json::Map::new(),
            peer: None,
        };
        Rc::new(Policy::default().principal(identity))
    }

    const HERE: Origin<'_> = Origin { header: "authorization", peer: None };

    fn token(n: u8) -> Vec<u8> {
        [vec![b'h'; 100], vec![n; TAIL]].concat()
    }

    fn key(n: u8) -> KeyId {
        KeyId { issuer: 0, jwk: Rc::from([n]) }
    }

    fn holds(cache: &TokenCache, token: &[u8], now: u64) -> bool {
        cache.get(token, HERE, now).is_some()
    }

    #[test]
    fn only_the_same_token_in_the_same_header_until_it_ends() {
        let mut cache = TokenCache::new(1 << 20);
        cache.insert(&token(1), HERE, key(1), 100, principal("a"));
        assert!(holds(&cache, &token(1), 99) && !holds(&cache, &token(1), 100));
        let mut other = token(1);
        other[0] = b'x';
        assert!(!holds(&cache, &other, 0), "compared in full");
        assert!(
            cache.get(&token(1), Origin { header: "x-token", peer: None }, 0).is_none()
                && !holds(&cache, &token(2), 0)
                && !holds(&cache, b"short", 0)
        );
    }

    #[test]
    fn a_token_goes_with_its_key() {
        let mut cache = TokenCache::new(1 << 20);
        cache.insert(&token(1), HERE, key(1), 100, principal("a"));
        cache.insert(&token(2), HERE, key(2), 100, principal("b"));
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
            cache.insert(&token(n), HERE, key(1), 100, principal("a"));
            cache.insert(&token(n), HERE, key(1), 100, principal("a"));
            assert!(cache.bytes <= 2 * size && cache.order.len() == cache.entries.len());
        }
        assert!(!holds(&cache, &token(1), 0) && holds(&cache, &token(2), 0) && holds(&cache, &token(3), 0));
        cache.insert(&vec![0; 4 * size], HERE, key(1), 100, principal("a"));
        assert_eq!(cache.entries.len(), 2, "one that is larger than the cache is not kept");
    }

    #[test]
    fn a_token_from_another_peer_is_another() {
        let mut cache = TokenCache::new(1 << 20);
        let from = |peer| Origin { peer: Some(peer), ..HERE };
        cache.insert(&token(1), from("a"), key(1), 100, principal("a"));
        cache.insert(&token(1), from("b"), key(1), 100, principal("b"));
        let subject = |origin| cache.get(&token(1), origin, 0).map(|principal| principal.subject.clone());
        assert_eq!([subject(from("a")), subject(from("b"))], [Some("a".into()), Some("b".into())]);
        assert_eq!([subject(HERE), subject(from("")), subject(from("c"))], [None, None, None]);
    }
}
