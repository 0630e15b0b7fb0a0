//! Inflates deflate data (RFC 1951) in any chunking, and accepts what Go's `compress/flate` accepts.

use super::CORRUPT;
use super::bits::{Bits, END_OF_BLOCK, FIXED_DISTANCES, MAX_DISTANCES};
use super::codes::{Codes, MAX_SYMBOLS};
use super::matches::{WINDOW, copy};
use crate::wire::DecodeError;

/// How many literals and lengths a block may have codes for. Source: `maxNumLit` of `compress/flate`.
const MAX_LITERALS: usize = 286;
/// How many code lengths a block may list.
const MAX_CODE_LENGTHS: usize = MAX_LITERALS + MAX_DISTANCES;
/// The order in which a block lists the lengths of its code-length codes (RFC 1951 §3.2.7).
const LENGTH_ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Inflates one stream after another. It is large, so it is lent from request to request.
pub(super) struct Inflater {
    window: [u8; WINDOW],
    /// Where the next byte of content goes.
    position: usize,
    /// Where the content that has not been taken begins.
    taken: usize,
    /// Whether the stream has filled the window. Before that, no distance may reach back beyond the start of the stream.
    is_filled: bool,
    bits: Bits,
    step: Step,
    is_last_block: bool,
    literals: Codes,
    /// The codes for distances. While a block's code lengths are read, the codes for these lengths.
    distances: Codes,
    /// The lengths of a block's codes, as far as they have been read.
    code_lengths: [u8; MAX_CODE_LENGTHS],
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum Step {
    BlockHeader,
    StoredLength,
    Stored {
        left: usize,
    },
    /// How many lengths of each kind follow.
    Counts,
    LengthCodes {
        counts: Counts,
        index: usize,
    },
    CodeLengths {
        counts: Counts,
        index: usize,
    },
    Symbols,
    Copy {
        left: usize,
        distance: usize,
    },
    Done,
}

/// How many codes a block has.
#[derive(Debug, Clone, Copy)]
struct Counts {
    literals: usize,
    distances: usize,
    code_length_codes: usize,
}

/// Why inflating stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// All input was read.
    NeedsInput,
    /// The window is full of content.
    Full,
    /// A block has ended, and another follows.
    BlockEnd,
    /// The stream has ended.
    Done,
}

impl Inflater {
    pub(super) const fn new() -> Self {
        Self {
            window: [0; WINDOW],
            position: 0,
            taken: 0,
            is_filled: false,
            bits: Bits::NONE,
            step: Step::BlockHeader,
            is_last_block: false,
            literals: Codes::new(),
            distances: Codes::new(),
            code_lengths: [0; MAX_CODE_LENGTHS],
        }
    }

    /// Begins a message.
    pub(super) fn begin_message(&mut self) {
        self.bits = Bits::NONE;
    }

    /// Begins a stream of the message.
    pub(super) fn begin_stream(&mut self) {
        (self.position, self.taken, self.is_filled) = (0, 0, false);
        (self.step, self.is_last_block) = (Step::BlockHeader, false);
    }

    /// Takes a byte after the end of the stream that was already read from the input.
    pub(super) fn unused_byte(&mut self) -> Option<u8> {
        self.bits.take_byte()
    }

    /// The content since the last call.
    pub(super) fn take_content(&mut self) -> &[u8] {
        let content = self.window.get(self.taken..self.position).unwrap_or_default();
        if self.position == WINDOW {
            (self.position, self.is_filled) = (0, true);
        }
        self.taken = self.position;
        content
    }

