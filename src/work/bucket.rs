//! Buckets of the worker thread's time, which fill up at a rate.

use std::time::Duration;

use crate::time::Timestamp;

/// How fast a bucket fills up, and how far.
#[derive(Debug, Clone, Copy)]
pub struct RefillRate {
    /// The share of the passing time that is added, in thousandths.
    pub per_mille: u32,
    pub capacity: Duration,
}

#[derive(Debug, Clone, Copy)]
pub struct TimeBucket {
    /// In microseconds; negative after a charge that was larger than the rest.
    level: i64,
    refilled: Timestamp,
}

impl TimeBucket {
    #[must_use]
    pub fn full(rate: RefillRate, now: Timestamp) -> Self {
        Self { level: micros(rate.capacity), refilled: now }
    }

    #[cfg(test)]
    #[must_use]
    pub fn level(&self) -> i64 {
        self.level
    }

    /// Adds the time since the last refill.
    pub fn refill(&mut self, rate: RefillRate, now: Timestamp) {
        // A clock that was set back adds nothing and takes nothing.
        let passed = i64::try_from(now.saturating_since(self.refilled).as_millis()).unwrap_or(i64::MAX);
        self.refilled = now;
        // A thousandth of a millisecond is a microsecond.
        let added = passed.saturating_mul(rate.per_mille.into());
        self.level = self.level.saturating_add(added).min(micros(rate.capacity));
    }

    /// Whether anything is left.
    #[must_use]
    pub fn has_time(&self) -> bool {
        self.level > 0
    }

    /// Whether this much time is left.
    #[must_use]
    pub fn covers(&self, time: Duration) -> bool {
        self.level >= micros(time)
    }

    #[must_use]
    pub fn is_full(&self, rate: RefillRate) -> bool {
        self.covers(rate.capacity)
    }

    /// Takes this much, whether it is there or not.
    pub fn take(&mut self, time: Duration) {
        self.level = self.level.saturating_sub(micros(time));
    }

    pub fn give(&mut self, time: Duration, rate: RefillRate) {
        self.level = self.level.saturating_add(micros(time)).min(micros(rate.capacity));
    }
}

/// `Duration::as_micros` computes with 128 bits, which is slower in WebAssembly.
fn micros(time: Duration) -> i64 {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    seconds.saturating_mul(1_000_000).saturating_add(time.subsec_micros().into())
}
