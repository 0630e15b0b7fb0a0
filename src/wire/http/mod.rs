//! The parts of HTTP requests that a server decodes: the path and the query. They know nothing of Temporal.

mod fault;
mod path;
mod query;

pub use fault::HttpFault;
pub use path::{segments, unescape};
pub use query::pairs;

/// The longest body that a server reads, in bytes: Temporal's limit (`rpc.MaxHTTPAPIRequestBytes`).
pub const MAX_BODY: usize = 4 << 20;

/// The bytes before the first question mark, and those after it.
#[must_use]
pub fn split_query(target: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
