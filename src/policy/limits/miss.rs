//! Why a call is not within limits.

use std::borrow::Cow;
use std::fmt;

use crate::temporal::Limit;

/// Why a call is not within limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LimitMiss<'a> {
    /// Requests of the method are not read.
    RequestNotRead,
    /// An operation at Temporal's own endpoint could not be read.
    OperationNotRead,
    /// The request has more names of this sort than are remembered.
    TooMany(Limit),
    /// Names of this sort do not say what the request affects.
    Unknown(Limit),
    /// The request also changes executions that it identifies only by id.
    ChangesById,
    /// A name of this sort is required, but the request has none.
    Unnamed(Limit),
    /// This name does not match.
    Outside(Limit, Cow<'a, str>),
    /// The request affects a schedule, which only a limit on schedule ids can bound.
    NeedsScheduleIds,
    /// The task is of a standalone activity, which has no workflow.
    StandaloneActivity,
}

impl LimitMiss<'_> {
    /// The same reason, without borrowing from the request.
    pub fn into_owned(self) -> LimitMiss<'static> {
        match self {
            Self::Outside(limit, name) => LimitMiss::Outside(limit, Cow::Owned(name.into_owned())),
            Self::RequestNotRead => LimitMiss::RequestNotRead,
            Self::OperationNotRead => LimitMiss::OperationNotRead,
            Self::TooMany(limit) => LimitMiss::TooMany(limit),
            Self::Unknown(limit) => LimitMiss::Unknown(limit),
            Self::ChangesById => LimitMiss::ChangesById,
            Self::Unnamed(limit) => LimitMiss::Unnamed(limit),
            Self::NeedsScheduleIds => LimitMiss::NeedsScheduleIds,
            Self::StandaloneActivity => LimitMiss::StandaloneActivity,
        }
    }
}

impl fmt::Display for LimitMiss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |limit: &Limit| limit.name().replace('_', " ");
        match self {
            Self::RequestNotRead => f.write_str("requests of this method are not read, so no limit can be checked"),
            Self::OperationNotRead => {
                f.write_str("the names in a Nexus operation on an internal Temporal endpoint are not read")
            }
            Self::TooMany(limit) => write!(f, "the request names too many {} to check", plural(limit)),
            Self::Unknown(limit) => write!(f, "the request does not say which {} it affects", plural(limit)),
            Self::ChangesById => f.write_str("the request also changes executions identified only by id"),
            Self::Unnamed(limit) => write!(f, "the request names no {}", limit.noun()),
            Self::Outside(limit, name) => write!(f, "{} {name:?} does not match {}", limit.noun(), limit.name()),
            Self::NeedsScheduleIds => f.write_str("the request affects a schedule, which requires schedule_ids"),
            Self::StandaloneActivity => f.write_str("the task belongs to a standalone activity, which has no workflow"),
        }
    }
}
