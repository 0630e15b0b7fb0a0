//! Fetches an issuer's keys and keeps them fresh: times and responses go in, requests come out.
//!
//! One VM of the process fetches for all and holds a lease meanwhile; the other VMs take over the keys that it
//! publishes. The lease is advisory: a VM that has waited for another in vain fetches for itself.

use std::time::Duration;

use serde_json::Value;

use super::MAX_DOCUMENT;
use super::body_kind::BodyKind;
use super::error::{FailedFetch, FetchError, KeyResponse, KeySetError};
use super::key_set::KeySet;
use super::request::HttpRequest;
use super::shared::{Lease, SharedKeys};
use super::url::Url;
use crate::excerpt::excerpt;
use crate::time::Timestamp;
use crate::token::jose::KidRule;
use crate::wire::json;

/// The longest pause after failed fetches. After a longer pause, callers would notice late that the provider is back.
const MAX_RETRY: Duration = Duration::from_secs(10);
/// The longest pause before a fetch that only mismatches ask for.
const MAX_MISMATCH_PAUSE: Duration = Duration::from_secs(30);

/// From where and how often an issuer's keys are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksSettings {
    /// The issuer whose discovery document leads to the key set; `None` if `start` is the key set.
    pub discover: Option<String>,
    pub start: Url,
    /// The cluster that serves `start`.
    pub cluster: String,
    /// The cluster that serves a discovered key set.
    pub jwks_cluster: String,
    /// The interval between fetches.
    pub refresh: Duration,
    /// How long keys are used after their fetch began.
    pub max_stale: Duration,
    /// How long a request waits for its key.
    pub wait: Duration,
    /// How long one request to the provider may take.
    pub timeout: Duration,
    /// The pause after a failed fetch; it doubles each time.
    pub retry: Duration,
    /// Unknown keys and mismatches cause at most one fetch in this interval.
    pub refetch: Duration,
    pub kid_rule: KidRule,
}

/// How a fetch continues after a response.
#[derive(Debug)]
pub enum FetchProgress {
    Request(HttpRequest),
    /// There are new keys.
    Loaded,
    /// The old keys remain in use.
    Failed(FailedFetch),
}

impl FetchProgress {
    /// A response arrived, but no fetch is in progress.
    pub(super) fn unexpected() -> Self {
        Self::Failed(FailedFetch { request: None, why: FetchError::Unexpected })
    }
}

/// How long fetched keys may be used. Both are [`Timestamp::EPOCH`] until there are keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLifetime {
    /// When their fetch began.
    pub fetched_at: Timestamp,
    pub expire_at: Timestamp,
}

/// An issuer's fetched keys, and the state of fetching them.
#[derive(Debug)]
pub struct KeyFetcher {
    settings: JwksSettings,
    keys: Option<FetchedKeys>,
    fetching: Option<Fetch>,
    /// When the last fetch began, here or in another VM.
    started: Option<Timestamp>,
    /// When the next fetch is due even if nobody asks for one.
    due: Timestamp,
    failures: u64,
    /// Whether a request waits for a key that is missing.
    wanted: bool,
    /// Whether a request waits for another key in place of those that did not make its token's signature.
    mismatched: bool,
    /// The pause before a fetch that only mismatches ask for. It doubles each time that such a fetch brings the same
    /// keys: a forged signature looks like that of an issuer that has replaced a key under its old `kid`.
    mismatch_pause: Duration,
    /// Counts the changes of the keys.
    revision: u64,
    /// Since when this VM has left a due fetch to another VM.
    yields_since: Option<Timestamp>,
    spread: u32,
}

#[derive(Debug, Clone)]
struct FetchedKeys {
    set: KeySet,
    /// When the fetch of the keys began.
    began: Timestamp,
    /// The key set as it arrived, for other VMs.
    document: Vec<u8>,
}

#[derive(Debug, Clone)]
struct Fetch {
    /// The request in progress.
    request: HttpRequest,
    began: Timestamp,
    /// When to stop waiting for the host to report a response.
    deadline: Timestamp,
    discovery: bool,
    /// Whether a mismatch asked for the fetch.
    mismatched: bool,
}

impl KeyFetcher {
    pub(super) fn new(settings: JwksSettings, spread: u32) -> Self {
        Self {
            mismatch_pause: settings.refetch,
            settings,
            keys: None,
            fetching: None,
            started: None,
            due: Timestamp::EPOCH,
            failures: 0,
            wanted: false,
            mismatched: false,
            revision: 0,
            yields_since: None,
            spread,
        }
    }

    pub(super) fn settings(&self) -> &JwksSettings {
        &self.settings
    }

    /// The keys if they may still be used, and when their fetch began.
    pub(super) fn usable(&self, now: Timestamp) -> Option<(&KeySet, Timestamp)> {
        let keys = self.keys.as_ref().filter(|keys| now < keys.began.saturating_add(self.settings.max_stale))?;
        Some((&keys.set, keys.began))
    }

