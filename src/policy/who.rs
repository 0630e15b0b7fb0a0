//! Whom a rule means.

use std::borrow::Cow;
use std::rc::Rc;

use super::pattern::{Binding, Pattern};
use crate::identity::claims::bind;
use crate::identity::{ClaimSet, Identity, Kind};

/// Whom a grant or a denial is about. All conditions must hold.
#[derive(Debug)]
pub struct Who {
    /// Names of issuers, any of which; empty means any at all.
    pub issuers: Vec<Rc<str>>,
    /// Humans or services only.
    pub kind: Option<Kind>,
    /// The subject; empty means anyone.
    pub subject: Vec<Pattern>,
    /// Other claims.
    pub claims: ClaimSet,
    /// The TLS peer; none means anyone, or no TLS at all.
    pub peer: Option<Vec<Pattern>>,
    /// Whether callers with a token are not meant.
    pub without_token: bool,
}

impl Who {
    /// Whether the caller is meant.
    #[must_use]
    pub fn means(&self, identity: &Identity) -> bool {
        !self.bindings(identity).is_empty()
    }

    /// Every way in which the caller is meant, as what the captures took: none if not.
    #[must_use]
    pub fn bindings(&self, identity: &Identity) -> Vec<Vec<Binding>> {
        let issuer = identity.issuer.as_ref();
        let issued = self.issuers.is_empty() || issuer.is_some_and(|issuer| self.issuers.contains(issuer));
        if !issued || (self.without_token && issuer.is_some()) || (self.kind.is_some() && self.kind != identity.kind) {
            return Vec::new();
        }
        let mut ways = self.claims.bindings(&identity.claims);
        if let Some(patterns) = &self.peer {
            let peer = identity.peer.iter().map(|peer| Cow::Borrowed(&**peer)).collect::<Vec<_>>();
            ways = bind(ways, patterns, &peer);
        }
        // A subject is a token's: a peer of the same name is another.
        if issuer.is_none() && !self.subject.is_empty() {
            return Vec::new();
        }
        if self.subject.is_empty() { ways } else { bind(ways, &self.subject, &[Cow::Borrowed(&identity.subject)]) }
    }
}
