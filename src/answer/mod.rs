//! The table of answers: what a caller is told in the server's place. The reason stays in the log.

mod details;
mod reply;

use crate::listed::listed;

pub use reply::{Reply, clipped, shown};

listed! {
    /// What a call that does not go on is answered.
    Answer {
        /// No good token. A caller can get a new one, so this is never confused with a denial.
        Unauthenticated => "unauthenticated",
        /// The token is good and the policy says no.
        Denied => "permission",
        /// It cannot be decided yet. Every SDK retries this one, whereas 7 or 16 ends workers.
        Unavailable => "unavailable",
        /// A compression that is not supported here: SDKs fall back to none.
        Encoding => "encoding",
        /// Temporal would not decode the request, or would not answer it, or it could be read in two ways.
        Malformed => "malformed",
        /// A message over Temporal's limit.
        TooLarge => "too_large",
        /// No method of the server: what an older server says.
        UnknownMethod => "unknown_method",
        /// AdminService, reflection and health watching while they are closed.
        Closed => "closed",
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub grpc_status: u32,
    /// For callers that do not speak gRPC.
    pub http_status: u32,
    /// Whether the call goes on all the same in `mode: shadow`.
    pub forwarded_in_shadow: bool,
}

impl Answer {
    pub const fn row(self) -> Row {
        let (grpc_status, http_status, forwarded_in_shadow) = match self {
            Self::Unauthenticated => (16, 401, true),
            Self::Denied => (7, 403, true),
            Self::Unavailable => (14, 503, true),
            Self::Encoding => (12, 415, false),
            Self::Malformed => (3, 400, false),
            Self::TooLarge => (8, 413, false),
            Self::UnknownMethod => (12, 404, false),
            Self::Closed => (7, 403, true),
        };
        Row { grpc_status, http_status, forwarded_in_shadow }
    }
}
