//! Remembers tokens whose signature is known to be wrong. Otherwise, a forged token that is repeated would wait for a fetch
//! each time.

use sha2::{Digest, Sha256};

/// How many tokens are remembered: the newest of those whose hashes begin alike.
const SLOTS: usize = 4096;

/// Tokens that no key of their issuer has signed.
#[derive(Debug, Default)]
pub(super) struct RefusedTokens {
    /// Empty until the first token is refused.
    slots: Vec<Option<RefusedToken>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RefusedToken {
    hash: [u8; 32],
    /// The issuer's index in the configuration.
    issuer: usize,
    /// The revision of the keys that refused it.
    revision: u64,
}

impl RefusedTokens {
    /// Whether these keys have refused the token.
    pub(super) fn contains(&self, token: &[u8], issuer: usize, revision: u64) -> bool {
        // Hashing a long token is not free.
        if self.slots.is_empty() {
            return false;
        }
        let refused = RefusedToken { hash: Sha256::digest(token).into(), issuer, revision };
        self.slots.get(refused.slot()) == Some(&Some(refused))
    }

    pub(super) fn insert(&mut self, token: &[u8], issuer: usize, revision: u64) {
        self.slots.resize(SLOTS, None);
        let refused = RefusedToken { hash: Sha256::digest(token).into(), issuer, revision };
        if let Some(slot) = self.slots.get_mut(refused.slot()) {
            *slot = Some(refused);
        }
    }
}

impl RefusedToken {
    fn slot(&self) -> usize {
        let [first, second, ..] = self.hash;
        usize::from(u16::from_le_bytes([first, second])) % SLOTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_refused_by_the_keys_that_refused_it() {
        let mut refused = RefusedTokens::default();
        assert!(!refused.contains(b"a", 0, 1));
        refused.insert(b"a", 0, 1);
        assert!(refused.contains(b"a", 0, 1));
        assert!(!refused.contains(b"a", 0, 2) && !refused.contains(b"a", 1, 1) && !refused.contains(b"b", 0, 1));
        refused.insert(b"a", 0, 2);
        assert!(refused.contains(b"a", 0, 2) && !refused.contains(b"a", 0, 1));
    }

    #[test]
    fn the_number_of_tokens_is_bounded_and_the_newest_remain() {
        let mut refused = RefusedTokens::default();
        for number in 0..100_000u32 {
            refused.insert(&number.to_be_bytes(), 0, 1);
        }
        assert_eq!(refused.slots.len(), SLOTS);
        let remain =
            |from: u32, to: u32| (from..to).filter(|number| refused.contains(&number.to_be_bytes(), 0, 1)).count();
        assert!(remain(99_900, 100_000) > 90 && remain(0, 100) == 0);
    }
}
