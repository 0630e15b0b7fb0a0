//! Huffman codes of deflate (RFC 1951 §3.2.2), looked up by the next bits of the stream.

use super::CORRUPT;
use crate::wire::DecodeError;

/// The longest code, in bits. As a mask, it leaves every length as it is.
const MAX_CODE_BITS: u8 = 15;
/// How many lengths there are, with 0.
const LENGTHS: usize = MAX_CODE_BITS as usize + 1;
/// Codes of at most this many bits are found by one look-up. Small tables are worth more than fast ones: most messages are
/// short, and each has tables of its own.
const FAST_BITS: u32 = 9;
const FAST_SIZE: usize = 1 << FAST_BITS;
/// The shortest code that takes more than one look-up, in bits.
const LONG: usize = FAST_BITS as usize + 1;

/// The symbols of the largest alphabet: the fixed code for literals and lengths, whose last two are never used.
pub(super) const MAX_SYMBOLS: usize = 288;

/// The codes of an alphabet of at most [`MAX_SYMBOLS`] symbols.
pub(super) struct Codes {
    /// By the next bits, of which [`Codes::fast_mask`] takes as many as the table needs: the symbol times 16, plus the length of
    /// its code. Zero if no code of at most that many bits fits.
    fast: [u16; FAST_SIZE],
    fast_mask: u16,
    /// How many codes there are of each length.
    counts: [u16; LENGTHS],
    /// The symbols in the order of their codes.
    symbols: [u16; MAX_SYMBOLS],
    /// After all codes of at most [`FAST_BITS`] bits: the next code of that length, and the index of the next symbol.
    first_long: (u32, u32),
}

/// What the next bits stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A symbol, and how many bits its code has.
    Symbol(usize, u32),
    /// There are too few bits.
    Incomplete,
    /// No code begins with these bits.
    Unknown,
}

impl Codes {
    pub(super) const fn new() -> Self {
        Self { fast: [0; FAST_SIZE], fast_mask: 0, counts: [0; LENGTHS], symbols: [0; MAX_SYMBOLS], first_long: (0, 0) }
    }

    /// Takes the lengths of the symbols' codes: 0 for symbols without a code, and at most 15.
    ///
    /// # Errors
    /// There are too many codes of some length, or too few. Like Go, this takes a single code of one bit, and no code at all
    /// (`huffmanDecoder.init` of `compress/flate`).
    pub(super) fn build(&mut self, lengths: &[u8]) -> Result<(), DecodeError> {
        self.counts = [0; LENGTHS];
        for_each_used(lengths, |_, length| {
            if let Some(count) = self.counts.get_mut(usize::from(length & MAX_CODE_BITS)) {
                *count = count.wrapping_add(1);
            }
        });
        // Where the symbols of each length begin.
        let mut starts = [0u16; LENGTHS];
        let (mut unused, mut total) = (1i32, 0u16);
        for (start, count) in starts.iter_mut().zip(&self.counts).skip(1) {
            unused = unused.wrapping_shl(1).wrapping_sub(i32::from(*count));
            if unused < 0 {
                return Err(CORRUPT);
            }
            *start = total;
            total = total.wrapping_add(*count);
        }
        if unused > 0 && total > 0 && !(total == 1 && self.counts[1] == 1) {
            return Err(CORRUPT);
        }
        for_each_used(lengths, |symbol, length| {
            if let Some(start) = starts.get_mut(usize::from(length & MAX_CODE_BITS)) {
                if let Some(place) = self.symbols.get_mut(usize::from(*start)) {
                    *place = symbol;
                }
                *start = start.wrapping_add(1);
            }
        });
        self.fill_fast();
        Ok(())
    }

