//! Why a call does not go on. It becomes text only in the log, or in a reply.

use std::fmt;

use crate::answer::{Reply, shown};
use crate::policy::{DenyReason, NeededGrant, Rule};
use crate::token::TokenRefusal;
use crate::wire::DecodeError;

/// A part of Temporal's HTTP port that can be switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpSurface {
    Api,
    Nexus,
    OpenApi,
}

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
    /// A compressed body on the HTTP port.
    ContentEncoding(Box<[u8]>),
    /// A part of the HTTP port that is switched off.
    SwitchedOff(HttpSurface),
    /// No route of the HTTP port has this path and verb.
    UnknownRoute,
    /// The request cannot be kept until the rest of it arrives: its caller holds too much, or all callers do.
    NoRoomForBody,
    /// The request stood still, and others needed its room.
    GivenUp {
        /// Whether a part of its body is gone.
        with_body: bool,
    },
    /// The server has answered a request on the HTTP port that the filter has not read to its end.
    AnsweredEarly,
    UnreadablePeer,
    /// No header that an issuer names has a token. Another header may have one.
    NoToken {
        elsewhere: Option<&'static str>,
    },
    Token(TokenRefusal),
    TooManyTokens,
    KeyNotAvailable,
    /// Without the host no call goes on, not even in `mode: shadow`.
    HostCallFailed,
    /// The policy's denial.
    Denied(DenyReason),
    /// The policy's denial in a namespace whose existence the caller must not learn.
    Hidden {
        reason: DenyReason,
        namespace: String,
    },
}

impl Rejection {
    /// The reply to the caller. It contains the reason of a denial only if `explain` says so.
    pub fn reply(&self, explain: bool) -> Reply {
        match self {
            Self::AdminServiceClosed | Self::ServiceClosed => Reply::CLOSED,
            Self::UnknownMethod(path) => Reply::unknown_method(path),
            Self::Request(DecodeError::TooLarge) => Reply::TOO_LARGE,
            Self::Request(DecodeError::Work(work)) if work.is_unpaid() => Reply::TOO_MUCH_WORK,
            Self::Request(error) => Reply::malformed(error),
            Self::UnsupportedEncoding(value) => Reply::encoding(value),
            Self::ContentEncoding(value) => Reply::content_encoding(value),
            Self::SwitchedOff(_) | Self::UnknownRoute => Reply::not_found(self),
            Self::UnreadablePeer | Self::NoToken { .. } | Self::Token(_) => Reply::UNAUTHENTICATED,
            Self::TooManyTokens | Self::KeyNotAvailable | Self::HostCallFailed => Reply::UNAVAILABLE,
            Self::NoRoomForBody | Self::GivenUp { .. } => Reply::BUSY,
            Self::AnsweredEarly => Reply::ANSWERED_EARLY,
            // An explanation would show that the namespace exists.
            Self::Hidden { namespace, .. } => Reply::namespace_not_found(namespace.clone()),
            Self::Denied(reason) => Reply::denied(explain.then(|| format!("{}: {reason}", reason.rule().name()))),
        }
    }

    /// Whether the call was denied before its request was read, because no request of its method could be allowed.
    pub(crate) fn is_before_reading(&self) -> bool {
        match self {
            Self::Denied(DenyReason::NotCovered(reason))
            | Self::Hidden { reason: DenyReason::NotCovered(reason), .. } => {
                reason.needed == NeededGrant::SomeNamespace
            }
            _ => false,
        }
    }

    /// The rule that denied the call, if the policy did.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::Denied(reason) | Self::Hidden { reason, .. } => Some(reason.rule()),
            _ => None,
        }
    }

    /// Whether the call does not go on because its caller takes too much from others.
    pub(super) fn protects_others(&self) -> bool {
        match self {
            Self::Request(DecodeError::Work(work)) => work.is_unpaid(),
            Self::NoRoomForBody | Self::GivenUp { .. } => true,
            _ => false,
        }
    }

    /// Whether `mode: shadow` may let the call go on all the same, if its answer says so.
    pub fn may_be_forwarded(&self) -> bool {
        // A body that was not kept cannot go on.
        !matches!(self, Self::HostCallFailed | Self::GivenUp { with_body: true })
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
            Self::ContentEncoding(_) => "this content-encoding is not supported",
            Self::SwitchedOff(HttpSurface::Api) => "the HTTP API is switched off; http.api switches it on",
            Self::SwitchedOff(HttpSurface::Nexus) => "Nexus over HTTP is switched off; http.nexus switches it on",
            Self::SwitchedOff(HttpSurface::OpenApi) => {
                "the description of the API is switched off; http.openapi switches it on"
            }
            Self::UnknownRoute => "no route has this path and this HTTP method",
            Self::NoRoomForBody => "unfinished requests hold too much memory",
            Self::GivenUp { .. } => "the rest of the request did not arrive in time",
            Self::AnsweredEarly => "the server answered before the request was complete",
            Self::UnreadablePeer => "x-forwarded-client-cert cannot be read",
            Self::NoToken { elsewhere: None } => "no token",
            Self::NoToken { elsewhere: Some(name) } => {
                return write!(f, "a token in header {name}, which no issuer names");
            }
            Self::Token(refusal) => return f.write_str(&shown(refusal.to_string().as_bytes())),
            Self::TooManyTokens => "too many tokens to verify",
            Self::KeyNotAvailable => "the token's key is not available",
            Self::HostCallFailed => "a required host call failed",
            Self::Denied(reason) | Self::Hidden { reason, .. } => return reason.fmt(f),
        })
    }
}

impl From<DecodeError> for Rejection {
    fn from(error: DecodeError) -> Self {
        Self::Request(error)
    }
}
