//! Varints, and the length-delimited fields that are written with them.

use crate::wire::DecodeError;

/// Takes a varint off the front of `bytes`; `None` if they do not begin with a complete varint.
pub fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut varint = Varint::default();
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if let Some(value) = varint.push(*byte).ok()? {
            return Some(value);
        }
    }
}

pub fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Writes a length-delimited field: bytes, a string or a message.
pub fn write_field(bytes: &mut Vec<u8>, number: u32, value: &[u8]) {
    write_varint(bytes, u64::from(number) << 3 | 2);
    write_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// Assembles a varint byte by byte. It has at most ten bytes, and the tenth is at most 1. Overlong encodings are valid
/// (`protowire.ConsumeVarint`).
#[derive(Debug, Default)]
pub(super) struct Varint {
    value: u64,
    shift: u32,
}

impl Varint {
    pub(super) fn is_empty(&self) -> bool {
        self.shift == 0
    }

    /// Takes the next byte. Returns the value if the byte was the last.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<u64>, DecodeError> {
        if self.shift == 63 && byte > 1 {
            return Err(DecodeError::VarintTooLong);
        }
        self.value |= u64::from(byte & 0x7f).wrapping_shl(self.shift);
        if byte < 0x80 {
            let value = self.value;
            *self = Self::default();
            return Ok(Some(value));
        }
        self.shift = self.shift.saturating_add(7);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_varints_are_read_back() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            write_varint(&mut bytes, value);
            bytes.push(7);
            let mut rest = bytes.as_slice();
            assert_eq!((take_varint(&mut rest), rest), (Some(value), &[7][..]));
        }
        assert_eq!(take_varint(&mut &[0x80][..]), None);
        assert_eq!(take_varint(&mut &[[0xff; 9].as_slice(), &[2]].concat()[..]), None);
    }

    #[test]
    fn a_field_is_its_tag_its_length_and_its_bytes() {
        let mut bytes = Vec::new();
        write_field(&mut bytes, 16, &[b'x'; 200]);
        assert_eq!((bytes.get(..4), bytes.len()), (Some(&[0x82, 0x01, 0xc8, 0x01][..]), 204));
    }
}
