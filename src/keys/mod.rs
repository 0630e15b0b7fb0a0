//! The keys that issuers sign with: parsed, and kept fresh by a state machine that knows neither clock nor network.

mod fetch;
pub mod jwk;
pub mod shared;
pub mod source;
pub mod url;

use std::rc::Rc;

pub use fetch::{Get, Next, Remote};
pub use jwk::{Found, Key, KeySet};
pub use shared::{Secret, Shared, SharedData};
pub use source::{Lookup, Source};
pub use url::Url;

/// Which key of which issuer: the same only while nothing of the key's JWK changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId {
    /// The issuer's place in the configuration.
    pub issuer: usize,
    /// The key's JWK, as JSON.
    pub jwk: Rc<[u8]>,
}
