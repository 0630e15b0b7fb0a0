//! Builds a request from a fuzzer's bytes. Most requests are good, so that faults are tried one at a time.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use super::{method, token};

/// Headers that the filter reads or drops, and a header that it ignores.
const NAMES: [&str; 8] = [
    "authorization",
    "grpc-encoding",
    "content-type",
    ":method",
    ":path",
    "temporal-namespace",
    "authorization-extras",
    "x-other",
];

/// A request as Envoy passes it to the module.
pub struct FuzzRequest {
    pub headers: Vec<(String, Vec<u8>)>,
    pub ends_with_headers: bool,
    pub ends_with_trailers: bool,
    pub body: Vec<u8>,
    pub sizes: [u8; 5],
}

impl FuzzRequest {
    /// `None` if there are too few bytes.
    pub fn from_bytes(data: &[u8]) -> Option<Self> {
        let ([mode, method_index, damage, sizes @ ..], mut rest) = data.split_first_chunk::<8>()?;
        let has = |bit: u8| mode >> bit & 1 == 1;
        let mut token = format!("Bearer {}", *TOKEN).into_bytes();
        if has(3) {
            let index = usize::from(*damage) * 2 % token.len();
            token[index] ^= 1;
        }
        let mut headers =
            vec![(":method", b"POST".to_vec()), (":path", method(*method_index).path.as_bytes().to_vec())];
        headers.push(("content-type", b"application/grpc".to_vec()));
        headers.extend(has(1).then(|| ("grpc-encoding", b"gzip".to_vec())));
        headers.extend((!has(6)).then_some(("authorization", token)));
        for _ in 0..mode >> 4 & 3 {
            let ([name, length], after) = rest.split_first_chunk::<2>()?;
            let (value, after) = after.split_at_checked(usize::from(*length))?;
            headers.push((NAMES[usize::from(*name) % NAMES.len()], value.to_vec()));
            rest = after;
        }
        Some(Self {
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ends_with_headers: has(7),
            ends_with_trailers: has(2),
            body: if has(0) { rest.to_vec() } else { frame(rest, has(1)) },
            sizes: *sizes,
        })
    }

    /// The first message with its prefix; `None` if the body ends before the message does.
    pub fn first_frame(&self) -> Option<&[u8]> {
        let [_, length @ ..] = self.body.first_chunk::<5>()?;
        self.body.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_add(5)?)
    }

    /// Whether anything follows the first message.
    pub fn has_more(&self) -> bool {
        self.first_frame().is_some_and(|first| first.len() < self.body.len())
    }
}

fn frame(message: &[u8], gzip: bool) -> Vec<u8> {
    let content = if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(message).unwrap();
        encoder.finish().unwrap()
    } else {
        message.to_vec()
    };
    [&[u8::from(gzip)], &u32::try_from(content.len()).unwrap().to_be_bytes()[..], &content].concat()
}

static TOKEN: std::sync::LazyLock<String> = std::sync::LazyLock::new(token);
