use super::*;
use crate::wire::protobuf::{Embedded, EmbeddedHandler};
use crate::work::Work;

/// Collects varints of field 1, texts of field 2 and chunks of field 5, and enters field 3.
#[derive(Debug, Default, PartialEq)]
struct RecordingHandler {
    numbers: Vec<u64>,
    texts: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    last_chunks: usize,
    ended_messages: usize,
}

impl EmbeddedHandler for RecordingHandler {
    fn field(&mut self, number: u32, wire: WireType) -> Result<FieldAction, DecodeError> {
        Ok(match (number, wire) {
            (1, WireType::Varint) => FieldAction::Varint,
            (2, WireType::LengthDelimited) => FieldAction::Text { max: 1000 },
            (3, WireType::LengthDelimited) => FieldAction::Message,
            (5, WireType::LengthDelimited) => FieldAction::Chunks,
            _ => FieldAction::Skip,
        })
    }
    fn varint(&mut self, value: u64) {
        self.numbers.push(value);
    }
    fn chunk(&mut self, part: &[u8], last: bool, _: &mut Work) -> Result<(), DecodeError> {
        self.bytes.extend_from_slice(part);
        self.last_chunks += usize::from(last);
        Ok(())
    }
    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        self.texts.push(value.to_vec());
        Ok(())
    }
    fn end_message(&mut self) {
        self.ended_messages += 1;
    }
}

fn read(bytes: &[u8], chunk: usize) -> Result<RecordingHandler, DecodeError> {
    let mut reader = Reader::default();
    let (mut recorded, mut work) = (RecordingHandler::default(), Work::default());
    for part in bytes.chunks(chunk) {
        reader.feed(part, &mut Embedded { handler: &mut recorded, work: &mut work })?;
    }
    reader.finish()?;
    assert_eq!(recorded.ended_messages, bytes.iter().filter(|byte| **byte == 0x1a).count());
    Ok(recorded)
}

/// Reads the bytes in chunks of every size, which must not matter.
fn read_all(bytes: &[u8]) -> Result<RecordingHandler, DecodeError> {
    let whole = read(bytes, usize::MAX);
    for chunk in 1..=bytes.len().max(1) {
        assert_eq!(read(bytes, chunk), whole, "in chunks of {chunk}");
    }
    whole
}

#[test]
fn requested_fields_are_read_and_others_are_skipped() {
    let recorded =
        read_all(b"\x08\x07\x12\x02hi\x22\x03abc\x1a\x04\x12\x02yo\x29\0\0\0\0\0\0\0\0\x35\0\0\0\0").unwrap();
    assert_eq!(recorded.numbers, [7]);
    assert_eq!(recorded.texts, [b"hi".to_vec(), b"yo".to_vec()]);
}

#[test]
fn empty_values_and_messages_are_reported() {
    let recorded = read_all(b"\x12\x00\x1a\x00\x1a\x02\x1a\x00\x08\x00").unwrap();
    assert_eq!((recorded.texts.len(), recorded.ended_messages), (1, 3));
    assert_eq!(read_all(b"").unwrap(), RecordingHandler::default());
}

#[test]
fn chunks_arrive_unchanged_and_end_once() {
    let recorded = read_all(b"\x2a\x03abc\x2a\x00\x1a\x04\x2a\x02de\x08\x01").unwrap();
    assert_eq!((recorded.bytes.as_slice(), recorded.last_chunks, recorded.numbers.len()), (&b"abcde"[..], 3, 1));
    assert!(read_all(b"\x2a\x03ab").is_err() && read_all(b"\x1a\x03\x2a\x02de").is_err());
}

#[test]
fn overlong_varints_are_valid() {
    assert_eq!(read_all(b"\x88\x80\x00\x07\x12\x82\x80\x80\x00hi").unwrap().texts, [b"hi".to_vec()]);
    let largest = read_all(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").unwrap();
    assert_eq!(largest.numbers, [u64::MAX]);
}

#[test]
fn a_field_of_the_wrong_wire_type_is_unknown() {
    let recorded = read_all(b"\x10\x05\x15\0\0\0\0\x13\x08\x01\x14\x12\x02hi").unwrap();
    assert_eq!(recorded.texts, [b"hi".to_vec()]);
    assert!(recorded.numbers.is_empty(), "a group's fields are not the message's");
}

#[test]
fn bytes_that_protobuf_go_refuses_are_refused() {
    for bad in [
        &b"\x00\x00"[..],
        b"\x80\x80\x80\x80\x10\x00",
        b"\x0e",
        b"\x0f",
        b"\x14",
        b"\x13\x1c",
        b"\x13",
        b"\x12\x05hi",
        b"\x12",
        b"\x08",
        b"\x08\x80",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00",
        b"\x1a\x02\x12\x02hi",
        b"\x1a\x01\x08\x01",
        b"\x1a\x01\x13\x14",
        b"\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x09\0\0\0",
    ] {
        assert!(read_all(bad).is_err(), "{bad:x?}");
    }
}

#[test]
fn field_numbers_within_a_group_may_be_larger() {
    let read_in_group = |number: u64| {
        let mut tag = number << 3;
        let mut bytes = vec![0x2b];
        while tag >= 0x80 {
            bytes.push(tag as u8 | 0x80);
            tag >>= 7;
        }
        bytes.extend([tag as u8, 0, 0x2c]);
        read_all(&bytes)
    };
    assert!(
        read_in_group(MAX_FIELD_NUMBER).is_ok()
            && read_in_group(MAX_FIELD_NUMBER + 1).is_ok()
            && read_in_group(MAX_GROUP_NUMBER).is_ok()
    );
    assert!(read_in_group(MAX_GROUP_NUMBER + 1).is_err() && read_in_group(0).is_err());
}

#[test]
fn group_depth_is_bounded() {
    let nested = |depth: usize| [vec![0x2b; depth], vec![0x2c; depth]].concat();
    assert!(read_all(&nested(MAX_GROUPS)).is_ok());
    assert!(read_all(&nested(MAX_GROUPS + 1)).is_err());
}

#[test]
fn an_oversized_text_is_refused_before_it_is_buffered() {
    assert!(read_all(b"\x12\xe9\x07").is_err());
}
