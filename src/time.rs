//! Points in time, in milliseconds. Spans of time are `std::time::Duration`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point in time, not before 1970. Its arithmetic saturates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    millis: u64,
}

impl Timestamp {
    /// The start of 1970, which stands for "never".
    pub const EPOCH: Self = Self { millis: 0 };

    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// The time of the system clock; [`Timestamp::EPOCH`] if the clock is set to an earlier time.
    pub fn now() -> Self {
        Self::EPOCH.saturating_add(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// Seconds since 1970.
    pub const fn as_secs(self) -> u64 {
        self.millis / 1000
    }

    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self { millis: self.millis.saturating_add(millis(duration)) }
    }

    /// The time since `earlier`; zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis))
    }
}

/// `Duration::as_millis` computes with 128 bits, which is slower in WebAssembly.
const fn millis(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let (early, late) = (Timestamp::from_millis(1_000), Timestamp::from_millis(u64::MAX));
        assert_eq!(early.saturating_add(Duration::from_micros(1_500)), Timestamp::from_millis(1_001));
        assert_eq!(late.saturating_add(Duration::from_millis(1)), late);
        assert_eq!(early.saturating_add(Duration::MAX), late);
        assert_eq!(early.saturating_since(late), Duration::ZERO);
        assert_eq!(late.saturating_since(early), Duration::from_millis(u64::MAX - 1_000));
    }
}