    /// Inflates as much as possible. The content must be taken each time, even after an error.
    ///
    /// # Errors
    /// The data is not deflate.
    pub(super) fn run(&mut self, input: &mut &[u8]) -> Result<Stop, DecodeError> {
        loop {
            let stop = match self.step {
                Step::BlockHeader => self.block_header(input)?,
                Step::StoredLength => self.stored_length(input)?,
                Step::Stored { left } => Some(self.stored(left, input)),
                Step::Counts => self.counts(input)?,
                Step::LengthCodes { counts, index } => self.length_codes(counts, index, input)?,
                Step::CodeLengths { counts, index } => self.read_code_lengths(counts, index, input)?,
                Step::Symbols => Some(self.symbols(input)?),
                Step::Copy { left, distance } => {
                    // The content was taken, so the window has room for the rest of any match.
                    self.position = self.position.saturating_add(copy(&mut self.window, self.position, left, distance));
                    self.step = Step::Symbols;
                    None
                }
                Step::Done => Some(Stop::Done),
            };
            if let Some(stop) = stop {
                return Ok(stop);
            }
        }
    }

    fn block_header(&mut self, input: &mut &[u8]) -> Result<Option<Stop>, DecodeError> {
        self.bits.refill(input);
        if self.bits.count() < 3 {
            return Ok(Some(Stop::NeedsInput));
        }
        self.is_last_block = self.bits.take(1) == 1;
        self.step = match self.bits.take(2) {
            0 => {
                self.bits.align();
                Step::StoredLength
            }
            1 => {
                self.build_fixed()?;
                Step::Symbols
            }
            2 => Step::Counts,
            _ => return Err(CORRUPT),
        };
        Ok(None)
    }

    fn build_fixed(&mut self) -> Result<(), DecodeError> {
        let mut lengths = [8; MAX_SYMBOLS];
        lengths.iter_mut().skip(144).take(112).for_each(|length| *length = 9);
        lengths.iter_mut().skip(256).take(24).for_each(|length| *length = 7);
        self.literals.build(&lengths)?;
        self.distances.build(&[5; FIXED_DISTANCES])
    }

    fn stored_length(&mut self, input: &mut &[u8]) -> Result<Option<Stop>, DecodeError> {
        self.bits.refill(input);
        if self.bits.count() < 32 {
            return Ok(Some(Stop::NeedsInput));
        }
        let (left, complement) = (self.bits.take(16), self.bits.take(16));
        if left ^ complement != 0xffff {
            return Err(CORRUPT);
        }
        self.step = Step::Stored { left };
        Ok(None)
    }

    fn stored(&mut self, mut left: usize, input: &mut &[u8]) -> Stop {
        while left > 0 {
            let room = self.window.get_mut(self.position..).unwrap_or_default();
            let copied = if let Some(byte) = self.bits.take_byte() {
                room.first_mut().map_or(0, |place| {
                    *place = byte;
                    1
                })
            } else {
                let length = left.min(room.len()).min(input.len());
                if let (Some(room), Some((part, rest))) = (room.get_mut(..length), input.split_at_checked(length)) {
                    room.copy_from_slice(part);
                    *input = rest;
                }
                length
            };
            self.position = self.position.saturating_add(copied);
            left = left.saturating_sub(copied);
            self.step = Step::Stored { left };
            if self.position == WINDOW {
                return Stop::Full;
            }
            if copied == 0 {
                return Stop::NeedsInput;
            }
        }
        self.end_block()
    }

    fn end_block(&mut self) -> Stop {
        if self.is_last_block {
            self.bits.align();
            self.step = Step::Done;
            Stop::Done
        } else {
            self.step = Step::BlockHeader;
            Stop::BlockEnd
        }
    }

    fn counts(&mut self, input: &mut &[u8]) -> Result<Option<Stop>, DecodeError> {
        self.bits.refill(input);
        if self.bits.count() < 14 {
            return Ok(Some(Stop::NeedsInput));
        }
        let literals = self.bits.take(5).saturating_add(257);
        let distances = self.bits.take(5).saturating_add(1);
        let code_length_codes = self.bits.take(4).saturating_add(4);
        if literals > MAX_LITERALS || distances > MAX_DISTANCES {
            return Err(CORRUPT);
        }
        self.code_lengths = [0; MAX_CODE_LENGTHS];
        self.step = Step::LengthCodes { counts: Counts { literals, distances, code_length_codes }, index: 0 };
        Ok(None)
    }

