//! What the log says about the filter itself, rather than about one call.

use std::fmt;
use std::rc::Rc;

use crate::keys::{LeftOut, LeftOutKey};
use crate::temporal::{API_VERSION, MethodRef, NewerPart, ServerVersion};

/// Something that operators should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Keys of an issuer that cannot verify tokens, and how many others can.
    LeftOutKeys { issuer: Box<str>, usable: usize, left_out: Rc<[LeftOutKey]> },
    /// A part of a request that is newer than the method table.
    NewerPart { method: MethodRef, part: NewerPart },
    /// A server that is newer than the method table.
    NewerServer(ServerVersion),
    /// In `mode: shadow`: how many entries of an answer the caller would not see.
    WouldReduce { method: MethodRef, entries: usize, removed: usize },
    /// In `mode: shadow`: the caller would not see the description of this namespace.
    WouldHide { method: MethodRef },
    /// Nothing of an answer is sent, or would be in `mode: shadow`.
    Withheld { method: MethodRef, why: WithholdReason, in_shadow: bool },
}

/// Why nothing of an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithholdReason {
    Unreadable,
    /// Reducing it takes more work than is left for its caller.
    Unpaid,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeftOutKeys { issuer, usable, left_out } => {
                write!(f, "{usable} keys of issuer {issuer} can verify tokens; left out are {}", LeftOut(left_out))
            }
            Self::NewerPart { method, part } => {
                write!(
                    f,
                    "{}: {part} is newer than API {API_VERSION}, which this filter knows: upgrade it",
                    method.name()
                )
            }
            Self::NewerServer(version) => write!(
                f,
                "the server is {version}, newer than {}, whose methods this filter knows: upgrade it",
                ServerVersion::OF_TABLE
            ),
            Self::WouldReduce { method, entries, removed } => {
                write!(f, "{}: {removed} of {entries} entries would be removed", method.name())
            }
            Self::WouldHide { method } => write!(f, "{}: the namespace with this id would be hidden", method.name()),
            Self::Withheld { method, why, in_shadow } => {
                let why = match why {
                    WithholdReason::Unreadable => "cannot be read",
                    WithholdReason::Unpaid => "takes more work to reduce than is left for its caller",
                };
                let verb = if *in_shadow { "would be" } else { "is" };
                write!(f, "{}: the server's answer {why} and {verb} withheld", method.name())
            }
        }
    }
}
