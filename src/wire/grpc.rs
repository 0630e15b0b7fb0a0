//! gRPC's length-prefixed messages (`doc/PROTOCOL-HTTP2.md` of grpc). A unary request has exactly one.

use super::DecodeError;
use super::gzip::Gunzip;
use crate::work::Work;

/// grpc-go's default limit for the size of a message in bytes (`MaxRecvMsgSize`), before and after decompression.
/// Temporal's frontend does not change it.
pub const MAX_MESSAGE: u64 = 4 << 20;

/// How many compressed bytes are collected before they are inflated, unless the message is complete. A decompressor holds
/// tens of kilobytes, whereas most messages are shorter than this.
const BATCH: usize = 16 << 10;

/// The compression that `grpc-encoding` announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// No message is compressed.
    Identity,
    /// A message with the compressed flag is gzip.
    Gzip,
}

/// The body of a unary call. It takes bytes in chunks of any size and passes on the content of the message.
#[derive(Debug)]
pub struct Body {
    encoding: Encoding,
    state: FrameState,
    flag: u8,
    /// Present while a compressed message is read.
    gunzip: Option<Box<Gunzip>>,
    /// Compressed bytes that have not been inflated.
    compressed: Vec<u8>,
    /// What inflating may cost, until it begins.
    work: Work,
}

#[derive(Debug)]
enum FrameState {
    /// The flag and the length. `index` is that of the next byte.
    Prefix {
        index: u8,
        length: u32,
    },
    Message {
        left: u32,
    },
    Complete,
}

impl Body {
    /// The body of a call with this encoding. Inflating it spends from this work.
    #[must_use]
    pub fn new(encoding: Encoding, work: Work) -> Self {
        let state = FrameState::Prefix { index: 0, length: 0 };
        Self { encoding, state, flag: 0, gunzip: None, compressed: Vec::new(), work }
    }

    /// Whether the whole message has arrived. From then on it counts: a unary handler runs without waiting for
    /// END_STREAM.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.state, FrameState::Complete)
    }

    /// Whether nothing has arrived.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.state, FrameState::Prefix { index: 0, .. })
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// The framing or the compression is wrong, there is a second message, the message is too large, or `out` refuses
    /// its content.
    pub fn feed(
        &mut self,
        mut input: &[u8],
        mut out: impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        while let Some((&byte, rest)) = input.split_first() {
            match self.state {
                FrameState::Prefix { index, length } => {
                    input = rest;
                    self.read_prefix(index, length, byte)?;
                }
                FrameState::Message { left } => {
                    let available = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let (part, after) = input.split_at_checked(available).unwrap_or((input, &[]));
                    input = after;
                    let left = left.saturating_sub(u32::try_from(part.len()).unwrap_or(u32::MAX));
                    match &mut self.gunzip {
                        Some(gunzip) => inflate(gunzip, &mut self.compressed, part, left == 0, &mut out)?,
                        None => out(part)?,
                    }
                    self.set_remaining(left)?;
                }
                FrameState::Complete => return Err(DecodeError::SecondMessage),
            }
        }
        Ok(())
    }

    /// How many bytes of memory the body holds between two chunks, apart from its own size.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.compressed.capacity().saturating_add(self.gunzip.as_ref().map_or(0, |gunzip| gunzip.heap_size()))
    }

    fn read_prefix(&mut self, index: u8, length: u32, byte: u8) -> Result<(), DecodeError> {
        if index == 0 {
            self.flag = byte;
            self.state = FrameState::Prefix { index: 1, length: 0 };
            return Ok(());
        }
        let length = length.wrapping_shl(8) | u32::from(byte);
        if index < 4 {
            self.state = FrameState::Prefix { index: index.saturating_add(1), length };
            return Ok(());
        }
        // Checked in grpc-go's order, so that a message with two faults gets the same answer.
        if u64::from(length) > MAX_MESSAGE {
            return Err(DecodeError::TooLarge);
        }
        self.gunzip = match (self.flag, self.encoding) {
            (0, _) => None,
            (1, Encoding::Gzip) => Some(Box::new(Gunzip::new(MAX_MESSAGE, std::mem::take(&mut self.work)))),
            (1, Encoding::Identity) => return Err(DecodeError::CompressedWithoutEncoding),
            _ => return Err(DecodeError::UnknownMessageFlag),
        };
        self.set_remaining(length)
    }

    fn set_remaining(&mut self, left: u32) -> Result<(), DecodeError> {
        self.state = FrameState::Message { left };
        if left == 0 {
            if let Some(gunzip) = self.gunzip.take() {
                gunzip.finish()?;
            }
            self.state = FrameState::Complete;
        }
        Ok(())
    }
}

/// Inflates the next bytes of a message, once there are enough of them or they are the last.
fn inflate(
    gunzip: &mut Gunzip,
    compressed: &mut Vec<u8>,
    part: &[u8],
    is_last: bool,
    out: &mut impl FnMut(&[u8]) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    if compressed.is_empty() && (is_last || part.len() >= BATCH) {
        return gunzip.feed(part, out);
    }
    compressed.extend_from_slice(part);
    if is_last || compressed.len() >= BATCH {
        gunzip.feed(&std::mem::take(compressed), out)?;
    }
    Ok(())
}

/// The message in a frame, uncompressed, which is valid whatever `grpc-encoding` says.
#[must_use]
pub fn frame(message: &[u8]) -> Vec<u8> {
    // A longer message does not fit into a module's memory either.
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0], length.to_be_bytes().as_slice(), message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], encoding: Encoding, chunk: usize) -> Result<(Vec<u8>, bool), DecodeError> {
        let mut body = Body::new(encoding, Work::default());
        let mut content = Vec::new();
        for part in bytes.chunks(chunk) {
            body.feed(part, |bytes| {
                content.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((content, body.is_complete()))
    }

    fn read_all(bytes: &[u8], encoding: Encoding) -> Result<(Vec<u8>, bool), DecodeError> {
        let whole = read(bytes, encoding, usize::MAX);
        for chunk in 1..=bytes.len() {
            assert_eq!(read(bytes, encoding, chunk), whole);
        }
        whole
    }

    #[test]
    fn a_message_is_complete_when_its_last_byte_has_arrived() {
        assert_eq!(read_all(b"\0\0\0\0\x02hi", Encoding::Gzip).unwrap(), (b"hi".to_vec(), true));
        assert_eq!(read_all(b"\0\0\0\0\0", Encoding::Identity).unwrap(), (vec![], true));
        assert_eq!(read_all(b"\0\0\0\0\x03hi", Encoding::Identity).unwrap(), (b"hi".to_vec(), false));
        assert_eq!(read_all(b"\0\0\0\0", Encoding::Identity).unwrap(), (vec![], false));
    }

    #[test]
    fn framing_errors_are_refused() {
        assert!(read_all(b"\0\0\0\0\x02hi\0", Encoding::Identity).is_err(), "anything after the message");
        assert!(read_all(b"\x01\0\0\0\x02hi", Encoding::Identity).is_err(), "compressed without an encoding");
        assert!(read_all(b"\x02\0\0\0\x02hi", Encoding::Gzip).is_err());
        assert!(read_all(b"\x01\0\0\0\0", Encoding::Gzip).is_err(), "no gzip member");
        assert_eq!(read_all(b"\0\0\x40\0\x01", Encoding::Identity), Err(DecodeError::TooLarge));
        assert_eq!(read_all(b"\0\0\x40\0\0", Encoding::Identity).unwrap(), (vec![], false));
    }
}
