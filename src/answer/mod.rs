//! The status table: what a denied caller receives in the server's place. The reason stays in the log.

mod details;
mod form;
mod not_found;
mod reply;

use crate::listed::listed;

pub use form::{ApiStyle, Form};
pub use not_found::{Trailers, namespace_not_found};
pub use reply::{Reply, clipped, shown};

listed! {
    /// The answer to a call that does not go on.
    Answer {
        /// The request has no good token. The caller can get a new token, so a denial never has this answer.
        Unauthenticated => "unauthenticated",
        /// The token is good, and policy denies the call.
        Denied => "permission",
        /// The same, in a namespace of which the caller may not know that it exists.
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
        OverBudget => "over_budget",
        /// No method with this path is known. A server without the method gives the same answer.
        UnknownMethod => "unknown_method",
        /// The method belongs to AdminService, reflection or health watching, and is closed.
        Closed => "closed",
    }
}

/// One row of the status table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub grpc_status: u32,
    /// For callers that do not speak gRPC.
    pub http_status: u32,
    /// Whether the call goes on in `mode: shadow`.
    pub forwarded_in_shadow: bool,
}

impl Answer {
    pub const fn row(self) -> Row {
        let (grpc_status, http_status, forwarded_in_shadow) = match self {
            Self::Unauthenticated => (16, 401, true),
            Self::Denied => (7, 403, true),
            Self::NamespaceNotFound => (5, 404, true),
            Self::Unavailable => (14, 503, true),
            Self::Encoding => (12, 415, false),
            Self::Malformed => (3, 400, false),
            Self::TooLarge => (8, 413, false),
            Self::OverBudget => (8, 429, true),
            Self::UnknownMethod => (12, 404, false),
            Self::Closed => (7, 403, true),
        };
        Row { grpc_status, http_status, forwarded_in_shadow }
    }
}
