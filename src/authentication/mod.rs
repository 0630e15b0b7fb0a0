//! What outlives a call: the configuration, keys, verified tokens and counters of one plugin in one VM.

pub mod budget;
pub mod cache;
pub mod host_verifier;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;

use crate::authentication::budget::Budget;
use crate::authentication::cache::{Origin, TokenCache};
use crate::authentication::host_verifier::{Foreign, Native};
use crate::config::{Config, Issuer};
use crate::counters::{Counter, Counters};
use crate::crypto::Algorithm;
use crate::identity::Identity;
use crate::keys::{Get, Key, KeyId, Lookup, Next, Shared, SharedData, Source};
use crate::policy::Principal;
use crate::temporal::{API_VERSION, Part, Target};
use crate::time::Timestamp;
use crate::token::Refusal;
use crate::token::bearer;
use crate::token::jose::Unverified;

/// How much memory verified tokens may take, in bytes.
const CACHE: usize = 8 << 20;
/// How many peers without a token are remembered. To meet one again costs little.
const MAX_PEERS: usize = 1024;
/// Of how many parts of requests that are newer than the method table notice is given. A caller can send 2²⁹ of them.
const MAX_NEWER: usize = 64;

/// The process that an engine runs in.
pub trait Platform: SharedData + Foreign {
    /// A clock finer than milliseconds, to tell what verification costs.
    fn clock(&self) -> Duration;
}

/// A process that offers nothing, where time stands still.
impl Platform for () {
    fn clock(&self) -> Duration {
        Duration::ZERO
    }
}

/// See the module.
pub struct Engine {
    /// The configuration.
    pub config: Config,
    /// What happened since it was last reported.
    pub counters: Counters,
    platform: Box<dyn Platform>,
    /// The keys of each issuer, in the order of the configuration.
    sources: Vec<Source>,
    native: Native,
    budget: Budget,
    cache: TokenCache,
    /// Callers without a token, by who their certificate says they are.
    peers: BTreeMap<Box<str>, Rc<Principal>>,
    /// Parts of requests that are newer than the method table, by method, of which a notice was given.
    newer: BTreeSet<(String, Part)>,
    /// Lines for the log.
    notices: Vec<String>,
}

/// A token that is not known yet, and whose budget pays for verifying it.
#[derive(Debug, Clone, Copy)]
pub struct Cold<'a> {
    /// The token.
    pub token: &'a [u8],
    /// How it came.
    pub origin: Origin<'a>,
    /// The connection it came over, as the host numbers them.
    pub connection: u64,
    /// When its request arrived.
    pub arrived: Timestamp,
}

/// The key that a token needs.
#[derive(Debug, Clone)]
pub struct Needed {
    issuer: usize,
    kid: String,
    algorithm: Algorithm,
    /// What it cost to find that out.
    cost: Duration,
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
    /// Too many tokens had to be verified: it was not looked at.
    OverBudget,
}

