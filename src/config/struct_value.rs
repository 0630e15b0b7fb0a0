//! `google.protobuf.Struct`, as Envoy hands it over when the configuration is written as YAML in envoy.yaml: its
//! protobuf bytes, not JSON (seen on 1.40; the documentation says otherwise).

use std::borrow::Cow;

use serde_json::Number;

use crate::wire::json::{Json, JsonObject};
use crate::wire::protobuf::take_varint;

/// How deep values may be nested: deeper than any configuration, and far from the end of the stack.
const MAX_DEPTH: usize = 64;
/// Whole numbers up to here are exact in the doubles that a Struct has.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The object that a serialized Struct represents. `None` if the bytes are not a Struct.
pub(super) fn parse(bytes: &[u8]) -> Option<Json<'_>> {
    object(bytes, MAX_DEPTH)
}

/// `Struct { map<string, Value> fields = 1 }`
fn object(mut bytes: &[u8], depth: usize) -> Option<Json<'_>> {
    let mut members = Vec::new();
    while let Some((number, field)) = next(&mut bytes)? {
        let (1, WireValue::Bytes(entry)) = (number, field) else { return None };
        members.push(member(entry, depth)?);
    }
    JsonObject::from_members(members).map(Json::Object)
}

/// `{ string key = 1; Value value = 2 }`
fn member(mut bytes: &[u8], depth: usize) -> Option<(Cow<'_, str>, Json<'_>)> {
    let (mut name, mut value) = (None, None);
    while let Some((number, field)) = next(&mut bytes)? {
        match (number, field) {
            (1, WireValue::Bytes(text)) if name.is_none() => name = Some(std::str::from_utf8(text).ok()?.into()),
            (2, WireValue::Bytes(inner)) if value.is_none() => value = Some(self::value(inner, depth)?),
            _ => return None,
        }
    }
    Some((name.unwrap_or_default(), value.unwrap_or(Json::Null)))
}

/// `Value { oneof { null = 1, number = 2, string = 3, bool = 4, struct = 5, list = 6 } }`
fn value(mut bytes: &[u8], depth: usize) -> Option<Json<'_>> {
    let depth = depth.checked_sub(1)?;
    let value = match next(&mut bytes)? {
        None | Some((1, WireValue::Varint(_))) => Json::Null,
        Some((2, WireValue::Fixed64(bits))) => Json::Number(number(f64::from_bits(bits))?),
        Some((3, WireValue::Bytes(text))) => Json::String(std::str::from_utf8(text).ok()?.into()),
        Some((4, WireValue::Varint(flag))) => Json::Bool(flag != 0),
        Some((5, WireValue::Bytes(inner))) => object(inner, depth)?,
        Some((6, WireValue::Bytes(inner))) => list(inner, depth)?,
        Some(_) => return None,
    };
    bytes.is_empty().then_some(value)
}

/// `ListValue { repeated Value values = 1 }`
fn list(mut bytes: &[u8], depth: usize) -> Option<Json<'_>> {
    let mut values = Vec::new();
    while let Some((number, field)) = next(&mut bytes)? {
        let (1, WireValue::Bytes(inner)) = (number, field) else { return None };
        values.push(self::value(inner, depth)?);
    }
    Some(Json::Array(values))
}

/// The number, as an integer if it is whole: in YAML, `1` and `1.0` are the same number.
fn number(value: f64) -> Option<Number> {
    if value.fract() == 0.0 && value.abs() <= MAX_EXACT {
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

enum WireValue<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

/// The next field and its number. `Some(None)` at the end, and `None` if the bytes are not a message.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<Option<(u64, WireValue<'a>)>> {
    if bytes.is_empty() {
        return Some(None);
    }
    let tag = take_varint(bytes)?;
    let field = match tag & 7 {
        0 => WireValue::Varint(take_varint(bytes)?),
        1 => WireValue::Fixed64(u64::from_le_bytes(take(bytes, 8)?.try_into().ok()?)),
        2 => {
            let length = usize::try_from(take_varint(bytes)?).ok()?;
            WireValue::Bytes(take(bytes, length)?)
        }
        _ => return None,
    };
    Some(Some((tag >> 3, field)))
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protobuf::write_varint;
    use serde_json::json;

    /// Written by protobuf's own library.
    const EXAMPLE: &[u8] = include_bytes!("struct_example.bin");

    #[test]
    fn reads_what_protobuf_writes() {
        let expected = json!({
            "version": 1, "half": 0.5, "yes": true, "no": false, "nothing": null, "name": "müller",
            "grants": [{"who": {"groups": ["a", "b"]}}, [], {}], "": "", "minus": -7
        });
        assert_eq!(parse(EXAMPLE), Some(Json::from(&expected)));
        assert_eq!(parse(b""), Some(Json::from(&json!({}))));
    }

    #[test]
    fn refuses_what_is_not_a_struct() {
        for bytes in [
            &b"\n{"[..],
            b"{}",
            b"\n\x05\n\x03a",
            b"\n\x02\x0a\x00\n\x02\x0a\x00",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(parse(bytes), None, "{bytes:?}");
        }
        for end in 1..EXAMPLE.len() {
            let _ = parse(EXAMPLE.get(..end).unwrap_or_default());
        }
    }

    #[test]
    fn depth_is_bounded() {
        let mut bytes = vec![];
        for _ in 0..200 {
            let mut inner = vec![0x32, 0, 0];
            let list: Vec<u8> = [vec![0x0a], len(bytes.len()), bytes].concat();
            inner = [vec![0x32], len(list.len()), list].concat();
            bytes = inner;
        }
        let entry: Vec<u8> = [vec![0x12], len(bytes.len()), bytes].concat();
        let message: Vec<u8> = [vec![0x0a], len(entry.len()), entry].concat();
        assert_eq!(parse(&message), None);
    }

    fn len(n: usize) -> Vec<u8> {
        let mut out = vec![];
        write_varint(&mut out, n as u64);
        out
    }
}
