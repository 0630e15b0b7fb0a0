//! `google.protobuf.Struct`, as Envoy hands it over when the configuration is written as YAML in envoy.yaml: its
//! protobuf bytes, not JSON (seen on 1.40; the documentation says otherwise).

use std::borrow::Cow;

use serde_json::Number;

use crate::wire::json::{Json, JsonObject};
use crate::wire::protobuf::{FieldValue, RawField, fields};

/// How deep values may be nested: deeper than any configuration, and far from the end of the stack.
const MAX_DEPTH: usize = 64;
/// Whole numbers up to here are exact in the doubles that a Struct has.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The object that a serialized Struct represents. `None` if the bytes are not a Struct.
pub(super) fn parse(bytes: &[u8]) -> Option<Json<'_>> {
    object(bytes, MAX_DEPTH)
}

/// `Struct { map<string, Value> fields = 1 }`
fn object(bytes: &[u8], depth: usize) -> Option<Json<'_>> {
    let mut members = Vec::new();
    for field in fields(bytes) {
        let RawField { number: 1, value: FieldValue::Bytes(entry), .. } = field.ok()? else { return None };
        members.push(member(entry, depth)?);
    }
    JsonObject::from_members(members).ok().map(Json::Object)
}

/// `{ string key = 1; Value value = 2 }`
fn member(bytes: &[u8], depth: usize) -> Option<(Cow<'_, str>, Json<'_>)> {
    let (mut name, mut value) = (None, None);
    for field in fields(bytes) {
        let field = field.ok()?;
        match (field.number, field.value) {
            (1, FieldValue::Bytes(text)) if name.is_none() => name = Some(std::str::from_utf8(text).ok()?.into()),
            (2, FieldValue::Bytes(inner)) if value.is_none() => value = Some(self::value(inner, depth)?),
            _ => return None,
        }
    }
    Some((name.unwrap_or_default(), value.unwrap_or(Json::Null)))
}

/// `Value { oneof { null = 1, number = 2, string = 3, bool = 4, struct = 5, list = 6 } }`
fn value(bytes: &[u8], depth: usize) -> Option<Json<'_>> {
    let depth = depth.checked_sub(1)?;
    let mut fields = fields(bytes);
    let field = fields.next().transpose().ok()?;
    let value = match field.map(|field| (field.number, field.value)) {
        None | Some((1, FieldValue::Varint(_))) => Json::Null,
        Some((2, FieldValue::Fixed64(bits))) => Json::Number(number(f64::from_bits(bits))?),
        Some((3, FieldValue::Bytes(text))) => Json::String(std::str::from_utf8(text).ok()?.into()),
        Some((4, FieldValue::Varint(flag))) => Json::Bool(flag != 0),
        Some((5, FieldValue::Bytes(inner))) => object(inner, depth)?,
        Some((6, FieldValue::Bytes(inner))) => list(inner, depth)?,
        Some(_) => return None,
    };
    fields.next().is_none().then_some(value)
}

/// `ListValue { repeated Value values = 1 }`
fn list(bytes: &[u8], depth: usize) -> Option<Json<'_>> {
    let mut values = Vec::new();
    for field in fields(bytes) {
        let RawField { number: 1, value: FieldValue::Bytes(inner), .. } = field.ok()? else { return None };
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
