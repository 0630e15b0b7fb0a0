//! What outlives a call: the configuration, keys, verified tokens and counters of one plugin in one VM.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::config::Config;
use crate::identity::{Identity, Kind};
use crate::keys::{KeyId, Lookup, Source};
use crate::policy::Principal;
use crate::report::{Count, Counters};
use crate::token::Refusal;
use crate::token::cache::{Origin, TokenCache};
use crate::token::jose::{Algorithm, Unverified};

/// How much memory verified tokens may take, in bytes.
const CACHE: usize = 8 << 20;
/// How many peers without a token are remembered. To meet one again costs little.
const MAX_PEERS: usize = 1024;

/// See the module.
#[derive(Debug)]
pub struct Engine {
    /// The configuration.
    pub config: Config,
    /// The keys of each issuer, in the order of the configuration.
    pub sources: Vec<Source>,
    /// What happened since it was last reported.
    pub counters: Counters,
    cache: TokenCache,
    /// Callers without a token, by who their certificate says they are.
    peers: BTreeMap<Box<str>, Rc<Principal>>,
}

/// The key that a token needs.
#[derive(Debug, Clone)]
pub struct Needed {
    issuer: usize,
    kid: String,
    algorithm: Algorithm,
}

/// What came of a token.
#[derive(Debug)]
pub enum Authentication {
    /// It is good.
    Principal(Rc<Principal>),
    /// It is not.
    Refused(Refusal),
    /// Its key is not there yet.
    Needs(Needed),
}

impl Engine {
    /// An engine that has not fetched anything.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let sources = config.issuers.iter().map(|issuer| issuer.keys.source()).collect();
        Self { config, sources, counters: Counters::default(), cache: TokenCache::new(CACHE), peers: BTreeMap::new() }
    }

    /// Verifies the token of a request that arrived at `arrived`. Both times are in milliseconds since 1970.
    pub fn authenticate(&mut self, token: &[u8], origin: Origin<'_>, arrived: u64, now: u64) -> Authentication {
        if let Some(principal) = self.cache.get(token, origin, now) {
            self.counters.add(Count::CacheHit);
            return Authentication::Principal(principal);
        }
        let authentication = self.verify(token, origin, arrived, now).unwrap_or_else(Authentication::Refused);
        if !matches!(authentication, Authentication::Needs(_)) {
            self.counters.add(Count::CacheMiss);
        }
        authentication
    }

    /// Whether the key has come, or can no longer come, for a request that arrived at `arrived`.
    pub fn is_settled(&mut self, needed: &Needed, arrived: u64, now: u64) -> bool {
        let source = self.sources.get_mut(needed.issuer);
        !source.is_some_and(|source| matches!(source.find(&needed.kid, needed.algorithm, arrived, now), Lookup::Wait))
    }

    /// When a request that arrived at `arrived` stops waiting for the key.
    #[must_use]
    pub fn deadline(&self, needed: &Needed, arrived: u64) -> u64 {
        arrived.saturating_add(self.sources.get(needed.issuer).map_or(0, Source::wait))
    }

    /// Forgets tokens that have expired or whose key is gone.
    pub fn forget(&mut self, now: u64) {
        let sources = &self.sources;
        self.cache.retain(now, |key| sources.get(key.issuer).is_some_and(|source| source.has(&key.jwk, now)));
    }

    /// A caller without a token, who is what its certificate says. The proxy has verified that.
    pub fn peer(&mut self, peer: &str) -> Rc<Principal> {
        if let Some(principal) = self.peers.get(peer) {
            return Rc::clone(principal);
        }
        let identity = Identity {
            issuer: None,
            subject: peer.to_owned(),
            kind: None,
            claims: serde_json::Map::new(),
            peer: Some(peer.into()),
        };
        let principal = Rc::new(self.config.policy.principal(identity));
        if self.peers.len() >= MAX_PEERS {
            self.peers.pop_first();
        }
        self.peers.insert(peer.into(), Rc::clone(&principal));
        principal
    }

    fn verify(&mut self, token: &[u8], origin: Origin<'_>, arrived: u64, now: u64) -> Result<Authentication, Refusal> {
        let unverified = Unverified::parse(token)?;
        let iss = unverified.issuer().ok_or("no iss")?;
        let place = self.config.issuers.iter().position(|issuer| issuer.rules.issuer == iss);
        let (Some(place), Some((issuer, source))) =
            (place, place.and_then(|place| Some((self.config.issuers.get(place)?, self.sources.get_mut(place)?))))
        else {
            return Err("an issuer that is not configured".into());
        };
        // What costs nothing comes first, the signature last; nothing is believed before it.
        let accepted = issuer.rules.check(&unverified, origin.header, now)?;
        let key = match source.find(&unverified.kid, unverified.algorithm, arrived, now) {
            Lookup::Key(key) => key,
            Lookup::No(why) => return Err(why.into()),
            Lookup::Wait => {
                let needed = Needed { issuer: place, kid: unverified.kid, algorithm: unverified.algorithm };
                return Ok(Authentication::Needs(needed));
            }
        };
        if !key.verify(unverified.algorithm, unverified.signed, &unverified.signature) {
            return Err("the signature does not match".into());
        }
        let kind = match issuer.service_when.as_slice() {
            [] => None,
            sets if sets.iter().any(|set| set.matches(&unverified.claims)) => Some(Kind::Service),
            _ => Some(Kind::Human),
        };
        let identity = Identity {
            issuer: Some(Rc::clone(&issuer.name)),
            subject: accepted.subject,
            kind,
            claims: unverified.claims,
            peer: origin.peer.map(Rc::from),
        };
        let principal = Rc::new(self.config.policy.principal(identity));
        let id = KeyId { issuer: place, jwk: Rc::clone(&key.jwk) };
        self.cache.insert(token, origin, id, accepted.until, Rc::clone(&principal));
        Ok(Authentication::Principal(principal))
    }
}