    /// Fills the table length by length. Each step doubles it, because a shorter code stands for the same symbol whatever bit
    /// follows it.
    fn fill_fast(&mut self) {
        let mut symbols = self.symbols.iter();
        // The stream has the first bit of a code lowest, so codes are counted with their bits reversed.
        let (mut code, mut size, mut filled) = (0u32, 1u32, 1usize);
        self.fast[0] = 0;
        for (length, count) in (0u16..).zip(&self.counts).take(LONG).skip(1) {
            size = size.wrapping_shl(1);
            if *count == 0 {
                continue;
            }
            while filled < size as usize {
                self.fast.copy_within(..filled, filled);
                filled = filled.wrapping_shl(1);
            }
            for symbol in symbols.by_ref().take(usize::from(*count)) {
                if let Some(place) = self.fast.get_mut(code as usize) {
                    *place = symbol.wrapping_shl(4) | length;
                }
                code = next_reversed(code, size);
            }
        }
        self.fast_mask = filled.wrapping_sub(1) as u16;
        self.first_long = (0u32..).zip(&self.counts).take(LONG).fold((0, 0), |(code, index), (length, count)| {
            let count = u32::from(*count);
            (count.wrapping_shl(FAST_BITS.wrapping_sub(length)).wrapping_add(code), count.wrapping_add(index))
        });
    }

    /// A literal that the next bits stand for, and how many bits its code has: the most frequent case, found fast. `None` says
    /// nothing.
    #[inline]
    pub(super) fn short_literal(&self, bits: u64, available: u32) -> Option<(u8, u32)> {
        let entry = self.fast_entry(bits);
        let length = u32::from(entry & 15);
        // One comparison rules out both zero and the symbols from 256 on.
        let is_literal = entry.wrapping_sub(1) < (256 << 4) - 1;
        if is_literal && length <= available { Some(((entry >> 4) as u8, length)) } else { None }
    }

    #[inline]
    fn fast_entry(&self, bits: u64) -> u16 {
        self.fast.get(bits as usize & usize::from(self.fast_mask) & (FAST_SIZE - 1)).copied().unwrap_or(0)
    }

    /// Decodes the next symbol from the lowest `available` bits, the first of which is the lowest.
    #[inline]
    pub(super) fn decode(&self, bits: u64, available: u32) -> Decoded {
        let entry = self.fast_entry(bits);
        let length = u32::from(entry & 15);
        match entry {
            0 => self.decode_long(bits, available),
            _ if length > available => Decoded::Incomplete,
            _ => Decoded::Symbol(usize::from(entry >> 4), length),
        }
    }

    #[inline(never)]
    fn decode_long(&self, mut bits: u64, available: u32) -> Decoded {
        let (mut first, mut index) = self.first_long;
        let mut code = (bits as u32).reverse_bits() >> (32 - FAST_BITS);
        bits >>= FAST_BITS;
        if available < FAST_BITS {
            return Decoded::Incomplete;
        }
        for (length, count) in (0u32..).zip(&self.counts).skip(LONG) {
            if length > available {
                return Decoded::Incomplete;
            }
            let count = u32::from(*count);
            code = code.wrapping_shl(1) | (bits & 1) as u32;
            first = first.wrapping_shl(1);
            bits >>= 1;
            let offset = code.wrapping_sub(first);
            if offset < count {
                let symbol = self.symbols.get(index.wrapping_add(offset) as usize).copied().unwrap_or_default();
                return Decoded::Symbol(usize::from(symbol), length);
            }
            index = index.wrapping_add(count);
            first = first.wrapping_add(count);
        }
        Decoded::Unknown
    }
}

/// The code after this one, both with their bits reversed and of the length that `size` codes have. The last one stays.
#[inline]
fn next_reversed(code: u32, size: u32) -> u32 {
    let zeros = !code & size.wrapping_sub(1);
    // A carry clears the ones above the highest zero.
    let carry = (1u32 << 31).wrapping_shr(zeros.leading_zeros());
    if zeros == 0 { code } else { code & carry.wrapping_sub(1) | carry }
}

/// Calls `f` with every symbol that has a code, and the length of its code. Most symbols have none.
#[inline]
fn for_each_used(lengths: &[u8], mut f: impl FnMut(u16, u8)) {
    let (words, rest) = lengths.as_chunks::<8>();
    let mut first = 0u16;
    for word in words {
        let mut left = u64::from_le_bytes(*word);
        while left != 0 {
            let shift = left.trailing_zeros() & !7;
            let length = left.wrapping_shr(shift) as u8;
            left ^= u64::from(length).wrapping_shl(shift);
            f(first.wrapping_add(shift as u16 >> 3), length);
        }
        first = first.wrapping_add(8);
    }
    (first..).zip(rest).filter(|(_, length)| **length != 0).for_each(|(symbol, length)| f(symbol, *length));
}
