//! Why keys cannot be used or fetched.

use std::fmt;

use super::jwk::{MAX_DOCUMENT, MAX_KEYS};
use crate::wire::json::JsonError;

/// Why a key of a key set cannot verify tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusableKey {
    NotAnObject,
    MissingKid,
    /// A member that the key's type requires is missing or not base64url.
    MissingMember(&'static str),
    /// `use` is not `sig`.
    NotForSignatures,
    /// `key_ops` has no `verify`.
    NotForVerifying,
    /// The key has members that only the signer may know.
    Private,
    UnsupportedAlgorithm,
    UnsupportedType,
    /// CVE-2017-15361.
    WeakModulus,
    /// Not a key of its type, or not of a supported size.
    Invalid,
    /// `alg` is for keys of another type.
    AlgorithmMismatch,
}

/// Why a document is not a key set that can verify tokens.
#[derive(Debug)]
pub enum KeySetError {
    /// The document has this many bytes.
    TooLarge(usize),
    Json(JsonError),
    MissingKeys,
    /// The document has this many keys.
    TooManyKeys(usize),
    /// The index of each key, and why the key cannot be used.
    NoUsableKey(Vec<(usize, UnusableKey)>),
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

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnObject => "not an object",
            Self::MissingKid => "kid is missing",
            Self::MissingMember(name) => return write!(f, "{name} is missing or not base64url"),
            Self::NotForSignatures => "use is not sig",
            Self::NotForVerifying => "key_ops does not include verify",
            Self::Private => "a private key: anyone who can read it can sign tokens",
            Self::UnsupportedAlgorithm => "alg is not supported",
            Self::UnsupportedType => "kty or crv is not supported",
            Self::WeakModulus => "the modulus can be factored (CVE-2017-15361)",
            Self::Invalid => "not a valid key of its type and of a supported size",
            Self::AlgorithmMismatch => "alg does not match the key type",
        })
    }
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(bytes) => write!(f, "the key set has {bytes} bytes, expected at most {MAX_DOCUMENT}"),
            Self::Json(why) => why.fmt(f),
            Self::MissingKeys => f.write_str("the list `keys` is missing"),
            Self::TooManyKeys(count) => write!(f, "the key set has {count} keys, expected at most {MAX_KEYS}"),
            Self::NoUsableKey(keys) => {
                f.write_str("no key that can verify a token")?;
                keys.iter().try_for_each(|(index, why)| write!(f, "; keys[{index}]: {why}"))
            }
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
