//! A body gives the same message however it is split, and the same as simple code reads.

use temporal_auth::wire::DecodeError;
use temporal_auth::wire::grpc::{Body, Encoding};
use temporal_auth::work::Work;

use super::super::{naive, pieces};

fn read(encoding: Encoding, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), DecodeError> {
    let mut body = Body::new(encoding, Work::default());
    let mut content = Vec::new();
    for piece in pieces {
        body.feed(piece, |bytes| {
            content.extend_from_slice(bytes);
            Ok(())
        })?;
    }
    Ok((content, body.is_complete()))
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(([mode, sizes @ ..], bytes)) = data.split_first_chunk::<8>() else { return };
    let encoding = if mode & 1 == 1 { Encoding::Gzip } else { Encoding::Identity };
    let whole = read(encoding, &[bytes]);
    assert_eq!(read(encoding, &pieces(sizes, bytes)), whole);
    if bytes.len() < 1000 {
        assert_eq!(read(encoding, &pieces(&[1], bytes)), whole);
    }
    if let Ok((content, true)) = whole
        && let Some(naive) = naive::message(bytes)
    {
        assert_eq!(content, naive);
    }
}
