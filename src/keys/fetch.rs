//! Fetches an issuer's keys and keeps them fresh: times and responses go in, requests come out.
//!
//! One VM of the process fetches for all. It holds a lease while it does, and the others take over what it publishes. The
//! lease is a courtesy: a VM that has waited for another in vain fetches for itself.

use std::time::Duration;

use serde_json::Value;

use super::error::FetchError;
use super::jwk::{KeySet, MAX_DOCUMENT};
use super::shared::{Lease, SharedKeys};
use super::url::Url;
use crate::time::Timestamp;
use crate::wire::json;

/// The longest pause after failed fetches. With a longer one callers would notice late that the provider is back.
const MAX_RETRY: Duration = Duration::from_secs(10);
/// How much of an unexpected status is kept, in bytes.
const MAX_STATUS: usize = 16;

/// Where and how often an issuer's keys are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksSettings {
    /// The issuer whose discovery document leads to the key set; `None` if `start` is the key set.
    pub discover: Option<String>,
    pub start: Url,
    /// The cluster that serves `start`.
    pub cluster: String,
    /// The cluster that serves a discovered key set.
    pub jwks_cluster: String,
    /// How often keys are fetched.
    pub refresh: Duration,
    /// How long keys are used after the last successful fetch began.
    pub max_stale: Duration,
    /// How long a request waits for its key.
    pub wait: Duration,
    /// How long one request to the provider may take.
    pub timeout: Duration,
    /// The pause after a failed fetch; it doubles each time.
    pub retry: Duration,
    /// Unknown keys cause at most one fetch in this time.
    pub refetch: Duration,
}

/// A GET request to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    pub cluster: String,
    pub url: Url,
    pub timeout: Duration,
}

/// How a fetch goes on after a response.
#[derive(Debug)]
pub enum FetchProgress {
    Request(HttpRequest),
    /// There are new keys.
    Loaded,
    /// The old keys stay.
    Failed(FetchError),
}

/// An issuer's fetched keys, and how fetching them goes.
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
    /// A request waits for a key that is not there.
    wanted: bool,
    /// Since when this VM has left a due fetch to another.
    yields_since: Option<Timestamp>,
    spread: u32,
}

#[derive(Debug, Clone)]
struct FetchedKeys {
    set: KeySet,
    /// When their fetch began.
    began: Timestamp,
    /// The key set as it arrived, for other VMs.
    document: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Fetch {
    began: Timestamp,
    /// When to stop waiting for a response that the host owes.
    deadline: Timestamp,
    discovery: bool,
}

impl KeyFetcher {
    pub(super) fn new(settings: JwksSettings, spread: u32) -> Self {
        Self {
            settings,
            keys: None,
            fetching: None,
            started: None,
            due: Timestamp::EPOCH,
            failures: 0,
            wanted: false,
            yields_since: None,
            spread,
        }
    }

    pub(super) fn settings(&self) -> &JwksSettings {
        &self.settings
    }

    /// The keys that may be used, and when their fetch began.
    pub(super) fn usable(&self, now: Timestamp) -> Option<(&KeySet, Timestamp)> {
        let keys = self.keys.as_ref().filter(|keys| now < keys.began.saturating_add(self.settings.max_stale))?;
        Some((&keys.set, keys.began))
    }

    /// Asks for a fetch, because a key is missing. A fetch in progress may bring it: requests that still wait after that ask
    /// again.
    pub(super) fn want(&mut self) {
        self.wanted |= self.fetching.is_none();
    }

    pub(super) fn is_busy(&self) -> bool {
        self.fetching.is_some() || self.wanted || self.keys.is_none()
    }

    pub(super) fn inherit(&mut self, other: &Self) {
        let origin = |settings: &JwksSettings| {
            let JwksSettings { discover, start, cluster, jwks_cluster, .. } = settings.clone();
            (discover, start, cluster, jwks_cluster)
        };
        if origin(&self.settings) == origin(&other.settings) && other.began() > self.began() {
            self.keys.clone_from(&other.keys);
            self.started = other.started;
            self.due = other.due.min(other.began().saturating_add(self.settings.refresh));
        }
    }

    pub(super) fn sync(&mut self, shared: &SharedKeys<'_>, now: Timestamp) -> bool {
        self.clamp_times(now);
        let (lease, number) = shared.lease();
        // A lease from the future was written before the clock was set back.
        if lease.started > now || lease.keys > now {
            return false;
        }
        if self.fetching.is_none() && lease.started > Timestamp::EPOCH && Some(lease.started) >= self.started {
            self.started = Some(lease.started);
            self.due = lease.due;
            self.failures = lease.failures;
        }
        if let Some(keys) = &self.keys
            && keys.began > lease.keys
        {
            // No VM has published them under this configuration, or another plugin has overwritten them.
            shared.publish(keys.began, &keys.document);
            let _taken_by_another = shared.take(Lease { keys: keys.began, ..lease }, number);
            return false;
        }
        lease.keys > self.began() && self.take_over(shared, now).is_some()
    }

