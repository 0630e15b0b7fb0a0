//! A caller, with everything that the policy says about them.

use std::rc::Rc;

use serde_json::Value;

use super::Policy;
use super::denial::{ApplicableDenial, Denial};
use super::grant::ResolvedGrant;
use super::limits::Limits;
use crate::excerpt::excerpt;
use crate::identity::wide::WideClaims;
use crate::identity::{Identity, Kind, KindDoubt};
use crate::temporal::LimitSet;

/// A caller with the grants and denials that apply to them, resolved once for as long as their token is cached.
#[derive(Debug)]
pub struct Principal {
    /// The issuer's name in the configuration. `None` for a caller without a token.
    pub issuer: Option<Rc<str>>,
    /// The subject claim, or the peer's name.
    pub subject: String,
    /// The claim `azp`, the client that asked for the token, if there is no subject. For logs alone.
    pub azp: Option<Box<str>>,
    /// Human or service. `None` if the issuer has no `service_when`.
    pub kind: Option<Kind>,
    /// Why the kind is in doubt. `None` if it is not.
    pub doubt: Option<KindDoubt>,
    pub(super) grants: Vec<ResolvedGrant>,
    pub(super) denials: Vec<ApplicableDenial>,
    /// Whether a rule in shadow applies to the caller.
    pub(super) in_shadow: bool,
    /// The limits of the caller's rules.
    limits: LimitSet,
    /// Whether one of the caller's grants ends.
    depends_on_time: bool,
}

impl Policy {
    /// Resolves what the policy says about a caller.
    pub fn principal(&self, identity: Identity) -> Principal {
        let wide = WideClaims::new(identity.claims());
        let grants: Vec<_> =
            self.grants.candidates(&identity, &wide).flat_map(|grant| grant.resolve(&identity)).collect();
        let applicable = |denial: &Rc<Denial>| ApplicableDenial::new(denial, &identity, &wide);
        let denials: Vec<_> = self.denials.candidates(&identity, &wide).filter_map(applicable).collect();
        let in_shadow = grants.iter().any(|grant| grant.shadow) || denials.iter().any(|found| found.denial.shadow);
        let of_grants = grants.iter().filter_map(|grant| grant.limits.as_deref());
        let of_denials = denials.iter().filter_map(|found| found.denial.outside.as_ref());
        let limits = of_grants.chain(of_denials).map(Limits::limited).fold(LimitSet::NONE, LimitSet::union);
        let depends_on_time = grants.iter().any(|grant| grant.until.is_some());
        let Identity { issuer, subject, kind, doubt, claims, .. } = identity;
        let azp = claims.get("azp").and_then(Value::as_str).filter(|_| subject.is_empty()).map(excerpt);
        Principal { issuer, subject, azp, kind, doubt, grants, denials, in_shadow, limits, depends_on_time }
    }
}

impl Principal {
    /// Whether names in requests must be read, because limits compare them.
    pub fn is_limited(&self) -> bool {
        self.limits != LimitSet::NONE
    }

    /// The limits whose names must be read.
    pub fn limits(&self) -> LimitSet {
        self.limits
    }

    /// Whether the caller's permissions depend on the time.
    pub fn depends_on_time(&self) -> bool {
        self.depends_on_time
    }

    /// Its approximate size in memory, in bytes.
    pub fn size(&self) -> usize {
        let grants = self.grants.iter().map(ResolvedGrant::size).fold(0, usize::saturating_add);
        let denials = self.denials.iter().map(ApplicableDenial::size).fold(0, usize::saturating_add);
        let doubt = self.doubt.as_ref().map_or(0, KindDoubt::size);
        let names = self.subject.len().saturating_add(self.azp.as_ref().map_or(0, |azp| azp.len()));
        grants.saturating_add(denials).saturating_add(names).saturating_add(doubt)
    }
}
