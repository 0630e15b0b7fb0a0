//! The header of a gzip member, byte by byte (RFC 1952 §2.3).

use super::CORRUPT;
use super::checksum::Checksum;
use crate::wire::DecodeError;

/// Go reads a name or a comment, with its terminator, into 512 bytes (`gzip.Reader.readString`).
const MAX_TEXT: u32 = 512;

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

pub(super) struct Header {
    part: HeaderPart,
    flags: u8,
    digest: Checksum,
}

/// The part of a header that is read next. `index` is that of its next byte.
#[derive(Debug, Clone, Copy)]
enum HeaderPart {
    /// The ten bytes that every header has.
    Fixed {
        index: u8,
    },
    ExtraLength {
        index: u8,
        length: u16,
    },
    Extra {
        left: u16,
    },
    Name {
        index: u32,
    },
    Comment {
        index: u32,
    },
    HeaderCrc {
        index: u8,
        value: u16,
    },
}

impl Header {
    pub(super) fn new() -> Self {
        Self { part: HeaderPart::Fixed { index: 0 }, flags: 0, digest: Checksum::EMPTY }
    }

    /// Whether no byte of the header has been read.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.part, HeaderPart::Fixed { index: 0 })
    }

    /// Reads the next byte. Returns whether it was the header's last.
    pub(super) fn push(&mut self, byte: u8) -> Result<bool, DecodeError> {
        if !matches!(self.part, HeaderPart::HeaderCrc { .. }) {
            self.digest.update(&[byte]);
        }
        let next = match self.part {
            HeaderPart::Fixed { index } => {
                match (index, byte) {
                    (0, 0x1f) | (1, 0x8b) | (2, 8) | (4..=9, _) => {}
                    (3, flags) => self.flags = flags,
                    _ => return Err(CORRUPT),
                }
                if index == 9 {
                    self.next_part(EXTRA)
                } else {
                    Some(HeaderPart::Fixed { index: index.saturating_add(1) })
                }
            }
            HeaderPart::ExtraLength { index: 0, .. } => {
                Some(HeaderPart::ExtraLength { index: 1, length: u16::from(byte) })
            }
            HeaderPart::ExtraLength { length, .. } => match length | u16::from(byte).wrapping_shl(8) {
                0 => self.next_part(NAME),
                left => Some(HeaderPart::Extra { left }),
            },
            HeaderPart::Extra { left: 1 } => self.next_part(NAME),
            HeaderPart::Extra { left } => Some(HeaderPart::Extra { left: left.saturating_sub(1) }),
            HeaderPart::Name { index } => match (byte, index) {
                (0, _) => self.next_part(COMMENT),
                (_, index) if index.saturating_add(1) >= MAX_TEXT => return Err(CORRUPT),
                (_, index) => Some(HeaderPart::Name { index: index.saturating_add(1) }),
            },
            HeaderPart::Comment { index } => match (byte, index) {
                (0, _) => self.next_part(HEADER_CRC),
                (_, index) if index.saturating_add(1) >= MAX_TEXT => return Err(CORRUPT),
                (_, index) => Some(HeaderPart::Comment { index: index.saturating_add(1) }),
            },
            HeaderPart::HeaderCrc { index: 0, .. } => Some(HeaderPart::HeaderCrc { index: 1, value: u16::from(byte) }),
            HeaderPart::HeaderCrc { value, .. } => {
                let digest = self.digest.value().to_le_bytes();
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

    /// The first part that the flags announce, starting with the part of this flag.
    fn next_part(&self, from: u8) -> Option<HeaderPart> {
        let announced = [EXTRA, NAME, COMMENT, HEADER_CRC]
            .into_iter()
            .skip_while(|flag| *flag != from)
            .find(|flag| self.flags & flag != 0)?;
        Some(match announced {
            EXTRA => HeaderPart::ExtraLength { index: 0, length: 0 },
            NAME => HeaderPart::Name { index: 0 },
            COMMENT => HeaderPart::Comment { index: 0 },
            _ => HeaderPart::HeaderCrc { index: 0, value: 0 },
        })
    }
}
