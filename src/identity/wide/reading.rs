//! How a claim had to be read for a denial to match its bearer.

use std::fmt;

use crate::identity::ClaimName;

/// A claim that matches a denial's condition although it would not match the same condition of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WideReading {
    pub claim: ClaimName,
    pub form: ClaimForm,
}

/// The form in which a claim has a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimForm {
    /// The text itself, except for case, outer spaces, and a `*` that matches nothing.
    Loose,
    /// An e-mail address that is not verified.
    Unverified,
    /// A piece of one text that may be a list.
    ListItem,
    /// A value inside the claim at any depth, or the name of a member.
    Nested,
    /// The claim has more texts than are compared.
    TooMany,
}

impl WideReading {
    /// Its size in memory, in bytes, including the values that it refers to.
    pub(crate) fn size(&self) -> usize {
        self.claim.len().saturating_add(size_of::<Self>())
    }
}

impl fmt::Display for WideReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claim = &self.claim;
        match self.form {
            ClaimForm::Loose => write!(f, "`{claim}` compared without regard to case and spaces"),
            ClaimForm::Unverified => write!(f, "`{claim}` counted although it is not verified"),
            ClaimForm::ListItem => write!(f, "`{claim}` read as a list"),
            ClaimForm::Nested => write!(f, "`{claim}` read at every depth"),
            ClaimForm::TooMany => write!(f, "`{claim}` has more values than are compared"),
        }
    }
}

/// Why it is in doubt whether a caller is a service: claims that make them one only as denials read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindDoubt(pub(in crate::identity) Vec<WideReading>);

impl KindDoubt {
    /// The memory that it refers to, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.0.iter().map(WideReading::size).fold(0, usize::saturating_add)
    }
}

impl fmt::Display for KindDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a service, with ")?;
        for (index, reading) in self.0.iter().enumerate() {
            write!(f, "{}{reading}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}
