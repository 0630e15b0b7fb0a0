//! The ends of grants: the instant is the one that simple code finds, and it is shown as it was written.

use temporal_auth::policy::expiry::Expiry;
use temporal_auth::time::Timestamp;

fn number(text: &str, length: usize) -> Option<u64> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// The milliseconds since 1970, counted year by year and month by month.
fn naive(text: &str) -> Option<i128> {
    if !text.is_ascii() || text.len() < 20 {
        return None;
    }
    let part = |from: usize, to: usize| number(&text[from..to], to - from);
    let marks = [(4, "-"), (7, "-"), (10, "Tt"), (13, ":"), (16, ":")];
    if marks.iter().any(|(at, mark)| !mark.contains(&text[*at..=*at])) {
        return None;
    }
    let (year, month, day) = (part(0, 4)?, part(5, 7)?, part(8, 10)?);
    let (hour, minute, second) = (part(11, 13)?, part(14, 16)?, part(17, 19)?);
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if year < 1970 || day < 1 || day > length || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = lengths.iter().take(usize::try_from(month - 1).ok()?).sum();
    let seconds = ((years + months + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
    let zone_at = text[19..].find(|char: char| char != '.' && !char.is_ascii_digit())? + 19;
    let millis = match text[19..zone_at].strip_prefix('.') {
        None if zone_at == 19 => 0,
        Some(digits) if !digits.is_empty() && !digits.contains('.') => number(&format!("{digits:0<3}")[..3], 3)?,
        _ => return None,
    };
    let offset = match &text[zone_at..] {
        "Z" | "z" => 0,
        zone => {
            let sign = if zone.starts_with('+') { 1 } else { -1 };
            let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
            let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
            (hours < 24 && minutes < 60).then_some(sign * i128::from(hours * 60 + minutes))?
        }
    };
    let instant = (i128::from(seconds) - offset * 60) * 1000 + i128::from(millis);
    (instant >= 0).then_some(instant)
}

/// See the module.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = Expiry::parse(text);
    assert_eq!(read.as_ref().map(|until| i128::from(until.at().as_millis())), naive(text), "{text:?}");
    if let Some(until) = read {
        assert_eq!(until.to_string(), text);
        assert!(
            until.has_passed(until.at())
                && until
                    .at()
                    .as_millis()
                    .checked_sub(1)
                    .is_none_or(|now| !until.has_passed(Timestamp::from_millis(now)))
        );
    }
}