    pub(super) fn poll(&mut self, shared: &SharedKeys<'_>, now: Timestamp) -> Option<HttpRequest> {
        self.clamp_times(now);
        if self.fetching.is_some_and(|fetching| now >= fetching.deadline) {
            self.fail(shared, now);
        }
        let rested = self.started.is_none_or(|started| now >= started.saturating_add(self.settings.refetch));
        // After a failure the pause counts, however many requests ask.
        let asked = self.wanted && rested && self.failures == 0;
        if self.fetching.is_some() || !(now >= self.due || asked) {
            self.yields_since = None;
            return None;
        }
        let (lease, number) = shared.lease();
        let is_held = lease.held_until > now && lease.held_until <= now.saturating_add(self.hold());
        let since = *self.yields_since.get_or_insert(now);
        let is_patient = now < since.saturating_add(self.settings.timeout);
        let taken = |held_until| Lease { held_until, started: now, ..self.lease() };
        if is_patient && (is_held || !shared.take(taken(now.saturating_add(self.hold())), number)) {
            return None;
        }
        self.yields_since = None;
        self.wanted = false;
        self.started = Some(now);
        Some(self.request(now, now, self.settings.start.clone(), self.settings.discover.is_some()))
    }

    pub(super) fn on_response(
        &mut self,
        shared: &SharedKeys<'_>,
        response: Option<(&[u8], &[u8])>,
        now: Timestamp,
    ) -> FetchProgress {
        let Some(fetch) = self.fetching.take() else { return FetchProgress::Failed(FetchError::Unexpected) };
        match self.read(fetch, response) {
            Ok(Some(url)) => {
                shared.put(Lease { held_until: now.saturating_add(self.hold()), ..self.lease() });
                FetchProgress::Request(self.request(now, fetch.began, url, false))
            }
            Ok(None) => {
                self.failures = 0;
                let refresh = self.settings.refresh;
                let early = refresh.saturating_mul(self.spread).checked_div(10_000).unwrap_or_default();
                self.due = now.saturating_add(refresh.saturating_sub(early));
                if let Some(keys) = &self.keys {
                    shared.publish(keys.began, &keys.document);
                }
                shared.put(self.lease());
                FetchProgress::Loaded
            }
            Err(why) => {
                self.fail(shared, now);
                FetchProgress::Failed(why)
            }
        }
    }

    /// The lease of a VM that does not fetch.
    fn lease(&self) -> Lease {
        Lease {
            held_until: Timestamp::EPOCH,
            started: self.started.unwrap_or_default(),
            keys: self.began(),
            due: self.due,
            failures: self.failures,
        }
    }

    /// How long a request to the provider may be in progress.
    fn hold(&self) -> Duration {
        // The host reports a call that timed out; after twice that time it has forgotten the call.
        self.settings.timeout.saturating_mul(2)
    }

    fn began(&self) -> Timestamp {
        self.keys.as_ref().map_or(Timestamp::EPOCH, |keys| keys.began)
    }

    fn take_over(&mut self, shared: &SharedKeys<'_>, now: Timestamp) -> Option<()> {
        let (began, document) = shared.keys()?;
        if began <= self.began() || began > now {
            return None;
        }
        self.keys = Some(FetchedKeys { set: KeySet::parse(&document).ok()?, began, document });
        self.wanted = false;
        self.yields_since = None;
        Some(())
    }

    /// Moves times from the future to now after the clock was set back: until then keys would not be refreshed, and a set
    /// fetched long ago would look fresh.
    fn clamp_times(&mut self, now: Timestamp) {
        if self.started.is_none_or(|started| started <= now) && self.began() <= now {
            return;
        }
        self.started = Some(now);
        self.due = now;
        self.yields_since = None;
        let deadline = now.saturating_add(self.hold());
        if let Some(keys) = &mut self.keys {
            keys.began = now;
        }
        if let Some(fetching) = &mut self.fetching {
            (fetching.began, fetching.deadline) = (now, deadline);
        }
    }

    fn request(&mut self, now: Timestamp, began: Timestamp, url: Url, discovery: bool) -> HttpRequest {
        self.fetching = Some(Fetch { began, deadline: now.saturating_add(self.hold()), discovery });
        let discovered = self.settings.discover.is_some() && !discovery;
        let cluster = if discovered { &self.settings.jwks_cluster } else { &self.settings.cluster };
        HttpRequest { cluster: cluster.clone(), url, timeout: self.settings.timeout }
    }

    fn fail(&mut self, shared: &SharedKeys<'_>, now: Timestamp) {
        self.fetching = None;
        let doublings = u32::try_from(self.failures.min(31)).unwrap_or(31);
        let pause = self.settings.retry.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX));
        self.due = now.saturating_add(pause.min(MAX_RETRY.max(self.settings.retry)));
        self.failures = self.failures.saturating_add(1);
        shared.put(self.lease());
    }

    /// Reads a response: the URL of the key set from a discovery document, or the keys themselves.
    fn read(&mut self, fetch: Fetch, response: Option<(&[u8], &[u8])>) -> Result<Option<Url>, FetchError> {
        let (status, body) = response.ok_or(FetchError::NoResponse)?;
        if status != b"200" {
            let shown = status.get(..MAX_STATUS).unwrap_or(status);
            return Err(FetchError::Status(String::from_utf8_lossy(shown).into()));
        }
        if !fetch.discovery {
            self.keys = Some(FetchedKeys {
                set: KeySet::parse(body).map_err(FetchError::KeySet)?,
                began: fetch.began,
                document: body.to_vec(),
            });
            return Ok(None);
        }
        if body.len() > MAX_DOCUMENT {
            return Err(FetchError::DocumentTooLarge(body.len()));
        }
        let document = json::parse_object(body).map_err(FetchError::Document)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer") != self.settings.discover.as_deref() {
            return Err(FetchError::WrongIssuer);
        }
        let url = text("jwks_uri").and_then(Url::parse).ok_or(FetchError::MissingJwksUri)?;
        if self.settings.start.https && !url.https {
            return Err(FetchError::LeavesHttps);
        }
        Ok(Some(url))
    }
}
