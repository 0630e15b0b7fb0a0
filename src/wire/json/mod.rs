//! JSON in which a duplicate member is an error: two readers must not see two values (RFC 8725 §2.4, RFC 7515 §4).

mod cursor;
mod value;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

pub use cursor::{Cursor, Next, NotJson, Scalar};
pub use value::{Json, JsonObject};

/// Why bytes are not the JSON that was expected.
#[derive(Debug)]
pub enum JsonError {
    Syntax(serde_json::Error),
    NotAnObject,
    NotUtf8,
}

impl std::fmt::Display for JsonError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::NotAnObject => f.write_str("not a JSON object"),
            Self::NotUtf8 => f.write_str("not UTF-8"),
        }
    }
}

/// Parses exactly one JSON value.
///
/// # Errors
/// The bytes are not JSON, an object has a duplicate member, or something follows the value.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    serde_json::from_slice::<Json<'_>>(bytes).map(|json| json.to_value()).map_err(JsonError::Syntax)
}

/// A walk over the members of exactly one JSON object, which was entered.
///
/// # Errors
/// The bytes are not JSON, or not an object. A member may be given twice.
pub fn walk_object(bytes: &[u8]) -> Result<Cursor<'_>, JsonError> {
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(JsonError::Syntax)?;
    let mut cursor = Cursor::within(std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?);
    match cursor.read() {
        Ok(Next::Object) => Ok(cursor),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Parses exactly one JSON object.
///
/// # Errors
/// As [`parse`], or the value is not an object.
pub fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match parse(bytes)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_that_serde_json_reads() {
        for text in [r#"{"a":[1,-2,0.5,true,null,"x\u00e9"],"b":{"a":{}}}"#, "[]", "\"s\"", "1e3"] {
            assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        }
    }

    #[test]
    fn duplicates_at_any_depth_and_trailing_data_are_refused() {
        for bad in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "{} {}", "{}x", "", "{\"a\":\"\u{1}\"}"] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(b"\"\xff\"").is_err(), "invalid UTF-8");
        assert!(parse(&[b'['; 100_000]).is_err(), "depth is bounded");
    }
}
