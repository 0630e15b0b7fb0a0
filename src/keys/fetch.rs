//! How an issuer's keys are fetched and kept fresh: clock and answers in, requests out.
//!
//! One VM of the process fetches for all. It holds a lease while it does; the others take over what it publishes. The
//! lease is a courtesy: a VM that has waited for another in vain fetches for itself.

use std::time::Duration;

use serde_json::Value;

use super::jwk::{KeySet, MAX_DOCUMENT};
use super::shared::{Lease, Shared};
use super::url::Url;
use crate::time::Timestamp;
use crate::wire::json;

/// The longest pause after failed fetches: longer, and callers would notice that the provider is back only late.
const MAX_RETRY: Duration = Duration::from_secs(10);

/// Keys that are fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// The issuer whose discovery document leads to the key set; none where `start` is the key set.
    pub discover: Option<String>,
    /// Where fetching starts.
    pub start: Url,
    /// The cluster that serves `start`.
    pub cluster: String,
    /// The cluster that serves a discovered key set.
    pub jwks_cluster: String,
    /// How often to fetch.
    pub refresh: Duration,
    /// How long keys are used after the last good fetch began.
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

/// A request to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Get {
    /// The cluster to send it to.
    pub cluster: String,
    /// What to ask for.
    pub url: Url,
    /// How long it may take.
    pub timeout: Duration,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Another request follows.
    Get(Get),
    /// There are new keys.
    Loaded,
    /// The fetch failed, for this reason; the old keys stay.
    Failed(String),
}

/// Fetched keys and the state of fetching.
#[derive(Debug)]
pub struct Fetched {
    remote: Remote,
    keys: Option<Keys>,
    fetching: Option<Fetching>,
    /// When the last fetch began, here or in another VM.
    started: Option<Timestamp>,
    /// When the next fetch is due whether or not anybody asks.
    due: Timestamp,
    failures: u64,
    /// Somebody waits for a key that is not there.
    wanted: bool,
    /// Since when this VM would fetch if another did not.
    yields_since: Option<Timestamp>,
    spread: u32,
}

