//! The rule that decided about a call.

use std::rc::Rc;

/// The rule that decided.
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
    /// The name in logs.
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
