//! Token buckets whose tokens are microseconds of the worker thread's time.

use crate::time::Timestamp;

/// How fast a bucket fills up, and how far.
#[derive(Debug, Clone, Copy)]
pub struct RefillRate {
    /// In microseconds for each millisecond.
    pub per_milli: i64,
    /// In microseconds.
    pub capacity: i64,
}

#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    /// In microseconds; negative after a charge that was larger than the rest.
    level: i64,
    refilled: Timestamp,
}

impl TokenBucket {
    #[must_use]
    pub fn full(rate: RefillRate, now: Timestamp) -> Self {
        Self { level: rate.capacity, refilled: now }
    }

    #[cfg(test)]
    #[must_use]
    pub fn level(&self) -> i64 {
        self.level
    }

    /// Adds the time since the last refill. Returns the new level.
    pub fn refill(&mut self, rate: RefillRate, now: Timestamp) -> i64 {
        // A clock that was set back adds nothing and takes nothing.
        let passed = i64::try_from(now.saturating_since(self.refilled).as_millis()).unwrap_or(i64::MAX);
        self.refilled = now;
        self.level = self.level.saturating_add(passed.saturating_mul(rate.per_milli)).min(rate.capacity);
        self.level
    }

    pub fn take(&mut self, micros: i64) {
        self.level = self.level.saturating_sub(micros);
    }

    pub fn give(&mut self, micros: i64, rate: RefillRate) {
        self.level = self.level.saturating_add(micros).min(rate.capacity);
    }
}
