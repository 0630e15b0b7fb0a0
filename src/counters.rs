//! Counts between two reports to the host. Reporting each count at once would cost a host call.

use crate::answer::Answer;
use crate::listed::listed;

listed! {
    /// The counters, except those of the answers.
    Counter {
        /// Calls that were forwarded.
        Allowed => "allowed",
        /// Denied calls that a grant in shadow would have allowed.
        ShadowAllowed => "shadow.allowed",
        /// Fetches that brought keys.
        FetchOk => "keys.fetch_ok",
        /// Fetches that failed.
        FetchFailed => "keys.fetch_failed",
        /// Tokens that were found in the cache.
        CacheHit => "tokens.cache_hit",
        /// Tokens that were not found in the cache, good or bad.
        CacheMiss => "tokens.cache_miss",
        /// Tokens that were not looked at, because too many others had to be verified.
        OverBudget => "tokens.over_budget",
        /// Fields and values that the method table does not know, in requests of callers with a good token.
        UnknownFields => "unknown_fields",
        /// Answers of GetSystemInfo by which the server is newer than the method table.
        NewerServer => "newer_server",
    }
}

/// Gauge: how many signature algorithms the host verifies.
pub const NATIVE_ALGORITHMS: &str = "temporal_auth.native_algorithms";
/// Gauge: how many requests wait for a key.
pub const WAITING: &str = "temporal_auth.waiting";
/// Gauge: how many verified tokens are cached.
pub const CACHED_TOKENS: &str = "temporal_auth.tokens.cached";

listed! {
    /// The gauges that each issuer has.
    IssuerGauge {
        /// How many keys can verify tokens.
        Usable => "usable",
        /// When the fetch of the keys began, in seconds since 1970. Not for keys in the configuration.
        FetchedAt => "fetched_at",
        /// When the keys end unless they are fetched again, in seconds since 1970. Not for keys in the configuration.
        ExpireAt => "expire_at",
    }
}

impl IssuerGauge {
    /// The name of the gauge of this issuer. Characters that systems of metrics do not take become `_`.
    pub fn name(self, issuer: &str) -> String {
        let issuer: String = issuer.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
        format!("temporal_auth.keys.{}.{issuer}", self.word())
    }
}

/// Gauge: 1 while the configuration with this fingerprint is in effect, and 0 afterwards.
pub fn info(fingerprint: u32) -> String {
    format!(concat!("temporal_auth.info.version.", env!("CARGO_PKG_VERSION"), ".config.{:08x}"), fingerprint)
}

/// The counts since the last report.
#[derive(Debug, Default)]
pub struct Counters {
    counters: [u64; Counter::ALL.len()],
    denied: [u64; Answer::ALL.len()],
    shadow_denied: [u64; Answer::ALL.len()],
}

impl Counters {
    pub fn add(&mut self, counter: Counter, count: u64) {
        add_to(&mut self.counters, counter as usize, count);
    }

    /// Counts a call that was denied with this answer.
    pub fn denied(&mut self, answer: Answer) {
        add_to(&mut self.denied, answer as usize, 1);
    }

    /// Counts a call that was forwarded although a rule in shadow, or any rule in `mode: shadow`, would have denied it
    /// with this answer.
    pub fn shadow_denied(&mut self, answer: Answer) {
        add_to(&mut self.shadow_denied, answer as usize, 1);
    }

    /// The names of all metrics, in the order of [`Counters::take`].
    pub fn names() -> Vec<String> {
        let counters = Counter::ALL.iter().map(|counter| format!("temporal_auth.{}", counter.word()));
        let denied = Answer::ALL.iter().map(|answer| format!("temporal_auth.denied.{}", answer.word()));
        let shadow = answers_in_shadow().map(|answer| format!("temporal_auth.shadow.denied.{}", answer.word()));
        counters.chain(denied).chain(shadow).collect()
    }

    /// The counts of all metrics. Resets them to zero.
    pub fn take(&mut self) -> Vec<u64> {
        let Self { counters, denied, shadow_denied } = std::mem::take(self);
        let shadow = answers_in_shadow().filter_map(|answer| shadow_denied.get(answer as usize).copied());
        counters.into_iter().chain(denied).chain(shadow).collect()
    }
}

fn answers_in_shadow() -> impl Iterator<Item = Answer> {
    Answer::ALL.iter().copied().filter(|answer| answer.row().forwarded_in_shadow)
}

fn add_to(counts: &mut [u64], index: usize, count: u64) {
    if let Some(value) = counts.get_mut(index) {
        *value = value.saturating_add(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_reported_once_under_its_name() {
        let mut counters = Counters::default();
        for counter in Counter::ALL {
            counters.add(*counter, 1);
        }
        for answer in Answer::ALL {
            counters.denied(*answer);
            counters.shadow_denied(*answer);
        }
        counters.add(Counter::UnknownFields, 2);
        let names = Counters::names();
        let counts = counters.take();
        assert_eq!(names.len(), counts.len());
        for (name, count) in names.iter().zip(&counts) {
            assert_eq!(*count, if name == "temporal_auth.unknown_fields" { 3 } else { 1 }, "{name}");
        }
        assert!(counters.take().iter().all(|count| *count == 0));
    }

    #[test]
    fn metrics_keep_their_names() {
        let names = Counters::names();
        for name in [
            "temporal_auth.allowed",
            "temporal_auth.denied.unauthenticated",
            "temporal_auth.denied.unknown_method",
            "temporal_auth.shadow.denied.permission",
            "temporal_auth.shadow.denied.closed",
            "temporal_auth.shadow.allowed",
            "temporal_auth.keys.fetch_ok",
        ] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
        assert_eq!(names.len(), 25);
        assert_eq!(IssuerGauge::Usable.name("corp.example-1"), "temporal_auth.keys.usable.corp_example_1");
        assert_eq!(IssuerGauge::FetchedAt.name("corp"), "temporal_auth.keys.fetched_at.corp");
        assert_eq!(IssuerGauge::ExpireAt.name("corp"), "temporal_auth.keys.expire_at.corp");
        assert_eq!(info(0xab), concat!("temporal_auth.info.version.", env!("CARGO_PKG_VERSION"), ".config.000000ab"));
    }
}
