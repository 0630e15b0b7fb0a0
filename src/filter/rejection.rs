//! A call that does not go on, with what is known about it.

use std::rc::Rc;

use super::{PendingRequest, RequestFilter, RestOfBody, Stage};
use crate::policy::{Principal, ShadowOutcome};
use crate::report::Rejection;
use crate::temporal::Target;
use crate::wire::DecodeError;

/// What is known about a call when it is allowed or rejected.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// The caller, once the token is verified.
    pub(super) principal: Option<Rc<Principal>>,
    /// What the request would do, as far as it was read.
    pub(super) target: Option<Target>,
    /// What rules in shadow would have changed.
    pub(super) shadow: Option<ShadowOutcome>,
    /// The value of the header `temporal-namespace`, if the call was rejected before its request was read.
    pub(super) namespace_header: Option<String>,
}

/// A call that does not go on.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) rejection: Rejection,
    /// What the rest of the body may be if the call goes on all the same.
    pub(super) rest: RestOfBody,
    pub(super) evidence: Evidence,
}

impl Rejected {
    /// A call of this principal that does not go on.
    pub(super) fn by(principal: Rc<Principal>, rejection: impl Into<Rejection>) -> Box<Self> {
        let evidence = Evidence { principal: Some(principal), ..Evidence::default() };
        Box::new(Self { rejection: rejection.into(), rest: RestOfBody::Anything, evidence })
    }
}

impl RequestFilter {
    /// The call does not go on, with its caller if the caller is known.
    pub(super) fn rejected(&self, rejection: Rejection) -> Box<Rejected> {
        match &self.stage {
            Stage::Reading(PendingRequest { principal, .. }) | Stage::Parked { principal, .. } => {
                Rejected::by(Rc::clone(principal), rejection)
            }
            _ => rejection.into(),
        }
    }
}

impl From<Rejection> for Box<Rejected> {
    fn from(rejection: Rejection) -> Self {
        Self::new(Rejected { rejection, rest: RestOfBody::Anything, evidence: Evidence::default() })
    }
}

impl From<DecodeError> for Box<Rejected> {
    fn from(error: DecodeError) -> Self {
        Rejection::from(error).into()
    }
}
