//! Reads fields by name, as HTTP requests give them. The values go the same way as those of protobuf.

use super::super::http::Parameters;
use super::super::schema::{EnumNames, WatchedField, is_key_of};
use super::super::target::NewerPart;
use super::super::target::Target;
use super::{RequestReader, RequestScan, json, parameters};
use crate::wire::DecodeError;
use crate::wire::http::HttpFault;
use crate::wire::protobuf::{FieldAction, Handler, WireType};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A field of the message that is being read.
#[derive(Debug, Clone, Copy)]
pub(super) enum NamedField {
    /// The request's own namespace.
    OwnNamespace,
    /// A watched field, with its index among the watched fields of the message.
    Watched(usize, &'static WatchedField),
    /// A field on which no decision depends, by its name in the API.
    Other(&'static str),
    /// A field that the method table does not know.
    Unknown,
}

/// A value as HTTP requests give it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

impl NamedField {
    /// Whether both are the same field. Unknown fields are not the same as any other.
    pub(super) fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::OwnNamespace, Self::OwnNamespace) => true,
            (Self::Watched(index, _), Self::Watched(other, _)) => index == other,
            (Self::Other(name), Self::Other(other)) => name == other,
            _ => false,
        }
    }
}

impl RequestReader {
    /// Ends the request, of which nothing was read before: it is in the parameters and, if the route has a body, in these bytes.
    ///
    /// # Errors
    /// The server would not decode it, or two readers could read it differently.
    pub fn finish_http(mut self, parameters: &Parameters, body: Option<&[u8]>) -> Result<Target, DecodeError> {
        match body {
            Some(body) => json::read(&mut self.scan, body, &parameters.path)?,
            None => parameters::read(&mut self.scan, parameters)?,
        }
        Ok(self.scan.target())
    }
}

impl RequestScan {
    /// The field of the innermost message that this key names.
    pub(super) fn named(&self, key: &str) -> NamedField {
        let Some(open) = self.open_messages.last() else { return NamedField::Unknown };
        if self.open_messages.len() == 1 && self.method.namespace_field != 0 && key == "namespace" {
            return NamedField::OwnNamespace;
        }
        let mut watched = open.message.fields.iter().enumerate();
        if let Some((index, field)) = watched.find(|(_, field)| is_key_of(key, field.name)) {
            return NamedField::Watched(index, field);
        }
        let mut others = open.message.others.split(' ').filter(|name| !name.is_empty());
        others.find(|name| is_key_of(key, name)).map_or(NamedField::Unknown, NamedField::Other)
    }

    /// Notes a field that the method table does not know.
    pub(super) fn note_unknown(&mut self) {
        if let Some(open) = self.open_messages.last() {
            self.newer.add(NewerPart { message: open.message.name, field: 0, value: None });
        }
    }

    /// Takes the request's own namespace.
    pub(super) fn put_own_namespace(&mut self, namespace: &str) -> Result<(), DecodeError> {
        self.put(self.method.namespace_field, Value::Text(namespace))
    }

    /// Takes a text or a number as the value of a field.
    pub(super) fn put(&mut self, number: u32, value: Value<'_>) -> Result<(), DecodeError> {
        let wire = match value {
            Value::Text(_) => WireType::LengthDelimited,
            Value::Number(_) => WireType::Varint,
        };
        match (self.field(number, wire)?, value) {
            (FieldAction::Text { max }, Value::Text(text)) => {
                if text.len() as u64 > max {
                    return Err(DecodeError::TextTooLong { max });
                }
                self.text(text.as_bytes())
            }
            (FieldAction::Varint, Value::Number(number)) => {
                self.varint(number);
                Ok(())
            }
            (FieldAction::Skip, _) => Ok(()),
            // The shape of the field and the action of the reader agree.
            _ => Err(HttpFault::JsonValue.into()),
        }
    }

    /// Takes the value of a field of bytes, in either alphabet of base64.
    pub(super) fn put_base64(&mut self, number: u32, text: &str) -> Result<(), DecodeError> {
        let bytes = decode_base64(text).ok_or(HttpFault::Base64)?;
        match self.field(number, WireType::LengthDelimited)? {
            FieldAction::Chunks => self.chunk(&bytes, true),
            FieldAction::Skip => Ok(()),
            _ => Err(HttpFault::JsonValue.into()),
        }
    }

    /// Enters a message; `false` if its fields do not matter. The caller ends it.
    pub(super) fn enter(&mut self, number: u32) -> Result<bool, DecodeError> {
        Ok(self.field(number, WireType::LengthDelimited)? == FieldAction::Message)
    }
}

/// The number of an enum's value, as protobuf would write it.
pub(super) fn enum_number(names: &EnumNames, text: &str) -> Option<Value<'static>> {
    names.value(text).map(number_of)
}

pub(super) fn number_of(value: i32) -> Value<'static> {
    // protobuf writes negative numbers with 64 bits; readers keep the low 32.
    Value::Number(i64::from(value) as u64)
}

/// Decodes base64 as protobuf-go does: in the alphabet of URLs if a character is only in that one, with padding or without it.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ENGINE: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let alphabet = if text.contains(['-', '_']) { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    GeneralPurpose::new(alphabet, ENGINE).decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_of_base64_are_read() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(decode_base64(text), Some(vec![0xfb, 0xff]), "{text}");
        }
        for text in ["+_8=", "+/8==", "a", "====", "*", " +/8=", "+/\n8="] {
            assert_eq!(decode_base64(text), None, "{text}");
        }
        assert_eq!(decode_base64(""), Some(vec![]));
    }
}
