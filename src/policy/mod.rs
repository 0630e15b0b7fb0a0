//! The decision: pure and total. The same answer for the same input, the time among it, and it names the rule that decided.

pub mod denial;
pub mod grant;
pub mod index;
pub mod limits;
pub mod role;
pub mod until;
mod verdict;
pub mod who;

use std::rc::Rc;

use crate::identity::wide::WideClaims;
use crate::identity::{Identity, Kind};
use crate::temporal::{Access, EffectSet, LimitSet, Method, Scope, Target};
use crate::time::Timestamp;
use denial::{Concern, Denial};
use grant::{Grant, Held, Reach};
use index::Rules;
use limits::{Limits, Place};
pub use verdict::{Rule, Shadow, Verdict};

/// The compiled policy.
#[derive(Debug, Default)]
pub struct Policy {
    /// Who gets what.
    pub grants: Rules<Grant>,
    /// What is taken away. They win over grants.
    pub denials: Rules<Rc<Denial>>,
    /// Paths of methods for everybody; the token is not looked at.
    pub anonymous: Vec<String>,
    /// Paths of methods for anybody with a good token.
    pub authenticated: Vec<String>,
    /// Decide as Temporal's own authorizer would, by method and role alone: see [`as_upstream`]. Denials hold all the same.
    pub parity: bool,
}

/// A caller with all that the policy gives them, resolved once for as long as their token is cached.
#[derive(Debug)]
pub struct Principal {
    /// The name that the configuration has for the issuer; `None` for a caller without a token.
    pub issuer: Option<Rc<str>>,
    /// The subject claim, or who the peer is.
    pub subject: String,
    /// Human or service, where the issuer tells.
    pub kind: Option<Kind>,
    /// Why the kind is in doubt, if it is.
    pub doubt: Option<String>,
    held: Vec<Held>,
    /// Those that concern the caller.
    denials: Vec<Concern>,
    /// Whether rules in shadow concern the caller.
    in_shadow: bool,
    /// What limits that concern the caller compare.
    limits: LimitSet,
    /// Whether a grant of theirs ends.
    ends: bool,
}

impl Principal {
    /// Whether what requests name must be read: limits speak of it.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limits != LimitSet::NONE
    }

    /// The sorts of names that must be read.
    #[must_use]
    pub fn limits(&self) -> LimitSet {
        self.limits
    }

    /// Whether what they may do depends on the time.
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        self.ends
    }

    /// How much memory it takes, roughly, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        // A held grant, and each of its patterns; names in them come from the token, whose length is counted where it is
        // kept.
        const HELD: usize = 256;
        const PATTERN: usize = 128;
        let patterns = |held: &Held| held.limits.as_ref().map_or(0, |limits| limits.patterns()).saturating_mul(PATTERN);
        let held = self.held.iter().map(|held| patterns(held).saturating_add(HELD)).fold(0, usize::saturating_add);
        let denial = |concern: &Concern| concern.reading.len().saturating_add(size_of::<Concern>());
        let denials = self.denials.iter().map(denial).fold(0, usize::saturating_add);
        let doubt = self.doubt.as_ref().map_or(0, String::len);
        held.saturating_add(denials).saturating_add(self.subject.len()).saturating_add(doubt)
    }
}

/// Which rules count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Those that are not in shadow.
    Enforced,
    /// All of them.
    WithShadow,
}

impl Policy {
    /// Whether everybody may call the method.
    #[must_use]
    pub fn is_anonymous(&self, method: &Method) -> bool {
        self.anonymous.iter().any(|path| *path == method.path)
    }

    /// The caller with all that the policy gives them.
    #[must_use]
    pub fn principal(&self, identity: Identity) -> Principal {
        let wide = WideClaims::new(&identity.claims);
        let held: Vec<_> = self.grants.about(&identity, &wide).flat_map(|grant| grant.held_by(&identity)).collect();
        let concern = |denial: &Rc<Denial>| denial.concern(&identity, &wide);
        let denials: Vec<_> = self.denials.about(&identity, &wide).filter_map(concern).collect();
        let in_shadow = held.iter().any(|held| held.shadow) || denials.iter().any(|concern| concern.denial.shadow);
        let of_grants = held.iter().filter_map(|held| held.limits.as_deref());
        let of_denials = denials.iter().filter_map(|concern| concern.denial.outside.as_ref());
        let limits = of_grants.chain(of_denials).map(Limits::sorts).fold(LimitSet::NONE, LimitSet::and);
        let ends = held.iter().any(|held| held.until.is_some());
        let Identity { issuer, subject, kind, doubt, .. } = identity;
        Principal { issuer, subject, kind, doubt, held, denials, in_shadow, limits, ends }
    }

