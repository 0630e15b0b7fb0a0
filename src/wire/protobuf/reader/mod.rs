//! The reader: a state machine over the bytes of one message.

use super::varint::Varint;
use super::{FieldAction, Handler, MAX_FIELD_NUMBER, WireType};
use crate::wire::DecodeError;

/// How deeply groups may be nested. protobuf-go's limit is 10,000.
const MAX_GROUPS: usize = 100;
/// The largest field number within a group, which protobuf-go skips without looking at its fields. Source:
/// `protowire.DecodeTag`.
const MAX_GROUP_NUMBER: u64 = (1 << 31) - 1;

/// Reads one message, in chunks of any size and in bounded memory.
#[derive(Debug)]
pub struct Reader {
    state: ReaderState,
    varint: Varint,
    /// The number of bytes read so far.
    position: u64,
    /// The messages and groups that are open, the innermost last.
    open: Vec<Container>,
    /// How many groups are open. No message opens within a group, so they are the innermost.
    groups: usize,
    /// The beginning of a text whose end has not arrived.
    text: Vec<u8>,
}

/// The item that is read next.
#[derive(Debug, Clone, Copy)]
enum ReaderState {
    Tag,
    Varint(FieldAction),
    Length(FieldAction),
    Skip {
        left: u64,
    },
    Text {
        left: u64,
    },
    /// `around` is for [`Work::leave`](crate::work::Work::leave).
    Chunks {
        left: u64,
        around: u64,
    },
}

