//! The counters and gauges of the host.
//!
//! What is called in many places is kept out of line, so that the module stays small.

use std::cell::Cell;

use super::hostcalls::{self, MetricKind};
use temporal_auth::config::{Config, Issuer, KeysFrom};
use temporal_auth::counters::{self, Counters, IssuerGauge};
use temporal_auth::keys::KeyLifetime;

/// The host's ids of the metrics.
pub(super) struct Metrics {
    /// In the order of [`Counters::take`].
    counters: Vec<u32>,
    native_algorithms: u32,
    /// By the issuer's index in the configuration.
    keys: Vec<KeyMetrics>,
    pub(super) waiting: Share,
    pub(super) cached_tokens: Share,
    info: u32,
}

/// The host's ids of one issuer's metrics.
struct KeyMetrics {
    usable: u32,
    /// `None` for keys in the configuration.
    lifetime: Option<LifetimeMetrics>,
}

struct LifetimeMetrics {
    fetched_at: u32,
    expire_at: u32,
}

/// This context's share of a gauge that adds up all worker threads.
pub(super) struct Share {
    metric: u32,
    reported: Cell<i64>,
}

impl Metrics {
    pub(super) fn define(config: &Config) -> Option<Self> {
        let counter = |name: &String| hostcalls::define_metric(MetricKind::Counter, name).ok();
        Some(Self {
            keys: config.issuers.iter().map(KeyMetrics::define).collect::<Option<_>>()?,
            counters: Counters::names().iter().map(counter).collect::<Option<_>>()?,
            native_algorithms: define_gauge(counters::NATIVE_ALGORITHMS)?,
            waiting: Share::define(counters::WAITING)?,
            cached_tokens: Share::define(counters::CACHED_TOKENS)?,
            info: define_gauge(&counters::info(config.fingerprint))?,
        })
    }

    /// Reports what was counted since the last report.
    pub(super) fn report_counts(&self, counts: Vec<u64>) {
        for (counter, by) in self.counters.iter().zip(counts) {
            let by = i64::try_from(by).unwrap_or(i64::MAX);
            if by > 0 && hostcalls::increment_metric(*counter, by).is_err() {
                log::error!("temporal-auth: cannot increment a counter");
            }
        }
    }

    /// Reports how many algorithms the host verifies.
    pub(super) fn report_native_algorithms(&self, count: usize) {
        set_gauge(self.native_algorithms, u64::try_from(count).unwrap_or_default());
    }

    /// Reports each issuer's keys. All worker threads have the same keys.
    pub(super) fn report_keys(
        &self,
        usable: impl Iterator<Item = usize>,
        lifetimes: impl Iterator<Item = Option<KeyLifetime>>,
    ) {
        for ((metrics, usable), lifetime) in self.keys.iter().zip(usable).zip(lifetimes) {
            set_gauge(metrics.usable, u64::try_from(usable).unwrap_or(u64::MAX));
            if let (Some(metrics), Some(KeyLifetime { fetched_at, expire_at })) = (&metrics.lifetime, lifetime) {
                set_gauge(metrics.fetched_at, fetched_at.as_secs());
                set_gauge(metrics.expire_at, expire_at.as_secs());
            }
        }
    }

    /// Reports whether this configuration is in effect.
    pub(super) fn report_info(&self, is_in_effect: bool) {
        set_gauge(self.info, u64::from(is_in_effect));
    }
}

impl KeyMetrics {
    fn define(issuer: &Issuer) -> Option<Self> {
        let gauge = |gauge: IssuerGauge| define_gauge(&gauge.name(&issuer.name));
        let lifetime = match issuer.keys {
            KeysFrom::Inline(_) => None,
            KeysFrom::Remote(_) => Some(LifetimeMetrics {
                fetched_at: gauge(IssuerGauge::FetchedAt)?,
                expire_at: gauge(IssuerGauge::ExpireAt)?,
            }),
        };
        Some(Self { usable: gauge(IssuerGauge::Usable)?, lifetime })
    }
}

impl Share {
    fn define(name: &str) -> Option<Self> {
        Some(Self { metric: define_gauge(name)?, reported: Cell::new(0) })
    }

    #[inline(never)]
    pub(super) fn report(&self, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let change = count.saturating_sub(self.reported.replace(count));
        if change != 0 && hostcalls::increment_metric(self.metric, change).is_err() {
            log_gauge();
        }
    }
}

#[inline(never)]
fn define_gauge(name: &str) -> Option<u32> {
    hostcalls::define_metric(MetricKind::Gauge, name).ok()
}

#[inline(never)]
fn set_gauge(metric: u32, value: u64) {
    if hostcalls::record_metric(metric, value).is_err() {
        log_gauge();
    }
}

fn log_gauge() {
    log::error!("temporal-auth: cannot set a gauge");
}
