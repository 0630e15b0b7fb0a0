//! gRPC's length-prefixed messages (`doc/PROTOCOL-HTTP2.md` of grpc): exactly one in a request.

use super::DecodeError;
use super::gzip::Gunzip;

/// grpc-go's default limit for the size of a message (`MaxRecvMsgSize`), before and after decompression. Temporal's
/// frontend does not change it.
pub const MAX_MESSAGE: u64 = 4 << 20;

/// How a message may be compressed, as `grpc-encoding` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// A message whose flag says so is gzip.
    Gzip,
}

/// The body of a unary call: takes bytes in any chunking and hands on the message's content.
#[derive(Debug)]
pub struct Body {
    encoding: Encoding,
    state: State,
    flag: u8,
    gunzip: Option<Gunzip>,
}

#[derive(Debug)]
enum State {
    Prefix { at: u8, length: u32 },
    Message { left: u32 },
    Whole,
}

impl Body {
    /// A body of which nothing has arrived.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, state: State::Prefix { at: 0, length: 0 }, flag: 0, gunzip: None }
    }

    /// Whether the message has arrived whole. It counts from then on: a unary handler runs without waiting for
    /// END_STREAM.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.state, State::Whole)
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// The framing or the compression is wrong, there is more than one message, it is too large, or `out` refuses it.
    pub fn feed(
        &mut self,
        mut input: &[u8],
        mut out: impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        while let Some((&byte, rest)) = input.split_first() {
            match self.state {
                State::Prefix { at, length } => {
                    input = rest;
                    self.prefix(at, length, byte)?;
                }
                State::Message { left } => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let (part, after) = input.split_at_checked(most).unwrap_or((input, &[]));
                    input = after;
                    match &mut self.gunzip {
                        Some(gunzip) => gunzip.feed(part, &mut out)?,
                        None => out(part)?,
                    }
                    self.remain(left.saturating_sub(u32::try_from(part.len()).unwrap_or(u32::MAX)))?;
                }
                State::Whole => return Err(DecodeError::SecondMessage),
            }
        }
        Ok(())
    }

    fn prefix(&mut self, at: u8, length: u32, byte: u8) -> Result<(), DecodeError> {
        if at == 0 {
            self.flag = byte;
            self.state = State::Prefix { at: 1, length: 0 };
            return Ok(());
        }
        let length = length.wrapping_shl(8) | u32::from(byte);
        if at < 4 {
            self.state = State::Prefix { at: at.saturating_add(1), length };
            return Ok(());
        }
        // In grpc-go's order, so that a message with two faults gets its answer.
        if u64::from(length) > MAX_MESSAGE {
            return Err(DecodeError::TooLarge);
        }
        self.gunzip = match (self.flag, self.encoding) {
            (0, _) => None,
            (1, Encoding::Gzip) => Some(Gunzip::new(MAX_MESSAGE)),
            (1, Encoding::Identity) => return Err(DecodeError::CompressedWithoutEncoding),
            _ => return Err(DecodeError::UnknownMessageFlag),
        };
        self.remain(length)
    }

    fn remain(&mut self, left: u32) -> Result<(), DecodeError> {
        self.state = State::Message { left };
        if left == 0 {
            if let Some(gunzip) = self.gunzip.take() {
                gunzip.finish()?;
            }
            self.state = State::Whole;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], encoding: Encoding, chunk: usize) -> Result<(Vec<u8>, bool), DecodeError> {
        let mut body = Body::new(encoding);
        let mut content = Vec::new();
        for part in bytes.chunks(chunk) {
            body.feed(part, |bytes| {
                content.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        Ok((content, body.is_whole()))
    }

    fn read_all(bytes: &[u8], encoding: Encoding) -> Result<(Vec<u8>, bool), DecodeError> {
        let whole = read(bytes, encoding, usize::MAX);
        for chunk in 1..=bytes.len() {
            assert_eq!(read(bytes, encoding, chunk), whole);
        }
        whole
    }

    #[test]
    fn one_message_whole_or_not_yet() {
        assert_eq!(read_all(b"\0\0\0\0\x02hi", Encoding::Gzip).unwrap(), (b"hi".to_vec(), true));
        assert_eq!(read_all(b"\0\0\0\0\0", Encoding::Identity).unwrap(), (vec![], true));
        assert_eq!(read_all(b"\0\0\0\0\x03hi", Encoding::Identity).unwrap(), (b"hi".to_vec(), false));
        assert_eq!(read_all(b"\0\0\0\0", Encoding::Identity).unwrap(), (vec![], false));
    }

    #[test]
    fn faults_of_framing() {
        assert!(read_all(b"\0\0\0\0\x02hi\0", Encoding::Identity).is_err(), "anything after the message");
        assert!(read_all(b"\x01\0\0\0\x02hi", Encoding::Identity).is_err(), "compressed by nothing");
        assert!(read_all(b"\x02\0\0\0\x02hi", Encoding::Gzip).is_err());
        assert!(read_all(b"\x01\0\0\0\0", Encoding::Gzip).is_err(), "no member at all");
        assert_eq!(read_all(b"\0\0\x40\0\x01", Encoding::Identity), Err(DecodeError::TooLarge));
        assert_eq!(read_all(b"\0\0\x40\0\0", Encoding::Identity).unwrap(), (vec![], false));
    }
}