    pub(super) fn lifetime(&self) -> KeyLifetime {
        let fetched_at = self.keys_began();
        let max_stale = if self.keys.is_some() { self.settings.max_stale } else { Duration::ZERO };
        KeyLifetime { fetched_at, expire_at: fetched_at.saturating_add(max_stale) }
    }

    /// Asks for a fetch, because a key is missing. A fetch in progress may bring the key; if it does not, the waiting
    /// requests ask again.
    pub(super) fn want(&mut self) {
        self.wanted |= self.fetching.is_none();
    }

    /// Asks for a fetch, because no key made a token's signature. As [`KeyFetcher::want`], but mismatches wait longer where
    /// fetches bring nothing new.
    pub(super) fn want_replacement(&mut self) {
        self.mismatched |= self.fetching.is_none();
    }

    /// A number that changes with the keys.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn is_busy(&self) -> bool {
        self.fetching.is_some() || self.wanted || self.mismatched || self.keys.is_none()
    }

    pub(super) fn inherit(&mut self, other: &Self) {
        let origin = |settings: &JwksSettings| {
            let JwksSettings { discover, start, cluster, jwks_cluster, kid_rule, .. } = settings.clone();
            (discover, start, cluster, jwks_cluster, kid_rule)
        };
        if origin(&self.settings) == origin(&other.settings) && other.keys_began() > self.keys_began() {
            self.keys.clone_from(&other.keys);
            self.revision = self.revision.saturating_add(1);
            self.started = other.started;
            self.due = other.due.min(other.keys_began().saturating_add(self.settings.refresh));
        }
    }

    pub(super) fn sync(&mut self, shared: &SharedKeys<'_>, now: Timestamp) -> bool {
        self.clamp_times(now);
        let (lease, cas) = shared.lease();
        // A lease from the future was written before the clock was set back.
        if lease.started > now || lease.keys_began > now {
            return false;
        }
        if self.fetching.is_none() && lease.started > Timestamp::EPOCH && Some(lease.started) >= self.started {
            self.started = Some(lease.started);
            self.due = lease.due;
            self.failures = lease.failures;
        }
        if let Some(keys) = &self.keys
            && keys.began > lease.keys_began
        {
            // No VM has published these keys under this configuration, or another plugin has overwritten them.
            shared.publish(keys.began, &keys.document);
            let _taken_by_another = shared.take(Lease { keys_began: keys.began, ..lease }, cas);
            return false;
        }
        lease.keys_began > self.keys_began() && self.take_over(shared, now).is_some()
    }

    pub(super) fn poll(&mut self, shared: &SharedKeys<'_>, now: Timestamp) -> Option<HttpRequest> {
        self.clamp_times(now);
        if self.fetching.as_ref().is_some_and(|fetching| now >= fetching.deadline) {
            self.fail(shared, now);
        }
        let has_paused = |pause| self.started.is_none_or(|started| now >= started.saturating_add(pause));
        let is_asked =
            (self.wanted && has_paused(self.settings.refetch)) || (self.mismatched && has_paused(self.mismatch_pause));
        // After a failure, its pause applies however many requests ask.
        let is_asked = is_asked && self.failures == 0;
        if self.fetching.is_some() || !(now >= self.due || is_asked) {
            self.yields_since = None;
            return None;
        }
        let (lease, cas) = shared.lease();
        let is_held = lease.held_until > now && lease.held_until <= now.saturating_add(self.give_up_after());
        let since = *self.yields_since.get_or_insert(now);
        let is_patient = now < since.saturating_add(self.settings.timeout);
        let held_lease = |held_until| Lease { held_until, started: now, ..self.free_lease() };
        if is_patient && (is_held || !shared.take(held_lease(now.saturating_add(self.give_up_after())), cas)) {
            return None;
        }
        self.yields_since = None;
        self.wanted = false;
        self.started = Some(now);
        let fetch = Fetch {
            request: self.request_to(&self.settings.cluster, self.settings.start.clone()),
            began: now,
            deadline: now,
            discovery: self.settings.discover.is_some(),
            mismatched: std::mem::take(&mut self.mismatched),
        };
        Some(self.send(now, fetch))
    }

    pub(super) fn on_response(
        &mut self,
        shared: &SharedKeys<'_>,
        response: KeyResponse<'_>,
        now: Timestamp,
    ) -> FetchProgress {
        let Some(fetch) = self.fetching.take() else {
            return FetchProgress::unexpected();
        };
        match self.read(&fetch, response) {
            Ok(Some(url)) => {
                shared.put(Lease { held_until: now.saturating_add(self.give_up_after()), ..self.free_lease() });
                let request = self.request_to(&self.settings.jwks_cluster, url);
                FetchProgress::Request(self.send(now, Fetch { request, discovery: false, ..fetch }))
            }
            Ok(None) => {
                self.failures = 0;
                let refresh = self.settings.refresh;
                let early = refresh.saturating_mul(self.spread).checked_div(10_000).unwrap_or_default();
                self.due = now.saturating_add(refresh.saturating_sub(early));
                if let Some(keys) = &self.keys {
                    shared.publish(keys.began, &keys.document);
                }
                shared.put(self.free_lease());
                FetchProgress::Loaded
            }
            Err(why) => {
                self.fail(shared, now);
                FetchProgress::Failed(FailedFetch { request: Some(fetch.request), why })
            }
        }
    }

    /// A lease that no VM holds.
    fn free_lease(&self) -> Lease {
        Lease {
            held_until: Timestamp::EPOCH,
            started: self.started.unwrap_or_default(),
            keys_began: self.keys_began(),
            due: self.due,
            failures: self.failures,
        }
    }

    /// How long to wait for the host to report a response.
    fn give_up_after(&self) -> Duration {
        // The host reports a call that has timed out. After twice the timeout, it has forgotten the call.
        self.settings.timeout.saturating_mul(2)
    }

    fn keys_began(&self) -> Timestamp {
        self.keys.as_ref().map_or(Timestamp::EPOCH, |keys| keys.began)
    }

    fn take_over(&mut self, shared: &SharedKeys<'_>, now: Timestamp) -> Option<()> {
        let (began, document) = shared.keys()?;
        if began <= self.keys_began() || began > now {
            return None;
        }
        let set = KeySet::parse(&document, self.settings.kid_rule).ok()?;
        let mismatched = std::mem::take(&mut self.mismatched);
        self.replace_keys(FetchedKeys { set, began, document }, mismatched);
        self.wanted = false;
        self.yields_since = None;
        Some(())
    }

    /// Takes new keys. `mismatched` says whether a mismatch asked for them.
    fn replace_keys(&mut self, new: FetchedKeys, mismatched: bool) {
        if self.keys.as_ref().is_none_or(|old| !old.set.has_keys_of(&new.set)) {
            self.revision = self.revision.saturating_add(1);
            self.mismatch_pause = self.settings.refetch;
        } else if mismatched {
            let longest = MAX_MISMATCH_PAUSE.max(self.settings.refetch);
            self.mismatch_pause = self.mismatch_pause.saturating_mul(2).min(longest);
        }
        self.keys = Some(new);
    }

    /// After the clock was set back, moves times in the future to now. Otherwise keys would not be refreshed until
    /// then, and an old key set would look fresh.
    fn clamp_times(&mut self, now: Timestamp) {
        if self.started.is_none_or(|started| started <= now) && self.keys_began() <= now {
            return;
        }
        self.started = Some(now);
        self.due = now;
        self.yields_since = None;
        let deadline = now.saturating_add(self.give_up_after());
        if let Some(keys) = &mut self.keys {
            keys.began = now;
        }
        if let Some(fetching) = &mut self.fetching {
            (fetching.began, fetching.deadline) = (now, deadline);
        }
    }

    fn request_to(&self, cluster: &str, url: Url) -> HttpRequest {
        HttpRequest { cluster: cluster.to_owned(), url, timeout: self.settings.timeout }
    }

    /// The request of this fetch, which is then in progress.
    fn send(&mut self, now: Timestamp, fetch: Fetch) -> HttpRequest {
        let request = fetch.request.clone();
        self.fetching = Some(Fetch { deadline: now.saturating_add(self.give_up_after()), ..fetch });
        request
    }

    fn fail(&mut self, shared: &SharedKeys<'_>, now: Timestamp) {
        self.fetching = None;
        let doublings = u32::try_from(self.failures.min(31)).unwrap_or(31);
        let pause = self.settings.retry.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX));
        self.due = now.saturating_add(pause.min(MAX_RETRY.max(self.settings.retry)));
        self.failures = self.failures.saturating_add(1);
        shared.put(self.free_lease());
    }

    /// Reads a response. Returns the URL of the key set if it is a discovery document, or keeps the keys and returns
    /// `None`.
    fn read(&mut self, fetch: &Fetch, response: KeyResponse<'_>) -> Result<Option<Url>, FetchError> {
        let (status, body) = response.map_err(FetchError::NoResponse)?;
        if status != b"200" {
            return Err(FetchError::status(status, body));
        }
        if !fetch.discovery {
            let not_a_key_set = |why| {
                let is_other = matches!(why, KeySetError::Json(_) | KeySetError::MissingKeys);
                FetchError::KeySet(why, BodyKind::of(body).filter(|_| is_other))
            };
            let set = KeySet::parse(body, self.settings.kid_rule).map_err(not_a_key_set)?;
            let new = FetchedKeys { set, began: fetch.began, document: body.to_vec() };
            self.replace_keys(new, fetch.mismatched);
            return Ok(None);
        }
        if body.len() > MAX_DOCUMENT {
            return Err(FetchError::DocumentTooLarge(body.len()));
        }
        let document = json::parse_object(body).map_err(|why| FetchError::Document(why, BodyKind::of(body)))?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let expected = self.settings.discover.as_deref().unwrap_or_default();
        if text("issuer") != Some(expected) {
            return Err(FetchError::WrongIssuer { found: text("issuer").map(excerpt), expected: expected.into() });
        }
        let url = text("jwks_uri").and_then(Url::parse).ok_or(FetchError::MissingJwksUri)?;
        if self.settings.start.https && !url.https {
            return Err(FetchError::LeavesHttps);
        }
        Ok(Some(url))
    }
}
