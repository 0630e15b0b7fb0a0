//! Incremental gunzip that accepts what Go's `compress/gzip` accepts: one or more members with correct checksums and
//! lengths, and no data after the last.

mod bits;
mod checksum;
mod codes;
mod header;
mod inflate;
mod matches;

use std::cell::RefCell;

use super::DecodeError;
use crate::work::{Piece, Work};
use checksum::Checksum;
use header::Header;
use inflate::{Inflater, Stop};

/// No honest encoder writes more than one member, and tiny members would cost far more than their content is worth.
const MAX_MEMBERS: u32 = 64;
/// A message may have this many blocks, and one more for each kilobyte of content. Encoders write a block for tens of
/// kilobytes. Each block costs the building of its tables, so blocks of a few bits would keep the thread busy.
const FREE_BLOCKS: u64 = 64;
const CONTENT_PER_BLOCK: u64 = 1024;
/// Headers and trailers together may have this many bytes, plus 17/16 of the content's size.
const FREE_OVERHEAD: u64 = 4096;

const CORRUPT: DecodeError = DecodeError::CorruptGzip;

/// Decompresses one message.
pub struct Gunzip {
    /// The limit for the content, in bytes.
    max: u64,
    state: GunzipState,
    header: Header,
    /// `None` before the first content, and while this is dropped.
    inflater: Option<Box<Inflater>>,
    members: u32,
    content: Checksum,
    member_length: u32,
    blocks: u64,
    /// Whether the block that comes next has not been paid for.
    is_block_unpaid: bool,
    /// Bytes of headers and trailers.
    overhead: u64,
    written: u64,
    work: Work,
}

/// Which part of a member is being read.
#[derive(Debug, Clone, Copy)]
enum GunzipState {
    Header,
    Deflate,
    /// `index` is that of the next byte.
    Trailer {
        index: u8,
        value: u64,
    },
}

thread_local! {
    /// Saves each request from allocating and clearing 35 KiB.
    static SPARE: RefCell<Option<Box<Inflater>>> = const { RefCell::new(None) };
}

/// An inflater that another message has left behind, or a new one.
fn spare() -> Box<Inflater> {
    let mut inflater = SPARE.with(|spare| spare.take()).unwrap_or_else(|| Box::new(Inflater::new()));
    inflater.begin_message();
    inflater
}

impl Gunzip {
    /// Decompresses a message with at most `max` bytes of content, and spends from this work.
    pub fn new(max: u64, work: Work) -> Self {
        Self {
            max,
            state: GunzipState::Header,
            header: Header::new(),
            inflater: None,
            members: 0,
            content: Checksum::EMPTY,
            member_length: 0,
            blocks: 0,
            is_block_unpaid: false,
            overhead: 0,
            written: 0,
            work,
        }
    }

    /// Reads the next compressed bytes and passes their content to `out`.
    ///
    /// # Errors
    /// The data is corrupt, has more content or overhead than allowed, or `out` refuses its content.
    pub fn feed(
        &mut self,
        mut input: &[u8],
        mut out: impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.work.arrived(input.len());
        loop {
            if matches!(self.state, GunzipState::Deflate) {
                if self.inflate(&mut input, &mut out)? == Stop::NeedsInput {
                    return Ok(());
                }
                continue;
            }
            let unused = self.inflater.as_mut().and_then(|inflater| inflater.unused_byte());
            let Some(byte) = unused.or_else(|| take_byte(&mut input)) else { return Ok(()) };
            self.overhead = self.overhead.saturating_add(1);
            self.work.spend(Piece::Overhead, 1)?;
            self.check_overhead()?;
            self.read_header_or_trailer(byte)?;
        }
    }

