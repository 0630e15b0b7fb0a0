//! The checksum of gzip (RFC 1952 §8): CRC-32, eight bytes at a time.

/// The reversed polynomial.
const POLYNOMIAL: u32 = 0xedb8_8320;
/// For each byte, what it adds to the checksum if this many bytes follow it in the same step.
const TABLES: [[u32; 256]; 8] = tables();

/// The checksum of the bytes that it was updated with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checksum {
    /// The checksum, inverted.
    rest: u32,
}

impl Checksum {
    pub(super) const EMPTY: Self = Self { rest: u32::MAX };

    pub(super) fn update(&mut self, bytes: &[u8]) {
        let (words, end) = bytes.as_chunks::<8>();
        let mut rest = self.rest;
        for word in words {
            let [a, b, c, d, e, f, g, h] = (u64::from_le_bytes(*word) ^ u64::from(rest)).to_le_bytes();
            rest = add(7, a) ^ add(6, b) ^ add(5, c) ^ add(4, d) ^ add(3, e) ^ add(2, f) ^ add(1, g) ^ add(0, h);
        }
        for byte in end {
            rest = add(0, rest as u8 ^ byte) ^ rest >> 8;
        }
        self.rest = rest;
    }

    pub(super) fn value(self) -> u32 {
        !self.rest
    }
}

/// What a byte adds to the checksum if this many bytes follow it. There are tables for at most seven.
#[inline]
fn add(following: usize, byte: u8) -> u32 {
    TABLES.get(following).and_then(|table| table.get(usize::from(byte))).copied().unwrap_or_default()
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "evaluated when this is compiled, where a panic is an error"
)]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut rest = byte as u32;
        let mut bits = 0;
        while bits < 8 {
            rest = if rest & 1 == 1 { rest >> 1 ^ POLYNOMIAL } else { rest >> 1 };
            bits += 1;
        }
        tables[0][byte] = rest;
        byte += 1;
    }
    let mut following = 1;
    while following < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[following - 1][byte];
            tables[following][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        following += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_zlib_in_any_chunks() {
        let bytes: Vec<u8> = (0..1000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for size in [1, 3, 7, 8, 9, 64, 1000] {
            let (mut ours, mut zlib) = (Checksum::EMPTY, flate2::Crc::new());
            assert_eq!(ours.value(), 0);
            for part in bytes.chunks(size) {
                ours.update(part);
                zlib.update(part);
                assert_eq!(ours.value(), zlib.sum(), "in chunks of {size}");
            }
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        let mut checksum = Checksum::EMPTY;
        checksum.update(b"123456789");
        assert_eq!(checksum.value(), 0xcbf4_3926);
    }
}
