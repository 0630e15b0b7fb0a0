//! The keys of all issuers: fetched by this VM, taken over from other VMs, or inherited from another configuration.

use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;

use super::error::KeyResponse;
use super::fetch::{FetchProgress, KeyLifetime};
use super::key_set::KeySet;
use super::request::HttpRequest;
use super::shared::{ShareKey, SharedData, SharedKeys};
use super::source::{KeyLookup, KeySource};
use crate::crypto::Algorithm;
use crate::time::Timestamp;

/// Identifies a key of an issuer. It changes when anything in the key's JWK changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId {
    /// The issuer's index in the configuration.
    pub issuer: usize,
    /// The key's JWK, as JSON.
    pub jwk: Rc<[u8]>,
}

/// An issuer's keys, and the names by which they are shared and inherited.
#[derive(Debug)]
pub struct IssuerKeys {
    /// The issuer's name in the configuration.
    pub name: Rc<str>,
    /// The `iss` of the issuer's tokens.
    pub iss: Rc<str>,
    pub source: KeySource,
}

/// The keys of all issuers, by the issuer's index in the configuration.
pub struct KeyStore {
    data: Rc<dyn SharedData>,
    share_key: ShareKey,
    issuers: Vec<IssuerKeys>,
}

impl KeyStore {
    pub fn new(data: Rc<dyn SharedData>, share_key: ShareKey, issuers: Vec<IssuerKeys>) -> Self {
        Self { data, share_key, issuers }
    }

    /// The keys for the token of a request that arrived at `arrived`: see [`KeySource::find`].
    pub fn find(
        &mut self,
        issuer: usize,
        kid: Option<&str>,
        algorithm: Algorithm,
        arrived: Timestamp,
        now: Timestamp,
    ) -> KeyLookup {
        match self.issuers.get_mut(issuer) {
            Some(issuer) => issuer.source.find(kid, algorithm, arrived, now),
            None => KeyLookup::Absent,
        }
    }

    /// Whether a signature that none of the keys made is proven to be wrong: see [`KeySource::proves_mismatch`].
    pub fn proves_mismatch(&mut self, issuer: usize, arrived: Timestamp, now: Timestamp) -> bool {
        self.issuers.get_mut(issuer).is_none_or(|issuer| issuer.source.proves_mismatch(arrived, now))
    }

    /// A number that changes with the issuer's keys.
    pub fn revision(&self, issuer: usize) -> u64 {
        self.issuers.get(issuer).map_or(0, |issuer| issuer.source.revision())
    }

    /// The issuers' keys, as far as they may still be used.
    pub fn key_sets(&self, now: Timestamp) -> impl Iterator<Item = (&IssuerKeys, Option<&KeySet>)> {
        self.issuers.iter().map(move |issuer| (issuer, issuer.source.key_set(now)))
    }

    /// How long each issuer's keys may be used; `None` if they are inline.
    pub fn lifetimes(&self) -> impl Iterator<Item = Option<KeyLifetime>> {
        self.issuers.iter().map(|issuer| issuer.source.lifetime())
    }

    /// Whether tokens that were verified with this key are still valid.
    pub fn has(&self, key: &KeyId, now: Timestamp) -> bool {
        self.issuers.get(key.issuer).is_some_and(|issuer| issuer.source.has(&key.jwk, now))
    }

    /// How long a request waits for a key of this issuer.
    pub fn wait(&self, issuer: usize) -> Duration {
        self.issuers.get(issuer).map_or(Duration::ZERO, |issuer| issuer.source.wait())
    }

    /// Takes over the keys that another configuration in this VM has fetched from the same origin for the same `iss`.
    pub fn inherit(&mut self, other: &Self) {
        for issuer in &mut self.issuers {
            for other in other.issuers.iter().filter(|other| other.iss == issuer.iss) {
                issuer.source.inherit(&other.source);
            }
        }
    }

    /// Takes over the keys that other VMs have fetched. Returns whether there are new keys.
    pub fn sync(&mut self, now: Timestamp) -> bool {
        let mut has_new = false;
        for issuer in &mut self.issuers {
            has_new |= issuer.source.sync(&SharedKeys::new(&*self.data, &self.share_key, &issuer.name), now);
        }
        has_new
    }

    /// The requests to send now, each with its issuer's index.
    pub fn poll(&mut self, now: Timestamp) -> Vec<(usize, HttpRequest)> {
        let mut requests = Vec::new();
        for (index, issuer) in self.issuers.iter_mut().enumerate() {
            let shared = SharedKeys::new(&*self.data, &self.share_key, &issuer.name);
            requests.extend(issuer.source.poll(&shared, now).map(|request| (index, request)));
        }
        requests
    }

    /// The response to the last request for this issuer's keys: see [`KeySource::on_response`].
    pub fn on_response(&mut self, issuer: usize, response: KeyResponse<'_>, now: Timestamp) -> FetchProgress {
        let Some(issuer) = self.issuers.get_mut(issuer) else { return FetchProgress::unexpected() };
        issuer.source.on_response(&SharedKeys::new(&*self.data, &self.share_key, &issuer.name), response, now)
    }

    /// Removes everything that this configuration has shared with other VMs.
    pub fn withdraw(&self) {
        for issuer in &self.issuers {
            SharedKeys::new(&*self.data, &self.share_key, &issuer.name).withdraw();
        }
    }

    /// Whether a fetch is in progress or wanted.
    pub fn is_busy(&self) -> bool {
        self.issuers.iter().any(|issuer| issuer.source.is_busy())
    }
}

/// A random `spread` for [`KeySource::fetched`].
pub fn random_spread() -> u32 {
    u32::try_from(RandomState::new().hash_one(0) % 1000).unwrap_or_default()
}

impl std::fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyStore").field("issuers", &self.issuers).finish_non_exhaustive()
    }
}
