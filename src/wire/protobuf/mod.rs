//! An incremental protobuf reader: it takes bytes in chunks of any size, asks a [`Handler`] what to do with each field,
//! and uses bounded memory.
//!
//! It accepts what protobuf-go accepts (`encoding/protowire`), except groups nested more than a hundred levels deep.

mod fields;
mod reader;
mod varint;

use super::DecodeError;
use crate::work::Work;

pub use fields::{FieldValue, NotFields, RawField, fields};
pub use reader::Reader;
pub use varint::{take_varint, write_field, write_varint};

/// Source: `protowire.MaxValidNumber`.
const MAX_FIELD_NUMBER: u64 = (1 << 29) - 1;

/// The encoding of a field, from its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
    /// Integers, booleans and enums.
    Varint,
    /// Strings, bytes, messages and packed lists.
    LengthDelimited,
    /// Fixed-size numbers and groups, which no handler asks for.
    Other,
}

/// What to do with a field. An action that does not fit the [`WireType`] skips the field, as protobuf decoders skip
/// unknown fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldAction {
    Skip,
    /// Pass the value to [`Handler::varint`].
    Varint,
    /// Pass all bytes to [`Handler::text`] at once; refuse more than `max` bytes.
    Text {
        max: u64,
    },
    /// Pass the bytes to [`Handler::chunk`] as they arrive.
    Chunks,
    /// The field is a message: read its fields.
    Message,
}

/// Decides which fields are read, and takes their values.
pub trait Handler {
    /// The work that the whole request may still cause.
    fn work(&mut self) -> &mut Work;
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
    /// A part of a field with [`FieldAction::Chunks`], and whether it is the last. An empty field has one empty part.
    ///
    /// # Errors
    /// The message is refused.
    fn chunk(&mut self, _part: &[u8], _last: bool) -> Result<(), DecodeError> {
        Ok(())
    }
    /// The end of a message that was entered by [`FieldAction::Message`].
    fn end_message(&mut self) {}
}

/// Takes the fields of a message that is embedded in another, whose work it shares. Such handlers also share one copy of the
/// reader's code, as they are rarely used.
pub struct Embedded<'a> {
    pub handler: &'a mut dyn EmbeddedHandler,
    pub work: &'a mut Work,
}

/// A [`Handler`] without a [`Work`] of its own.
pub trait EmbeddedHandler {
    /// See [`Handler::field`].
    ///
    /// # Errors
    /// The message is refused.
    fn field(&mut self, number: u32, wire_type: WireType) -> Result<FieldAction, DecodeError>;
    /// See [`Handler::varint`].
    fn varint(&mut self, _value: u64) {}
    /// See [`Handler::text`].
    ///
    /// # Errors
    /// The message is refused.
    fn text(&mut self, _value: &[u8]) -> Result<(), DecodeError> {
        Ok(())
    }
    /// See [`Handler::chunk`].
    ///
    /// # Errors
    /// The message is refused.
    fn chunk(&mut self, part: &[u8], last: bool, work: &mut Work) -> Result<(), DecodeError>;
    /// See [`Handler::end_message`].
    fn end_message(&mut self) {}
}

impl Handler for Embedded<'_> {
    fn work(&mut self) -> &mut Work {
        self.work
    }

    fn field(&mut self, number: u32, wire_type: WireType) -> Result<FieldAction, DecodeError> {
        self.handler.field(number, wire_type)
    }

    fn varint(&mut self, value: u64) {
        self.handler.varint(value);
    }

    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        self.handler.text(value)
    }

    fn chunk(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
        self.handler.chunk(part, last, self.work)
    }

    fn end_message(&mut self) {
        self.handler.end_message();
    }
}