impl Engine {
    /// An engine in a process that offers nothing, which has not fetched anything.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::on(Box::new(()), config)
    }

    /// An engine that has not fetched anything.
    #[must_use]
    pub fn on(platform: Box<dyn Platform>, config: Config) -> Self {
        let spread = u32::try_from(RandomState::new().hash_one(0) % 1000).unwrap_or_default();
        Self {
            sources: config.issuers.iter().map(|issuer| issuer.keys.source(spread)).collect(),
            native: Native::probe(&*platform),
            config,
            counters: Counters::default(),
            platform,
            budget: Budget::default(),
            cache: TokenCache::new(CACHE),
            peers: BTreeMap::new(),
            newer: BTreeSet::new(),
            notices: Vec::new(),
        }
    }

    /// The algorithms whose signatures the host verifies.
    #[must_use]
    pub fn native(&self) -> &[Algorithm] {
        self.native.algorithms()
    }

    /// Takes over the keys that another configuration in this VM has fetched from the same place for the same issuer.
    pub fn inherit(&mut self, other: &Self) {
        for (issuer, source) in self.config.issuers.iter().zip(&mut self.sources) {
            for (_, theirs) in other.issuers().filter(|(theirs, _)| theirs.rules.issuer == issuer.rules.issuer) {
                source.inherit(theirs);
            }
        }
    }

    /// Takes over the keys that other VMs have fetched.
    pub fn sync(&mut self, now: Timestamp) {
        let mut has_new = false;
        for (issuer, source) in self.config.issuers.iter().zip(&mut self.sources) {
            has_new |= source.sync(&Shared::new(&*self.platform, &self.config.secret, &issuer.name), now);
        }
        if has_new {
            self.forget(now);
        }
    }

    /// The requests for keys to make now, each with its issuer's place in the configuration.
    pub fn poll(&mut self, now: Timestamp) -> Vec<(usize, Get)> {
        let mut gets = Vec::new();
        for (place, (issuer, source)) in self.config.issuers.iter().zip(&mut self.sources).enumerate() {
            let shared = Shared::new(&*self.platform, &self.config.secret, &issuer.name);
            gets.extend(source.poll(&shared, now).map(|get| (place, get)));
        }
        gets
    }

    /// The answer to the request made last for this issuer's keys: a status and a body, or none when there was no answer.
    pub fn answer(&mut self, place: usize, answer: Option<(&[u8], &[u8])>, now: Timestamp) -> Next {
        let (Some(issuer), Some(source)) = (self.config.issuers.get(place), self.sources.get_mut(place)) else {
            return Next::Failed("an answer to nothing".to_owned());
        };
        let shared = Shared::new(&*self.platform, &self.config.secret, &issuer.name);
        let next = source.answer(&shared, answer, now);
        match next {
            Next::Get(_) => {}
            Next::Loaded => {
                self.counters.add(Counter::FetchOk, 1);
                self.forget(now);
            }
            Next::Failed(_) => self.counters.add(Counter::FetchFailed, 1),
        }
        next
    }

    /// Counts what of a request is newer than the method table, and gives notice of each such part once.
    pub fn note_newer(&mut self, target: &Target) {
        self.counters.add(Counter::UnknownFields, target.newer.count);
        let method = target.method.name();
        for part in &target.newer.first {
            if self.newer.len() < MAX_NEWER && self.newer.insert((method.to_owned(), *part)) {
                self.notices.push(format!(
                    "temporal-auth: {method}: {part} is newer than API {API_VERSION}, which this filter knows: upgrade it"
                ));
            }
        }
    }

    /// Lines for the log, each given once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// Withdraws from other VMs what this configuration has shared with them.
    pub fn withdraw(&self) {
        for issuer in &self.config.issuers {
            Shared::new(&*self.platform, &self.config.secret, &issuer.name).withdraw();
        }
    }

    /// Whether keys are awaited.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.sources.iter().any(Source::is_busy)
    }

    /// Whom a token stands for that was verified before.
    pub fn recall(&mut self, token: &[u8], origin: Origin<'_>, now: Timestamp) -> Option<Rc<Principal>> {
        let principal = self.cache.get(token, origin, now)?;
        self.counters.add(Counter::CacheHit, 1);
        Some(principal)
    }

    /// Verifies a token, as far as the budget goes.
    pub fn authenticate(&mut self, cold: Cold<'_>, now: Timestamp) -> Authentication {
        if let Err(refusal) = bearer::check(cold.token) {
            return Authentication::Refused(refusal);
        }
        if !self.budget.allows(cold.connection, now) {
            self.counters.add(Counter::OverBudget, 1);
            return Authentication::OverBudget;
        }
        let begun = self.platform.clock();
        let mut authentication = self.verify(cold, now).unwrap_or_else(Authentication::Refused);
        let cost = self.platform.clock().saturating_sub(begun);
        if let Authentication::Needs(needed) = &mut authentication {
            needed.cost = cost;
        }
        self.budget.spend(cold.connection, cost, !matches!(authentication, Authentication::Refused(_)), now);
        if !matches!(authentication, Authentication::Needs(_)) {
            self.counters.add(Counter::CacheMiss, 1);
        }
        authentication
    }

    /// A request of this connection that waited for a key ends without it: its token was never found good, and is paid for
    /// as a bad one.
    pub fn abandon(&mut self, connection: u64, needed: &Needed, now: Timestamp) {
        self.budget.spend(connection, needed.cost, false, now);
    }

    /// A request of this connection cannot wait for its key, as too many do.
    pub fn no_room(&mut self, connection: u64, now: Timestamp) {
        self.budget.no_room(connection, now);
    }

    /// Whether the key has come, or can no longer come, for a request that arrived at `arrived`.
    pub fn is_settled(&mut self, needed: &Needed, arrived: Timestamp, now: Timestamp) -> bool {
        let source = self.sources.get_mut(needed.issuer);
        !source.is_some_and(|source| matches!(source.find(&needed.kid, needed.algorithm, arrived, now), Lookup::Wait))
    }

    /// When a request that arrived at `arrived` stops waiting for the key.
    #[must_use]
    pub fn deadline(&self, needed: &Needed, arrived: Timestamp) -> Timestamp {
        arrived.saturating_add(self.sources.get(needed.issuer).map_or(Duration::ZERO, Source::wait))
    }

    /// Forgets tokens that have expired or whose key is gone.
    pub fn forget(&mut self, now: Timestamp) {
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
            doubt: None,
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

    fn issuers(&self) -> impl Iterator<Item = (&Issuer, &Source)> {
        self.config.issuers.iter().zip(&self.sources)
    }

    fn verify(&mut self, cold: Cold<'_>, now: Timestamp) -> Result<Authentication, Refusal> {
        let Cold { token, origin, arrived, .. } = cold;
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
                let needed = Needed {
                    issuer: place,
                    kid: unverified.kid,
                    algorithm: unverified.algorithm,
                    cost: Duration::ZERO,
                };
                return Ok(Authentication::Needs(needed));
            }
        };
        if !signed_with(&key, &unverified, &self.native, &*self.platform) {
            return Err("the signature does not match".into());
        }
        let (kind, doubt) = Identity::kind_of(&issuer.service_when, &unverified.claims);
        let identity = Identity {
            issuer: Some(Rc::clone(&issuer.name)),
            subject: accepted.subject,
            kind,
            doubt,
            claims: unverified.claims,
            peer: origin.peer.map(Rc::from),
        };
        let principal = Rc::new(self.config.policy.principal(identity));
        let id = KeyId { issuer: place, jwk: Rc::clone(&key.jwk) };
        self.cache.insert(token, origin, id, accepted.until, Rc::clone(&principal));
        Ok(Authentication::Principal(principal))
    }
}

/// Whether the key made the token's signature: as the host says where it can, as the code here says otherwise.
fn signed_with(key: &Key, token: &Unverified<'_>, native: &Native, host: &dyn Platform) -> bool {
    if !key.fits(token.algorithm) {
        return false;
    }
    native
        .verify(host, key.public(), token.algorithm, token.signed, &token.signature)
        .unwrap_or_else(|| key.verify(token.algorithm, token.signed, &token.signature))
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.config).field("sources", &self.sources).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
