//! Who the caller is: what a verified token says, in the form that policy matches.

pub mod claims;
pub mod peer;

use std::rc::Rc;

use serde_json::{Map, Value};

pub use claims::{ClaimName, ClaimSet};

/// A person or a machine. Only issuers with `service_when` tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Not a service, as far as the issuer's `service_when` says.
    Human,
    /// Matched the issuer's `service_when`.
    Service,
}

impl Kind {
    /// The name that policies and logs use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
        }
    }
}

/// What a verified token says of its bearer, or a connection's certificate of its peer.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The name that the configuration has for the issuer; none for a caller without a token.
    pub issuer: Option<Rc<str>>,
    /// The subject claim, or who the peer is.
    pub subject: String,
    /// Human or service; none where the issuer does not tell.
    pub kind: Option<Kind>,
    /// All claims of the token.
    pub claims: Map<String, Value>,
    /// Who the TLS peer is, where policy asks: the first URI SAN of its certificate, else the first DNS SAN, else its
    /// subject.
    pub peer: Option<Rc<str>>,
}
