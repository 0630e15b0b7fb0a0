//! The parts of HTTP requests that a server decodes: the path and the query. They know nothing of Temporal.

mod fault;
mod path;
mod query;

pub use fault::HttpFault;
pub use path::{segments, unescape};
pub use query::pairs;

/// The bytes before the first question mark, and those after it.
#[must_use]
pub fn split_query(target: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = target.splitn(2, |byte| *byte == b'?');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
