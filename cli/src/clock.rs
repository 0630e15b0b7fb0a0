//! Times on the command line and in files.

use std::fmt;

use temporal_auth::policy::expiry::Expiry;
use temporal_auth::time::Timestamp;

/// A text that does not name an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InvalidTime;

impl fmt::Display for InvalidTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("expected a date and time, for example 2026-12-24T18:00:00Z or 2026-12-24T19:00:00+01:00")
    }
}

impl std::error::Error for InvalidTime {}

/// Reads a time of RFC 3339, as `until` of a grant does.
pub(crate) fn read(text: &str) -> Result<Timestamp, InvalidTime> {
    Expiry::parse(text).map(|until| until.at()).ok_or(InvalidTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_date_and_an_offset() {
        assert_eq!(read("1970-01-01T00:00:01Z"), Ok(Timestamp::from_millis(1000)));
        assert_eq!(read("1970-01-01T01:00:01.5+01:00"), Ok(Timestamp::from_millis(1500)));
        for text in ["", "now", "2026-12-24", "2026-12-24T18:00:00"] {
            assert_eq!(read(text), Err(InvalidTime), "{text}");
        }
    }
}
