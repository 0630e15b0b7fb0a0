//! Everything that one plugin configuration keeps between requests, in one VM.

use std::cell::Cell;
use std::rc::Rc;

use super::parked::ParkedRequests;
use crate::authentication::cache::Origin;
use crate::authentication::{Authentication, Authenticator, HostServices, UnverifiedToken};
use crate::config::Config;
use crate::counters::{Counter, Counters};
use crate::keys::{FetchProgress, KeyResponse, LeftOutKey};
use crate::policy::Principal;
use crate::report::{Notice, RefusalSummary};
use crate::temporal::{MethodRef, NewerPart, ServerVersion, Target};
use crate::time::Timestamp;
use crate::token::bearer;

/// How many newer parts of requests are logged. A caller can send 2²⁹ different ones.
const MAX_NEWER: usize = 64;

/// What requests share: the configuration, the authenticator and the counters.
pub struct FilterState {
    pub config: Rc<Config>,
    /// Counts since they were last reported.
    pub counters: Counters,
    /// Tokens are recalled and verified by the methods below, which also count.
    pub authenticator: Authenticator,
    /// The newer parts of requests that were logged, by method.
    newer: Vec<(MethodRef, NewerPart)>,
    /// The newest server that was logged as newer than the method table.
    newest_server: Option<ServerVersion>,
    /// The keys that cannot be used, as they were last logged, by issuer.
    left_out: Vec<Rc<[LeftOutKey]>>,
    /// Refusals that are not logged one by one.
    pub refusals: RefusalSummary,
    /// What the log should say.
    pub(super) notices: Vec<Notice>,
    /// How many bytes of answers are held.
    pub(super) held_answers: Rc<Cell<usize>>,
    pub(super) parked: ParkedRequests,
}

impl FilterState {
    /// A state without a host: nothing is fetched or shared, and time does not pass.
    pub fn new(config: Config) -> Self {
        Self::on(Rc::new(()), config)
    }

    pub fn on(host: Rc<dyn HostServices>, config: Config) -> Self {
        let config = Rc::new(config);
        Self {
            authenticator: Authenticator::new(host, Rc::clone(&config)),
            config,
            counters: Counters::default(),
            newer: Vec::new(),
            newest_server: None,
            left_out: Vec::new(),
            refusals: RefusalSummary::default(),
            notices: Vec::new(),
            held_answers: Rc::default(),
            parked: ParkedRequests::default(),
        }
    }

    /// The principal of a token that was verified before.
    pub(super) fn recall(&mut self, token: &[u8], origin: Origin<'_>, now: Timestamp) -> Option<Rc<Principal>> {
        let principal = self.authenticator.recall(token, origin, now)?;
        self.counters.add(Counter::CacheHit, 1);
        Some(principal)
    }

    /// Verifies a token, within the budget.
    pub(super) fn authenticate(&mut self, unverified: UnverifiedToken<'_>, now: Timestamp) -> Authentication {
        // This is neither counted nor charged, because it costs next to nothing.
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

    /// Takes the response to the last request for this issuer's keys.
    pub fn on_response(&mut self, issuer: usize, response: KeyResponse<'_>, now: Timestamp) -> FetchProgress {
        let progress = self.authenticator.on_response(issuer, response, now);
        match progress {
            FetchProgress::Request(_) => {}
            FetchProgress::Loaded => {
                self.counters.add(Counter::FetchOk, 1);
                self.note_left_out(now);
            }
            FetchProgress::Failed(_) => self.counters.add(Counter::FetchFailed, 1),
        }
        progress
    }

    /// Logs which keys of each issuer cannot be used, and why, once for each change.
    pub fn note_left_out(&mut self, now: Timestamp) {
        self.left_out.resize_with(self.config.issuers.len(), Rc::default);
        for (noted, (issuer, set)) in self.left_out.iter_mut().zip(self.authenticator.key_sets(now)) {
            let Some(set) = set else { continue };
            let left_out = set.left_out();
            if !left_out.is_empty() && noted != left_out {
                let (issuer, usable) = (issuer.into(), set.key_count());
                self.notices.push(Notice::LeftOutKeys { issuer, usable, left_out: Rc::clone(left_out) });
            }
            *noted = Rc::clone(left_out);
        }
    }

    /// Counts the newer parts of a request, and logs each of them once.
    pub(super) fn note_newer(&mut self, target: &Target) {
        self.counters.add(Counter::UnknownFields, target.newer.count);
        for part in &target.newer.first {
            let newer = (target.method.clone(), *part);
            if self.newer.len() < MAX_NEWER && !self.newer.contains(&newer) {
                self.newer.push(newer);
                self.notices.push(Notice::NewerPart { method: target.method.clone(), part: *part });
            }
        }
    }

    /// Counts an answer of a server that is newer than the method table, and logs each such version once.
    pub(super) fn note_server(&mut self, version: ServerVersion) {
        if version <= ServerVersion::OF_TABLE {
            return;
        }
        self.counters.add(Counter::NewerServer, 1);
        if self.newest_server < Some(version) {
            self.newest_server = Some(version);
            self.notices.push(Notice::NewerServer(version));
        }
    }

    /// What the log should say, each notice once.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }
}

impl std::fmt::Debug for FilterState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FilterState").field("authenticator", &self.authenticator).finish_non_exhaustive()
    }
}
