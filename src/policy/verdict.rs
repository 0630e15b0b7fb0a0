//! What the policy answers, and the rule it answers by.

use std::rc::Rc;

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The method is on the list `anonymous`.
    Anonymous,
    /// The method is on the list `authenticated`.
    Authenticated,
    /// The grant that covered the last of the call's effects in its own namespace.
    Grant(Rc<str>),
    /// A denial that matches the call.
    Denial(Rc<str>),
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
            Self::Grant(name) | Self::Denial(name) => name,
            Self::DefaultDeny => "default-deny",
        }
    }
}

/// The policy's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go on.
    Allow(Rule),
    /// It may not, by [`Rule::Denial`] or [`Rule::DefaultDeny`], for this reason.
    Deny(Rule, String),
}

/// What rules in shadow would have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shadow {
    /// This denial alone would have denied the call.
    Denied(Rc<str>),
    /// This grant would have allowed it.
    Allowed(Rc<str>),
}

impl Shadow {
    /// What logs say.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Denied(name) => format!("{name} would deny"),
            Self::Allowed(name) => format!("{name} would allow"),
        }
    }
}
