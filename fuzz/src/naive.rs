//! Simple readers of protobuf, gRPC and gzip that have all bytes at hand. The incremental readers are compared with
//! them.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// A field of a protobuf message.
pub struct RawField<'a> {
    pub number: u64,
    pub wire_type: u64,
    /// The value of a varint, otherwise 0.
    pub varint: u64,
    /// The content of another field, otherwise empty.
    pub bytes: &'a [u8],
}

/// The fields of a message; `None` if the bytes are not protobuf.
pub fn fields(mut message: &[u8]) -> Option<Vec<RawField<'_>>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        fields.push(next(&mut message)?);
    }
    // Within groups, protobuf-go also accepts larger numbers.
    fields.iter().all(|field| field.number < 1 << 29).then_some(fields)
}

fn next<'a>(bytes: &mut &'a [u8]) -> Option<RawField<'a>> {
    let tag = varint(bytes)?;
    let mut field = RawField { number: tag >> 3, wire_type: tag & 7, varint: 0, bytes: &[] };
    if field.number == 0 || field.number >= 1 << 31 {
        return None;
    }
    let length = match field.wire_type {
        0 => {
            field.varint = varint(bytes)?;
            0
        }
        1 => 8,
        2 => varint(bytes)?,
        3 => loop {
            let mut ahead = *bytes;
            let inner = varint(&mut ahead)?;
            if inner == tag + 1 {
                *bytes = ahead;
                break 0;
            }
            next(bytes)?;
        },
        5 => 4,
        _ => return None,
    };
    let length = usize::try_from(length).ok()?;
    (field.bytes, *bytes) = bytes.split_at_checked(length)?;
    Some(field)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let length = bytes.iter().take(10).position(|byte| *byte < 0x80)? + 1;
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    Some(taken.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f)))
}

/// The text of the last field with this number in the outermost message, as a decoder has it; `None` if it cannot be
/// read.
pub fn last_text(message: &[u8], number: u32) -> Option<String> {
    let is_text = |field: &RawField<'_>| field.wire_type == 2 && field.number == u64::from(number);
    let last = fields(message)?.into_iter().rfind(is_text).map_or(&[][..], |field| field.bytes);
    String::from_utf8(last.to_vec()).ok()
}

/// The message of a unary call's body; `None` if there is not exactly one message.
pub fn message(body: &[u8]) -> Option<Vec<u8>> {
    let (prefix, content) = body.split_first_chunk::<5>()?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    if content.len() != usize::try_from(length).ok()? {
        return None;
    }
    if prefix[0] == 0 { Some(content.to_vec()) } else { gunzip(content) }
}

/// The content of gzip data as flate2 reads it. Unlike Go, flate2 refuses members with reserved flags.
pub fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut content).ok()?;
    Some(content)
}