    /// Whether any request of this method, which acts in a namespace, could be allowed at this time, or could be by rules in
    /// shadow: if not, it need not be read.
    #[must_use]
    pub fn could_allow(&self, principal: &Principal, method: &Method, now: Timestamp) -> bool {
        let held = principal.held.iter().filter(|held| !has_ended(held, now));
        let ever = held.fold(EffectSet::NONE, |effects, held| effects.with(self.effects(held, method)));
        ever.covers(method.effects) && !method.effects.is_empty()
    }

    /// Why no request of this method could be allowed at this time, for people.
    #[must_use]
    pub fn why_never(&self, principal: &Principal, method: &Method, now: Timestamp) -> String {
        let ended = self.ended(Mode::Enforced, principal, method, None, now);
        format!("no grant covers {} in any namespace{ended}", method.effects)
    }

    /// Decides about one call at this time.
    #[must_use]
    pub fn decide(&self, principal: &Principal, target: &Target, now: Timestamp) -> Verdict {
        self.decide_in(Mode::Enforced, principal, target, now)
    }

    /// What rules in shadow would change about a verdict.
    #[must_use]
    pub fn rehearse(
        &self,
        principal: &Principal,
        target: &Target,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Option<Shadow> {
        if !principal.in_shadow {
            return None;
        }
        match (verdict, self.decide_in(Mode::WithShadow, principal, target, now)) {
            (Verdict::Allow(_), Verdict::Deny(Rule::Denial(name), _)) => Some(Shadow::Denied(name)),
            (Verdict::Deny(..), Verdict::Allow(Rule::Grant(name))) => Some(Shadow::Allowed(name)),
            _ => None,
        }
    }

    fn decide_in(&self, mode: Mode, principal: &Principal, target: &Target, now: Timestamp) -> Verdict {
        let counts = |concern: &&Concern| mode == Mode::WithShadow || !concern.denial.shadow;
        for Concern { denial, reading } in principal.denials.iter().filter(counts) {
            if let Some(mut why) = denial.matches(target) {
                if !reading.is_empty() {
                    why = format!("{why}; {reading}");
                }
                return Verdict::Deny(Rule::Denial(Rc::clone(&denial.name)), why);
            }
        }
        if principal.issuer.is_some() && self.authenticated.iter().any(|path| *path == target.method.path) {
            return Verdict::Allow(Rule::Authenticated);
        }
        let (effects, beyond) = if self.parity { as_upstream(target) } else { (target.effects, target.beyond) };
        let covered = match self.cover(mode, principal, target, &target.namespace, Place::Own(effects), now) {
            Ok(grant) => grant,
            Err((missing, limit)) => {
                let why = match beyond {
                    Some(why) => format!("{why}, and no grant with system: true covers {missing}{limit}"),
                    None if target.calls_back && !self.parity => {
                        format!("the request has Temporal call itself back, and no grant that may covers {missing}")
                    }
                    None => format!("no grant covers {missing} in namespace {:?}{limit}", target.namespace),
                };
                return Verdict::Deny(Rule::DefaultDeny, why);
            }
        };
        let elsewhere = if self.parity { &[][..] } else { &target.elsewhere };
        for place in elsewhere {
            if let Err((missing, limit)) =
                self.cover(mode, principal, target, &place.namespace, Place::Elsewhere(place.effects), now)
            {
                let namespace = &place.namespace;
                let why = format!(
                    "the request names another namespace, {namespace:?}, where no grant covers {missing}{limit}"
                );
                return Verdict::Deny(Rule::DefaultDeny, why);
            }
        }
        Verdict::Allow(Rule::Grant(covered))
    }

    /// The grant that covers the last of these effects in this namespace; or the effects that none covers, and how a limit
    /// kept one from it.
    fn cover(
        &self,
        mode: Mode,
        principal: &Principal,
        target: &Target,
        namespace: &str,
        place: Place,
        now: Timestamp,
    ) -> Result<Rc<str>, (EffectSet, String)> {
        let method = &*target.method;
        let beyond = if self.parity { as_upstream(target).1 } else { target.beyond };
        let (Place::Own(mut missing) | Place::Elsewhere(mut missing)) = place;
        let mut limit = String::new();
        for held in principal.held.iter().filter(|held| mode == Mode::WithShadow || !held.shadow) {
            let reaches = match &held.reach {
                Reach::System => true,
                // Upstream, whoever is admin of a name may register it. With patterns that would be a licence to create
                // namespaces without end.
                Reach::Namespaces(_) if registers(method) && !held.may_register && !self.parity => false,
                // What the token of the callback says could be any namespace.
                Reach::Namespaces(_) if target.calls_back && !held.may_call_back && !self.parity => false,
                Reach::Namespaces(pattern) => beyond.is_none() && pattern.matches(namespace).is_some(),
            };
            if !reaches || has_ended(held, now) {
                continue;
            }
            let covered = self.effects(held, method);
            if missing.without(covered) == missing {
                continue;
            }
            if let Some(why) = held.limits.as_ref().and_then(|limits| limits.refuse(target, place)) {
                limit = format!("; grant {} is limited: {why}", held.grant);
                continue;
            }
            missing = missing.without(covered);
            if missing.is_empty() {
                return Ok(Rc::clone(&held.grant));
            }
        }
        limit.push_str(&self.ended(mode, principal, method, Some(namespace), now));
        Err((missing, limit))
    }

    /// Which grant of the caller would help with this method, in this namespace if one is known, had it not ended; for
    /// people.
    fn ended(
        &self,
        mode: Mode,
        principal: &Principal,
        method: &Method,
        namespace: Option<&str>,
        now: Timestamp,
    ) -> String {
        let counts = |held: &&Held| mode == Mode::WithShadow || !held.shadow;
        let reaches = |held: &Held| match (&held.reach, namespace) {
            (Reach::Namespaces(pattern), Some(namespace)) => pattern.matches(namespace).is_some(),
            (Reach::System, _) | (_, None) => true,
        };
        let helps =
            |held: &&Held| has_ended(held, now) && reaches(held) && self.effects(held, method).meets(method.effects);
        let ended = principal.held.iter().filter(counts).find(helps);
        let until = ended.and_then(|held| Some((&held.grant, held.until.as_ref()?)));
        until.map(|(grant, until)| format!("; grant {grant} ended at {until}")).unwrap_or_default()
    }

    /// What of the method's effects a held grant covers, or would cover by Temporal's comparison of roles.
    fn effects(&self, held: &Held, method: &Method) -> EffectSet {
        if !self.parity {
            return held.role.effects_for(method);
        }
        let least = match method.access {
            Access::ReadOnly => EffectSet::READER,
            Access::Write => EffectSet::WRITER,
            Access::Admin => EffectSet::ADMIN,
            // Upstream's authorizer refuses what its table does not have.
            Access::Unlisted => return EffectSet::NONE,
        };
        if held.role.effects.covers(least) { method.effects } else { EffectSet::NONE }
    }
}

/// What Temporal's default authorizer looks at: the method, and the namespace that the request names as its own. Nothing
/// else in the request counts. Source: `common/authorization/default_authorizer.go`.
fn as_upstream(target: &Target) -> (EffectSet, Option<&'static str>) {
    let beyond = if target.method.scope == Scope::Cluster {
        Some("the call concerns the whole cluster")
    } else if target.namespace.is_empty() {
        Some("the request does not name its namespace")
    } else {
        None
    };
    (target.method.effects, beyond)
}

fn has_ended(held: &Held, now: Timestamp) -> bool {
    held.until.as_ref().is_some_and(|until| until.has_passed(now))
}

fn registers(method: &Method) -> bool {
    method.path == "/temporal.api.workflowservice.v1.WorkflowService/RegisterNamespace"
}

#[cfg(test)]
mod tests;
