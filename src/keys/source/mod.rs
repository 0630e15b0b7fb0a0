//! The keys of one issuer, inline or fetched.

use std::rc::Rc;
use std::time::Duration;

use super::error::FetchError;
use super::fetch::{FetchProgress, HttpRequest, JwksSettings, KeyFetcher};
use super::jwk::{Key, KeyMatch, KeySet};
use super::shared::SharedKeys;
use crate::crypto::Algorithm;
use crate::time::Timestamp;

/// The result of looking for the key of a token.
#[derive(Debug, Clone)]
pub enum KeyLookup {
    Found(Rc<Key>),
    /// The issuer has no key with this `kid`: the token is bad.
    Absent,
    /// The issuer's key with this `kid` is for another algorithm: the token is bad.
    WrongAlgorithm,
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

    /// The key for the token of a request that arrived at `arrived`. An unknown `kid` causes a fetch: only a key set
    /// whose fetch began after the request arrived proves that there is no such key.
    pub fn find(&mut self, kid: &str, algorithm: Algorithm, arrived: Timestamp, now: Timestamp) -> KeyLookup {
        let found = |set: &KeySet, fresh: bool| match set.find(kid, algorithm) {
            KeyMatch::Found(key) => KeyLookup::Found(key),
            KeyMatch::WrongAlgorithm if fresh => KeyLookup::WrongAlgorithm,
            KeyMatch::None if fresh => KeyLookup::Absent,
            KeyMatch::WrongAlgorithm | KeyMatch::None => KeyLookup::Pending,
        };
        match self {
            Self::Inline(set) => found(set, true),
            Self::Fetched(fetcher) => {
                // A fetch that seems to have begun later than now began before the clock was set back.
                let fresh = |began| began > arrived && began <= now;
                let lookup = fetcher.usable(now).map_or(KeyLookup::Pending, |(set, began)| found(set, fresh(began)));
                if matches!(lookup, KeyLookup::Pending) {
                    fetcher.want();
                }
                lookup
            }
        }
    }

    /// Whether tokens that were verified with this key are still valid.
    pub fn has(&self, jwk: &[u8], now: Timestamp) -> bool {
        match self {
            Self::Inline(set) => set.contains(jwk),
            Self::Fetched(fetcher) => fetcher.usable(now).is_some_and(|(set, _)| set.contains(jwk)),
        }
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

    /// The response to the last request: a status and a body, or `None` if there was no response.
    pub fn on_response(
        &mut self,
        shared: &SharedKeys<'_>,
        response: Option<(&[u8], &[u8])>,
        now: Timestamp,
    ) -> FetchProgress {
        match self {
            Self::Inline(_) => FetchProgress::Failed(FetchError::Unexpected),
            Self::Fetched(fetcher) => fetcher.on_response(shared, response, now),
        }
    }

    /// Whether a fetch is in progress or wanted.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Fetched(fetcher) if fetcher.is_busy())
    }
}

#[cfg(test)]
mod tests;
