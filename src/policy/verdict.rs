//! The policy's verdict.

use std::fmt;
use std::rc::Rc;

use super::reason::DenyReason;
use super::rule::Rule;
use crate::temporal::ListView;

/// How much of the answer to a permitted call its caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerView {
    Whole,
    /// Some entries of a list.
    Entries(ListView),
    /// The description of a namespace that the request names by its id alone, if the caller may also describe the namespace by
    /// its name. To everybody else, the id must look unknown.
    DescribableNamespace,
}

/// The policy's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The call may go on.
    Allow(Permit),
    /// The call may not go on.
    Deny(DenyReason),
}

/// Proves that the policy allows a call: only the policy's decision makes a permit, so that nothing else can let a call go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    rule: Rule,
    view: AnswerView,
}

impl Permit {
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, view: AnswerView::Whole }
    }

    /// A permit for a call of whose answer the caller sees only this.
    pub(super) fn with_view(rule: Rule, view: AnswerView) -> Self {
        Self { rule, view }
    }

    pub fn view(&self) -> AnswerView {
        self.view
    }

    /// The rule that allows the call.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }
}

impl Verdict {
    /// Whether the call may go on.
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// The rule that decided.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Allow(permit) => permit.rule.clone(),
            Self::Deny(reason) => reason.rule(),
        }
    }
}

/// How the verdict would change if rules in shadow were enforced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShadowOutcome {
    /// This denial would deny the call.
    Denied(Rc<str>),
    /// This grant would allow the call.
    Allowed(Rc<str>),
}

impl fmt::Display for ShadowOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Denied(name) | Self::Allowed(name)) = self;
        f.write_str(name)?;
        f.write_str(match self {
            Self::Denied(_) => " would deny",
            Self::Allowed(_) => " would allow",
        })
    }
}
