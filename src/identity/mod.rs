//! Who the caller is: what a verified token or a certificate says, in the form that the policy matches.

mod claim_rules;
mod claim_value;
pub mod claims;
mod read_part;
pub mod token_rules;
pub mod wide;
pub mod xfcc;

use std::rc::Rc;

use serde_json::{Map, Value};

pub use claim_rules::{ClaimRules, ClaimShape, Claims, Split};
pub(crate) use claim_value::texts;
pub use claims::{ClaimName, ClaimSet};
pub use read_part::read_part;
use wide::WideClaims;
pub use wide::{KindDoubt, WideReading};

/// A person or a machine. Known only for issuers with `service_when`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Does not match the issuer's `service_when`.
    Human,
    /// Matches the issuer's `service_when`.
    Service,
    /// Matches it only as denials read claims: neither kind for grants, both kinds for denials.
    Doubtful,
}

impl Kind {
    /// The name in policies and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
            Self::Doubtful => "doubtful",
        }
    }
}

/// What a verified token says about its bearer, or a certificate about its peer.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The issuer's name in the configuration. `None` for a caller without a token.
    pub issuer: Option<Rc<str>>,
    /// The subject claim, or the peer's name.
    pub subject: String,
    /// Human or service. `None` if the issuer has no `service_when`.
    pub kind: Option<Kind>,
    /// Why the kind is in doubt. `None` if it is not.
    pub doubt: Option<KindDoubt>,
    /// The token's claims.
    pub claims: Map<String, Value>,
    /// The issuer's rules for them.
    pub claim_rules: Rc<ClaimRules>,
    /// The TLS peer's name, if the policy asks for it: the first URI SAN of its certificate, else the first DNS SAN, else its
    /// subject.
    pub peer: Option<Rc<str>>,
}

impl Identity {
    /// The claims as the issuer's rules say.
    pub fn claims(&self) -> Claims<'_> {
        Claims::new(&self.claims, &self.claim_rules)
    }

    /// The kind of the bearer of these claims, by an issuer's `service_when`, and why that is in doubt.
    pub fn kind_of(service_when: &[ClaimSet], claims: Claims<'_>) -> (Option<Kind>, Option<KindDoubt>) {
        if service_when.is_empty() {
            return (None, None);
        }
        if service_when.iter().any(|set| set.matches(claims)) {
            return (Some(Kind::Service), None);
        }
        let wide = WideClaims::new(claims);
        match service_when.iter().find_map(|set| set.matches_widely(&wide)) {
            Some(readings) => (Some(Kind::Doubtful), Some(KindDoubt(readings))),
            None => (Some(Kind::Human), None),
        }
    }
}
