use std::fmt;

use crate::crypto::{Algorithm, UnusableKey};
use crate::excerpt::excerpt;
use crate::wire::json::JsonError;

/// Why a token is refused. The reason goes to the log; clients are not told.
#[derive(Debug)]
pub enum TokenRefusal {
    SeveralTokens,
    /// The Authorization header has another scheme, or none.
    NotBearer,
    TooLong,
    InvalidCharacters,
    NotThreeParts,
    NotBase64Url(TokenPart),
    InvalidJson(TokenPart, JsonError),
    /// `crit`: no extension is supported.
    CriticalExtensions,
    MissingKid,
    MissingMember(&'static str),
    MemberNotText(&'static str),
    UnsupportedAlgorithm(Box<str>),
    MissingIssuer,
    UnknownIssuer,
    /// The issuer's tokens are not accepted in this header.
    WrongHeader(Box<str>),
    AlgorithmNotAllowed(Algorithm),
    /// The token's `typ`, if it has one.
    WrongType(Option<Box<str>>),
    WrongIssuer,
    MissingAudience,
    WrongAudience,
    NotADate(&'static str),
    MissingExpiry,
    Expired,
    NotYetValid,
    IssuedInFuture,
    MissingIssuedAt,
    LifetimeTooLong,
    RequiredClaim,
    /// The claim that should name the caller.
    MissingSubject(Box<str>),
    /// The issuer has no key with this `kid`; empty if the token has none.
    UnknownKey(Box<str>),
    /// The issuer has a key with this `kid`, but for other algorithms than the token's.
    KeyForOtherAlgorithm(Algorithm),
    /// The issuer has a key with this `kid` that cannot verify tokens.
    UnusableKey(UnusableKey),
    /// The token has no `kid`, and this many keys of the issuer are for its algorithm.
    TooManyKeys(usize),
    WrongSignature,
}

/// A part of a token in compact form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenPart {
    Header,
    Payload,
    Signature,
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SeveralTokens => "more than one token",
            Self::NotBearer => "no bearer token in the Authorization header",
            Self::TooLong => "the token is longer than 64 KiB",
            Self::InvalidCharacters => "the token has characters that no JWT has",
            Self::NotThreeParts => "the token does not have three parts",
            Self::NotBase64Url(part) => return write!(f, "{}: not base64url", part.name()),
            Self::InvalidJson(part, why) => return write!(f, "{}: {why}", part.name()),
            Self::CriticalExtensions => "header: crit requires extensions, and none is supported",
            Self::MissingKid => "header: kid is missing; keys.kid: optional accepts such tokens",
            Self::MissingMember(name) => return write!(f, "header: {name} is missing"),
            Self::MemberNotText(name) => return write!(f, "header: {name} is not a string"),
            Self::UnsupportedAlgorithm(name) => return write!(f, "header: algorithm {name:?} is not supported"),
            Self::MissingIssuer => "iss is missing",
            Self::UnknownIssuer => "no issuer is configured for iss",
            Self::WrongHeader(name) => return write!(f, "tokens of this issuer are not accepted in header {name}"),
            Self::AlgorithmNotAllowed(algorithm) => return write!(f, "algorithm {} is not allowed", algorithm.name()),
            Self::WrongType(Some(typ)) => return write!(f, "typ {typ:?} is not accepted"),
            Self::WrongType(None) => "typ is missing",
            Self::WrongIssuer => "iss does not match the issuer",
            Self::MissingAudience => "aud is missing",
            Self::WrongAudience => "aud has no accepted audience",
            Self::NotADate(name) => return write!(f, "{name} is not a date"),
            Self::MissingExpiry => "exp is missing",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "nbf is in the future",
            Self::IssuedInFuture => "iat is in the future",
            Self::MissingIssuedAt => "iat is missing, but token.max_lifetime requires it",
            Self::LifetimeTooLong => "the lifetime exceeds token.max_lifetime",
            Self::RequiredClaim => "a claim that token.require names is missing or different",
            Self::MissingSubject(claim) => return write!(f, "no subject in claim {claim}"),
            Self::UnknownKey(kid) if kid.is_empty() => "the issuer has no key for the token, which has no kid",
            Self::UnknownKey(kid) => return write!(f, "the issuer has no key with kid {kid:?}"),
            Self::KeyForOtherAlgorithm(found) => {
                return write!(f, "the key with this kid is for another algorithm than {}", found.name());
            }
            Self::UnusableKey(why) => return write!(f, "the key with this kid cannot be used: {why}"),
            Self::TooManyKeys(count) => {
                return write!(f, "the token has no kid, and the issuer has {count} keys for its algorithm");
            }
            Self::WrongSignature => "the signature does not match",
        })
    }
}

impl TokenPart {
    fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        }
    }
}

impl TokenRefusal {
    pub fn unsupported_algorithm(name: &str) -> Self {
        Self::UnsupportedAlgorithm(excerpt(name))
    }

    pub fn wrong_type(typ: Option<&str>) -> Self {
        Self::WrongType(typ.map(excerpt))
    }
}
