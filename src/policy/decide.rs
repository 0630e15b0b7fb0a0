//! What the policy decides about a call.

use std::rc::Rc;

use super::grant::{ResolvedGrant, ResolvedScope};
use super::limits::{LimitMiss, NamespaceRole};
use super::reason::{DenyReason, EndedGrant, LimitedGrant, NeededGrant, NotCovered};
use super::verdict::{Permit, Rule, ShadowOutcome, Verdict};
use super::{Policy, Principal};
use crate::temporal::{Access, EffectSet, Method, NamespaceEffects, Scope, Target};
use crate::time::Timestamp;

/// Which rules count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Those that are not in shadow.
    Enforced,
    /// All of them.
    WithShadow,
}

impl Mode {
    fn counts(self, in_shadow: bool) -> bool {
        self == Self::WithShadow || !in_shadow
    }
}

/// One call to decide about: all of it, or as much as Temporal's own authorizer looks at.
struct Case<'a> {
    policy: &'a Policy,
    mode: Mode,
    principal: &'a Principal,
    target: &'a Target,
    now: Timestamp,
    /// What the call does in its own namespace, or in the cluster.
    effects: EffectSet,
    /// What it does in other namespaces.
    elsewhere: &'a [NamespaceEffects],
    /// Why only a grant for the whole cluster can cover the call, if so.
    beyond: Option<&'static str>,
    /// Whether it takes a grant with `may_call_back`.
    calls_back: bool,
}

/// Effects that no grant covers, and the last grant whose limits excluded the call.
struct Gap<'a> {
    effects: EffectSet,
    limited: Option<(&'a ResolvedGrant, LimitMiss<'a>)>,
}

impl Policy {
    /// Whether any request of this method, which acts in a namespace, could be allowed at this time, by rules in shadow
    /// included. If not, the request need not be read.
    pub fn could_allow(&self, principal: &Principal, method: &Method, now: Timestamp) -> bool {
        let held = principal.held.iter().filter(|held| !has_ended(held, now));
        let covered = held.fold(EffectSet::NONE, |effects, held| effects.with(self.effects(held, method)));
        covered.covers(method.effects) && !method.effects.is_empty()
    }

    /// Why no request of this method could be allowed at this time.
    pub fn why_never(&self, principal: &Principal, method: &Method, now: Timestamp) -> DenyReason {
        DenyReason::NotCovered(Box::new(NotCovered {
            effects: method.effects,
            needed: NeededGrant::SomeNamespace,
            limited: None,
            ended: self.ended(Mode::Enforced, principal, method, None, now),
        }))
    }

    /// Decides about a call at this time.
    pub fn decide(&self, principal: &Principal, target: &Target, now: Timestamp) -> Verdict {
        self.decide_in(Mode::Enforced, principal, target, now)
    }

    /// How rules in shadow would change this verdict, if at all.
    pub fn shadow_outcome(
        &self,
        principal: &Principal,
        target: &Target,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Option<ShadowOutcome> {
        if !principal.in_shadow {
            return None;
        }
        match (verdict, self.decide_in(Mode::WithShadow, principal, target, now)) {
            (Verdict::Allow(_), Verdict::Deny(DenyReason::Denial(found))) => Some(ShadowOutcome::Denied(found.denial)),
            (Verdict::Deny(_), Verdict::Allow(permit)) => match permit.rule() {
                Rule::Grant(name) => Some(ShadowOutcome::Allowed(Rc::clone(name))),
                _ => None,
            },
            _ => None,
        }
    }

    fn decide_in(&self, mode: Mode, principal: &Principal, target: &Target, now: Timestamp) -> Verdict {
        let mut denials = principal.denials.iter().filter(|found| mode.counts(found.denial.shadow));
        if let Some(found) = denials.find_map(|denial| denial.matches(target)) {
            return Verdict::Deny(DenyReason::Denial(Box::new(found)));
        }
        if principal.issuer.is_some() && self.authenticated.iter().any(|path| *path == target.method.path) {
            return Verdict::Allow(Permit::new(Rule::Authenticated));
        }
        match Case::new(self, mode, principal, target, now).covering_grant() {
            Ok(grant) => Verdict::Allow(Permit::new(Rule::Grant(Rc::clone(grant)))),
            Err(reason) => Verdict::Deny(DenyReason::NotCovered(reason)),
        }
    }

    /// The grant of the caller that covered some effects of the method, in this namespace if one is known, until it ended.
    fn ended(
        &self,
        mode: Mode,
        principal: &Principal,
        method: &Method,
        namespace: Option<&str>,
        now: Timestamp,
    ) -> Option<EndedGrant> {
        let reaches = |held: &ResolvedGrant| match (&held.scope, namespace) {
            (ResolvedScope::Namespaces(pattern), Some(namespace)) => pattern.matches(namespace).is_some(),
            (ResolvedScope::System, _) | (_, None) => true,
        };
        let helped = |held: &&ResolvedGrant| {
            has_ended(held, now) && reaches(held) && self.effects(held, method).meets(method.effects)
        };
        let held = principal.held.iter().filter(|held| mode.counts(held.shadow)).find(helped)?;
        Some(EndedGrant { grant: Rc::clone(&held.grant), until: held.until.clone()? })
    }

    /// The effects of the method that a grant covers.
    fn effects(&self, held: &ResolvedGrant, method: &Method) -> EffectSet {
        if !self.parity {
            return held.role.effects_for(method);
        }
        // Temporal compares roles.
        let least = match method.access {
            Access::ReadOnly => EffectSet::READER,
            Access::Write => EffectSet::WRITER,
            Access::Admin => EffectSet::ADMIN,
            // Its authorizer refuses what its table does not have.
            Access::Unlisted => return EffectSet::NONE,
        };
        if held.role.effects.covers(least) { method.effects } else { EffectSet::NONE }
    }
}

impl<'a> Case<'a> {
    fn new(policy: &'a Policy, mode: Mode, principal: &'a Principal, target: &'a Target, now: Timestamp) -> Self {
        let Target { effects, beyond, calls_back, ref elsewhere, .. } = *target;
        let case = Self { policy, mode, principal, target, now, effects, elsewhere, beyond, calls_back };
        if policy.parity { case.like_upstream() } else { case }
    }

