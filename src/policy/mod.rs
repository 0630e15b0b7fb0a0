//! The decision: pure and total. The same input, including the time, always gets the same answer, which names the rule that
//! decided.

mod decide;
pub mod denial;
pub mod expiry;
pub mod grant;
mod hidden;
pub mod index;
mod inputs;
pub mod limits;
mod namespace_set;
mod principal;
mod reason;
pub mod role;
mod rule;
mod verdict;
pub mod who;

use std::rc::Rc;

use crate::temporal::{LimitSet, ListMethod, Method};
use denial::Denial;
use grant::Grant;
pub use hidden::may_hide_namespace;
use index::Rules;
pub use inputs::{CallerInputs, PolicyInputs};
pub use principal::Principal;
pub use reason::{DenialMatch, DenyReason, ExpiredGrant, LimitedGrant, NeededGrant, NotCovered, WideMatch};
pub use rule::Rule;
pub use verdict::{AnswerView, Permit, ShadowOutcome, Verdict};

/// The compiled policy.
#[derive(Debug, Default)]
pub struct Policy {
    pub grants: Rules<Grant>,
    pub denials: Rules<Rc<Denial>>,
    /// The paths of methods that everybody may call, with or without a token.
    pub anonymous: Vec<String>,
    /// The paths of methods that everybody with a good token may call.
    pub authenticated: Vec<String>,
    /// Whether grants decide as Temporal's own authorizer would, by method and role alone. Denials apply all the same.
    pub parity: bool,
    /// Whether calls are denied that have parts newer than the method table, which could have effects of their own.
    pub refuses_newer: bool,
    /// Whether answers are read before they go on. Otherwise nobody may ask for what only the answer shows to be theirs.
    pub checks_answers: bool,
    /// What the decision log records of each caller and request, so that another policy can be tried on it. `None` for nothing.
    pub recorded: Option<PolicyInputs>,
}

impl Policy {
    /// The permit for a method that everybody may call. `None` if the decision depends on the caller.
    pub fn permit_anonymous(&self, method: &Method) -> Option<Permit> {
        let is_listed = self.anonymous.iter().any(|path| *path == method.path);
        is_listed.then(|| Permit::new(Rule::Anonymous))
    }

    /// The limits whose names are read for the decision log, whoever calls.
    pub fn recorded_limits(&self) -> LimitSet {
        self.recorded.as_ref().map(|inputs| inputs.limits).unwrap_or_default()
    }

    /// Whether the answers to some calls must be reduced to what the caller may see.
    pub fn reduces_lists(&self) -> bool {
        self.authenticated.iter().any(|path| ListMethod::with_path(path).is_some())
    }
}

#[cfg(test)]
mod tests;
