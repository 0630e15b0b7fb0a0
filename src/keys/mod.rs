//! The issuers' key sets: parsed, fetched and kept fresh by a state machine that knows neither clock nor network.

mod body_kind;
mod error;
mod fetch;
pub mod jwk;
pub mod key_set;
mod left_out;
mod request;
pub mod shared;
pub mod source;
mod store;
#[cfg(test)]
mod test_keys;
pub mod url;

pub use error::{FailedFetch, FetchError, KeyResponse, KeySetError, NoResponse};
pub use fetch::{FetchProgress, JwksSettings, KeyFetcher, KeyLifetime};
pub use jwk::Key;
pub use key_set::{KeyMatch, KeySet};
pub use left_out::{LeftOut, LeftOutKey};
pub use request::HttpRequest;
pub use shared::{ShareKey, SharedData, SharedKeys};
pub use source::{KeyLookup, KeySource};
pub use store::{IssuerKeys, KeyId, KeyStore, random_spread};
pub use url::Url;

/// More keys than any provider has. Parsing a key costs arithmetic.
const MAX_KEYS: usize = 100;
/// In bytes, and larger than any provider's key set or discovery document.
pub const MAX_DOCUMENT: usize = 512 << 10;
