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

/// A time in UTC, to the second.
pub(crate) fn show(at: Timestamp) -> String {
    let (days, second) = (at.as_secs() / 86_400, at.as_secs() % 86_400);
    // The days of a year that begins in March, so that leap days are the last.
    let days = days.saturating_add(719_468);
    let (era, day) = (days / 146_097, days % 146_097);
    let leap_days = (day / 1460).saturating_add(day / 146_096).saturating_sub(day / 36_524);
    let year = day.saturating_sub(leap_days) / 365;
    let before = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
    let day = day.saturating_sub(before);
    let month = day.saturating_mul(5).saturating_add(2) / 153;
    let date = day.saturating_sub(month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let (month, next) = if month < 10 { (month.saturating_add(3), 0) } else { (month.saturating_sub(9), 1) };
    let year = era.saturating_mul(400).saturating_add(year).saturating_add(next);
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_as_it_is_read() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T12:34:56Z",
            "2026-12-24T18:00:00Z",
            "2027-01-01T00:00:00Z",
            "2100-03-01T23:59:59Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(show(read(text).unwrap()), text);
        }
    }

    #[test]
    fn times_have_a_date_and_an_offset() {
        assert_eq!(read("1970-01-01T00:00:01Z"), Ok(Timestamp::from_millis(1000)));
        assert_eq!(read("1970-01-01T01:00:01.5+01:00"), Ok(Timestamp::from_millis(1500)));
        for text in ["", "now", "2026-12-24", "2026-12-24T18:00:00"] {
            assert_eq!(read(text), Err(InvalidTime), "{text}");
        }
    }
}