    /// How many bytes of memory this holds between two chunks.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        if self.inflater.is_some() { size_of::<Inflater>() } else { 0 }
    }

    /// Refuses data that takes more work than its content can justify. The result does not depend on the size of
    /// chunks.
    fn check_overhead(&self) -> Result<(), DecodeError> {
        let blocks = FREE_BLOCKS.saturating_add(self.written.checked_div(CONTENT_PER_BLOCK).unwrap_or(0));
        let bytes = FREE_OVERHEAD.saturating_add(self.written).saturating_add(self.written >> 4);
        if self.blocks > blocks || self.overhead > bytes {
            return Err(DecodeError::GzipOverhead);
        }
        Ok(())
    }

    /// The compressed message has ended.
    ///
    /// # Errors
    /// It ended within a member, or has no member.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.state {
            GunzipState::Header if self.header.is_empty() && self.members > 0 => Ok(()),
            _ => Err(CORRUPT),
        }
    }

    fn read_header_or_trailer(&mut self, byte: u8) -> Result<(), DecodeError> {
        self.state = match self.state {
            GunzipState::Header if self.members >= MAX_MEMBERS => return Err(CORRUPT),
            GunzipState::Header if self.header.push(byte)? => self.begin_member(),
            GunzipState::Header => GunzipState::Header,
            GunzipState::Trailer { index, value } => {
                let value = value | u64::from(byte).wrapping_shl(u32::from(index).saturating_mul(8));
                if index == 7 {
                    self.end_member(value)?
                } else {
                    GunzipState::Trailer { index: index.saturating_add(1), value }
                }
            }
            GunzipState::Deflate => GunzipState::Deflate,
        };
        Ok(())
    }

    fn begin_member(&mut self) -> GunzipState {
        self.inflater.get_or_insert_with(spare).begin_stream();
        self.is_block_unpaid = true;
        self.content = Checksum::EMPTY;
        self.member_length = 0;
        GunzipState::Deflate
    }

    fn inflate(
        &mut self,
        input: &mut &[u8],
        out: &mut impl FnMut(&[u8]) -> Result<(), DecodeError>,
    ) -> Result<Stop, DecodeError> {
        let inflater = self.inflater.as_deref_mut().ok_or(CORRUPT)?;
        if std::mem::take(&mut self.is_block_unpaid) {
            self.work.spend(Piece::Block, 1)?;
        }
        let stop = inflater.run(input);
        let content = inflater.take_content();
        self.work.spend(Piece::Byte, content.len())?;
        // What comes before a fault is read first, so that the result does not depend on the size of chunks.
        let room = usize::try_from(self.max.saturating_sub(self.written)).unwrap_or(usize::MAX);
        let allowed = content.get(..room).unwrap_or(content);
        if !allowed.is_empty() {
            out(allowed)?;
        }
        if content.len() > room {
            return Err(DecodeError::TooLarge);
        }
        self.written = self.written.saturating_add(content.len() as u64);
        self.content.update(content);
        self.member_length = self.member_length.wrapping_add(u32::try_from(content.len()).map_err(|_| CORRUPT)?);
        let stop = stop?;
        match stop {
            Stop::BlockEnd => {
                self.blocks = self.blocks.saturating_add(1);
                self.is_block_unpaid = true;
                self.check_overhead()?;
            }
            Stop::Done => self.state = GunzipState::Trailer { index: 0, value: 0 },
            Stop::NeedsInput | Stop::Full => {}
        }
        Ok(stop)
    }

    /// Compares the member's trailer with its content.
    fn end_member(&mut self, trailer: u64) -> Result<GunzipState, DecodeError> {
        let expected = u64::from(self.content.value()) | u64::from(self.member_length).wrapping_shl(32);
        if trailer != expected {
            return Err(CORRUPT);
        }
        self.members = self.members.saturating_add(1);
        Ok(GunzipState::Header)
    }
}

fn take_byte(input: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = input.split_first()?;
    *input = rest;
    Some(*byte)
}

impl Drop for Gunzip {
    fn drop(&mut self) {
        if let Some(inflater) = self.inflater.take() {
            SPARE.with(|spare| spare.replace(Some(inflater)));
        }
    }
}

impl std::fmt::Debug for Gunzip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gunzip({:?}, written {})", self.state, self.written)
    }
}

#[cfg(test)]
mod tests;
