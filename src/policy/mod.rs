//! The decision: pure and total. The same answer for the same input, and it names the rule that decided.

pub mod grant;
pub mod pattern;
pub mod role;

use std::rc::Rc;

use crate::identity::{Identity, Kind};
use crate::temporal::{Access, EffectSet, Method, Scope, Target};
use grant::{Grant, Held, Reach};

/// The compiled policy.
#[derive(Debug, Default)]
pub struct Policy {
    /// Who gets what.
    pub grants: Vec<Grant>,
    /// Paths of methods for everybody; the token is not looked at.
    pub anonymous: Vec<String>,
    /// Paths of methods for anybody with a good token.
    pub authenticated: Vec<String>,
    /// Decide as Temporal's own authorizer would, for comparison with it: see [`as_upstream`].
    pub parity: bool,
}

/// A caller with all that the policy gives them, resolved once for as long as their token is cached.
#[derive(Debug)]
pub struct Principal {
    /// The name that the configuration has for the issuer.
    pub issuer: Rc<str>,
    /// The subject claim.
    pub subject: String,
    /// Human or service, where the issuer tells.
    pub kind: Option<Kind>,
    held: Vec<Held>,
}

impl Principal {
    /// How much memory it takes, roughly, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        // A held grant with its pattern; names in it come from the token, whose length is counted where it is kept.
        const HELD: usize = 256;
        self.held.len().saturating_mul(HELD).saturating_add(self.subject.len())
    }
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The method is on the list `anonymous`.
    Anonymous,
    /// The method is on the list `authenticated`.
    Authenticated,
    /// The grant that covered the last of the call's effects.
    Grant(Rc<str>),
    /// No grant covers the call.
    DefaultDeny,
}

impl Rule {
    /// The name that logs give it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Authenticated => "authenticated",
            Self::Grant(name) => name,
            Self::DefaultDeny => "default-deny",
        }
    }
}

/// The policy's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go on.
    Allow(Rule),
    /// It may not, for this reason, by [`Rule::DefaultDeny`].
    Deny(String),
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
        let held = self.grants.iter().flat_map(|grant| grant.held_by(&identity)).collect();
        Principal { issuer: identity.issuer, subject: identity.subject, kind: identity.kind, held }
    }

    /// Whether any request of this method, which acts in a namespace, could be allowed: if not, it need not be read.
    #[must_use]
    pub fn could_allow(&self, principal: &Principal, method: &Method) -> bool {
        let ever =
            principal.held.iter().fold(EffectSet::NONE, |effects, held| effects.with(self.effects(held, method)));
        ever.covers(method.effects) && !method.effects.is_empty()
    }

    /// Decides about one call.
    #[must_use]
    pub fn decide(&self, principal: &Principal, target: &Target) -> Verdict {
        let method = &*target.method;
        if self.is_authenticated(method) {
            return Verdict::Allow(Rule::Authenticated);
        }
        let (effects, beyond) = if self.parity { as_upstream(target) } else { (target.effects, target.beyond) };
        let mut missing = effects;
        for held in &principal.held {
            let covered = match &held.reach {
                Reach::System => self.effects(held, method),
                Reach::Namespaces(pattern) if beyond.is_none() && pattern.matches(&target.namespace).is_some() => {
                    // Upstream, whoever is admin of a name may register it. With patterns that would be a licence to
                    // create namespaces without end.
                    let may = !registers(method) || held.may_register || self.parity;
                    if may { self.effects(held, method) } else { EffectSet::NONE }
                }
                Reach::Namespaces(_) => continue,
            };
            missing = missing.without(covered);
            if missing.is_empty() && !effects.is_empty() {
                return Verdict::Allow(Rule::Grant(Rc::clone(&held.grant)));
            }
        }
        Verdict::Deny(match beyond {
            Some(why) => format!("{why}, and no grant with system: true covers {missing}"),
            None => format!("no grant covers {missing} in namespace {:?}", target.namespace),
        })
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

    fn is_authenticated(&self, method: &Method) -> bool {
        self.authenticated.iter().any(|path| *path == method.path)
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
