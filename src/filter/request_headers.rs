//! The headers that matter, read out in one pass, and those that never go on.

use crate::answer::shown;
use crate::config::Config;
use crate::token::bearer::Bearer;
use crate::wire::headers::Headers;

/// The headers that matter.
#[derive(Debug, Default)]
pub(super) struct RequestHeaders<'a> {
    pub(super) path: &'a [u8],
    /// The HTTP method.
    pub(super) verb: &'a [u8],
    pub(super) content_type: Option<&'a [u8]>,
    pub(super) is_grpc: bool,
    /// Whether a content type is that of a form.
    pub(super) is_form: bool,
    pub(super) accept: Option<&'a [u8]>,
    /// The last `content-encoding` that is not `identity`.
    pub(super) content_encoding: Option<&'a [u8]>,
    pub(super) has_method_override: bool,
    /// Whether the request asks for another protocol.
    pub(super) has_upgrade: bool,
    pub(super) content_length: Option<&'a [u8]>,
    pub(super) has_transfer_encoding: bool,
    /// The last `grpc-encoding`, and the number of them.
    pub(super) encoding: Option<&'a [u8]>,
    pub(super) encodings: u32,
    pub(super) bearer: Bearer<'a>,
    /// The headers that may carry a token, if tokens are forwarded at all.
    tokens: Vec<&'a [u8]>,
    /// `x-forwarded-client-cert`, and whether there is more than one.
    pub(super) forwarded: Option<&'a [u8]>,
    pub(super) several_forwarded: bool,
    /// Whether there were more headers than are read.
    pub(super) has_too_many: bool,
}

/// Far more headers than Envoy accepts by default (100).
pub(super) const MAX_HEADERS: usize = 1000;

/// Headers that never go on: other ways to name the caller, the Web UI's copies of tokens and cookies, and headers that
/// only clusters may send each other.
const DROPPED: [&[u8]; 2] = [b"caller-type", b"authorization-extras"];
const DROPPED_PREFIXES: [&[u8]; 4] = [b"grpcgateway-", b"grpc-metadata-", b"xdc-redirection", b"temporal-principal-"];

impl<'a> RequestHeaders<'a> {
    /// Reads the headers and adds to `drop` the names of those that must not go on.
    pub(super) fn read(headers: Headers<'a>, config: &Config, drop: &mut Vec<Box<[u8]>>) -> Self {
        let mut read = Self::default();
        let mut headers = headers.iter();
        for (name, value) in headers.by_ref().take(MAX_HEADERS) {
            read.header(name, value);
            read.bearer.header(&config.token_headers, name, value);
            // `authorization-extras` may be configured for tokens, and is dropped all the same.
            if is_dropped(name) {
                add(drop, name);
            } else if is_token(name, config) {
                if config.forward_token { read.tokens.push(name) } else { add(drop, name) }
            }
        }
        read.has_too_many = headers.next().is_some();
        read
    }

    /// Adds to `drop` the headers that may carry a token, except the one whose token counts: not even a server that wants tokens
    /// gets one that nobody has looked at.
    pub(super) fn drop_other_tokens(&self, counts: Option<&str>, drop: &mut Vec<Box<[u8]>>) {
        let counts = counts.map(str::as_bytes);
        self.tokens.iter().filter(|name| Some(**name) != counts).for_each(|name| add(drop, name));
    }

    fn header(&mut self, name: &[u8], value: &'a [u8]) {
        match name {
            b":path" => self.path = value,
            b":method" => self.verb = value,
            b"content-type" => {
                self.is_grpc = is_grpc(value);
                self.is_form |= is_form(value);
                self.content_type = Some(value);
            }
            b"accept" => self.accept = Some(value),
            b"content-encoding" if value != b"identity" && !value.is_empty() => self.content_encoding = Some(value),
            b"content-length" => self.content_length = Some(value),
            b"transfer-encoding" => self.has_transfer_encoding = true,
            b"upgrade" => self.has_upgrade = true,
            b"x-http-method-override" => self.has_method_override = true,
            b"x-forwarded-client-cert" => self.several_forwarded |= self.forwarded.replace(value).is_some(),
            b"grpc-encoding" => {
                self.encoding = Some(value);
                self.encodings = self.encodings.saturating_add(1);
            }
            _ => {}
        }
    }
}

/// The namespace that the request's SDK says it calls, for the log. Callers can say anything here, and the server ignores it.
pub(super) fn namespace(headers: Headers<'_>) -> Option<String> {
    let mut headers = headers.iter().take(MAX_HEADERS);
    headers.find(|(name, _)| name == b"temporal-namespace").map(|(_, value)| shown(value))
}

/// Whether grpc-go takes the content type for gRPC (`grpcutil.ContentSubtype`).
fn is_grpc(content_type: &[u8]) -> bool {
    match content_type.strip_prefix(b"application/grpc") {
        Some([]) => true,
        Some([first, ..]) => matches!(first, b'+' | b';'),
        None => false,
    }
}

/// Whether a server may read the body as a form. Several values in one header count as each of them.
fn is_form(content_type: &[u8]) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    content_type.windows(FORM.len()).any(|part| part.eq_ignore_ascii_case(FORM))
}

fn is_token(name: &[u8], config: &Config) -> bool {
    name == b"authorization" || config.token_headers.names().iter().any(|token| token.as_bytes() == name)
}

fn is_dropped(name: &[u8]) -> bool {
    DROPPED.contains(&name)
        || DROPPED_PREFIXES.iter().any(|prefix| name.first() == prefix.first() && name.starts_with(prefix))
}

fn add(drop: &mut Vec<Box<[u8]>>, name: &[u8]) {
    if !drop.iter().any(|known| **known == *name) {
        drop.push(name.into());
    }
}
