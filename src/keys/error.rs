//! Why key sets cannot be used or fetched.

use std::fmt;

use super::body_kind::BodyKind;
use super::left_out::{LeftOut, LeftOutKey};
use super::request::HttpRequest;
use super::{MAX_DOCUMENT, MAX_KEYS};
use crate::wire::json::JsonError;

/// How many bytes of an unexpected status are kept.
const MAX_STATUS: usize = 16;
/// How many bytes of the body with it. Envoy's own texts about TLS have about 300.
const MAX_SHOWN_BODY: usize = 320;

/// Why a document is not a key set that can verify tokens.
#[derive(Debug)]
pub enum KeySetError {
    /// The document has this many bytes.
    TooLarge(usize),
    Json(JsonError),
    MissingKeys,
    /// The document has two members `keys`.
    KeysTwice,
    /// The document has this many keys.
    TooManyKeys(usize),
    NoUsableKey(Vec<LeftOutKey>),
}

/// A fetch that failed.
#[derive(Debug)]
pub struct FailedFetch {
    /// The request that failed, if there was one.
    pub request: Option<HttpRequest>,
    pub why: FetchError,
}

/// Why a fetch failed.
#[derive(Debug)]
pub enum FetchError {
    /// A response arrived, but no fetch is in progress.
    Unexpected,
    NoResponse(NoResponse),
    /// The status, truncated, and the start of the body, if it is a text. Envoy answers 503 by itself where it cannot
    /// connect, and its text says why.
    Status(Box<str>, Option<Box<str>>),
    KeySet(KeySetError, Option<BodyKind>),
    /// The discovery document has this many bytes.
    DocumentTooLarge(usize),
    Document(JsonError, Option<BodyKind>),
    /// The discovery document has a different `issuer`, or none.
    WrongIssuer {
        found: Option<Box<str>>,
        expected: Box<str>,
    },
    /// The discovery document has no `jwks_uri`, or it is not a URL.
    MissingJwksUri,
    /// Discovery used https, but `jwks_uri` does not.
    LeavesHttps,
}

/// The response to a request for keys: the status and the body.
pub type KeyResponse<'a> = Result<(&'a [u8], &'a [u8]), NoResponse>;

/// Why there is no response to a request for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoResponse {
    /// Nothing has arrived, or not in time.
    Lost,
    /// The request could not be sent: the host does not have the cluster.
    UnknownCluster,
    /// The request could not be sent: the cluster has no host.
    NoHost,
    /// The host did not send the request, for another reason, which is a status of its interface.
    Refused(u32),
}

impl FetchError {
    /// A status that is not 200.
    pub(super) fn status(status: &[u8], body: &[u8]) -> Self {
        let status = String::from_utf8_lossy(status.get(..MAX_STATUS).unwrap_or(status)).into();
        let start = body.get(..body.len().min(MAX_SHOWN_BODY)).unwrap_or_default();
        // A character may have been cut.
        let text = start.utf8_chunks().next().map_or("", |chunk| chunk.valid()).trim();
        let is_shown = !text.is_empty() && BodyKind::of(body).is_none();
        Self::Status(status, is_shown.then(|| text.into()))
    }
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(bytes) => write!(f, "the key set has {bytes} bytes, expected at most {MAX_DOCUMENT}"),
            Self::Json(why) => why.fmt(f),
            Self::MissingKeys => f.write_str("the list `keys` is missing"),
            Self::KeysTwice => f.write_str("the list `keys` is given twice"),
            Self::TooManyKeys(count) => write!(f, "the key set has {count} keys, expected at most {MAX_KEYS}"),
            Self::NoUsableKey(keys) if keys.is_empty() => f.write_str("the key set has no keys"),
            Self::NoUsableKey(keys) => write!(f, "no key that can verify a token; {}", LeftOut(keys)),
        }
    }
}

impl fmt::Display for NoResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "no response",
            Self::UnknownCluster => "the proxy has no such cluster",
            Self::NoHost => "the cluster has no host: its name may not resolve",
            Self::Refused(status) => return write!(f, "the proxy refused to send the request, with status {status}"),
        })
    }
}

impl fmt::Display for FailedFetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.request {
            Some(HttpRequest { url, cluster, .. }) => write!(f, "{url} by cluster {cluster:?}: {}", self.why),
            None => self.why.fmt(f),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unexpected => "unexpected response: no fetch in progress",
            Self::NoResponse(why) => return why.fmt(f),
            Self::Status(status, None) => return write!(f, "status {}, expected 200", status.escape_debug()),
            Self::Status(status, Some(text)) => {
                return write!(f, "status {}, expected 200: {text:?}", status.escape_debug());
            }
            Self::KeySet(_, Some(kind)) | Self::Document(_, Some(kind)) => return kind.fmt(f),
            Self::KeySet(why, None) => return why.fmt(f),
            Self::DocumentTooLarge(bytes) => {
                return write!(f, "the discovery document has {bytes} bytes, expected at most {MAX_DOCUMENT}");
            }
            Self::Document(why, None) => return write!(f, "the discovery document: {why}"),
            Self::WrongIssuer { found: Some(found), expected } => {
                return write!(
                    f,
                    "the discovery document is for another issuer: found {found:?}, expected {expected:?}"
                );
            }
            Self::WrongIssuer { found: None, expected } => {
                return write!(f, "the discovery document has no `issuer`, expected {expected:?}");
            }
            Self::MissingJwksUri => "the discovery document has no jwks_uri",
            Self::LeavesHttps => "jwks_uri in the discovery document is not https",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_body_is_shown_escaped_and_bounded() {
        let shown = |body: &[u8]| FetchError::status(b"503", body).to_string();
        assert_eq!(shown(b"no healthy upstream\n"), "status 503, expected 200: \"no healthy upstream\"");
        assert_eq!(shown(b"a\x1b[31m\nb"), "status 503, expected 200: \"a\\u{1b}[31m\\nb\"");
        for hidden in [&b""[..], b" ", b"<html>", b"\xff\xff", &[0x1f, 0x8b, 0]] {
            assert_eq!(shown(hidden), "status 503, expected 200");
        }
        assert!(shown(&[b'x'; 100_000]).len() < 500);
    }

    #[test]
    fn a_status_is_shown_bounded() {
        assert_eq!(FetchError::status(b"5\n3", b"").to_string(), "status 5\\n3, expected 200");
        assert!(FetchError::status(&[b'9'; 1000], b"").to_string().len() < 100);
    }
}
