//! The fields of a message that is there as a whole.

use super::{MAX_FIELD_NUMBER, take_varint};

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    Varint(u64),
    Fixed64(u64),
    /// Bytes, a string or a message.
    Bytes(&'a [u8]),
    Fixed32(u32),
}

/// A field with its number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawField<'a> {
    pub number: u64,
    pub value: FieldValue<'a>,
    /// All bytes of the field, with its tag.
    pub bytes: &'a [u8],
}

/// The fields of a message. An error ends them: the bytes are not a message, or have groups, which no message of
/// Temporal's has.
pub fn fields(mut message: &[u8]) -> impl Iterator<Item = Result<RawField<'_>, NotFields>> {
    std::iter::from_fn(move || {
        if message.is_empty() {
            return None;
        }
        let field = take_field(&mut message).ok_or(NotFields);
        if field.is_err() {
            message = &[];
        }
        Some(field)
    })
}

/// The bytes are not the fields of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotFields;

fn take_field<'a>(bytes: &mut &'a [u8]) -> Option<RawField<'a>> {
    let all = *bytes;
    let tag = take_varint(bytes)?;
    let number = tag >> 3;
    if number == 0 || number > MAX_FIELD_NUMBER {
        return None;
    }
    let value = match tag & 7 {
        0 => FieldValue::Varint(take_varint(bytes)?),
        1 => FieldValue::Fixed64(u64::from_le_bytes(take(bytes, 8)?.try_into().ok()?)),
        2 => {
            let length = usize::try_from(take_varint(bytes)?).ok()?;
            FieldValue::Bytes(take(bytes, length)?)
        }
        5 => FieldValue::Fixed32(u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?)),
        _ => return None,
    };
    let bytes = all.get(..all.len().checked_sub(bytes.len())?)?;
    Some(RawField { number, value, bytes })
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_with_all_their_bytes() {
        let message = b"\x08\x96\x01\x12\x02hi\x19\x01\0\0\0\0\0\0\0\x25\x02\0\0\0";
        let read: Vec<_> = fields(message).map(Result::unwrap).collect();
        let values = [
            (1, FieldValue::Varint(150)),
            (2, FieldValue::Bytes(b"hi")),
            (3, FieldValue::Fixed64(1)),
            (4, FieldValue::Fixed32(2)),
        ];
        assert_eq!(read.iter().map(|field| (field.number, field.value)).collect::<Vec<_>>(), values);
        assert_eq!(read.iter().flat_map(|field| field.bytes).copied().collect::<Vec<_>>(), message);
    }

    #[test]
    fn anything_else_ends_the_fields_with_an_error() {
        for bytes in [
            &b"\x0b\x0c"[..],
            b"\x12\x05hi",
            b"\x08",
            b"\x0e\0",
            b"\x19\0",
            b"\xff",
            b"\0\x01",
            b"\xf8\xff\xff\xff\x7f\x01",
        ] {
            assert_eq!(fields(bytes).collect::<Vec<_>>(), [Err(NotFields)], "{bytes:?}");
        }
        assert_eq!(fields(b"\x08\x01\x0b").count(), 2);
    }
}
