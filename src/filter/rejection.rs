//! Why a call does not go on.

use std::fmt;
use std::rc::Rc;

use super::RestOfBody;
use crate::answer::{Reply, shown};
use crate::policy::{DenyReason, Principal, Rule, ShadowOutcome};
use crate::temporal::Target;
use crate::token::TokenRefusal;
use crate::wire::DecodeError;

/// Why a call does not go on.
#[derive(Debug)]
pub enum Rejection {
    AdminServiceClosed,
    /// Reflection and health watching.
    ServiceClosed,
    UnknownMethod(Box<[u8]>),
    /// The request cannot be read, or can be read in two ways.
    Request(DecodeError),
    UnsupportedEncoding(Box<[u8]>),
    UnreadablePeer,
    NoToken,
    Token(TokenRefusal),
    TooManyTokens,
    KeyNotAvailable,
    /// Without the host no call goes on, not even in `mode: shadow`.
    HostCallFailed,
    /// The policy's denial.
    Denied(DenyReason),
}

impl Rejection {
    /// The reply to the caller. It contains the reason of a denial only if `explain` says so.
    pub fn reply(&self, explain: bool) -> Reply {
        match self {
            Self::AdminServiceClosed | Self::ServiceClosed => Reply::CLOSED,
            Self::UnknownMethod(path) => Reply::unknown_method(path),
            Self::Request(DecodeError::TooLarge) => Reply::TOO_LARGE,
            Self::Request(error) => Reply::malformed(error),
            Self::UnsupportedEncoding(value) => Reply::encoding(value),
            Self::UnreadablePeer | Self::NoToken | Self::Token(_) => Reply::UNAUTHENTICATED,
            Self::TooManyTokens | Self::KeyNotAvailable | Self::HostCallFailed => Reply::UNAVAILABLE,
            Self::Denied(reason) => Reply::denied(explain.then(|| format!("{}: {reason}", reason.rule().name()))),
        }
    }

    /// The rule that denied the call, if the policy did.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::Denied(reason) => Some(reason.rule()),
            _ => None,
        }
    }

    /// Whether `mode: shadow` may let the call go on all the same, if its answer says so.
    pub fn may_be_forwarded(&self) -> bool {
        !matches!(self, Self::HostCallFailed)
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminServiceClosed => "AdminService is closed",
            Self::ServiceClosed => "this service is closed to every caller",
            Self::UnknownMethod(_) => "no method with this path is known",
            Self::Request(error) => return error.fmt(f),
            Self::UnsupportedEncoding(_) => "this grpc-encoding is not supported",
            Self::UnreadablePeer => "x-forwarded-client-cert cannot be read",
            Self::NoToken => "no token",
            Self::Token(refusal) => return f.write_str(&shown(refusal.to_string().as_bytes())),
            Self::TooManyTokens => "too many tokens to verify",
            Self::KeyNotAvailable => "the token's key is not available",
            Self::HostCallFailed => "a required host call failed",
            Self::Denied(reason) => return reason.fmt(f),
        })
    }
}

impl From<DecodeError> for Rejection {
    fn from(error: DecodeError) -> Self {
        Self::Request(error)
    }
}

/// What is known about a call when it is allowed or rejected.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The caller, once the token is verified.
    pub(super) principal: Option<Rc<Principal>>,
    /// What the request would do, as far as it was read.
    pub(super) target: Option<Target>,
    /// What rules in shadow would have changed.
    pub(super) shadow: Option<ShadowOutcome>,
}

/// A call that does not go on.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) rejection: Rejection,
    /// What the rest of the body may be if the call goes on all the same.
    pub(super) rest: RestOfBody,
    pub(super) evidence: Evidence,
}

impl Rejected {
    /// A call of this principal that does not go on.
    pub(super) fn by(principal: Rc<Principal>, rejection: impl Into<Rejection>) -> Box<Self> {
        let evidence = Evidence { principal: Some(principal), ..Evidence::default() };
        Box::new(Self { rejection: rejection.into(), rest: RestOfBody::Anything, evidence })
    }
}

impl From<Rejection> for Box<Rejected> {
    fn from(rejection: Rejection) -> Self {
        Self::new(Rejected { rejection, rest: RestOfBody::Anything, evidence: Evidence::default() })
    }
}

impl From<DecodeError> for Box<Rejected> {
    fn from(error: DecodeError) -> Self {
        Rejection::from(error).into()
    }
}
