//! What a scalar means. Readers of YAML differ about plain words: Envoy takes `on`, `y` and `0x10` for a boolean, a
//! boolean and a number, and `1.5` for a string; others do not. A policy must not depend on the reader, so only what all
//! of them agree on is read here, and anything else is refused.

use std::fmt;

use serde_json::Value;

use super::Style;
use crate::clock;

/// Whether the file is JSON, in which numbers have one meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Yaml,
    Json,
}

/// Why a plain word could be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ambiguity {
    /// Some readers take it for a boolean, such as `on`.
    Boolean,
    /// Some readers take it for a number, such as `0x10`.
    Number,
    /// Some readers take it for a date.
    Date,
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Boolean => "ambiguous in YAML: quote it, or write true or false",
            Self::Number => "ambiguous in YAML: quote it, or write a plain whole number",
            Self::Date => "ambiguous in YAML, because some readers take it for a date: quote it",
        })
    }
}

/// The value of a scalar.
pub(crate) fn value(text: &str, style: Style, dialect: Dialect) -> Result<Value, Ambiguity> {
    if style != Style::Plain {
        return Ok(Value::from(text));
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let lower = text.to_ascii_lowercase();
    if matches!(lower.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null") {
        return Err(Ambiguity::Boolean);
    }
    if dialect == Dialect::Json {
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)));
    }
    if is_integer(text) {
        // A number too large for 64 bits is a string to Envoy, too.
        return Ok(text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from));
    }
    if is_numeric(&lower) {
        return Err(Ambiguity::Number);
    }
    if clock::read(text).is_ok() {
        return Err(Ambiguity::Date);
    }
    Ok(Value::from(text))
}

/// What an ambiguous word most likely means, so that only its ambiguity is reported and no wrong type on top of it.
pub(crate) fn likely_value(text: &str) -> Value {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "on" => Value::Bool(true),
        "n" | "no" | "off" => Value::Bool(false),
        _ => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

/// `-?(0|[1-9][0-9]*)`: all readers take it for the same number.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}

/// Whether some reader takes it for a number.
fn is_numeric(lower: &str) -> bool {
    let unsigned = lower.strip_prefix(['-', '+']).unwrap_or(lower);
    if matches!(unsigned, ".inf" | ".nan" | "inf" | "infinity" | "nan") {
        return true;
    }
    let plain = unsigned.replace('_', "");
    let radix = |prefix: &str, radix: u32| {
        plain
            .strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|char| char.is_digit(radix)))
    };
    let begins = plain.starts_with(|char: char| char.is_ascii_digit() || char == '.');
    (begins && plain.parse::<f64>().is_ok()) || radix("0x", 16) || radix("0o", 8) || radix("0b", 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(text: &str) -> Result<Value, Ambiguity> {
        value(text, Style::Plain, Dialect::Yaml)
    }

    #[test]
    fn words_that_all_readers_agree_on_are_read() {
        for (text, expected) in [
            ("true", json!(true)),
            ("False", json!(false)),
            ("", json!(null)),
            ("~", json!(null)),
            ("12", json!(12)),
            ("-7", json!(-7)),
            ("0", json!(0)),
            ("10m", json!("10m")),
            ("a", json!("a")),
            ("*", json!("*")),
            ("2024-01-01", json!("2024-01-01")),
            ("infra", json!("infra")),
            ("1.2.3", json!("1.2.3")),
            ("123456789012345678901234567890", json!("123456789012345678901234567890")),
        ] {
            assert_eq!(plain(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn ambiguous_words_are_refused_unless_quoted() {
        for text in [
            "yes",
            "No",
            "ON",
            "off",
            "y",
            "N",
            "tRue",
            "1.0",
            ".5",
            "1e3",
            "010",
            "0x1F",
            "0o7",
            "0b1",
            "+1",
            "1_000",
            "-.inf",
            ".NaN",
            "-0.0",
            "2026-12-24T18:00:00Z",
            "2026-12-24t18:00:00.5+01:00",
        ] {
            assert!(plain(text).is_err(), "{text}");
            assert_eq!(value(text, Style::Quoted, Dialect::Yaml), Ok(json!(text)));
        }
    }

    #[test]
    fn ambiguities_are_told_apart() {
        assert_eq!(plain("on"), Err(Ambiguity::Boolean));
        assert_eq!(plain("1.5"), Err(Ambiguity::Number));
        assert_eq!(plain("2026-12-24T18:00:00Z"), Err(Ambiguity::Date));
    }

    #[test]
    fn numbers_in_json_are_not_ambiguous() {
        assert_eq!(value("1.5", Style::Plain, Dialect::Json), Ok(json!(1.5)));
        assert_eq!(value("1e3", Style::Plain, Dialect::Json), Ok(json!(1e3)));
    }
}
