//! Why the policy denies a call. It becomes text only where a decision is logged or explained.

use std::fmt;
use std::rc::Rc;

use super::expiry::Expiry;
use super::limits::LimitMiss;
use super::rule::Rule;
use crate::identity::KindDoubt;
use crate::identity::wide::WideReading;
use crate::temporal::{API_VERSION, EffectSet, MethodRef, NewerPart, SystemReason};

/// Why a call is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DenyReason {
    /// A denial matches the call.
    Denial(Box<DenialMatch>),
    /// Grants do not cover all of the call.
    NotCovered(Box<NotCovered>),
    /// A part of the request is newer than the method table, and `newer_fields: refuse`.
    Newer(NewerPart),
}

impl DenyReason {
    /// The rule that denies.
    #[must_use]
    pub fn rule(&self) -> Rule {
        match self {
            Self::Denial(found) => Rule::Denial(Rc::clone(&found.denial)),
            Self::NotCovered(_) | Self::Newer(_) => Rule::DefaultDeny,
        }
    }

    /// Why the call is outside of the limits of a grant that would cover it, or of the limits that the denial exempts.
    #[must_use]
    pub fn limit_miss(&self) -> Option<&LimitMiss<'static>> {
        match self {
            Self::Denial(found) => found.outside.as_ref(),
            Self::NotCovered(reason) => reason.limited.as_ref().map(|limited| &limited.miss),
            Self::Newer(_) => None,
        }
    }
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denial(found) => found.fmt(f),
            Self::NotCovered(reason) => reason.fmt(f),
            Self::Newer(part) => write!(f, "{part} is newer than API {API_VERSION}, and newer_fields: refuse"),
        }
    }
}

/// A denial that matches a call, with what it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DenialMatch {
    /// The denial's name.
    pub denial: Rc<str>,
    pub method: MethodRef,
    /// The call's effects that are denied. Empty if the denial names the method instead.
    pub effects: EffectSet,
    /// The namespace in which they are denied. Empty if the call names none.
    pub namespace: String,
    /// Why the call is outside of the limits that the denial exempts. `None` if it exempts none.
    pub outside: Option<LimitMiss<'static>>,
    /// How the caller's claims match only in the wide reading. `None` if a grant would also match the caller.
    pub caller: Option<Rc<WideMatch>>,
}

/// How a denial's `who` matches a caller whom the same conditions of a grant would not match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WideMatch {
    /// The claims that match only as denials read them.
    pub readings: Vec<WideReading>,
    /// Why the caller's kind is in doubt. `None` if it is not, or if the denial does not depend on the kind.
    pub doubt: Option<KindDoubt>,
}

impl fmt::Display for DenialMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.effects.is_empty() {
            f.write_str(self.method.name())?;
        } else {
            self.effects.fmt(f)?;
        }
        if !self.namespace.is_empty() {
            write!(f, " in namespace {:?}", self.namespace)?;
        }
        f.write_str(" is denied")?;
        if let Some(miss) = &self.outside {
            write!(f, ": {miss}")?;
        }
        let Some(WideMatch { readings, doubt }) = self.caller.as_deref() else { return Ok(()) };
        for reading in readings {
            write!(f, "; {reading}")?;
        }
        match doubt {
            Some(doubt) => write!(f, "; the kind is in doubt: {doubt}"),
            None => Ok(()),
        }
    }
}

impl WideMatch {
    /// Its size in memory, in bytes, including the values that it refers to.
    pub(super) fn size(&self) -> usize {
        let doubt = self.doubt.as_ref().map_or(0, KindDoubt::size);
        self.readings.iter().map(WideReading::size).fold(doubt, usize::saturating_add).saturating_add(size_of::<Self>())
    }
}

/// The part of a call that no grant covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCovered {
    /// The effects that are not covered.
    pub effects: EffectSet,
    /// The grant that would cover them.
    pub needed: NeededGrant,
    /// The last grant that would have covered some of them without its limits.
    pub limited: Option<LimitedGrant>,
    /// A grant that covered some of them until it ended.
    pub expired: Option<ExpiredGrant>,
}

/// Which grant would cover the effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NeededGrant {
    /// A grant for any namespace: the request was not read.
    SomeNamespace,
    /// A grant for the request's own namespace.
    OwnNamespace(String),
    /// A grant for another namespace that the request names.
    ForeignNamespace(String),
    /// A grant for the whole cluster, for this reason.
    System(SystemReason),
    /// A grant with `may_call_back`.
    Callback,
}

/// A grant whose limits exclude a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitedGrant {
    /// The grant's name.
    pub grant: Rc<str>,
    /// Why the call is not within its limits.
    pub miss: LimitMiss<'static>,
}

/// A grant that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredGrant {
    /// The grant's name.
    pub grant: Rc<str>,
    /// When it ended.
    pub until: Expiry,
}

impl fmt::Display for NotCovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effects = self.effects;
        match &self.needed {
            NeededGrant::SomeNamespace => write!(f, "no grant covers {effects} in any namespace")?,
            NeededGrant::OwnNamespace(namespace) => write!(f, "no grant covers {effects} in namespace {namespace:?}")?,
            NeededGrant::ForeignNamespace(namespace) => {
                write!(f, "the request also acts in namespace {namespace:?}, where no grant covers {effects}")?;
            }
            NeededGrant::System(reason) => write!(f, "{reason}, and no grant with system: true covers {effects}")?,
            NeededGrant::Callback => write!(
                f,
                "the request registers a completion callback into Temporal itself, and no grant with may_call_back \
                 covers {effects}"
            )?,
        }
        if let Some(LimitedGrant { grant, miss }) = &self.limited {
            write!(f, "; grant {grant} is limited: {miss}")?;
        }
        if let Some(ExpiredGrant { grant, until }) = &self.expired {
            write!(f, "; grant {grant} ended at {until}")?;
        }
        Ok(())
    }
}
