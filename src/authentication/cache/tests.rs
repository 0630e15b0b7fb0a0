use super::*;
use crate::identity::Identity;
use crate::policy::Policy;

fn principal(subject: &str) -> Rc<Principal> {
    let identity = Identity {
        issuer: Some("i".into()),
        subject: subject.into(),
        kind: None,
        doubt: None,
        claims: serde_json::Map::new(),
        claim_rules: Rc::default(),
        peer: None,
    };
    Rc::new(Policy::default().principal(identity))
}

const HERE: Origin<'_> = Origin { header: "authorization", peer: None };

fn token(n: u8) -> Vec<u8> {
    [vec![b'h'; 100], vec![n; TAIL_LENGTH]].concat()
}

fn key(n: u8) -> KeyId {
    KeyId { issuer: 0, jwk: Rc::from([n]) }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn has(cache: &TokenCache, token: &[u8], now: u64) -> bool {
    cache.get(token, HERE, at(now)).is_some()
}

#[test]
fn a_hit_needs_the_same_token_in_the_same_header_before_it_expires() {
    let mut cache = TokenCache::new(1 << 20);
    cache.insert(&token(1), HERE, key(1), at(100), principal("a"));
    assert!(has(&cache, &token(1), 99) && !has(&cache, &token(1), 100));
    let mut other = token(1);
    other[0] = b'x';
    assert!(!has(&cache, &other, 0), "tokens are compared in full");
    assert!(
        cache.get(&token(1), Origin { header: "x-token", peer: None }, at(0)).is_none()
            && !has(&cache, &token(2), 0)
            && !has(&cache, b"short", 0)
    );
}

#[test]
fn a_token_is_removed_with_its_key() {
    let mut cache = TokenCache::new(1 << 20);
    cache.insert(&token(1), HERE, key(1), at(100), principal("a"));
    cache.insert(&token(2), HERE, key(2), at(100), principal("b"));
    cache.retain(at(0), |id| *id == key(2));
    assert!(!has(&cache, &token(1), 0) && has(&cache, &token(2), 0));
    cache.retain(at(100), |_| true);
    assert_eq!((cache.entries.len(), cache.order.len(), cache.bytes), (0, 0, 0));
}

/// A cache with room for this many tokens of [`principal`].
fn cache_of(entries: usize) -> TokenCache {
    TokenCache::new(entries * (token(0).len() + principal("a").size() + ENTRY_OVERHEAD))
}

#[test]
fn a_full_cache_evicts_the_oldest_token() {
    let mut cache = cache_of(2);
    for n in 1..=3 {
        cache.insert(&token(n), HERE, key(1), at(100), principal("a"));
        cache.insert(&token(n), HERE, key(1), at(100), principal("a"));
        assert!(cache.bytes <= cache.limit && cache.order.len() == cache.entries.len());
    }
    assert!(!has(&cache, &token(1), 0) && has(&cache, &token(2), 0) && has(&cache, &token(3), 0));
    cache.insert(&vec![0; cache.limit], HERE, key(1), at(100), principal("a"));
    assert_eq!(cache.entries.len(), 2, "a token that is larger than the cache is not kept");
}

#[test]
fn a_subject_with_many_tokens_evicts_only_its_own() {
    let mut cache = cache_of(20);
    for n in 0..10 {
        cache.insert(&token(n), HERE, key(1), at(100), principal(&n.to_string()));
    }
    for n in 10..250 {
        cache.insert(&token(n), HERE, key(1), at(100), principal("x"));
        // Every other token is used again.
        assert!(n % 2 == 0 || has(&cache, &token(n), 0));
    }
    assert!((0..10).all(|n| has(&cache, &token(n), 0)) && has(&cache, &token(249), 0));
    assert_eq!(cache.order.len(), cache.entries.len());
}

#[test]
fn callers_who_call_once_do_not_evict_regular_callers() {
    let mut cache = cache_of(20);
    for n in 0..10 {
        cache.insert(&token(n), HERE, key(1), at(100), principal(&n.to_string()));
    }
    for n in 10..250 {
        assert!((0..10).all(|n| has(&cache, &token(n), 0)), "{n}");
        cache.insert(&token(n), HERE, key(1), at(100), principal(&n.to_string()));
    }
    assert!((0..10).all(|n| has(&cache, &token(n), 0)));
}

#[test]
fn sizes_add_up_after_every_operation() {
    let mut cache = cache_of(7);
    for n in 0..=255 {
        let origin = if n % 3 == 0 { Origin { peer: Some("p"), ..HERE } } else { HERE };
        cache.insert(&token(n % 11), origin, key(n % 4), at(n.into()), principal(&(n % 5).to_string()));
        if n % 16 == 0 {
            cache.retain(at(n.into()), |id| *id != key(3));
        }
        let sizes = |cache: &TokenCache| cache.entries.values().map(CacheEntry::size).sum::<usize>();
        assert_eq!((cache.bytes, cache.shares.values().sum::<usize>()), (sizes(&cache), sizes(&cache)));
        assert!(cache.bytes <= cache.limit && cache.order.len() == cache.entries.len());
    }
}

#[test]
fn a_token_from_another_peer_has_its_own_entry() {
    let mut cache = TokenCache::new(1 << 20);
    let from = |peer| Origin { peer: Some(peer), ..HERE };
    cache.insert(&token(1), from("a"), key(1), at(100), principal("a"));
    cache.insert(&token(1), from("b"), key(1), at(100), principal("b"));
    let subject = |origin| cache.get(&token(1), origin, at(0)).map(|principal| principal.subject.clone());
    assert_eq!([subject(from("a")), subject(from("b"))], [Some("a".into()), Some("b".into())]);
    assert_eq!([subject(HERE), subject(from("")), subject(from("c"))], [None, None, None]);
}
