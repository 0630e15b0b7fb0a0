//! Gzip data has the same content however it is split, and the same as flate2 reads if flate2 accepts it.

use std::io::Read;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use temporal_auth::wire::DecodeError;
use temporal_auth::wire::grpc::MAX_MESSAGE;
use temporal_auth::wire::gzip::Gunzip;
use temporal_auth::work::Work;

use super::super::{naive, pieces};

fn read(pieces: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    let mut gunzip = Gunzip::new(MAX_MESSAGE, Work::default());
    let mut content = Vec::new();
    for piece in pieces {
        gunzip.feed(piece, |bytes| {
            content.extend_from_slice(bytes);
            Ok(())
        })?;
    }
    gunzip.finish()?;
    Ok(content)
}

/// A member with this deflate data and a correct checksum, which mutation would not find; `None` if the data is not
/// deflate.
fn member(deflate: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = DeflateDecoder::new(deflate);
    let mut content = Vec::new();
    decoder.by_ref().take(MAX_MESSAGE + 1).read_to_end(&mut content).ok()?;
    let mut crc = Crc::new();
    crc.update(&content);
    let deflate = &deflate[..usize::try_from(decoder.total_in()).ok()?];
    Some([b"\x1f\x8b\x08\0\0\0\0\0\0\xff", deflate, &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat())
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(([mode, sizes @ ..], bytes)) = data.split_first_chunk::<8>() else { return };
    let built = if mode & 1 == 1 { member(bytes) } else { None };
    let bytes = built.as_deref().unwrap_or(bytes);
    let whole = read(&[bytes]);
    assert_eq!(read(&pieces(sizes, bytes)), whole);
    let Ok(content) = whole else { return };
    assert!(content.len() as u64 <= MAX_MESSAGE);
    if let Some(naive) = naive::gunzip(bytes) {
        assert_eq!(content, naive);
    }
}
