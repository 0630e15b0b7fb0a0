//! Reads one message incrementally, and asks a [`Handler`] what to do with each field.

use super::varint::Varint;
use super::{FieldAction, Handler, WireType};
use crate::wire::DecodeError;

/// How deep groups may be nested. protobuf-go stops at 10,000.
const MAX_GROUPS: usize = 100;
/// Source: `protowire.MaxValidNumber`.
const MAX_FIELD_NUMBER: u64 = (1 << 29) - 1;
/// The same within a group, which protobuf-go skips as a whole. Source: `protowire.DecodeTag`.
const MAX_GROUP_NUMBER: u64 = (1 << 31) - 1;

/// Reads one message, in any chunking and in bounded memory.
#[derive(Debug)]
pub struct Reader {
    state: State,
    varint: Varint,
    /// Bytes read so far.
    at: u64,
    levels: Vec<Level>,
    text: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Tag,
    Varint(FieldAction),
    Length(FieldAction),
    Skip { left: u64 },
    Text { left: u64 },
    Chunks { left: u64 },
}

#[derive(Debug, Clone, Copy)]
enum Level {
    Message { end: u64 },
    Group { number: u64, end: u64 },
}

impl Default for Reader {
    fn default() -> Self {
        Self { state: State::Tag, varint: Varint::default(), at: 0, levels: Vec::new(), text: Vec::new() }
    }
}

