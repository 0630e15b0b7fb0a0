//! The keys that issuers sign with: parsed, and kept fresh by a state machine that knows neither clock nor network.

pub mod jwk;
mod roca;
pub mod source;
pub mod url;

use std::rc::Rc;

pub use jwk::{Found, Key, KeySet};
pub use source::{Get, Lookup, Remote, Source};
pub use url::Url;

/// Which key of which issuer: the same only while nothing of the key's JWK changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId {
    /// The issuer's place in the configuration.
    pub issuer: usize,
    /// The key's JWK, as JSON.
    pub jwk: Rc<[u8]>,
}
