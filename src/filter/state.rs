//! Everything that one plugin configuration keeps between requests, in one VM.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::authentication::cache::Origin;
use crate::authentication::{Authentication, Authenticator, AwaitedKey, HostServices, UnverifiedToken};
use crate::config::Config;
use crate::counters::{Counter, Counters};
use crate::crypto::Algorithm;
use crate::keys::{FetchProgress, HttpRequest};
use crate::policy::Principal;
use crate::temporal::{API_VERSION, NewerPart, Target};
use crate::time::Timestamp;
use crate::token::bearer;

/// How many parts of requests that are newer than the method table are logged. A caller can send 2²⁹ of them.
const MAX_NEWER: usize = 64;

/// What requests share: the configuration, the authenticator and the counters.
pub struct FilterState {
    pub config: Rc<Config>,
    /// Counts since they were last reported.
    pub counters: Counters,
    authenticator: Authenticator,
    /// The parts of requests, by method, that are newer than the method table and were logged.
    newer: BTreeSet<(String, NewerPart)>,
    notices: Vec<String>,
}

impl FilterState {
    /// Without a host: nothing is fetched or shared, and time does not pass.
    pub fn new(config: Config) -> Self {
        Self::on(Rc::new(()), config)
    }

    pub fn on(host: Rc<dyn HostServices>, config: Config) -> Self {
        let config = Rc::new(config);
        Self {
            authenticator: Authenticator::new(host, Rc::clone(&config)),
            config,
            counters: Counters::default(),
            newer: BTreeSet::new(),
            notices: Vec::new(),
        }
    }

    /// The principal of a token that was verified before.
    pub fn recall(&mut self, token: &[u8], origin: Origin<'_>, now: Timestamp) -> Option<Rc<Principal>> {
        let principal = self.authenticator.recall(token, origin, now)?;
        self.counters.add(Counter::CacheHit, 1);
        Some(principal)
    }

    /// Verifies a token, within the budget.
    pub fn authenticate(&mut self, unverified: UnverifiedToken<'_>, now: Timestamp) -> Authentication {
        // Neither counted nor charged: it costs next to nothing.
        if let Err(refusal) = bearer::check(unverified.token) {
            return Authentication::Refused(refusal);
        }
        let authentication = self.authenticator.authenticate(unverified, now);
        match authentication {
            Authentication::Principal(_) | Authentication::Refused(_) => self.counters.add(Counter::CacheMiss, 1),
            Authentication::OverBudget => self.counters.add(Counter::OverBudget, 1),
            Authentication::AwaitsKey(_) => {}
        }
        authentication
    }

    /// The response to the last request for this issuer's keys: a status and a body, or `None` if there was no response.
    pub fn on_response(&mut self, issuer: usize, response: Option<(&[u8], &[u8])>, now: Timestamp) -> FetchProgress {
        let progress = self.authenticator.on_response(issuer, response, now);
        match progress {
            FetchProgress::Request(_) => {}
            FetchProgress::Loaded => self.counters.add(Counter::FetchOk, 1),
            FetchProgress::Failed(_) => self.counters.add(Counter::FetchFailed, 1),
        }
        progress
    }

    /// Counts the parts of a request that are newer than the method table, and logs each of them once.
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

    /// Lines for the log, each returned once.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// The principal of a caller without a token, by the identity in its certificate.
    pub fn peer(&mut self, peer: &str) -> Rc<Principal> {
        self.authenticator.peer(peer)
    }

    /// A request of this connection stops waiting for a key.
    pub fn abandon(&mut self, connection: u64, key: &AwaitedKey, now: Timestamp) {
        self.authenticator.abandon(connection, key, now);
    }

    /// A request of this connection cannot wait for its key, because too many do.
    pub fn no_room(&mut self, connection: u64, now: Timestamp) {
        self.authenticator.no_room(connection, now);
    }

    /// Whether the key has come, or can no longer come, for a request that arrived at `arrived`.
    pub fn is_settled(&mut self, key: &AwaitedKey, arrived: Timestamp, now: Timestamp) -> bool {
        self.authenticator.is_settled(key, arrived, now)
    }

    /// When a request that arrived at `arrived` stops waiting for the key.
    pub fn deadline(&self, key: &AwaitedKey, arrived: Timestamp) -> Timestamp {
        self.authenticator.deadline(key, arrived)
    }

    /// The algorithms whose signatures the host verifies.
    pub fn host_algorithms(&self) -> &[Algorithm] {
        self.authenticator.host_algorithms()
    }

    /// Takes over the keys that another configuration in this VM has fetched.
    pub fn inherit(&mut self, other: &Self) {
        self.authenticator.inherit(&other.authenticator);
    }

    /// Takes over the keys that other VMs have fetched.
    pub fn sync(&mut self, now: Timestamp) {
        self.authenticator.sync(now);
    }

    /// The requests for keys to make now, each with its issuer's index in the configuration.
    pub fn poll(&mut self, now: Timestamp) -> Vec<(usize, HttpRequest)> {
        self.authenticator.poll(now)
    }

    /// Forgets tokens that have expired or whose key is gone.
    pub fn forget(&mut self, now: Timestamp) {
        self.authenticator.forget(now);
    }

    /// Removes what this configuration has shared with other VMs.
    pub fn withdraw(&self) {
        self.authenticator.withdraw();
    }

    /// Whether keys are being fetched or wanted.
    pub fn is_busy(&self) -> bool {
        self.authenticator.is_busy()
    }
}

impl std::fmt::Debug for FilterState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilterState").field("authenticator", &self.authenticator).finish_non_exhaustive()
    }
}