    fn length_codes(&mut self, counts: Counts, from: usize, input: &mut &[u8]) -> Result<Option<Stop>, DecodeError> {
        for (index, symbol) in LENGTH_ORDER.iter().enumerate().take(counts.code_length_codes).skip(from) {
            self.bits.refill(input);
            if self.bits.count() < 3 {
                self.step = Step::LengthCodes { counts, index };
                return Ok(Some(Stop::NeedsInput));
            }
            *self.code_lengths.get_mut(usize::from(*symbol)).ok_or(CORRUPT)? = self.bits.take(3) as u8;
        }
        let lengths = self.code_lengths.first_chunk_mut::<{ LENGTH_ORDER.len() }>().ok_or(CORRUPT)?;
        self.distances.build(lengths)?;
        lengths.fill(0);
        self.step = Step::CodeLengths { counts, index: 0 };
        Ok(None)
    }

    fn read_code_lengths(
        &mut self,
        counts: Counts,
        mut index: usize,
        input: &mut &[u8],
    ) -> Result<Option<Stop>, DecodeError> {
        let all = counts.literals.saturating_add(counts.distances);
        // A copy stays in registers.
        let mut bits = self.bits;
        while index < all {
            bits.refill(input);
            let Some((symbol, repeated)) = bits.take_code_length(&self.distances)? else {
                self.bits = bits;
                self.step = Step::CodeLengths { counts, index };
                return Ok(Some(Stop::NeedsInput));
            };
            let length = match symbol {
                0..=15 => symbol as u8,
                16 => *index.checked_sub(1).and_then(|before| self.code_lengths.get(before)).ok_or(CORRUPT)?,
                _ => 0,
            };
            let end = index.saturating_add(repeated);
            if end > all {
                return Err(CORRUPT);
            }
            if let (Some(place), 1) = (self.code_lengths.get_mut(index), repeated) {
                *place = length;
            } else if length != 0 {
                // They are zero before.
                self.code_lengths.get_mut(index..end).ok_or(CORRUPT)?.fill(length);
            }
            index = end;
        }
        self.bits = bits;
        let (literals, distances) = self
            .code_lengths
            .get(..all)
            .and_then(|lengths| lengths.split_at_checked(counts.literals))
            .ok_or(CORRUPT)?;
        self.literals.build(literals)?;
        self.distances.build(distances)?;
        self.step = Step::Symbols;
        Ok(None)
    }

    /// Reads literals and matches until the block ends, the window is full, or input is needed.
    fn symbols(&mut self, input: &mut &[u8]) -> Result<Stop, DecodeError> {
        // Copies stay in registers.
        let Self { window, literals, distances, .. } = self;
        let (mut bits, mut position) = (self.bits, self.position);
        let stop = loop {
            let Some(place) = window.get_mut(position) else { break Ok(Stop::Full) };
            bits.refill(input);
            if let Some(literal) = bits.take_short_literal(literals) {
                *place = literal;
                position = position.wrapping_add(1);
                continue;
            }
            let refilled = bits;
            let symbol = match bits.take_symbol(literals) {
                Ok(Some(symbol)) => symbol,
                Ok(None) => break Ok(Stop::NeedsInput),
                Err(error) => break Err(error),
            };
            if symbol < END_OF_BLOCK {
                *place = symbol as u8;
                position = position.saturating_add(1);
                continue;
            }
            if symbol == END_OF_BLOCK {
                (self.bits, self.position) = (bits, position);
                return Ok(self.end_block());
            }
            let (length, distance) = match bits.take_match(symbol, distances) {
                Ok(Some(found)) => found,
                Ok(None) => {
                    // The match is read again from its start.
                    bits = refilled;
                    break Ok(Stop::NeedsInput);
                }
                Err(error) => break Err(error),
            };
            if distance > position && !self.is_filled {
                break Err(CORRUPT);
            }
            let copied = copy(window, position, length, distance);
            position = position.saturating_add(copied);
            if copied < length {
                self.step = Step::Copy { left: length.saturating_sub(copied), distance };
                break Ok(Stop::Full);
            }
        };
        (self.bits, self.position) = (bits, position);
        stop
    }
}
