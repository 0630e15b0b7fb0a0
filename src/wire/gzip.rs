//! Incremental gunzip as Go's `compress/gzip` does it: several members, checksums and lengths checked, nothing after the
//! last. Inflating is `miniz_oxide`'s; its window is reused from request to request.

use std::cell::RefCell;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::{DecodeError, MAX_MESSAGE};

/// Deflate's window. A power of two, as the wrapping output needs.
const WINDOW: usize = 32 << 10;
/// No honest encoder writes more than one; two-byte members would cost far more than they carry.
const MAX_MEMBERS: u32 = 64;
/// Go reads name and comment into 512 bytes, their end included (`gzip.Reader.readString`).
const MAX_NAME: u32 = 512;
/// How many blocks a message may have: some, and one more for each kilobyte of content. Encoders write one for tens of
/// kilobytes; each costs us its tables, and one of a few bits would keep the thread busy for nothing.
const SPARE_BLOCKS: u64 = 64;
const BLOCK_CONTENT: u64 = 1024;
/// How long the headers of all members may be, beside a sixteenth of the content.
const SLACK: u64 = 4096;

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;

const FLAGS: u32 = TINFL_FLAG_HAS_MORE_INPUT | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;

const CORRUPT: DecodeError = DecodeError::CorruptGzip;

/// The place in one compressed message.
pub struct Gunzip {
    state: State,
    /// Always there but while being dropped.
    inflate: Option<Box<Inflate>>,
    members: u32,
    flags: u8,
    header: crc32fast::Hasher,
    content: crc32fast::Hasher,
    member_length: u32,
    blocks: u64,
    /// Bytes of headers and trailers.
    envelope: u64,
    written: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The ten fixed bytes.
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
    Deflate,
    Trailer {
        at: u8,
        value: u64,
    },
}

struct Inflate {
    engine: DecompressorOxide,
    window: [u8; WINDOW],
    at: usize,
}

thread_local! {
    /// 43 KiB that would otherwise be allocated and cleared for each request.
    static SPARE: RefCell<Option<Box<Inflate>>> = const { RefCell::new(None) };
}

impl Inflate {
    fn lend() -> Box<Self> {
        SPARE
            .with(|spare| spare.take())
            .unwrap_or_else(|| Box::new(Self { engine: DecompressorOxide::new(), window: [0; WINDOW], at: 0 }))
    }
}

impl Default for Gunzip {
    fn default() -> Self {
        Self {
            state: State::Fixed { at: 0 },
            inflate: Some(Inflate::lend()),
            members: 0,
            flags: 0,
            header: crc32fast::Hasher::new(),
            content: crc32fast::Hasher::new(),
            member_length: 0,
            blocks: 0,
            envelope: 0,
            written: 0,
        }
    }
}

impl Gunzip {
    /// Reads the next compressed bytes and hands what they hold to `out`.
    ///
    /// # Errors
    /// The data is corrupt, holds more than [`MAX_MESSAGE`], or `out` refuses its content.
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

