//! What the headers of a request tell, picked out in one pass, and which of them never go on.

use crate::config::Config;
use crate::token::bearer::Bearer;
use crate::wire::headers::Headers;

/// What decides, of the headers.
#[derive(Debug, Default)]
pub(super) struct Picked<'a> {
    pub(super) path: &'a [u8],
    pub(super) is_post: bool,
    pub(super) is_grpc: bool,
    /// The last `grpc-encoding`, and how many there are.
    pub(super) encoding: Option<&'a [u8]>,
    pub(super) encodings: u32,
    pub(super) bearer: Bearer<'a>,
    /// `x-forwarded-client-cert`, and whether there is more than one.
    pub(super) forwarded: Option<&'a [u8]>,
    pub(super) several_forwarded: bool,
    /// Whether there are more headers than are read.
    pub(super) has_too_many: bool,
}

/// More headers than Envoy takes unless it is told to (100), by far.
const MAX_HEADERS: usize = 1000;

/// Headers that never go on: another way to say who calls, the Web UI's copies of token and cookies, and what only
/// clusters among themselves may say.
const DROPPED: [&[u8]; 2] = [b"caller-type", b"authorization-extras"];
const DROPPED_PREFIXES: [&[u8]; 4] = [b"grpcgateway-", b"grpc-metadata-", b"xdc-redirection", b"temporal-principal-"];

impl<'a> Picked<'a> {
    /// Reads the headers; names of those that must not go on are added to `drop`.
    pub(super) fn from(headers: Headers<'a>, config: &Config, drop: &mut Vec<Box<[u8]>>) -> Self {
        let mut picked = Self::default();
        let mut headers = headers.iter();
        for (name, value) in headers.by_ref().take(MAX_HEADERS) {
            picked.header(name, value);
            picked.bearer.header(&config.token_headers, name, value);
            if is_dropped(name, config) && !drop.iter().any(|known| **known == *name) {
                drop.push(name.into());
            }
        }
        picked.has_too_many = headers.next().is_some();
        picked
    }

    fn header(&mut self, name: &[u8], value: &'a [u8]) {
        match name {
            b":path" => self.path = value,
            b":method" => self.is_post = value == b"POST",
            b"content-type" => self.is_grpc = is_grpc(value),
            b"x-forwarded-client-cert" => self.several_forwarded |= self.forwarded.replace(value).is_some(),
            b"grpc-encoding" => {
                self.encoding = Some(value);
                self.encodings = self.encodings.saturating_add(1);
            }
            _ => {}
        }
    }
}

/// Whether grpc-go takes the content type for gRPC (`grpcutil.ContentSubtype`).
fn is_grpc(content_type: &[u8]) -> bool {
    match content_type.strip_prefix(b"application/grpc") {
        Some([]) => true,
        Some([first, ..]) => matches!(first, b'+' | b';'),
        None => false,
    }
}

fn is_dropped(name: &[u8], config: &Config) -> bool {
    let is_token = || name == b"authorization" || config.token_headers.iter().any(|token| token.as_bytes() == name);
    DROPPED.contains(&name)
        || DROPPED_PREFIXES.iter().any(|prefix| name.first() == prefix.first() && name.starts_with(prefix))
        || (!config.forward_token && is_token())
}
