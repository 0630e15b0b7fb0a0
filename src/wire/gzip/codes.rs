//! Huffman codes of deflate (RFC 1951 §3.2.2), looked up by the next bits of the stream.

use super::CORRUPT;
use crate::wire::DecodeError;

/// The longest code, in bits.
const MAX_CODE_BITS: usize = 15;
/// Codes of at most this many bits are found by one look-up. Small tables are worth more than fast ones: most messages are
/// short, and each has tables of its own.
const FAST_BITS: u32 = 9;
const FAST_SIZE: usize = 1 << FAST_BITS;
/// The shortest code that takes more than one look-up, in bits.
const LONG: usize = FAST_BITS as usize + 1;

/// The codes of an alphabet of at most `N` symbols.
pub(super) struct Codes<const N: usize> {
    /// By the next [`FAST_BITS`] bits: the symbol times 16, plus the length of its code. Zero if no code of at most that many
    /// bits fits.
    fast: [u16; FAST_SIZE],
    /// How many codes there are of each length.
    counts: [u16; MAX_CODE_BITS + 1],
    /// The symbols in the order of their codes.
    symbols: [u16; N],
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

impl<const N: usize> Codes<N> {
    pub(super) const fn new() -> Self {
        Self { fast: [0; FAST_SIZE], counts: [0; MAX_CODE_BITS + 1], symbols: [0; N], first_long: (0, 0) }
    }

    /// Takes the lengths of the symbols' codes, 0 for symbols without a code.
    ///
    /// # Errors
    /// There are too many codes of some length, or too few. Like Go, this takes a single code of one bit, and no code at all
    /// (`huffmanDecoder.init` of `compress/flate`).
    pub(super) fn build(&mut self, lengths: &[u8]) -> Result<(), DecodeError> {
        self.counts = [0; MAX_CODE_BITS + 1];
        for length in lengths {
            let count = self.counts.get_mut(usize::from(*length)).ok_or(CORRUPT)?;
            *count = count.wrapping_add(1);
        }
        self.counts[0] = 0;
        // Where the symbols of each length begin.
        let mut starts = [0u16; MAX_CODE_BITS + 1];
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
        for (symbol, length) in (0u16..).zip(lengths) {
            if *length == 0 {
                continue;
            }
            let start = starts.get_mut(usize::from(*length)).ok_or(CORRUPT)?;
            *self.symbols.get_mut(usize::from(*start)).ok_or(CORRUPT)? = symbol;
            *start = start.wrapping_add(1);
        }
        self.fill_fast();
        Ok(())
    }

    fn fill_fast(&mut self) {
        self.fast = [0; FAST_SIZE];
        let mut symbols = self.symbols.iter();
        let mut code = 0u32;
        for (length, count) in (0u32..=FAST_BITS).zip(&self.counts) {
            for symbol in symbols.by_ref().take(usize::from(*count)) {
                // The stream has the first bit of a code lowest.
                let reversed = code.reverse_bits().wrapping_shr(32u32.wrapping_sub(length));
                let entry = symbol.wrapping_shl(4) | length as u16;
                let step = 1usize.wrapping_shl(length);
                self.fast.iter_mut().skip(reversed as usize).step_by(step).for_each(|place| *place = entry);
                code = code.wrapping_add(1);
            }
            code = code.wrapping_shl(1);
        }
        let index = self.counts.iter().take(LONG).map(|count| u32::from(*count)).sum();
        self.first_long = (code >> 1, index);
    }

    /// Decodes the next symbol from the lowest `available` bits, the first of which is the lowest.
    #[inline]
    pub(super) fn decode(&self, bits: u64, available: u32) -> Decoded {
        let entry = self.fast.get(bits as usize & (FAST_SIZE - 1)).copied().unwrap_or(0);
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
