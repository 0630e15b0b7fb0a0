//! A caller, with everything that the policy says about them.

use std::rc::Rc;

use serde_json::Value;

use super::Policy;
use super::denial::{ApplicableDenial, Denial};
use super::grant::ResolvedGrant;
use super::inputs::CallerInputs;
use super::reason::WideMatch;
use crate::excerpt::excerpt;
use crate::identity::wide::WideClaims;
use crate::identity::{Identity, Kind, KindDoubt};
use crate::temporal::{LimitSet, Target};
use crate::work::Account;

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
    /// What the caller has used of the thread's time and of memory. The caller's other principals have the same.
    pub account: Rc<Account>,
    /// What the decision log records of the caller. `None` for nothing.
    pub inputs: Option<Box<CallerInputs>>,
    pub(super) grants: Vec<ResolvedGrant>,
    pub(super) denials: Vec<ApplicableDenial>,
    /// Whether a rule in shadow applies to the caller.
    pub(super) in_shadow: bool,
    /// The limits of the caller's rules.
    limits: LimitSet,
    /// Whether one of the caller's grants ends.
    depends_on_time: bool,
    /// How many patterns the limits of the caller's rules have.
    limit_patterns: usize,
    /// How many comparisons it takes, roughly, to tell which of the caller's rules apply in a namespace.
    scope_patterns: usize,
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
        let (mut limits, mut limit_patterns) = (LimitSet::NONE, 0usize);
        for of_rule in of_grants.chain(of_denials) {
            limits = limits.union(of_rule.limited());
            limit_patterns = limit_patterns.saturating_add(of_rule.pattern_count());
        }
        let scope_patterns = grants.iter().map(ResolvedGrant::scope_patterns).fold(0, usize::saturating_add);
        // A denial compares widely, which takes longer.
        let of_denial =
            |found: &ApplicableDenial| found.denial.namespaces.as_ref().map_or(1, |list| list.len().saturating_mul(3));
        let scope_patterns = denials.iter().map(of_denial).fold(scope_patterns, usize::saturating_add);
        let inputs = self.recorded.as_ref().map(|inputs| Box::new(inputs.of_caller(&identity)));
        let depends_on_time = grants.iter().any(|grant| grant.until.is_some());
        let Identity { issuer, subject, kind, doubt, claims, .. } = identity;
        let account = Rc::default();
        let azp = claims.get("azp").and_then(Value::as_str).filter(|_| subject.is_empty()).map(excerpt);
        Principal {
            issuer,
            subject,
            azp,
            kind,
            doubt,
            account,
            inputs,
            grants,
            denials,
            in_shadow,
            limits,
            depends_on_time,
            limit_patterns,
            scope_patterns,
        }
    }
}

impl Principal {
    /// The caller's grants. Those in shadow are among them, and those that have ended.
    pub fn grants(&self) -> &[ResolvedGrant] {
        &self.grants
    }

    /// The denials that apply to the caller, each with how it matches only in the wide reading.
    pub fn denials(&self) -> impl Iterator<Item = (&Denial, Option<&WideMatch>)> {
        self.denials.iter().map(|found| (&*found.denial, found.wide()))
    }

    /// The same principal, charged to this account.
    #[must_use]
    pub fn charged_to(mut self, account: Rc<Account>) -> Self {
        self.account = account;
        self
    }

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

    /// How many comparisons a decision about this call may take, roughly.
    pub fn comparisons(&self, target: &Target) -> usize {
        // Limits are checked again for each namespace in which the request acts.
        let of_names = target.names.comparisons().saturating_mul(self.limit_patterns);
        let of_names = of_names.saturating_mul(target.elsewhere.len().saturating_add(1));
        let elsewhere = target.elsewhere.iter().map(|there| self.comparisons_of(&there.namespace));
        let once = elsewhere.chain([self.comparisons_of(&target.namespace), of_names]).fold(0, usize::saturating_add);
        // Rules in shadow take a second decision.
        once.saturating_mul(if self.in_shadow { 2 } else { 1 })
    }

    /// How many comparisons a decision about this namespace may take, roughly.
    pub fn comparisons_of(&self, namespace: &str) -> usize {
        self.scope_patterns.saturating_mul((namespace.len() / 32).saturating_add(1))
    }

    /// Its approximate size in memory, in bytes.
    pub fn size(&self) -> usize {
        let grants = self.grants.iter().map(ResolvedGrant::size).fold(0, usize::saturating_add);
        let denials = self.denials.iter().map(ApplicableDenial::size).fold(0, usize::saturating_add);
        let doubt = self.doubt.as_ref().map_or(0, KindDoubt::size);
        let names = self.subject.len().saturating_add(self.azp.as_ref().map_or(0, |azp| azp.len()));
        let inputs = self.inputs.as_ref().map_or(0, |inputs| inputs.size());
        [denials, names, doubt, inputs].into_iter().fold(grants, usize::saturating_add)
    }
}
