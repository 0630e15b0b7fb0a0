//! The callers to whom a rule applies.

use std::borrow::Cow;
use std::rc::Rc;

use crate::identity::claims::bind;
use crate::identity::wide::WideClaims;
use crate::identity::{ClaimSet, Identity, Kind, WideReading};
use crate::pattern::{Binding, Pattern};

/// The callers to whom a grant or a denial applies. All conditions must hold.
#[derive(Debug, Clone)]
pub struct Who {
    /// Names of issuers, one of which must have issued the token. Empty if the issuer does not matter.
    pub issuers: Vec<Rc<str>>,
    /// Only humans or only services.
    pub kind: Option<Kind>,
    /// Patterns, one of which must match the subject. Empty if the subject does not matter.
    pub subject: Vec<Pattern>,
    /// Other claims, all of which must match.
    pub claims: ClaimSet,
    /// Patterns, one of which must match the TLS peer. `None` if the peer does not matter.
    pub peer: Option<Vec<Pattern>>,
    /// Whether it applies only to callers without a token.
    pub without_token: bool,
}

impl Who {
    /// Whether it applies to the caller, as grants read claims.
    pub fn matches(&self, identity: &Identity) -> bool {
        !self.bindings(identity).is_empty()
    }

    /// The claims that match only in the wide reading, if it applies to the caller as denials read claims. `None` if it does not
    /// apply. It applies to every caller to whom [`Who::matches`] applies it.
    pub fn matches_widely(&self, identity: &Identity, wide: &WideClaims<'_>) -> Option<Vec<WideReading>> {
        let issuer = identity.issuer.as_ref();
        let issued = self.issuers.is_empty() || issuer.is_some_and(|issuer| self.issuers.contains(issuer));
        let is_kind = |kind| identity.kind == Some(kind) || identity.kind == Some(Kind::Doubtful);
        // A subject belongs to a token: a peer of the same name is another caller.
        let subject = issuer.map(|_| identity.subject.as_str());
        let matches = issued
            && !(self.without_token && issuer.is_some())
            && self.kind.is_none_or(is_kind)
            && (self.subject.is_empty() || could_be(&self.subject, subject))
            && self.peer.as_ref().is_none_or(|patterns| could_be(patterns, identity.peer.as_deref()));
        if matches { self.claims.matches_widely(wide) } else { None }
    }

    /// The values of the captures, for each way in which it applies to the caller. Empty if it does not apply.
    pub fn bindings(&self, identity: &Identity) -> Vec<Vec<Binding>> {
        let issuer = identity.issuer.as_ref();
        let issued = self.issuers.is_empty() || issuer.is_some_and(|issuer| self.issuers.contains(issuer));
        if !issued || (self.without_token && issuer.is_some()) || (self.kind.is_some() && self.kind != identity.kind) {
            return Vec::new();
        }
        let mut ways = self.claims.bindings(identity.claims());
        if let Some(patterns) = &self.peer {
            let peer = identity.peer.iter().map(|peer| Cow::Borrowed(&**peer)).collect::<Vec<_>>();
            ways = bind(ways, patterns, &peer, Pattern::matches);
        }
        // A subject belongs to a token: a peer of the same name is another caller.
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
