//! The reasons why a key of a key set cannot verify tokens, each with its text for the log.

use std::fmt;

use serde_json::Value;

use crate::excerpt::excerpt;

/// Why a key of a key set cannot verify tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnusableKey {
    NotAnObject,
    /// The key is not JSON, or has a member twice.
    Json(Box<str>),
    MissingKid,
    /// A member that the key's type requires is missing.
    MissingMember(&'static str),
    NotBase64Url(&'static str),
    /// `use` is neither `sig` nor SPIFFE's `jwt-svid`.
    NotForSignatures(Box<str>),
    /// `key_ops` has no `verify`.
    NotForVerifying,
    /// The key has members that only the signer may know.
    Private,
    /// Whoever verifies with the key could also sign with it.
    Symmetric,
    UnsupportedAlgorithm(Box<str>),
    /// `kty` and `crv`.
    UnsupportedType(Box<str>, Option<Box<str>>),
    /// An RSA key of this many bits.
    RsaSize(usize),
    /// CVE-2017-15361.
    WeakModulus,
    /// Not a key of its type.
    Invalid,
    /// The key is only in `x5c`, whose first certificate cannot be read, or has a key of another type.
    InvalidCertificate,
    /// `alg` is for keys of another type.
    AlgorithmMismatch,
}

impl UnusableKey {
    pub fn json(why: &impl fmt::Display) -> Self {
        Self::Json(why.to_string().into())
    }

    pub fn not_for_signatures(found: &Value) -> Self {
        Self::NotForSignatures(excerpt(&found.to_string()))
    }

    pub fn unsupported_algorithm(found: &Value) -> Self {
        Self::UnsupportedAlgorithm(excerpt(&found.to_string()))
    }

    pub fn unsupported_type(kty: &str, crv: Option<&str>) -> Self {
        Self::UnsupportedType(excerpt(kty), crv.map(excerpt))
    }

    /// Whether the key is good, but not for the signatures of tokens. Many providers publish such keys.
    #[must_use]
    pub fn is_for_other_purpose(&self) -> bool {
        matches!(self, Self::NotForSignatures(_) | Self::NotForVerifying)
    }
}

impl fmt::Display for UnusableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAnObject => "not an object",
            Self::Json(why) => why,
            Self::MissingKid => "kid is missing; keys.kid: optional accepts such keys",
            Self::MissingMember(name) => return write!(f, "{name} is missing"),
            Self::NotBase64Url(name) => return write!(f, "{name} is not base64url"),
            Self::NotForSignatures(found) => return write!(f, "use is {found}, expected \"sig\""),
            Self::NotForVerifying => "key_ops does not include verify",
            Self::Private => "a private key: anyone who can read it can sign tokens",
            Self::Symmetric => "a symmetric key: anyone who can read it can sign tokens",
            Self::UnsupportedAlgorithm(found) => return write!(f, "alg {found} is not supported"),
            Self::UnsupportedType(kty, None) => return write!(f, "kty {kty:?} is not supported"),
            Self::UnsupportedType(kty, Some(crv)) => {
                return write!(f, "kty {kty:?} with crv {crv:?} is not supported");
            }
            Self::RsaSize(bits) => return write!(f, "an RSA key of {bits} bits, expected 2048 to 4096"),
            Self::WeakModulus => "the modulus can be factored (CVE-2017-15361)",
            Self::Invalid => "not a valid key of its type",
            Self::InvalidCertificate => "the first certificate of x5c has no key of this type",
            Self::AlgorithmMismatch => "alg does not match the key type",
        })
    }
}
