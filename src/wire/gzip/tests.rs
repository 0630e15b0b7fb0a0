use super::*;
use crate::work::Work;
use flate2::{Compression, GzBuilder, write::GzEncoder};
use std::io::Write;

const MAX: u64 = 4 << 20;

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn read(bytes: &[u8], chunk: usize) -> Result<Vec<u8>, DecodeError> {
    let mut gunzip = Gunzip::new(MAX, Work::default());
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
fn several_members_are_read() {
    let content = [noise(100_000), vec![b'a'; 100_000]].concat();
    assert_eq!(read_all(&gzip(&content)).unwrap(), content);
    let members = [gzip(b"one"), gzip(b""), gzip(b"two")].concat();
    assert_eq!(read_all(&members).unwrap(), b"onetwo");
    assert_eq!(read_all(&gzip(b"")).unwrap(), b"");
}

#[test]
fn headers_with_extra_fields_names_and_comments_are_read() {
    let mut encoder =
        GzBuilder::new().extra(vec![7; 300]).filename("name").comment("comment").write(Vec::new(), Compression::fast());
    encoder.write_all(b"content").unwrap();
    assert_eq!(read_all(&encoder.finish().unwrap()).unwrap(), b"content");
}

#[test]
fn the_header_checksum_is_verified() {
    let plain = gzip(b"content");
    let with = |sum: u16| {
        let mut header = plain[..10].to_vec();
        header[3] = 1 << 1;
        let mut digest = flate2::Crc::new();
        digest.update(&header);
        [header, (digest.sum() as u16 ^ sum).to_le_bytes().to_vec(), plain[10..].to_vec()].concat()
    };
    assert_eq!(read_all(&with(0)).unwrap(), b"content");
    assert_eq!(read_all(&with(1)), Err(CORRUPT));
}

#[test]
fn data_that_go_refuses_is_refused() {
    let good = gzip(b"content");
    for end in 0..good.len() {
        assert!(read_all(&good[..end]).is_err(), "truncated at {end}");
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
fn no_distance_reaches_back_before_its_member() {
    // Found by fuzzing: copies from before the first byte, with checksums that fit a window of zeros.
    for early in [
        &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x5e\xfc\x0f\x00\x5b\xc5\xb2\xca\x03\x00\x00\x00"[..],
        &b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x03\x5e\xfe\xef\xe4\xec\x02\x00\x42\x61\x39\x68\x06\x00\x00\x00"[..],
    ] {
        SPARE.with(RefCell::take);
        assert_eq!(read(early, usize::MAX), Err(CORRUPT));
        assert_eq!(read_all(early), Err(CORRUPT));
    }
    // A distance as long as the window is fine.
    let far = [noise(32 << 10), noise(32 << 10), noise(100)].concat();
    assert_eq!(read_all(&gzip(&far)).unwrap(), far);
}

#[test]
fn bombs_and_empty_blocks_are_bounded() {
    assert_eq!(read(&gzip(&vec![0; MAX as usize + 1]), 4096), Err(DecodeError::TooLarge));
    assert!(read(&gzip(&vec![0; MAX as usize]), 4096).is_ok());
    assert!(read(&gzip(b"").repeat(MAX_MEMBERS as usize + 1), 4096).is_err());
    // Empty stored blocks and empty blocks with fixed tables, each alone and after content that could justify their
    // bytes.
    let stored = [0, 0, 0, 0xff, 0xff].repeat(50_000);
    let fixed = [0b0000_0010, 0b0000_1000, 0b0010_0000, 0b1000_0000, 0].repeat(50_000);
    for empty in [&stored, &fixed] {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&vec![0; 4_000_000]).unwrap();
        encoder.flush().unwrap();
        for start in [gzip(b"")[..10].to_vec(), encoder.get_ref().clone()] {
            let mut gunzip = Gunzip::new(MAX, Work::default());
            let result = gunzip.feed(&[&start, empty.as_slice()].concat(), |_| Ok(()));
            assert_eq!(result, Err(DecodeError::GzipOverhead));
            assert!(gunzip.blocks < 5000, "{gunzip:?}");
        }
    }
    assert_eq!(read(&gzip(&noise(500_000)), 4096).unwrap().len(), 500_000, "incompressible data is not a bomb");
}

#[test]
fn streams_of_every_level_are_read() {
    // Content of several sorts, so that blocks of each kind and codes of each length occur.
    let skewed =
        |length: u32| (0..length).map(|i| (i.wrapping_mul(2_654_435_761) >> 13).leading_zeros() as u8).collect();
    let text = br#"{"employee": 42, "month": "2026-11", "lines": [1, 2, 3]}"#.repeat(3_000);
    let contents: [Vec<u8>; 6] = [Vec::new(), b"a".to_vec(), noise(70_000), skewed(200_000), text, vec![0; 300_000]];
    for content in &contents {
        for level in 0..=9 {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
            encoder.write_all(content).unwrap();
            let bytes = encoder.finish().unwrap();
            assert!(read_all(&bytes).unwrap() == *content, "{} bytes at level {level}", content.len());
        }
    }
}

#[test]
fn codes_that_go_refuses_are_refused() {
    let build = |lengths: &[u8]| codes::Codes::new().build(lengths);
    for good in [
        &[][..],
        &[0, 0, 0],
        &[1],
        &[0, 1, 0],
        &[1, 1],
        &[2, 2, 2, 2],
        &[1, 2, 3, 3],
        &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15],
    ] {
        assert!(build(good).is_ok(), "{good:?}");
    }
    for bad in [&[2][..], &[2, 2], &[1, 1, 1], &[1, 2], &[2, 2, 2], &[15], &[1, 1, 15]] {
        assert!(build(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn long_codes_are_decoded() {
    use codes::Decoded;
    let mut codes = codes::Codes::new();
    codes.build(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 15]).unwrap();
    for symbol in 0..16usize {
        // Symbol n has n ones and a zero, except for the last, which has ones only.
        let (bits, length) = ((1u64 << symbol) - 1, (symbol as u32 + 1).min(15));
        assert_eq!(codes.decode(bits, length), Decoded::Symbol(symbol, length));
        assert_eq!(codes.decode(bits, length - 1), Decoded::Incomplete, "{symbol}");
    }
    codes.build(&[0, 1]).unwrap();
    assert_eq!((codes.decode(0, 15), codes.decode(1, 15)), (Decoded::Symbol(1, 1), Decoded::Unknown));
}