    /// What Temporal's default authorizer looks at: the method, and the namespace that the request names as its own. Nothing
    /// else in the request counts. Source: `common/authorization/default_authorizer.go`.
    fn like_upstream(self) -> Self {
        let beyond = if self.target.method.scope == Scope::Cluster {
            Some("the call concerns the whole cluster")
        } else if self.target.namespace.is_empty() {
            Some("the request does not name its namespace")
        } else {
            None
        };
        Self { effects: self.target.method.effects, elsewhere: &[], beyond, calls_back: false, ..self }
    }

    /// The grant that covered the last effect in the request's own namespace, if grants cover the whole call.
    fn covering_grant(&self) -> Result<&'a Rc<str>, Box<NotCovered>> {
        let namespace = self.target.namespace.as_str();
        let covered = self.cover(namespace, NamespaceRole::Own, self.effects).map_err(|gap| {
            let needed = match self.beyond {
                Some(why) => NeededGrant::System(why),
                None if self.calls_back => NeededGrant::Callback,
                None => NeededGrant::OwnNamespace(namespace.to_owned()),
            };
            self.not_covered(gap, needed, namespace)
        })?;
        for NamespaceEffects { namespace, effects } in self.elsewhere {
            self.cover(namespace, NamespaceRole::Foreign, *effects)
                .map_err(|gap| self.not_covered(gap, NeededGrant::ForeignNamespace(namespace.clone()), namespace))?;
        }
        Ok(covered)
    }

    /// Covers effects in one namespace with the caller's grants. Returns the grant that covered the last of them.
    fn cover(&self, namespace: &str, role: NamespaceRole, effects: EffectSet) -> Result<&'a Rc<str>, Gap<'a>> {
        let mut missing = effects;
        let mut limited = None;
        for held in self.principal.held.iter().filter(|held| self.mode.counts(held.shadow)) {
            if !self.reaches(held, namespace) || has_ended(held, self.now) {
                continue;
            }
            let rest = missing.without(self.policy.effects(held, &self.target.method));
            if rest == missing {
                continue;
            }
            if let Some(Err(miss)) = held.limits.as_ref().map(|limits| limits.check(self.target, role, effects)) {
                limited = Some((held, miss));
                continue;
            }
            missing = rest;
            if missing.is_empty() {
                return Ok(&held.grant);
            }
        }
        Err(Gap { effects: missing, limited })
    }

    fn reaches(&self, held: &ResolvedGrant, namespace: &str) -> bool {
        match &held.scope {
            ResolvedScope::System => true,
            // Upstream, an admin of a name may register it. With patterns that would be a licence to create namespaces without
            // end.
            ResolvedScope::Namespaces(_)
                if registers(&self.target.method) && !held.may_register && !self.policy.parity =>
            {
                false
            }
            // The token of the callback, which the caller controls, could name any namespace.
            ResolvedScope::Namespaces(_) if self.calls_back && !held.may_call_back => false,
            ResolvedScope::Namespaces(pattern) => self.beyond.is_none() && pattern.matches(namespace).is_some(),
        }
    }

    #[inline(never)]
    fn not_covered(&self, gap: Gap<'_>, needed: NeededGrant, namespace: &str) -> Box<NotCovered> {
        let limited =
            gap.limited.map(|(held, miss)| LimitedGrant { grant: Rc::clone(&held.grant), miss: miss.into_owned() });
        let ended = self.policy.ended(self.mode, self.principal, &self.target.method, Some(namespace), self.now);
        Box::new(NotCovered { effects: gap.effects, needed, limited, ended })
    }
}

fn has_ended(held: &ResolvedGrant, now: Timestamp) -> bool {
    held.until.as_ref().is_some_and(|until| until.has_passed(now))
}

fn registers(method: &Method) -> bool {
    method.path == "/temporal.api.workflowservice.v1.WorkflowService/RegisterNamespace"
}
