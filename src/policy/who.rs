//! Whom a rule means.

use std::borrow::Cow;
use std::rc::Rc;

use crate::identity::claims::bind;
use crate::identity::wide::{Reading, WideClaims};
use crate::identity::{ClaimSet, Identity, Kind};
use crate::pattern::{Binding, Pattern};

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

    /// Whether the caller is meant as denials read claims, and which of them had to be read otherwise than grants read
    /// them. Whoever is meant by [`Who::means`] is meant here.
    #[must_use]
    pub fn could_mean(&self, identity: &Identity, wide: &WideClaims<'_>) -> Option<Vec<Reading>> {
        let issuer = identity.issuer.as_ref();
        let issued = self.issuers.is_empty() || issuer.is_some_and(|issuer| self.issuers.contains(issuer));
        let is_kind = |kind| identity.kind == Some(kind) || identity.kind == Some(Kind::Doubtful);
        // A subject is a token's: a peer of the same name is another.
        let subject = issuer.map(|_| identity.subject.as_str());
        let meant = issued
            && !(self.without_token && issuer.is_some())
            && self.kind.is_none_or(is_kind)
            && (self.subject.is_empty() || could_be(&self.subject, subject))
            && self.peer.as_ref().is_none_or(|patterns| could_be(patterns, identity.peer.as_deref()));
        if meant { self.claims.could_match(wide) } else { None }
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
            ways = bind(ways, patterns, &peer, Pattern::matches);
        }
        // A subject is a token's: a peer of the same name is another.
        if issuer.is_none() && !self.subject.is_empty() {
            return Vec::new();
        }
        if self.subject.is_empty() {
            return ways;
        }
        bind(ways, &self.subject, &[Cow::Borrowed(&identity.subject)], Pattern::matches)
    }
}

fn could_be(patterns: &[Pattern], value: Option<&str>) -> bool {
    value.is_some_and(|value| patterns.iter().any(|pattern| pattern.matches_widely(value)))
}
