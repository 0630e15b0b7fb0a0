//! Who the caller is: what a verified token says, in the form that policy matches.

pub mod claims;
pub mod peer;
pub mod wide;

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
    /// Matches it only as denials read claims: neither for grants, both for denials.
    Doubtful,
}

impl Kind {
    /// The name that policies and logs use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
            Self::Doubtful => "doubtful",
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
    /// Human or service; nothing where the issuer does not tell.
    pub kind: Option<Kind>,
    /// Why the kind is in doubt, if it is.
    pub doubt: Option<String>,
    /// All claims of the token.
    pub claims: Map<String, Value>,
    /// Who the TLS peer is, where policy asks: the first URI SAN of its certificate, else the first DNS SAN, else its
    /// subject.
    pub peer: Option<Rc<str>>,
}

impl Identity {
    /// Whether these claims make their bearer a service by one of these sets, and why that is in doubt, if it is.
    #[must_use]
    pub fn kind_of(service_when: &[ClaimSet], claims: &Map<String, Value>) -> (Option<Kind>, Option<String>) {
        if service_when.is_empty() {
            return (None, None);
        }
        if service_when.iter().any(|set| set.matches(claims)) {
            return (Some(Kind::Service), None);
        }
        let wide = wide::WideClaims::new(claims);
        match service_when.iter().find_map(|set| set.could_match(&wide)) {
            Some(readings) => {
                let readings: Vec<_> = readings.iter().map(wide::Reading::to_string).collect();
                (Some(Kind::Doubtful), Some(format!("a service, with {}", readings.join("; "))))
            }
            None => (Some(Kind::Human), None),
        }
    }
}
