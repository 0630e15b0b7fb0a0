//! Incremental gunzip as Go's `compress/gzip` does it: several members, checksums and lengths checked, nothing after the
//! last. Inflating is `miniz_oxide`'s; its window is reused from request to request.

mod header;

use std::cell::RefCell;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::DecodeError;
use header::Header;

/// Deflate's window. Wrapping output needs a power of two.
const WINDOW: usize = 32 << 10;
/// No honest encoder writes more than one; tiny members would cost far more than they carry.
const MAX_MEMBERS: u32 = 64;
/// A message may have this many blocks, and one more for each kilobyte of content. Encoders write one for tens of
/// kilobytes; each costs its tables, and blocks of a few bits would keep the thread busy for nothing.
const SPARE_BLOCKS: u64 = 64;
const BLOCK_CONTENT: u64 = 1024;
/// Headers and trailers may have this many bytes in all, and as many as the content and a sixteenth of it.
const SLACK: u64 = 4096;

const FLAGS: u32 = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;

const CORRUPT: DecodeError = DecodeError::CorruptGzip;

/// Decompresses one message.
pub struct Gunzip {
    /// How much content it may have, in bytes.
    max: u64,
    state: State,
    header: Header,
    /// `None` only while it is dropped.
    inflate: Option<Box<Inflate>>,
    members: u32,
    content: crc32fast::Hasher,
    member_length: u32,
    blocks: u64,
    /// Bytes of headers and trailers.
    envelope: u64,
    written: u64,
}

/// Which part of a member is being read.
#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    Deflate,
    Trailer { at: u8, value: u64 },
}

struct Inflate {
    engine: DecompressorOxide,
    window: [u8; WINDOW],
    at: usize,
}

thread_local! {
    /// Saves each request from allocating and clearing 43 KiB.
    static SPARE: RefCell<Option<Box<Inflate>>> = const { RefCell::new(None) };
}

impl Inflate {
    fn lend() -> Box<Self> {
        SPARE
            .with(|spare| spare.take())
            .unwrap_or_else(|| Box::new(Self { engine: DecompressorOxide::new(), window: [0; WINDOW], at: 0 }))
    }
}

impl Gunzip {
    /// A message of which nothing has arrived, with at most `max` bytes of content.
    pub fn new(max: u64) -> Self {
        Self {
            max,
            state: State::Header,
            header: Header::new(),
            inflate: Some(Inflate::lend()),
            members: 0,
            content: crc32fast::Hasher::new(),
            member_length: 0,
            blocks: 0,
            envelope: 0,
            written: 0,
        }
    }

    /// Reads the next compressed bytes and hands what they hold to `out`.
    ///
    /// # Errors
    /// The data is corrupt, holds more content than allowed, or `out` refuses its content.
    pub fn feed(
        &mut self,
        mut input: &[u8],
        mut out: impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        while let Some((&byte, rest)) = input.split_first() {
            if matches!(self.state, State::Deflate) {
                self.inflate(&mut input, &mut out)?;
                continue;
            }
            input = rest;
            self.envelope = self.envelope.saturating_add(1);
            self.check_effort()?;
            self.read_envelope(byte)?;
        }
        Ok(())
    }

    /// Refuses data that takes more work than its content can be worth. The result is the same in any chunking.
    fn check_effort(&self) -> Result<(), DecodeError> {
        let blocks = SPARE_BLOCKS.saturating_add(self.written.checked_div(BLOCK_CONTENT).unwrap_or(0));
        let bytes = SLACK.saturating_add(self.written).saturating_add(self.written >> 4);
        if self.blocks > blocks || self.envelope > bytes {
            return Err(DecodeError::GzipOverhead);
        }
        Ok(())
    }

    /// The compressed message has ended.
    ///
    /// # Errors
    /// It ended within a member, or before the first.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.state {
            State::Header if self.header.is_empty() && self.members > 0 => Ok(()),
            _ => Err(CORRUPT),
        }
    }

    /// One byte of a member's header or trailer.
    fn read_envelope(&mut self, byte: u8) -> Result<(), DecodeError> {
        self.state = match self.state {
            State::Header if self.members >= MAX_MEMBERS => return Err(CORRUPT),
            State::Header if self.header.push(byte)? => self.begin(),
            State::Header => State::Header,
            State::Trailer { at, value } => {
                let value = value | u64::from(byte).wrapping_shl(u32::from(at).saturating_mul(8));
                if at == 7 { self.end(value)? } else { State::Trailer { at: at.saturating_add(1), value } }
            }
            State::Deflate => State::Deflate,
        };
        Ok(())
    }

    fn begin(&mut self) -> State {
        if let Some(inflate) = &mut self.inflate {
            inflate.engine.init();
            inflate.at = 0;
        }
        self.content = crc32fast::Hasher::new();
        self.member_length = 0;
        State::Deflate
    }

    fn inflate(
        &mut self,
        input: &mut &[u8],
        out: &mut impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let Inflate { engine, window, at } = self.inflate.as_deref_mut().ok_or(CORRUPT)?;
        // Until the member has filled the window, the rest of it holds content of other members and requests, which no
        // distance may reach.
        let is_new = usize::try_from(self.member_length).is_ok_and(|length| length < WINDOW);
        let flags = if is_new { FLAGS | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF } else { FLAGS };
        let (status, read, written) = decompress(engine, input, window, *at, flags);
        *input = input.get(read..).ok_or(CORRUPT)?;
        let content = window.get(*at..).and_then(|rest| rest.get(..written)).ok_or(CORRUPT)?;
        *at = at.saturating_add(written) & (WINDOW.saturating_sub(1));
        self.written = self.written.saturating_add(written as u64);
        if self.written > self.max {
            return Err(DecodeError::TooLarge);
        }
        self.content.update(content);
        self.member_length = self.member_length.wrapping_add(u32::try_from(written).map_err(|_| CORRUPT)?);
        if !content.is_empty() {
            out(content)?;
        }
        match status {
            TINFLStatus::BlockBoundary => {
                self.blocks = self.blocks.saturating_add(1);
                self.check_effort()?;
            }
            TINFLStatus::Done => self.state = State::Trailer { at: 0, value: 0 },
            TINFLStatus::NeedsMoreInput if input.is_empty() => {}
            TINFLStatus::HasMoreOutput if written > 0 => {}
            _ => return Err(CORRUPT),
        }
        Ok(())
    }

    /// Compares the member's trailer with its content.
    fn end(&mut self, trailer: u64) -> Result<State, DecodeError> {
        let expected = u64::from(self.content.clone().finalize()) | u64::from(self.member_length).wrapping_shl(32);
        if trailer != expected {
            return Err(CORRUPT);
        }
        self.members = self.members.saturating_add(1);
        Ok(State::Header)
    }
}

impl Drop for Gunzip {
    fn drop(&mut self) {
        SPARE.with(|spare| spare.replace(self.inflate.take()));
    }
}

impl std::fmt::Debug for Gunzip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gunzip({:?}, written {})", self.state, self.written)
    }
}

#[cfg(test)]
mod tests;