#[derive(Debug, Clone)]
struct Keys {
    set: KeySet,
    /// When their fetch began.
    began: Timestamp,
    /// The key set as it came, for other VMs.
    document: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Fetching {
    began: Timestamp,
    /// When to stop waiting for an answer that the host owes us.
    lost: Timestamp,
    discovery: bool,
}

impl Fetched {
    pub(super) fn new(remote: Remote, spread: u32) -> Self {
        Self {
            remote,
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

    pub(super) fn remote(&self) -> &Remote {
        &self.remote
    }

    /// The keys that may be used, and when their fetch began.
    pub(super) fn usable(&self, now: Timestamp) -> Option<(&KeySet, Timestamp)> {
        let keys = self.keys.as_ref().filter(|keys| now < keys.began.saturating_add(self.remote.max_stale))?;
        Some((&keys.set, keys.began))
    }

    /// Somebody needs a key that is not there. A fetch under way may bring it; whoever still waits afterwards asks again.
    pub(super) fn want(&mut self) {
        self.wanted |= self.fetching.is_none();
    }

    pub(super) fn is_busy(&self) -> bool {
        self.fetching.is_some() || self.wanted || self.keys.is_none()
    }

    pub(super) fn inherit(&mut self, other: &Self) {
        let place = |remote: &Remote| {
            (remote.discover.clone(), remote.start.clone(), remote.cluster.clone(), remote.jwks_cluster.clone())
        };
        if place(&self.remote) == place(&other.remote) && other.began() > self.began() {
            self.keys.clone_from(&other.keys);
            self.started = other.started;
            self.due = other.due.min(other.began().saturating_add(self.remote.refresh));
        }
    }

    pub(super) fn sync(&mut self, shared: &Shared<'_>, now: Timestamp) -> bool {
        self.turn_back(now);
        let (lease, number) = shared.lease();
        // One from the future was written before the clock was set back.
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
            // Nobody has published them under this configuration, or another plugin has overwritten them.
            shared.publish(keys.began, &keys.document);
            let _taken_by_another = shared.take(Lease { keys: keys.began, ..lease }, number);
            return false;
        }
        lease.keys > self.began() && self.take_over(shared, now).is_some()
    }

    pub(super) fn poll(&mut self, shared: &Shared<'_>, now: Timestamp) -> Option<Get> {
        self.turn_back(now);
        if self.fetching.is_some_and(|fetching| now >= fetching.lost) {
            self.fail(shared, now);
        }
        let rested = self.started.is_none_or(|started| now >= started.saturating_add(self.remote.refetch));
        // After a failure the pause counts, however many ask.
        let asked = self.wanted && rested && self.failures == 0;
        if self.fetching.is_some() || !(now >= self.due || asked) {
            self.yields_since = None;
            return None;
        }
        let (lease, number) = shared.lease();
        let is_held = lease.held_until > now && lease.held_until <= now.saturating_add(self.hold());
        let since = *self.yields_since.get_or_insert(now);
        let is_patient = now < since.saturating_add(self.remote.timeout);
        let taken = |held_until| Lease { held_until, started: now, ..self.lease() };
        if is_patient && (is_held || !shared.take(taken(now.saturating_add(self.hold())), number)) {
            return None;
        }
        self.yields_since = None;
        self.wanted = false;
        self.started = Some(now);
        Some(self.get(now, now, self.remote.start.clone(), self.remote.discover.is_some()))
    }

    pub(super) fn answer(&mut self, shared: &Shared<'_>, answer: Option<(&[u8], &[u8])>, now: Timestamp) -> Next {
        let Some(fetching) = self.fetching.take() else { return Next::Failed("an answer to nothing".to_owned()) };
        match self.read(fetching, answer) {
            Ok(Some(url)) => {
                shared.put(Lease { held_until: now.saturating_add(self.hold()), ..self.lease() });
                Next::Get(self.get(now, fetching.began, url, false))
            }
            Ok(None) => {
                self.failures = 0;
                let refresh = self.remote.refresh;
                let early = refresh.saturating_mul(self.spread).checked_div(10_000).unwrap_or_default();
                self.due = now.saturating_add(refresh.saturating_sub(early));
                if let Some(keys) = &self.keys {
                    shared.publish(keys.began, &keys.document);
                }
                shared.put(self.lease());
                Next::Loaded
            }
            Err(why) => {
                self.fail(shared, now);
                Next::Failed(why)
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

    /// How long a request to the provider may be under way.
    fn hold(&self) -> Duration {
        // The host answers a call that runs out of time; twice the time means that it forgot.
        self.remote.timeout.saturating_mul(2)
    }

    fn began(&self) -> Timestamp {
        self.keys.as_ref().map_or(Timestamp::EPOCH, |keys| keys.began)
    }

    fn take_over(&mut self, shared: &Shared<'_>, now: Timestamp) -> Option<()> {
        let (began, document) = shared.keys()?;
        if began <= self.began() || began > now {
            return None;
        }
        self.keys = Some(Keys { set: KeySet::parse(&document).ok()?, began, document });
        self.wanted = false;
        self.yields_since = None;
        Some(())
    }

    /// Lets nothing lie in the future when the clock was set back: keys would stay for as long, and a set fetched long
    /// ago would seem fresh.
    fn turn_back(&mut self, now: Timestamp) {
        if self.started.is_none_or(|started| started <= now) && self.began() <= now {
            return;
        }
        self.started = Some(now);
        self.due = now;
        self.yields_since = None;
        let lost = now.saturating_add(self.hold());
        if let Some(keys) = &mut self.keys {
            keys.began = now;
        }
        if let Some(fetching) = &mut self.fetching {
            (fetching.began, fetching.lost) = (now, lost);
        }
    }

    fn get(&mut self, now: Timestamp, began: Timestamp, url: Url, discovery: bool) -> Get {
        self.fetching = Some(Fetching { began, lost: now.saturating_add(self.hold()), discovery });
        let discovered = self.remote.discover.is_some() && !discovery;
        let cluster = if discovered { &self.remote.jwks_cluster } else { &self.remote.cluster };
        Get { cluster: cluster.clone(), url, timeout: self.remote.timeout }
    }

    fn fail(&mut self, shared: &Shared<'_>, now: Timestamp) {
        self.fetching = None;
        let doublings = u32::try_from(self.failures.min(31)).unwrap_or(31);
        let pause = self.remote.retry.saturating_mul(1u32.checked_shl(doublings).unwrap_or(u32::MAX));
        self.due = now.saturating_add(pause.min(MAX_RETRY.max(self.remote.retry)));
        self.failures = self.failures.saturating_add(1);
        shared.put(self.lease());
    }

    /// Reads an answer: the URL of the key set from a discovery document, or the keys themselves.
    fn read(&mut self, fetching: Fetching, answer: Option<(&[u8], &[u8])>) -> Result<Option<Url>, String> {
        let (status, body) = answer.ok_or("no answer")?;
        if status != b"200" {
            return Err(format!("status {}", String::from_utf8_lossy(status)));
        }
        if !fetching.discovery {
            self.keys = Some(Keys { set: KeySet::parse(body)?, began: fetching.began, document: body.to_vec() });
            return Ok(None);
        }
        if body.len() > MAX_DOCUMENT {
            return Err(format!("a discovery document of {} bytes", body.len()));
        }
        let document = json::parse_object(body)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer") != self.remote.discover.as_deref() {
            return Err("the discovery document is another issuer's".to_owned());
        }
        let url = text("jwks_uri").and_then(Url::parse).ok_or("the discovery document has no jwks_uri")?;
        if self.remote.start.https && !url.https {
            return Err("the discovery document's jwks_uri leaves https".to_owned());
        }
        Ok(Some(url))
    }
}
