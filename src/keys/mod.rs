//! The issuers' key sets: parsed, fetched and kept fresh by a state machine that knows neither clock nor network.

mod error;
mod fetch;
pub mod jwk;
pub mod shared;
pub mod source;
mod store;
pub mod url;

pub use error::{FetchError, KeySetError, UnusableKey};
pub use fetch::{FetchProgress, HttpRequest, JwksSettings, KeyFetcher};
pub use jwk::{Key, KeyMatch, KeySet};
pub use shared::{ShareKey, SharedData, SharedKeys};
pub use source::{KeyLookup, KeySource};
pub use store::{IssuerKeys, KeyId, KeyStore, random_spread};
pub use url::Url;
