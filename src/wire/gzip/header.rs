//! The header of a gzip member, byte by byte (RFC 1952 §2.3).

use super::CORRUPT;
use crate::wire::DecodeError;

/// Go reads a name or comment into 512 bytes, its terminator included (`gzip.Reader.readString`).
const MAX_TEXT: u32 = 512;

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

pub(super) struct Header {
    part: Part,
    flags: u8,
    digest: crc32fast::Hasher,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    /// The ten bytes that every header has.
    Fixed {
        at: u8,
    },
    ExtraLength {
        at: u8,
        length: u16,
    },
    Extra {
        left: u16,
    },
    Name {
        at: u32,
    },
    Comment {
        at: u32,
    },
    HeaderCrc {
        at: u8,
        value: u16,
    },
}

impl Header {
    pub(super) fn new() -> Self {
        Self { part: Part::Fixed { at: 0 }, flags: 0, digest: crc32fast::Hasher::new() }
    }

    /// Whether no byte of it has been read.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.part, Part::Fixed { at: 0 })
    }

    /// Reads the next byte, and says whether it was the last.
    pub(super) fn push(&mut self, byte: u8) -> Result<bool, DecodeError> {
        if !matches!(self.part, Part::HeaderCrc { .. }) {
            self.digest.update(&[byte]);
        }
        let next = match self.part {
            Part::Fixed { at } => {
                match (at, byte) {
                    (0, 0x1f) | (1, 0x8b) | (2, 8) | (4..=9, _) => {}
                    (3, flags) => self.flags = flags,
                    _ => return Err(CORRUPT),
                }
                if at == 9 { self.first_of(EXTRA) } else { Some(Part::Fixed { at: at.saturating_add(1) }) }
            }
            Part::ExtraLength { at: 0, .. } => Some(Part::ExtraLength { at: 1, length: u16::from(byte) }),
            Part::ExtraLength { length, .. } => match length | u16::from(byte).wrapping_shl(8) {
                0 => self.first_of(NAME),
                left => Some(Part::Extra { left }),
            },
            Part::Extra { left: 1 } => self.first_of(NAME),
            Part::Extra { left } => Some(Part::Extra { left: left.saturating_sub(1) }),
            Part::Name { at } => match (byte, at) {
                (0, _) => self.first_of(COMMENT),
                (_, at) if at.saturating_add(1) >= MAX_TEXT => return Err(CORRUPT),
                (_, at) => Some(Part::Name { at: at.saturating_add(1) }),
            },
            Part::Comment { at } => match (byte, at) {
                (0, _) => self.first_of(HEADER_CRC),
                (_, at) if at.saturating_add(1) >= MAX_TEXT => return Err(CORRUPT),
                (_, at) => Some(Part::Comment { at: at.saturating_add(1) }),
            },
            Part::HeaderCrc { at: 0, .. } => Some(Part::HeaderCrc { at: 1, value: u16::from(byte) }),
            Part::HeaderCrc { value, .. } => {
                let digest = self.digest.clone().finalize().to_le_bytes();
                let value = value | u16::from(byte).wrapping_shl(8);
                if value.to_le_bytes().as_slice() != digest.get(..2).unwrap_or_default() {
                    return Err(CORRUPT);
                }
                None
            }
        };
        match next {
            Some(part) => self.part = part,
            None => *self = Self::new(),
        }
        Ok(next.is_none())
    }

    /// The first part of the header that its flags announce, from this one on.
    fn first_of(&self, from: u8) -> Option<Part> {
        let announced = [EXTRA, NAME, COMMENT, HEADER_CRC]
            .into_iter()
            .skip_while(|flag| *flag != from)
            .find(|flag| self.flags & flag != 0)?;
        Some(match announced {
            EXTRA => Part::ExtraLength { at: 0, length: 0 },
            NAME => Part::Name { at: 0 },
            COMMENT => Part::Comment { at: 0 },
            _ => Part::HeaderCrc { at: 0, value: 0 },
        })
    }
}
