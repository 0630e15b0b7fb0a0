//! Why key sets cannot be used or fetched.

use std::fmt;

use super::key_set::{LeftOut, LeftOutKey, MAX_DOCUMENT, MAX_KEYS};
use crate::wire::json::JsonError;

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

/// Why a fetch failed.
#[derive(Debug)]
pub enum FetchError {
    /// A response arrived, but no fetch is in progress.
    Unexpected,
    NoResponse,
    /// The status, truncated.
    Status(Box<str>),
    KeySet(KeySetError),
    /// The discovery document has this many bytes.
    DocumentTooLarge(usize),
    Document(JsonError),
    /// The discovery document has a different `issuer`.
    WrongIssuer,
    /// The discovery document has no `jwks_uri`, or it is not a URL.
    MissingJwksUri,
    /// Discovery used https, but `jwks_uri` does not.
    LeavesHttps,
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

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unexpected => "unexpected response: no fetch in progress",
            Self::NoResponse => "no response",
            Self::Status(status) => return write!(f, "status {status}, expected 200"),
            Self::KeySet(why) => return why.fmt(f),
            Self::DocumentTooLarge(bytes) => {
                return write!(f, "the discovery document has {bytes} bytes, expected at most {MAX_DOCUMENT}");
            }
            Self::Document(why) => return write!(f, "the discovery document: {why}"),
            Self::WrongIssuer => "the discovery document is for another issuer",
            Self::MissingJwksUri => "the discovery document has no jwks_uri",
            Self::LeavesHttps => "jwks_uri in the discovery document is not https",
        })
    }
}
