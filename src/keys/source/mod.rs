//! The keys of one issuer, inline or fetched.

use std::rc::Rc;
use std::time::Duration;

use super::error::KeyResponse;
use super::fetch::{FetchProgress, JwksSettings, KeyFetcher, KeyLifetime};
use super::jwk::Key;
use super::key_set::{KeyMatch, KeySet};
use super::request::HttpRequest;
use super::shared::SharedKeys;
use crate::crypto::{Algorithm, UnusableKey};
use crate::time::Timestamp;

/// The result of looking for the keys of a token.
#[derive(Debug, Clone)]
pub enum KeyLookup {
    /// The keys that may have made the signature: at least one.
    Candidates(Vec<Rc<Key>>),
    /// The issuer has no key with this `kid`: the token is bad.
    Absent,
    /// The issuer's key with this `kid` is for another algorithm: the token is bad.
    WrongAlgorithm,
    /// The issuer's key with this `kid` cannot be used: the token is bad.
    Unusable(UnusableKey),
    /// The token has no `kid`, and too many keys are for its algorithm: the token is bad.
    TooMany(usize),
    /// The next fetch will tell.
    Pending,
}

/// The keys of one issuer.
#[derive(Debug)]
pub enum KeySource {
    Inline(KeySet),
    Fetched(Box<KeyFetcher>),
}

impl KeySource {
    /// Keys that are fetched; the first fetch is due at once. `spread` moves each refresh forward by that many
    /// thousandths of a tenth of the interval, so that proxies that start together do not all fetch at the same time.
    pub fn fetched(settings: JwksSettings, spread: u32) -> Self {
        Self::Fetched(Box::new(KeyFetcher::new(settings, spread)))
    }

    /// How long a request waits for its key.
    pub fn wait(&self) -> Duration {
        match self {
            Self::Inline(_) => Duration::ZERO,
            Self::Fetched(fetcher) => fetcher.settings().wait,
        }
    }

    /// The keys for the token of a request that arrived at `arrived`. An unknown `kid` causes a fetch: only a key set whose
    /// fetch began after the request arrived proves that there is no such key.
    pub fn find(&mut self, kid: Option<&str>, algorithm: Algorithm, arrived: Timestamp, now: Timestamp) -> KeyLookup {
        let (matched, is_proof) = match self {
            Self::Inline(set) => (set.find(kid, algorithm), true),
            Self::Fetched(fetcher) => match fetcher.usable(now) {
                Some((set, began)) => (set.find(kid, algorithm), is_after(began, arrived, now)),
                None => (KeyMatch::None, false),
            },
        };
        match matched {
            KeyMatch::Candidates(keys) => KeyLookup::Candidates(keys),
            KeyMatch::TooMany(count) => KeyLookup::TooMany(count),
            KeyMatch::WrongAlgorithm if is_proof => KeyLookup::WrongAlgorithm,
            KeyMatch::Unusable(why) if is_proof => KeyLookup::Unusable(why),
            KeyMatch::None if is_proof => KeyLookup::Absent,
            KeyMatch::WrongAlgorithm | KeyMatch::Unusable(_) | KeyMatch::None => {
                if let Self::Fetched(fetcher) = self {
                    fetcher.want();
                }
                KeyLookup::Pending
            }
        }
    }

    /// Whether a signature that none of the keys made is proven to be wrong, for a request that arrived at `arrived`. If it
    /// is not, a fetch is caused: the issuer may have replaced a key under its old `kid`.
    pub fn proves_mismatch(&mut self, arrived: Timestamp, now: Timestamp) -> bool {
        let Self::Fetched(fetcher) = self else { return true };
        let is_proof = fetcher.usable(now).is_some_and(|(_, began)| is_after(began, arrived, now));
        if !is_proof {
            fetcher.want_replacement();
        }
        is_proof
    }

    /// A number that changes with the keys.
    pub fn revision(&self) -> u64 {
        match self {
            Self::Inline(_) => 0,
            Self::Fetched(fetcher) => fetcher.revision(),
        }
    }

    /// The keys, if they may still be used.
    pub fn key_set(&self, now: Timestamp) -> Option<&KeySet> {
        match self {
            Self::Inline(set) => Some(set),
            Self::Fetched(fetcher) => fetcher.usable(now).map(|(set, _)| set),
        }
    }

    /// How long the keys may be used; `None` if they are inline.
    pub fn lifetime(&self) -> Option<KeyLifetime> {
        match self {
            Self::Inline(_) => None,
            Self::Fetched(fetcher) => Some(fetcher.lifetime()),
        }
    }

    /// Whether tokens that were verified with this key are still valid.
    pub fn has(&self, jwk: &[u8], now: Timestamp) -> bool {
        self.key_set(now).is_some_and(|set| set.contains(jwk))
    }

    /// Takes over the keys that another configuration in this VM has fetched from the same origin.
    pub fn inherit(&mut self, other: &Self) {
        if let (Self::Fetched(fetcher), Self::Fetched(other)) = (self, other) {
            fetcher.inherit(other);
        }
    }

    /// Takes over the keys that another VM has fetched, and publishes keys that other VMs lack. Returns whether there
    /// are new keys.
    pub fn sync(&mut self, shared: &SharedKeys<'_>, now: Timestamp) -> bool {
        match self {
            Self::Inline(_) => false,
            Self::Fetched(fetcher) => fetcher.sync(shared, now),
        }
    }

    /// The request to send now, if any.
    pub fn poll(&mut self, shared: &SharedKeys<'_>, now: Timestamp) -> Option<HttpRequest> {
        match self {
            Self::Inline(_) => None,
            Self::Fetched(fetcher) => fetcher.poll(shared, now),
        }
    }

    /// Takes the response to the last request.
    pub fn on_response(&mut self, shared: &SharedKeys<'_>, response: KeyResponse<'_>, now: Timestamp) -> FetchProgress {
        match self {
            Self::Inline(_) => FetchProgress::unexpected(),
            Self::Fetched(fetcher) => fetcher.on_response(shared, response, now),
        }
    }

    /// Whether a fetch is in progress or wanted.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Fetched(fetcher) if fetcher.is_busy())
    }
}

/// Whether a fetch that began at `began` began after a request arrived. A fetch that seems to have begun later than now began
/// before the clock was set back.
fn is_after(began: Timestamp, arrived: Timestamp, now: Timestamp) -> bool {
    began > arrived && began <= now
}

#[cfg(test)]
mod tests;
