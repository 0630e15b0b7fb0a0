//! A `Payload` that carries a message: the input of a Nexus operation. Its metadata may come before or after its data.

use super::system_reason::OperationRefusal;
use crate::wire::DecodeError;
use crate::wire::protobuf::{Embedded, EmbeddedHandler, FieldAction, Reader, WireType};
use crate::work::Work;

/// The fields of `temporal.api.common.v1.Payload`, and those of an entry of its metadata.
const METADATA: u32 = 1;
const DATA: u32 = 2;
const KEY: u32 = 1;
const VALUE: u32 = 2;

/// The longest key or value of metadata that is read, in bytes. An encoding is shorter.
const MAX_METADATA: u64 = 1000;

/// Reads the data of a payload.
pub(super) trait DataReader {
    fn feed(&mut self, bytes: &[u8], work: &mut Work) -> Result<(), DecodeError>;

    /// Its size in memory, in bytes.
    fn size(&self) -> usize;
}

/// Reads one payload, in any chunking. Errors are reported at its end, because only then is its encoding known.
#[derive(Debug)]
pub(super) struct PayloadReader<D> {
    reader: Reader,
    payload: Payload<D>,
    is_undecodable: bool,
}

#[derive(Debug)]
struct Payload<D> {
    data: D,
    has_data: bool,
    data_error: Option<DecodeError>,
    encodings: Vec<Vec<u8>>,
    in_metadata: bool,
    /// The number of the field that is being read.
    field: u32,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<D: DataReader> PayloadReader<D> {
    pub(super) fn new(data: D) -> Self {
        let payload = Payload {
            data,
            has_data: false,
            data_error: None,
            encodings: Vec::new(),
            in_metadata: false,
            field: 0,
            key: Vec::new(),
            value: Vec::new(),
        };
        Self { reader: Reader::default(), payload, is_undecodable: false }
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// They take too much work.
    pub(super) fn feed(&mut self, bytes: &[u8], work: &mut Work) -> Result<(), DecodeError> {
        if self.is_undecodable {
            return Ok(());
        }
        match self.reader.feed(bytes, &mut Embedded { handler: &mut self.payload, work }) {
            Err(error @ DecodeError::Work(_)) => return Err(error),
            read => self.is_undecodable = read.is_err(),
        }
        Ok(())
    }

    /// Its size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let Payload { data, encodings, key, value, .. } = &self.payload;
        let mut size = size_of::<Self>().saturating_add(self.reader.heap_size()).saturating_add(data.size());
        for text in encodings.iter().chain([key, value]) {
            size = size.saturating_add(text.capacity());
        }
        size
    }

    /// The reader of the data, if the payload says that the data is protobuf; otherwise why the operation is refused.
    ///
    /// # Errors
    /// The data is protobuf and cannot be read.
    pub(super) fn finish(self) -> Result<Result<D, OperationRefusal>, DecodeError> {
        if self.is_undecodable || self.reader.finish().is_err() {
            return Ok(Err(OperationRefusal::UnreadableInput));
        }
        let Payload { data, data_error, encodings, .. } = self.payload;
        if encodings.len() != 1 || encodings.iter().any(|encoding| encoding != b"binary/protobuf") {
            return Ok(Err(OperationRefusal::InputEncoding));
        }
        data_error.map_or(Ok(Ok(data)), Err)
    }
}

impl<D: DataReader> EmbeddedHandler for Payload<D> {
    fn field(&mut self, number: u32, wire: WireType) -> Result<FieldAction, DecodeError> {
        self.field = number;
        Ok(match (self.in_metadata, number, wire) {
            (false, METADATA, WireType::LengthDelimited) => {
                self.in_metadata = true;
                FieldAction::Message
            }
            (false, DATA, WireType::LengthDelimited) if self.has_data => {
                return Err(DecodeError::DuplicatePayloadData);
            }
            (false, DATA, WireType::LengthDelimited) => FieldAction::Chunks,
            (true, KEY | VALUE, WireType::LengthDelimited) => FieldAction::Text { max: MAX_METADATA },
            _ => FieldAction::Skip,
        })
    }

    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        let text = if self.field == KEY { &mut self.key } else { &mut self.value };
        value.clone_into(text);
        Ok(())
    }

    fn chunk(&mut self, part: &[u8], _: bool, work: &mut Work) -> Result<(), DecodeError> {
        self.has_data = true;
        if self.data_error.is_none() {
            match self.data.feed(part, work) {
                Err(error @ DecodeError::Work(_)) => return Err(error),
                read => self.data_error = read.err(),
            }
        }
        Ok(())
    }

    fn end_message(&mut self) {
        self.in_metadata = false;
        let (key, value) = (std::mem::take(&mut self.key), std::mem::take(&mut self.value));
        // Two encodings already make the payload ambiguous.
        if key == b"encoding" && self.encodings.len() < 2 {
            self.encodings.push(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl DataReader for Vec<u8> {
        fn feed(&mut self, bytes: &[u8], _: &mut Work) -> Result<(), DecodeError> {
            self.extend_from_slice(bytes);
            if self.starts_with(b"bad") { Err(DecodeError::UnknownWireType) } else { Ok(()) }
        }

        fn size(&self) -> usize {
            self.capacity()
        }
    }

    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
    }

    fn metadata(key: &[u8], value: &[u8]) -> Vec<u8> {
        field(1, &[field(1, key), field(2, value)].concat())
    }

    fn read(parts: &[Vec<u8>]) -> Result<Result<Vec<u8>, OperationRefusal>, DecodeError> {
        let bytes = parts.concat();
        let read = |chunk: usize| {
            let mut reader = PayloadReader::new(Vec::new());
            bytes.chunks(chunk).try_for_each(|part| reader.feed(part, &mut Work::default()))?;
            reader.finish()
        };
        let whole = read(usize::MAX);
        for chunk in 1..bytes.len() {
            assert_eq!(read(chunk), whole, "in chunks of {chunk}");
        }
        whole
    }

    #[test]
    fn the_encoding_decides_whether_data_counts_before_or_after_it() {
        let (protobuf, data) = (metadata(b"encoding", b"binary/protobuf"), field(2, b"data"));
        assert_eq!(read(&[protobuf.clone(), data.clone()]), Ok(Ok(b"data".to_vec())));
        assert_eq!(read(&[data.clone(), metadata(b"messageType", b"x"), protobuf.clone()]), Ok(Ok(b"data".to_vec())));
        assert_eq!(read(&[field(1, &[field(2, b"binary/protobuf"), field(1, b"encoding")].concat())]), Ok(Ok(vec![])));
        for others in [
            vec![data.clone()],
            vec![metadata(b"encoding", b"json/protobuf"), data.clone()],
            vec![protobuf.clone(), protobuf.clone(), data.clone()],
            vec![protobuf.clone(), metadata(b"encoding", b"json/plain"), data.clone()],
            vec![data.clone(), data.clone(), protobuf.clone()],
            vec![protobuf.clone(), vec![0x12, 0x05]],
            vec![protobuf.clone(), data, vec![0xff]],
        ] {
            assert!(matches!(read(&others), Ok(Err(_))), "{others:?}");
        }
    }

    #[test]
    fn unreadable_data_is_refused_only_if_it_is_protobuf() {
        let (protobuf, bad) = (metadata(b"encoding", b"binary/protobuf"), field(2, b"bad"));
        assert!(read(&[bad.clone(), protobuf.clone()]).is_err() && read(&[protobuf, bad.clone()]).is_err());
        assert!(matches!(read(&[bad, metadata(b"encoding", b"binary/encrypted")]), Ok(Err(_))));
    }
}