    /// Refuses data that takes more work than its content can be worth. What it looks at is the same in any chunking.
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
            State::Fixed { at: 0 } if self.members > 0 => Ok(()),
            _ => Err(CORRUPT),
        }
    }

    /// One byte of a member's header or trailer (RFC 1952 §2.3).
    fn read_envelope(&mut self, byte: u8) -> Result<(), DecodeError> {
        if !matches!(self.state, State::HeaderCrc { .. } | State::Trailer { .. }) {
            self.header.update(&[byte]);
        }
        self.state = match self.state {
            State::Fixed { at } => {
                match (at, byte) {
                    (0, 0x1f) if self.members < MAX_MEMBERS => {}
                    (1, 0x8b) | (2, 8) | (4..=9, _) => {}
                    (3, flags) => self.flags = flags,
                    _ => return Err(CORRUPT),
                }
                if at == 9 { self.after(EXTRA) } else { State::Fixed { at: at.saturating_add(1) } }
            }
            State::ExtraLength { at: 0, .. } => State::ExtraLength { at: 1, length: u16::from(byte) },
            State::ExtraLength { length, .. } => match length | u16::from(byte).wrapping_shl(8) {
                0 => self.after(NAME),
                left => State::Extra { left },
            },
            State::Extra { left: 1 } => self.after(NAME),
            State::Extra { left } => State::Extra { left: left.saturating_sub(1) },
            State::Name { at } => match (byte, at) {
                (0, _) => self.after(COMMENT),
                (_, at) if at.saturating_add(1) >= MAX_NAME => return Err(CORRUPT),
                (_, at) => State::Name { at: at.saturating_add(1) },
            },
            State::Comment { at } => match (byte, at) {
                (0, _) => self.after(HEADER_CRC),
                (_, at) if at.saturating_add(1) >= MAX_NAME => return Err(CORRUPT),
                (_, at) => State::Comment { at: at.saturating_add(1) },
            },
            State::HeaderCrc { at: 0, .. } => State::HeaderCrc { at: 1, value: u16::from(byte) },
            State::HeaderCrc { value, .. } => {
                let digest = self.header.clone().finalize().to_le_bytes();
                let value = value | u16::from(byte).wrapping_shl(8);
                if value.to_le_bytes().as_slice() != digest.get(..2).unwrap_or_default() {
                    return Err(CORRUPT);
                }
                self.begin()
            }
            State::Trailer { at, value } => {
                let value = value | u64::from(byte).wrapping_shl(u32::from(at).saturating_mul(8));
                if at == 7 { self.end(value)? } else { State::Trailer { at: at.saturating_add(1), value } }
            }
            State::Deflate => State::Deflate,
        };
        Ok(())
    }

    /// The header's next part, from the one that this flag announces on.
    fn after(&mut self, from: u8) -> State {
        let next = [EXTRA, NAME, COMMENT, HEADER_CRC]
            .into_iter()
            .skip_while(|flag| *flag != from)
            .find(|flag| self.flags & flag != 0);
        match next {
            Some(EXTRA) => State::ExtraLength { at: 0, length: 0 },
            Some(NAME) => State::Name { at: 0 },
            Some(COMMENT) => State::Comment { at: 0 },
            Some(_) => State::HeaderCrc { at: 0, value: 0 },
            None => self.begin(),
        }
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
        // Until the member has filled it, the window holds other members' and other requests' content further on: no
        // distance may reach there.
        let is_new = usize::try_from(self.member_length).is_ok_and(|length| length < WINDOW);
        let flags = if is_new { FLAGS | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF } else { FLAGS };
        let (status, read, written) = decompress(engine, input, window, *at, flags);
        *input = input.get(read..).ok_or(CORRUPT)?;
        let content = window.get(*at..).and_then(|rest| rest.get(..written)).ok_or(CORRUPT)?;
        *at = at.saturating_add(written) & (WINDOW.saturating_sub(1));
        self.written = self.written.saturating_add(written as u64);
        if self.written > MAX_MESSAGE {
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

    /// The member's checksum and length are there.
    fn end(&mut self, trailer: u64) -> Result<State, DecodeError> {
        let expected = u64::from(self.content.clone().finalize()) | u64::from(self.member_length).wrapping_shl(32);
        if trailer != expected {
            return Err(CORRUPT);
        }
        self.members = self.members.saturating_add(1);
        self.header = crc32fast::Hasher::new();
        Ok(State::Fixed { at: 0 })
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
mod tests {
    use super::*;
    use flate2::{Compression, GzBuilder, write::GzEncoder};
    use std::io::Write;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8], chunk: usize) -> Result<Vec<u8>, DecodeError> {
        let mut gunzip = Gunzip::default();
        let mut content = Vec::new();
        for part in bytes.chunks(chunk) {
            gunzip.feed(part, |bytes| {
                content.extend_from_slice(bytes);
                Ok(())
            })?;
        }
        gunzip.finish()?;
        Ok(content)
    }

    fn read_all(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let whole = read(bytes, usize::MAX);
        for chunk in [1, 2, 3, 5, 7, 8, 13, 64, 4096] {
            assert_eq!(read(bytes, chunk), whole, "in chunks of {chunk}");
        }
        whole
    }

    fn noise(length: u32) -> Vec<u8> {
        (0..length).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    #[test]
    fn members_follow_each_other() {
        let content = [noise(100_000), vec![b'a'; 100_000]].concat();
        assert_eq!(read_all(&gzip(&content)).unwrap(), content);
        let members = [gzip(b"one"), gzip(b""), gzip(b"two")].concat();
        assert_eq!(read_all(&members).unwrap(), b"onetwo");
        assert_eq!(read_all(&gzip(b"")).unwrap(), b"");
    }

    #[test]
    fn every_header_part_is_read() {
        let mut encoder = GzBuilder::new()
            .extra(vec![7; 300])
            .filename("name")
            .comment("comment")
            .write(Vec::new(), Compression::fast());
        encoder.write_all(b"content").unwrap();
        assert_eq!(read_all(&encoder.finish().unwrap()).unwrap(), b"content");
    }

    #[test]
    fn the_header_checksum_counts() {
        let plain = gzip(b"content");
        let with = |sum: u16| {
            let mut header = plain[..10].to_vec();
            header[3] = HEADER_CRC;
            let digest = crc32fast::hash(&header) as u16;
            [header, (digest ^ sum).to_le_bytes().to_vec(), plain[10..].to_vec()].concat()
        };
        assert_eq!(read_all(&with(0)).unwrap(), b"content");
        assert_eq!(read_all(&with(1)), Err(CORRUPT));
    }

    #[test]
    fn refuses_what_go_refuses() {
        let good = gzip(b"content");
        for end in 0..good.len() {
            assert!(read_all(&good[..end]).is_err(), "cut at {end}");
        }
        for at in [0, 1, 2, good.len() - 8, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(read_all(&bad), Err(CORRUPT), "flipped at {at}");
        }
        for junk in [&b"\0"[..], b"junk", &[0; 20]] {
            assert!(read_all(&[&good, junk].concat()).is_err());
        }
        let mut long = GzBuilder::new().filename(vec![b'n'; 2000]).write(Vec::new(), Compression::fast());
        long.write_all(b"content").unwrap();
        assert_eq!(read_all(&long.finish().unwrap()), Err(CORRUPT));
    }

    #[test]
    fn no_distance_reaches_before_the_member() {
        // Found by fuzzing: copies from before the first byte, with checksums that fit a window of zeros.
        for early in [
            &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x5e\xfc\x0f\x00\x5b\xc5\xb2\xca\x03\x00\x00\x00"[..],
            &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x5e\xfe\xef\xe4\xec\x02\x00\x42\x61\x39\x68\x06\x00\x00\x00"[..],
        ] {
            SPARE.with(RefCell::take);
            assert_eq!(read(early, usize::MAX), Err(CORRUPT));
            assert_eq!(read_all(early), Err(CORRUPT));
        }
        // As far back as the window is long is fine.
        let far = [noise(32 << 10), noise(32 << 10), noise(100)].concat();
        assert_eq!(read_all(&gzip(&far)).unwrap(), far);
    }

    #[test]
    fn bombs_and_idle_blocks_are_bounded() {
        assert_eq!(read(&gzip(&vec![0; MAX_MESSAGE as usize + 1]), 4096), Err(DecodeError::TooLarge));
        assert!(read(&gzip(&vec![0; MAX_MESSAGE as usize]), 4096).is_ok());
        assert!(read(&gzip(b"").repeat(MAX_MEMBERS as usize + 1), 4096).is_err());
        // Empty stored blocks, empty blocks with fixed tables, and both after content that could pay for their bytes.
        let stored = [0, 0, 0, 0xff, 0xff].repeat(50_000);
        let fixed = [0b0000_0010, 0b0000_1000, 0b0010_0000, 0b1000_0000, 0].repeat(50_000);
        for idle in [&stored, &fixed] {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&vec![0; 4_000_000]).unwrap();
            encoder.flush().unwrap();
            for start in [gzip(b"")[..10].to_vec(), encoder.get_ref().clone()] {
                let mut gunzip = Gunzip::default();
                let result = gunzip.feed(&[&start, idle.as_slice()].concat(), |_| Ok(()));
                assert_eq!(result, Err(DecodeError::GzipOverhead));
                assert!(gunzip.blocks < 5000, "{gunzip:?}");
            }
        }
        assert_eq!(read(&gzip(&noise(500_000)), 4096).unwrap().len(), 500_000, "what does not compress is no bomb");
    }
}
