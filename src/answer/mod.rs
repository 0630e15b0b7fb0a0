//! The status table: what a denied caller receives in the server's place. The reason stays in the log.

mod details;
mod form;
mod reply;
mod trailers;

use crate::listed::listed;

pub use form::{ApiStyle, Form};
pub use reply::{Reply, clipped, shown};
pub use trailers::Trailers;

listed! {
    /// The answer to a call that does not go on.
    Answer {
        /// The request has no good token. The caller can get a new token, so a denial never has this answer.
        Unauthenticated => "unauthenticated",
        /// The token is good, and policy denies the call.
        Denied => "permission",
        /// The same, in a namespace whose existence the caller must not learn.
        NamespaceNotFound => "namespace_not_found",
        /// The call cannot be decided yet. Every SDK retries on this status, whereas 7 or 16 ends workers.
        Unavailable => "unavailable",
        /// The compression is not supported. SDKs fall back to no compression.
        Encoding => "encoding",
        /// Temporal would not decode or answer the request, or the request could be read in two ways.
        Malformed => "malformed",
        /// The message is over Temporal's limit.
        TooLarge => "too_large",
        /// Reading the request takes more work than its caller may cause at the moment. SDKs retry on this status, and wait
        /// longer than after 14.
        TooMuchWork => "too_much_work",
        /// No method with this path is known. A server without the method gives the same answer.
        UnknownMethod => "unknown_method",
        /// The method belongs to AdminService, reflection or health watching, and is closed.
        Closed => "closed",
    }
}

/// The status of a gRPC call that does not succeed, with its number. Source: `google.golang.org/grpc/codes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of gRPC")]
pub enum Code {
    InvalidArgument = 3,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// One row of the status table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub code: Code,
    /// For callers that do not speak gRPC.
    pub http_status: u32,
    /// Whether the call goes on in `mode: shadow`.
    pub forwarded_in_shadow: bool,
    /// The type and the message of the failure that Nexus callers get.
    nexus: (&'static str, &'static str),
}

impl Code {
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// Its name in gRPC.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::NotFound => "NOT_FOUND",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl Answer {
    #[must_use]
    pub const fn row(self) -> Row {
        use Code::{
            InvalidArgument, NotFound, PermissionDenied, ResourceExhausted, Unauthenticated, Unavailable, Unimplemented,
        };
        const UNAUTHORIZED: (&str, &str) = ("UNAUTHORIZED", "permission denied");
        const NOT_FOUND: (&str, &str) = ("NOT_FOUND", "not found");
        const BAD_REQUEST: (&str, &str) = ("BAD_REQUEST", "bad request");
        let (code, http_status, forwarded_in_shadow, nexus) = match self {
            Self::Unauthenticated => (Unauthenticated, 401, true, ("UNAUTHENTICATED", "unauthorized")),
            Self::Denied => (PermissionDenied, 403, true, UNAUTHORIZED),
            Self::NamespaceNotFound => (NotFound, 404, true, NOT_FOUND),
            Self::Unavailable => (Unavailable, 503, true, ("UNAVAILABLE", "the token cannot be verified yet")),
            Self::Encoding => (Unimplemented, 415, false, BAD_REQUEST),
            Self::Malformed => (InvalidArgument, 400, false, BAD_REQUEST),
            Self::TooLarge => (ResourceExhausted, 413, false, BAD_REQUEST),
            Self::TooMuchWork => (ResourceExhausted, 429, true, ("RESOURCE_EXHAUSTED", "too much work")),
            Self::UnknownMethod => (Unimplemented, 404, false, NOT_FOUND),
            Self::Closed => (PermissionDenied, 403, true, UNAUTHORIZED),
        };
        Row { code, http_status, forwarded_in_shadow, nexus }
    }
}
