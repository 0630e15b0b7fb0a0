//! What the rules of a policy read, so that the decision log can record it and nothing else.

use super::Policy;
use super::grant::GrantScope;
use super::who::Who;
use crate::identity::{ClaimName, ClaimSet, Identity, read_part};
use crate::temporal::LimitSet;

/// What the rules of a policy read of a caller and of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInputs {
    /// The claims, except for the subject, each once.
    pub claims: Vec<ClaimName>,
    /// The limits whose names are compared.
    pub limits: LimitSet,
    /// Whether the TLS peer is read.
    pub peer: bool,
}

/// What a policy read of a caller.
#[derive(Debug, Clone)]
pub struct CallerInputs {
    /// The claims that it read, where they are in the token, as JSON.
    pub claims: String,
    /// `None` if the policy does not read it, or there is none.
    pub peer: Option<String>,
}

impl PolicyInputs {
    /// What this policy reads, and these conditions of issuers.
    #[must_use]
    pub fn of<'a>(policy: &'a Policy, service_when: impl IntoIterator<Item = &'a ClaimSet>) -> Self {
        let mut inputs = Self { claims: Vec::new(), limits: LimitSet::NONE, peer: false };
        for grant in policy.grants.iter() {
            inputs.add_who(&grant.who);
            inputs.limits = inputs.limits.union(grant.limits.limited());
            if let GrantScope::Permissions(claim, _) = &grant.gives {
                inputs.add_claim(claim);
            }
        }
        for denial in policy.denials.iter() {
            [&denial.who, &denial.unless].into_iter().flatten().for_each(|who| inputs.add_who(who));
            inputs.limits =
                inputs.limits.union(denial.outside.as_ref().map(|limits| limits.limited()).unwrap_or_default());
        }
        service_when.into_iter().for_each(|set| inputs.add_claims(set));
        // It decides whether the address counts.
        if inputs.claims.iter().any(|claim| claim.member() == "email") {
            inputs.add_claim(&ClaimName::new("email_verified"));
        }
        inputs
    }

    /// Whether all of this is among what another policy reads.
    #[must_use]
    pub fn are_among(&self, recorded: &Self) -> bool {
        let is_recorded = |claim: &ClaimName| recorded.claims.iter().any(|known| known.means(claim));
        self.claims.iter().all(is_recorded) && (recorded.peer || !self.peer)
    }

    /// What is read of this caller.
    pub(super) fn of_caller(&self, identity: &Identity) -> CallerInputs {
        let peer = identity.peer.as_deref().filter(|_| self.peer).map(str::to_owned);
        CallerInputs { claims: read_part(&identity.claims, &self.claims), peer }
    }

    fn add_who(&mut self, who: &Who) {
        self.peer |= who.peer.is_some();
        self.add_claims(&who.claims);
    }

    fn add_claims(&mut self, set: &ClaimSet) {
        set.0.iter().for_each(|(claim, _)| self.add_claim(claim));
    }

    fn add_claim(&mut self, claim: &ClaimName) {
        if !self.claims.iter().any(|known| known.means(claim)) {
            self.claims.push(claim.clone());
        }
    }
}

impl CallerInputs {
    /// Its size in memory, in bytes, roughly.
    pub(super) fn size(&self) -> usize {
        self.claims.len().saturating_add(self.peer.as_ref().map_or(0, String::len))
    }
}
