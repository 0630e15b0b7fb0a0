//! An incremental protobuf reader: bytes in any chunking, decisions by a [`Handler`], bounded memory.
//!
//! It accepts what protobuf-go accepts (`encoding/protowire`), except groups nested a hundred levels deep.

mod reader;
mod varint;

use super::DecodeError;

pub use reader::Reader;
pub use varint::{take_varint, write_field, write_varint};

/// How a field is encoded, by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
    /// Integers, booleans and enums.
    Varint,
    /// Strings, bytes, messages and packed lists.
    LengthDelimited,
    /// Fixed-size numbers and groups, which no handler asks for.
    Other,
}

/// What to do with a field. An action that does not fit the [`WireType`] skips the field, as protobuf decoders skip an
/// unknown one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldAction {
    Skip,
    /// Pass its value to [`Handler::varint`].
    Varint,
    /// Pass its bytes to [`Handler::text`] at once; refuse more than `max` of them.
    Text {
        max: u64,
    },
    /// Pass its bytes to [`Handler::chunk`] as they arrive.
    Chunks,
    /// It is a message: read its fields.
    Message,
}

/// Decides what is read.
pub trait Handler {
    /// A field of the current message begins.
    ///
    /// # Errors
    /// The message is refused.
    fn field(&mut self, number: u32, wire_type: WireType) -> Result<FieldAction, DecodeError>;
    /// The value of a field with [`FieldAction::Varint`].
    fn varint(&mut self, _value: u64) {}
    /// The value of a field with [`FieldAction::Text`].
    ///
    /// # Errors
    /// The message is refused.
    fn text(&mut self, _value: &[u8]) -> Result<(), DecodeError> {
        Ok(())
    }
    /// A part of a field with [`FieldAction::Chunks`], and whether it is the last. There is at least one.
    ///
    /// # Errors
    /// The message is refused.
    fn chunk(&mut self, _part: &[u8], _last: bool) -> Result<(), DecodeError> {
        Ok(())
    }
    /// The message that [`FieldAction::Message`] entered ends.
    fn end_message(&mut self) {}
}

/// Lets handlers that are rarely used share one reader's code.
impl Handler for &mut dyn Handler {
    fn field(&mut self, number: u32, wire_type: WireType) -> Result<FieldAction, DecodeError> {
        (**self).field(number, wire_type)
    }

    fn varint(&mut self, value: u64) {
        (**self).varint(value);
    }

    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        (**self).text(value)
    }

    fn chunk(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
        (**self).chunk(part, last)
    }

    fn end_message(&mut self) {
        (**self).end_message();
    }
}
