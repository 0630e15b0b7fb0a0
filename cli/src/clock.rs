//! Times on the command line.

use temporal_auth::policy::until::Until;
use temporal_auth::time::Timestamp;

/// The instant that a text of RFC 3339 names; `until` of a grant takes the same texts.
///
/// # Errors
/// What was expected, for people.
pub(crate) fn read(text: &str) -> Result<Timestamp, String> {
    let expected = || format!("{text:?} is no date and time, as 2026-12-24T18:00:00Z or 2026-12-24T19:00:00+01:00");
    Until::parse(text).map(|until| until.at()).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        assert_eq!(read("1970-01-01T00:00:01Z"), Ok(Timestamp::from_millis(1000)));
        assert_eq!(read("1970-01-01T01:00:01.5+01:00"), Ok(Timestamp::from_millis(1500)));
        for text in ["", "now", "2026-12-24", "2026-12-24T18:00:00"] {
            assert!(read(text).unwrap_err().contains("is no date and time"), "{text}");
        }
    }
}