impl Reader {
    /// Reads the next bytes of the message.
    ///
    /// # Errors
    /// The bytes are not protobuf, or the handler refuses them. The reader must not be fed again.
    pub fn feed(&mut self, mut input: &[u8], handler: &mut impl Handler) -> Result<(), DecodeError> {
        while !input.is_empty() {
            match self.state {
                State::Tag => {
                    if let Some(tag) = self.varint(&mut input)? {
                        self.tag(tag, handler)?;
                    }
                }
                State::Varint(action) => {
                    if let Some(value) = self.varint(&mut input)? {
                        self.state = State::Tag;
                        if action == FieldAction::Varint {
                            handler.varint(value);
                        }
                        self.close(handler)?;
                    }
                }
                State::Length(action) => {
                    if let Some(length) = self.varint(&mut input)? {
                        self.length(length, action, handler)?;
                    }
                }
                State::Skip { left } => {
                    let left = left.saturating_sub(self.take(left, &mut input).len() as u64);
                    self.state = if left == 0 { State::Tag } else { State::Skip { left } };
                    if left == 0 {
                        self.close(handler)?;
                    }
                }
                State::Chunks { left } => {
                    let part = self.take(left, &mut input);
                    let left = left.saturating_sub(part.len() as u64);
                    self.state = if left == 0 { State::Tag } else { State::Chunks { left } };
                    handler.chunk(part, left == 0)?;
                    if left == 0 {
                        self.close(handler)?;
                    }
                }
                State::Text { left } => {
                    let part = self.take(left, &mut input);
                    let left = left.saturating_sub(part.len() as u64);
                    if left == 0 && self.text.is_empty() {
                        handler.text(part)?;
                    } else {
                        self.text.extend_from_slice(part);
                        if left == 0 {
                            handler.text(&self.text)?;
                            self.text.clear();
                        }
                    }
                    self.state = if left == 0 { State::Tag } else { State::Text { left } };
                    if left == 0 {
                        self.close(handler)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The message has ended.
    ///
    /// # Errors
    /// It ended in the middle of a field or a group.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.state {
            State::Tag if self.levels.is_empty() && self.varint.is_empty() => Ok(()),
            _ => Err(DecodeError::EndsWithinField),
        }
    }

    fn tag(&mut self, tag: u64, handler: &mut impl Handler) -> Result<(), DecodeError> {
        let number = tag >> 3;
        let in_group = matches!(self.levels.last(), Some(Level::Group { .. }));
        if number == 0 || number > if in_group { MAX_GROUP_NUMBER } else { MAX_FIELD_NUMBER } {
            return Err(DecodeError::FieldNumberOutOfRange);
        }
        let mut action = |wire_type| match u32::try_from(number) {
            Ok(number) if !in_group => handler.field(number, wire_type),
            _ => Ok(FieldAction::Skip),
        };
        match tag & 7 {
            0 => self.state = State::Varint(action(WireType::Varint)?),
            2 => self.state = State::Length(action(WireType::LengthDelimited)?),
            1 | 5 => {
                action(WireType::Other)?;
                self.skip(if tag & 7 == 1 { 8 } else { 4 })?;
            }
            3 => {
                action(WireType::Other)?;
                self.open_group(number)?;
            }
            4 => {
                match self.levels.pop() {
                    Some(Level::Group { number: opened, .. }) if opened == number => {}
                    _ => return Err(DecodeError::UnmatchedEndGroup),
                }
                self.close(handler)?;
            }
            _ => return Err(DecodeError::UnknownWireType),
        }
        Ok(())
    }

    fn length(&mut self, length: u64, action: FieldAction, handler: &mut impl Handler) -> Result<(), DecodeError> {
        match action {
            FieldAction::Message => {
                let end = self.end_of(length)?;
                self.levels.push(Level::Message { end });
                self.state = State::Tag;
                self.close(handler)
            }
            FieldAction::Text { max } => {
                self.end_of(length)?;
                if length > max {
                    return Err(DecodeError::TextTooLong { max });
                }
                if length > 0 {
                    self.state = State::Text { left: length };
                    return Ok(());
                }
                handler.text(&[])?;
                self.state = State::Tag;
                self.close(handler)
            }
            FieldAction::Chunks => {
                self.end_of(length)?;
                if length > 0 {
                    self.state = State::Chunks { left: length };
                    return Ok(());
                }
                handler.chunk(&[], true)?;
                self.state = State::Tag;
                self.close(handler)
            }
            FieldAction::Skip | FieldAction::Varint => {
                self.skip(length)?;
                self.close(handler)
            }
        }
    }

    fn skip(&mut self, length: u64) -> Result<(), DecodeError> {
        self.end_of(length)?;
        self.state = if length == 0 { State::Tag } else { State::Skip { left: length } };
        Ok(())
    }

    fn open_group(&mut self, number: u64) -> Result<(), DecodeError> {
        let groups = self.levels.iter().rev().take_while(|level| matches!(level, Level::Group { .. })).count();
        if groups >= MAX_GROUPS {
            return Err(DecodeError::GroupsTooDeep);
        }
        self.levels.push(Level::Group { number, end: self.end() });
        self.state = State::Tag;
        Ok(())
    }

    /// Leaves every message that ends here.
    fn close(&mut self, handler: &mut impl Handler) -> Result<(), DecodeError> {
        if !matches!(self.state, State::Tag) {
            return Ok(());
        }
        while let Some(level) = self.levels.last() {
            match level {
                Level::Message { end } if *end == self.at => {
                    self.levels.pop();
                    handler.end_message();
                }
                Level::Group { end, .. } if *end == self.at => {
                    return Err(DecodeError::GroupWithoutEnd);
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// Where a value of that length ends. It must lie within the enclosing message.
    fn end_of(&self, length: u64) -> Result<u64, DecodeError> {
        match self.at.checked_add(length) {
            Some(end) if end <= self.end() => Ok(end),
            _ => Err(DecodeError::FieldBeyondMessage),
        }
    }

    /// The end of the innermost message; the outermost ends where the bytes do.
    fn end(&self) -> u64 {
        match self.levels.last() {
            Some(Level::Message { end } | Level::Group { end, .. }) => *end,
            None => u64::MAX,
        }
    }

    fn take<'a>(&mut self, most: u64, input: &mut &'a [u8]) -> &'a [u8] {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(input.len());
        let (part, rest) = input.split_at_checked(most).unwrap_or((input, &[]));
        *input = rest;
        self.at = self.at.saturating_add(part.len() as u64);
        part
    }

    /// The next varint, or `None` while more bytes are needed.
    fn varint(&mut self, input: &mut &[u8]) -> Result<Option<u64>, DecodeError> {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            self.at = self.at.saturating_add(1);
            if self.at > self.end() {
                return Err(DecodeError::FieldBeyondMessage);
            }
            if let Some(value) = self.varint.push(*byte)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects varints of field 1, texts of field 2 and chunks of field 5, and enters field 3.
    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        numbers: Vec<u64>,
        texts: Vec<Vec<u8>>,
        bytes: Vec<u8>,
        ends: usize,
        left: usize,
    }

    impl Handler for Seen {
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
        fn chunk(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
            self.bytes.extend_from_slice(part);
            self.ends += usize::from(last);
            Ok(())
        }
        fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
            self.texts.push(value.to_vec());
            Ok(())
        }
        fn end_message(&mut self) {
            self.left += 1;
        }
    }

    fn read(bytes: &[u8], chunk: usize) -> Result<Seen, DecodeError> {
        let mut reader = Reader::default();
        let mut seen = Seen::default();
        for part in bytes.chunks(chunk) {
            reader.feed(part, &mut seen)?;
        }
        reader.finish()?;
        assert_eq!(seen.left, bytes.iter().filter(|byte| **byte == 0x1a).count());
        Ok(seen)
    }

    /// Reads the bytes in every chunking, which must not matter.
    fn read_all(bytes: &[u8]) -> Result<Seen, DecodeError> {
        let whole = read(bytes, usize::MAX);
        for chunk in 1..=bytes.len().max(1) {
            assert_eq!(read(bytes, chunk), whole, "in chunks of {chunk}");
        }
        whole
    }

    #[test]
    fn requested_fields_are_read_and_others_skipped() {
        let seen =
            read_all(b"\x08\x07\x12\x02hi\x22\x03abc\x1a\x04\x12\x02yo\x29\0\0\0\0\0\0\0\0\x35\0\0\0\0").unwrap();
        assert_eq!(seen.numbers, [7]);
        assert_eq!(seen.texts, [b"hi".to_vec(), b"yo".to_vec()]);
    }

    #[test]
    fn empty_values_and_messages_are_reported() {
        let seen = read_all(b"\x12\x00\x1a\x00\x1a\x02\x1a\x00\x08\x00").unwrap();
        assert_eq!((seen.texts.len(), seen.left), (1, 3));
        assert_eq!(read_all(b"").unwrap(), Seen::default());
    }

    #[test]
    fn chunks_arrive_unchanged_and_end_once() {
        let seen = read_all(b"\x2a\x03abc\x2a\x00\x1a\x04\x2a\x02de\x08\x01").unwrap();
        assert_eq!((seen.bytes.as_slice(), seen.ends, seen.numbers.len()), (&b"abcde"[..], 3, 1));
        assert!(read_all(b"\x2a\x03ab").is_err() && read_all(b"\x1a\x03\x2a\x02de").is_err());
    }

    #[test]
    fn overlong_varints_are_valid() {
        assert_eq!(read_all(b"\x88\x80\x00\x07\x12\x82\x80\x80\x00hi").unwrap().texts, [b"hi".to_vec()]);
        let most = read_all(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01").unwrap();
        assert_eq!(most.numbers, [u64::MAX]);
    }

    #[test]
    fn a_field_of_the_wrong_wire_type_is_unknown() {
        let seen = read_all(b"\x10\x05\x15\0\0\0\0\x13\x08\x01\x14\x12\x02hi").unwrap();
        assert_eq!(seen.texts, [b"hi".to_vec()]);
        assert!(seen.numbers.is_empty(), "a group's fields are not the message's");
    }

    #[test]
    fn refuses_what_protobuf_go_refuses() {
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
        let inside = |number: u64| {
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
            inside(MAX_FIELD_NUMBER).is_ok()
                && inside(MAX_FIELD_NUMBER + 1).is_ok()
                && inside(MAX_GROUP_NUMBER).is_ok()
        );
        assert!(inside(MAX_GROUP_NUMBER + 1).is_err() && inside(0).is_err());
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
}
