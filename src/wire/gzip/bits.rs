//! The bits of a deflate stream, and what they say: symbols, repeated lengths, matches (RFC 1951 §3.2).

use super::CORRUPT;
use super::codes::{Codes, Decoded};
use crate::wire::DecodeError;

/// How many distances a block may have codes for. Source: `maxNumDist` of `compress/flate`.
pub(super) const MAX_DISTANCES: usize = 30;
/// The symbols of the fixed code for distances, of which the last two are never used.
pub(super) const FIXED_DISTANCES: usize = 32;
pub(super) const END_OF_BLOCK: usize = 256;

/// The smallest length that each symbol from 257 on stands for, and how many extra bits follow it.
const MATCH_LENGTHS: [u16; 29] =
    [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258];
const MATCH_LENGTH_BITS: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
/// The same for distances.
const DISTANCES: [u16; MAX_DISTANCES] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
];
const DISTANCE_BITS: [u8; MAX_DISTANCES] =
    [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

/// Bits that were read and not used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits {
    /// The next bit is the lowest. Above `count`, there may be bits of the next byte of the input.
    value: u64,
    count: u32,
}

impl Bits {
    pub(super) const NONE: Self = Self { value: 0, count: 0 };

    /// Reads as many bytes as fit. Unless the input ends, at least 48 bits are there then, as many as the longest match takes.
    #[inline]
    pub(super) fn refill(&mut self, input: &mut &[u8]) {
        if self.count >= 48 {
            return;
        }
        if let Some((word, _)) = input.split_first_chunk::<8>() {
            self.value |= u64::from_le_bytes(*word).wrapping_shl(self.count);
            let bytes = 63u32.wrapping_sub(self.count) >> 3;
            *input = input.get(bytes as usize..).unwrap_or_default();
            self.count = self.count.wrapping_add(bytes.wrapping_shl(3));
            return;
        }
        while self.count <= 56
            && let Some((byte, rest)) = input.split_first()
        {
            *input = rest;
            self.value |= u64::from(*byte).wrapping_shl(self.count);
            self.count = self.count.wrapping_add(8);
        }
    }

    /// How many bits there are.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Takes bits that are there.
    #[inline]
    pub(super) fn take(&mut self, count: u32) -> usize {
        let value = self.value & 1u64.wrapping_shl(count).wrapping_sub(1);
        self.value = self.value.wrapping_shr(count);
        self.count = self.count.wrapping_sub(count);
        value as usize
    }

    pub(super) fn take_byte(&mut self) -> Option<u8> {
        if self.count < 8 {
            // What follows is read from the input directly.
            *self = Self::NONE;
            return None;
        }
        Some(self.take(8) as u8)
    }

    /// Drops the rest of a byte.
    pub(super) fn align(&mut self) {
        self.take(self.count & 7);
        self.value &= 1u64.wrapping_shl(self.count).wrapping_sub(1);
    }

    /// The next symbol. `None` if there are too few bits, none of which is taken then.
    #[inline]
    pub(super) fn take_symbol(&mut self, codes: &Codes) -> Result<Option<usize>, DecodeError> {
        match codes.decode(self.value, self.count) {
            Decoded::Symbol(symbol, length) => {
                self.take(length);
                Ok(Some(symbol))
            }
            Decoded::Incomplete => Ok(None),
            Decoded::Unknown => Err(CORRUPT),
        }
    }

    /// Takes a literal with a short code, if one is next.
    #[inline]
    pub(super) fn take_short_literal(&mut self, codes: &Codes) -> Option<u8> {
        let (literal, length) = codes.short_literal(self.value, self.count)?;
        self.take(length);
        Some(literal)
    }

    /// The number that a symbol stands for: its smallest value, plus the value of this many extra bits. `None` if there are too
    /// few bits.
    #[inline]
    fn take_number(&mut self, least: usize, bits: u32) -> Option<usize> {
        (self.count >= bits).then(|| self.take(bits).saturating_add(least))
    }

    /// The next symbol of the code for code lengths, and how many of them it stands for. `None` if there are too few bits, none of
    /// which is taken then.
    pub(super) fn take_code_length(&mut self, codes: &Codes) -> Result<Option<(usize, usize)>, DecodeError> {
        let mut rest = *self;
        let Some(symbol) = rest.take_symbol(codes)? else { return Ok(None) };
        let (least, bits) = match symbol {
            0..=15 => (1, 0),
            16 => (3, 2),
            17 => (3, 3),
            _ => (11, 7),
        };
        let Some(repeated) = rest.take_number(least, bits) else { return Ok(None) };
        *self = rest;
        Ok(Some((symbol, repeated)))
    }

    /// The length and the distance of a match that begins with this symbol. `None` if there are too few bits.
    #[inline]
    pub(super) fn take_match(
        &mut self,
        symbol: usize,
        distances: &Codes,
    ) -> Result<Option<(usize, usize)>, DecodeError> {
        let (least, bits) = entry(&MATCH_LENGTHS, &MATCH_LENGTH_BITS, symbol.wrapping_sub(END_OF_BLOCK + 1))?;
        let Some(length) = self.take_number(least, bits) else { return Ok(None) };
        let Some(symbol) = self.take_symbol(distances)? else { return Ok(None) };
        let (least, bits) = entry(&DISTANCES, &DISTANCE_BITS, symbol)?;
        Ok(self.take_number(least, bits).map(|distance| (length, distance)))
    }
}

/// The smallest number that a symbol stands for, and how many extra bits follow it.
#[inline]
fn entry(least: &[u16], bits: &[u8], index: usize) -> Result<(usize, u32), DecodeError> {
    match (least.get(index), bits.get(index)) {
        (Some(least), Some(bits)) => Ok((usize::from(*least), u32::from(*bits))),
        _ => Err(CORRUPT),
    }
}