/// A message or a group that is being read. `end` is the position at which the message, or the message around the
/// group, must end.
#[derive(Debug, Clone, Copy)]
enum Container {
    Message { end: u64 },
    Group { number: u64, end: u64 },
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            state: ReaderState::Tag,
            varint: Varint::default(),
            position: 0,
            open: Vec::new(),
            groups: 0,
            text: Vec::new(),
        }
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
                ReaderState::Tag => {
                    if let Some(tag) = self.read_varint(&mut input)? {
                        self.read_tag(tag, handler)?;
                    }
                }
                ReaderState::Varint(action) => {
                    if let Some(value) = self.read_varint(&mut input)? {
                        self.state = ReaderState::Tag;
                        if action == FieldAction::Varint {
                            handler.varint(value);
                        }
                        self.close_messages(handler)?;
                    }
                }
                ReaderState::Length(action) => {
                    if let Some(length) = self.read_varint(&mut input)? {
                        self.read_length(length, action, handler)?;
                    }
                }
                ReaderState::Skip { left } => {
                    let left = left.saturating_sub(self.take(left, &mut input).len() as u64);
                    self.state = if left == 0 { ReaderState::Tag } else { ReaderState::Skip { left } };
                    if left == 0 {
                        self.close_messages(handler)?;
                    }
                }
                ReaderState::Chunks { left, around } => {
                    let part = self.take(left, &mut input);
                    let left = left.saturating_sub(part.len() as u64);
                    self.state = if left == 0 { ReaderState::Tag } else { ReaderState::Chunks { left, around } };
                    handler.chunk(part, left == 0)?;
                    if left == 0 {
                        handler.work().leave(around);
                        self.close_messages(handler)?;
                    }
                }
                ReaderState::Text { left } => {
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
                    self.state = if left == 0 { ReaderState::Tag } else { ReaderState::Text { left } };
                    if left == 0 {
                        self.close_messages(handler)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// How many bytes of memory the reader holds between two chunks, apart from its own size.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.text.capacity().saturating_add(self.open.capacity().saturating_mul(size_of::<Container>()))
    }

    /// The message has ended.
    ///
    /// # Errors
    /// It ended within a field or a group.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.state {
            ReaderState::Tag if self.open.is_empty() && self.varint.is_empty() => Ok(()),
            _ => Err(DecodeError::EndsWithinField),
        }
    }

    fn read_tag(&mut self, tag: u64, handler: &mut impl Handler) -> Result<(), DecodeError> {
        handler.work().field(self.position)?;
        let number = tag >> 3;
        let in_group = matches!(self.open.last(), Some(Container::Group { .. }));
        if number == 0 || number > if in_group { MAX_GROUP_NUMBER } else { MAX_FIELD_NUMBER } {
            return Err(DecodeError::FieldNumberOutOfRange);
        }
        let mut action = |wire_type| match u32::try_from(number) {
            Ok(number) if !in_group => handler.field(number, wire_type),
            _ => Ok(FieldAction::Skip),
        };
        match tag & 7 {
            0 => self.state = ReaderState::Varint(action(WireType::Varint)?),
            2 => self.state = ReaderState::Length(action(WireType::LengthDelimited)?),
            1 | 5 => {
                action(WireType::Other)?;
                self.skip(if tag & 7 == 1 { 8 } else { 4 })?;
            }
            3 => {
                action(WireType::Other)?;
                self.open_group(number)?;
            }
            4 => {
                match self.open.pop() {
                    Some(Container::Group { number: opened, .. }) if opened == number => {
                        self.groups = self.groups.saturating_sub(1);
                    }
                    _ => return Err(DecodeError::UnmatchedEndGroup),
                }
                self.close_messages(handler)?;
            }
            _ => return Err(DecodeError::UnknownWireType),
        }
        Ok(())
    }

    fn read_length(&mut self, length: u64, action: FieldAction, handler: &mut impl Handler) -> Result<(), DecodeError> {
        match action {
            FieldAction::Message => {
                let end = self.value_end(length)?;
                self.open.push(Container::Message { end });
                self.state = ReaderState::Tag;
                self.close_messages(handler)
            }
            FieldAction::Text { max } => {
                self.value_end(length)?;
                if length > max {
                    return Err(DecodeError::TextTooLong { max });
                }
                if length > 0 {
                    self.state = ReaderState::Text { left: length };
                    return Ok(());
                }
                handler.text(&[])?;
                self.state = ReaderState::Tag;
                self.close_messages(handler)
            }
            FieldAction::Chunks => {
                self.value_end(length)?;
                if length > 0 {
                    let around = handler.work().enter(self.position);
                    self.state = ReaderState::Chunks { left: length, around };
                    return Ok(());
                }
                handler.chunk(&[], true)?;
                self.state = ReaderState::Tag;
                self.close_messages(handler)
            }
            FieldAction::Skip | FieldAction::Varint => {
                self.skip(length)?;
                self.close_messages(handler)
            }
        }
    }

    fn skip(&mut self, length: u64) -> Result<(), DecodeError> {
        self.value_end(length)?;
        self.state = if length == 0 { ReaderState::Tag } else { ReaderState::Skip { left: length } };
        Ok(())
    }

    fn open_group(&mut self, number: u64) -> Result<(), DecodeError> {
        if self.groups >= MAX_GROUPS {
            return Err(DecodeError::GroupsTooDeep);
        }
        self.groups = self.groups.saturating_add(1);
        self.open.push(Container::Group { number, end: self.enclosing_end() });
        self.state = ReaderState::Tag;
        Ok(())
    }

    /// Closes every message that ends at this position.
    fn close_messages(&mut self, handler: &mut impl Handler) -> Result<(), DecodeError> {
        if !matches!(self.state, ReaderState::Tag) {
            return Ok(());
        }
        while let Some(container) = self.open.last() {
            match container {
                Container::Message { end } if *end == self.position => {
                    self.open.pop();
                    handler.end_message();
                }
                Container::Group { end, .. } if *end == self.position => {
                    return Err(DecodeError::GroupWithoutEnd);
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// The position where a value of this length ends, which must be within the enclosing message.
    fn value_end(&self, length: u64) -> Result<u64, DecodeError> {
        match self.position.checked_add(length) {
            Some(end) if end <= self.enclosing_end() => Ok(end),
            _ => Err(DecodeError::FieldBeyondMessage),
        }
    }

    /// The position where the innermost message ends; the outermost has no end yet.
    fn enclosing_end(&self) -> u64 {
        match self.open.last() {
            Some(Container::Message { end } | Container::Group { end, .. }) => *end,
            None => u64::MAX,
        }
    }

    /// At most `max` bytes off the front of the input.
    fn take<'a>(&mut self, max: u64, input: &mut &'a [u8]) -> &'a [u8] {
        let length = usize::try_from(max).unwrap_or(usize::MAX).min(input.len());
        let (part, rest) = input.split_at_checked(length).unwrap_or((input, &[]));
        *input = rest;
        self.position = self.position.saturating_add(part.len() as u64);
        part
    }

    /// The next varint; `None` while more bytes are needed.
    fn read_varint(&mut self, input: &mut &[u8]) -> Result<Option<u64>, DecodeError> {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            self.position = self.position.saturating_add(1);
            if self.position > self.enclosing_end() {
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
mod tests;
