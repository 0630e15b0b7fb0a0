//! When a grant ends.

use std::fmt;
use std::rc::Rc;

use crate::time::Timestamp;

/// The time at which a grant ends. From then on it gives nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    at: Timestamp,
    /// The time as the policy states it.
    text: Rc<str>,
}

impl Expiry {
    /// Reads a date and time as in RFC 3339 §5.6, with `Z` or an offset. `None` if it is malformed or before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self { at: timestamp(text)?, text: text.into() })
    }

    #[must_use]
    pub fn has_passed(&self, now: Timestamp) -> bool {
        now >= self.at
    }

    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Fractions of a millisecond are cut off, so that a grant ends earlier rather than later.
fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, zone) = rest.strip_prefix(['T', 't'])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    let (fraction, zone) = fraction(zone)?;
    let offset = offset(zone)?;
    let days = days(year, month, day)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let minutes = days.checked_mul(24)?.checked_add(hour)?.checked_mul(60)?.checked_add(minute)?.checked_sub(offset)?;
    let millis = minutes.checked_mul(60)?.checked_add(second)?.checked_mul(1000)?.checked_add(fraction)?;
    u64::try_from(millis).ok().map(Timestamp::from_millis)
}

/// Three numbers with exactly these numbers of digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut next = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
    };
    let [first, second, third] = digits;
    let numbers = [next(first)?, next(second)?, next(third)?];
    parts.next().is_none().then_some(numbers)
}

/// The milliseconds of a fraction such as `.123`, or 0 without one, and the text after it.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = rest.find(|char: char| !char.is_ascii_digit())?;
    let (digits, rest) = rest.split_at_checked(end).filter(|(digits, _)| !digits.is_empty())?;
    let millis: String = digits.chars().chain("000".chars()).take(3).collect();
    Some((millis.parse().ok()?, rest))
}

/// The offset in minutes east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('+') { 1 } else { -1 };
    let [hours, minutes, _] = numbers(&format!("{}:00", zone.strip_prefix(['+', '-'])?), ':', [2, 2, 2])?;
    (hours <= 23 && minutes <= 59).then_some(())?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(sign)
}

/// The days since 1970, in the Gregorian calendar of RFC 3339.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    if !(1..=*lengths.get(index)?).contains(&day) || year < 1970 {
        return None;
    }
    let before = year.checked_sub(1)?;
    // The leap years before this year, except for those before 1970.
    let leaps = (before / 4).checked_sub(before / 100)?.checked_add(before / 400)?.checked_sub(477)?;
    let years = year.checked_sub(1970)?.checked_mul(365)?.checked_add(leaps)?;
    let months: i64 = lengths.iter().take(index).sum();
    years.checked_add(months)?.checked_add(day)?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_agree_with_other_libraries() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.5Z", 500),
            ("2000-02-29T12:00:00Z", 951_825_600_000),
            ("2026-12-24T18:00:00Z", 1_798_135_200_000),
            ("2026-12-24T18:00:00+01:00", 1_798_131_600_000),
            ("2026-12-24t18:00:00.1239-05:30", 1_798_155_000_123),
            ("2100-03-01T00:00:00z", 4_107_542_400_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(timestamp(text), Some(Timestamp::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn malformed_times_are_refused() {
        for text in [
            "",
            "2026-12-24",
            "2026-12-24T18:00:00",
            "2026-12-24 18:00:00Z",
            "2026-12-24T18:00Z",
            "2026-13-24T18:00:00Z",
            "2026-02-29T18:00:00Z",
            "2100-02-29T18:00:00Z",
            "2026-12-00T18:00:00Z",
            "2026-12-24T24:00:00Z",
            "2026-12-24T18:60:00Z",
            "2026-12-24T18:00:60Z",
            "2026-12-24T18:00:00.Z",
            "2026-12-24T18:00:00+1:00",
            "2026-12-24T18:00:00+01:00 ",
            "2026-12-24T18:00:00+24:00",
            "2026-12-24T18:00:00ZZ",
            "+026-12-24T18:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "2026-12-24T18:00:00é",
            "é026-12-24T18:00:00Z",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn it_has_passed_from_that_millisecond_on() {
        let expiry = Expiry::parse("1970-01-01T00:00:01Z").unwrap();
        let has_passed = |millis| expiry.has_passed(Timestamp::from_millis(millis));
        assert!(!has_passed(999) && has_passed(1000) && has_passed(1001));
    }
}
