//! The decision: pure and total. The same answer for the same input, and it names the rule that decided.

pub mod denial;
pub mod grant;
pub mod index;
pub mod limits;
pub mod pattern;
pub mod role;
mod verdict;
pub mod who;

use std::rc::Rc;

use crate::identity::{Identity, Kind};
use crate::temporal::{Access, EffectSet, Method, Scope, Target};
use denial::Denial;
use grant::{Grant, Held, Reach};
use index::Rules;
use limits::Place;
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
    /// The name that the configuration has for the issuer; none for a caller without a token.
    pub issuer: Option<Rc<str>>,
    /// The subject claim, or who the peer is.
    pub subject: String,
    /// Human or service, where the issuer tells.
    pub kind: Option<Kind>,
    held: Vec<Held>,
    /// Those that concern the caller.
    denials: Vec<Rc<Denial>>,
    /// Whether rules in shadow concern the caller.
    in_shadow: bool,
    /// Whether limits do.
    limited: bool,
}

impl Principal {
    /// Whether what requests name must be read: limits speak of it.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limited
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
        let denials = self.denials.len().saturating_mul(size_of::<Rc<Denial>>());
        held.saturating_add(denials).saturating_add(self.subject.len())
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
        let held: Vec<_> = self.grants.about(&identity).flat_map(|grant| grant.held_by(&identity)).collect();
        let denials: Vec<_> =
            self.denials.about(&identity).filter(|denial| denial.concerns(&identity)).map(Rc::clone).collect();
        let in_shadow = held.iter().any(|held| held.shadow) || denials.iter().any(|denial| denial.shadow);
        let limited =
            held.iter().any(|held| held.limits.is_some()) || denials.iter().any(|denial| denial.outside.is_some());
        let Identity { issuer, subject, kind, .. } = identity;
        Principal { issuer, subject, kind, held, denials, in_shadow, limited }
    }

    /// Whether any request of this method, which acts in a namespace, could be allowed, or could be by rules in shadow:
    /// if not, it need not be read.
    #[must_use]
    pub fn could_allow(&self, principal: &Principal, method: &Method) -> bool {
        let ever =
            principal.held.iter().fold(EffectSet::NONE, |effects, held| effects.with(self.effects(held, method)));
        ever.covers(method.effects) && !method.effects.is_empty()
    }

    /// Decides about one call.
    #[must_use]
    pub fn decide(&self, principal: &Principal, target: &Target) -> Verdict {
        self.decide_in(Mode::Enforced, principal, target)
    }

    /// What rules in shadow would change about a verdict.
    #[must_use]
    pub fn rehearse(&self, principal: &Principal, target: &Target, verdict: &Verdict) -> Option<Shadow> {
        if !principal.in_shadow {
            return None;
        }
        match (verdict, self.decide_in(Mode::WithShadow, principal, target)) {
            (Verdict::Allow(_), Verdict::Deny(Rule::Denial(name), _)) => Some(Shadow::Denied(name)),
            (Verdict::Deny(..), Verdict::Allow(Rule::Grant(name))) => Some(Shadow::Allowed(name)),
            _ => None,
        }
    }

    fn decide_in(&self, mode: Mode, principal: &Principal, target: &Target) -> Verdict {
        let counts = |denial: &&Rc<Denial>| mode == Mode::WithShadow || !denial.shadow;
        for denial in principal.denials.iter().filter(counts) {
            if let Some(why) = denial.matches(target) {
                return Verdict::Deny(Rule::Denial(Rc::clone(&denial.name)), why);
            }
        }
        if principal.issuer.is_some() && self.authenticated.iter().any(|path| *path == target.method.path) {
            return Verdict::Allow(Rule::Authenticated);
        }
        let (effects, beyond) = if self.parity { as_upstream(target) } else { (target.effects, target.beyond) };
        let covered = match self.cover(mode, principal, target, &target.namespace, Place::Own(effects)) {
            Ok(grant) => grant,
            Err((missing, limit)) => {
                let why = match beyond {
                    Some(why) => format!("{why}, and no grant with system: true covers {missing}"),
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
                self.cover(mode, principal, target, &place.namespace, Place::Elsewhere(place.effects))
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
            if !reaches {
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
        Err((missing, limit))
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

fn registers(method: &Method) -> bool {
    method.path == "/temporal.api.workflowservice.v1.WorkflowService/RegisterNamespace"
}

#[cfg(test)]
mod tests;
