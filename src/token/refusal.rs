//! The reasons for refusing a token, each with its text for the log.

use std::fmt;

use serde_json::Value;

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
    /// A text that is not a JWT: an opaque token, or anything else.
    Opaque,
    /// A token that only its audience can decrypt (RFC 7516).
    Encrypted,
    NotBase64Url(TokenPart),
    InvalidJson(TokenPart, JsonError),
    /// `crit`: no extension is supported.
    CriticalExtensions,
    MissingKid,
    MissingMember(&'static str),
    MemberNotText(&'static str),
    UnsupportedAlgorithm(Box<str>),
    MissingIssuer,
    /// No issuer is configured for this `iss`.
    UnknownIssuer(Box<str>),
    /// The issuer's tokens are not accepted in this header.
    WrongHeader(Box<str>),
    AlgorithmNotAllowed(Algorithm),
    /// The token's `typ`, if it has one.
    WrongType(Option<Box<str>>),
    WrongIssuer,
    MissingAudience,
    /// The token's `aud`, as JSON.
    WrongAudience(Box<str>),
    /// A token for Microsoft Graph, which only Graph can verify.
    MicrosoftGraph,
    NotADate(&'static str),
    MissingExpiry,
    Expired,
    NotYetValid,
    IssuedInFuture,
    MissingIssuedAt,
    LifetimeTooLong,
    /// A claim that `token.require` names, and its value as JSON if it has one.
    RequiredClaim(Box<str>, Option<Box<str>>),
    /// A claim that `token.require` names is an e-mail address that is not verified.
    UnverifiedClaim(Box<str>),
    /// The claim that should name the caller, and what is wrong with it.
    Subject(Box<str>, SubjectFault),
    /// The issuer has no key with this `kid`; empty if the token has none.
    UnknownKey(Box<str>),
    /// The issuer has keys with this `kid`, but none of them is for the token's algorithm.
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
            Self::Opaque => "an opaque token, not a JWT",
            Self::Encrypted => "an encrypted token (JWE), which cannot be verified",
            Self::NotBase64Url(part) => return write!(f, "{}: not base64url", part.name()),
            Self::InvalidJson(part, why) => return write!(f, "{}: {why}", part.name()),
            Self::CriticalExtensions => "header: crit requires extensions, and none is supported",
            Self::MissingKid => "header: kid is missing; keys.kid: optional accepts such tokens",
            Self::MissingMember(name) => return write!(f, "header: {name} is missing"),
            Self::MemberNotText(name) => return write!(f, "header: {name} is not a string"),
            Self::UnsupportedAlgorithm(name) => return write!(f, "header: algorithm {name:?} is not supported"),
            Self::MissingIssuer => "iss is missing",
            Self::UnknownIssuer(found) => return write!(f, "no issuer is configured for iss {found:?}"),
            Self::WrongHeader(name) => return write!(f, "tokens of this issuer are not accepted in header {name}"),
            Self::AlgorithmNotAllowed(algorithm) => return write!(f, "algorithm {} is not allowed", algorithm.name()),
            Self::WrongType(Some(typ)) => return write!(f, "typ {typ:?} is not accepted"),
            Self::WrongType(None) => "typ is missing",
            Self::WrongIssuer => "iss does not match the issuer",
            Self::MissingAudience => "aud is missing",
            Self::WrongAudience(found) => return write!(f, "aud has no accepted audience: {found}"),
            Self::MicrosoftGraph => "a token for Microsoft Graph; ask for a scope of your own application instead",
            Self::NotADate(name) => return write!(f, "{name} is not a date"),
            Self::MissingExpiry => "exp is missing",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "nbf is in the future",
            Self::IssuedInFuture => "iat is in the future",
            Self::MissingIssuedAt => "iat is missing, but token.max_lifetime requires it",
            Self::LifetimeTooLong => "the lifetime exceeds token.max_lifetime",
            Self::RequiredClaim(name, None) => {
                return write!(f, "claim {name:?}, which token.require names, is missing");
            }
            Self::RequiredClaim(name, Some(found)) => {
                return write!(f, "claim {name:?}, which token.require names, is different: {found}");
            }
            Self::UnverifiedClaim(name) => {
                return write!(f, "claim {name:?}, which token.require names, {}", SubjectFault::Unverified.text());
            }
            Self::Subject(claim, why) => return write!(f, "no subject: claim {claim:?} {}", why.text()),
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

/// What is wrong with the claim that should name the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectFault {
    Missing,
    /// An e-mail address that is not verified.
    Unverified,
    Fraction,
    Boolean,
    List,
    Object,
}

impl SubjectFault {
    fn text(self) -> &'static str {
        match self {
            Self::Missing => "is missing or empty",
            Self::Unverified => {
                "is not verified: email_verified is not true, and the issuer does not have `email: trusted`"
            }
            Self::Fraction => "is not a whole number",
            Self::Boolean => "is a boolean",
            Self::List => "is a list",
            Self::Object => "is an object",
        }
    }
}

/// Audiences of Microsoft Graph: its application id and its URL.
const GRAPH: [&str; 2] = ["00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com"];

impl TokenRefusal {
    /// Tokens for Graph have the issuer of Entra ID's version 1.0, whatever the version of the other tokens is.
    pub fn unknown_issuer(iss: &str, aud: Option<&Value>) -> Self {
        if aud.is_some_and(is_for_graph) { Self::MicrosoftGraph } else { Self::UnknownIssuer(excerpt(iss)) }
    }

    pub fn wrong_audience(aud: Option<&Value>) -> Self {
        match aud {
            Some(aud) if is_for_graph(aud) => Self::MicrosoftGraph,
            aud => Self::WrongAudience(aud.map(|aud| excerpt(&aud.to_string())).unwrap_or_default()),
        }
    }

    pub fn required_claim(name: &str, found: Option<&Value>) -> Self {
        Self::RequiredClaim(excerpt(name), found.map(|found| excerpt(&found.to_string())))
    }

    pub fn unsupported_algorithm(name: &str) -> Self {
        Self::UnsupportedAlgorithm(excerpt(name))
    }

    pub fn wrong_type(typ: Option<&str>) -> Self {
        Self::WrongType(typ.map(excerpt))
    }
}

fn is_for_graph(aud: &Value) -> bool {
    aud.as_str().is_some_and(|aud| GRAPH.contains(&aud.trim_end_matches('/')))
}
