//! Why the policy denies a call. Text is made of it only where a decision is logged or explained.

use std::fmt;
use std::rc::Rc;

use super::limits::LimitMiss;
use super::until::Until;
use super::verdict::Rule;
use crate::identity::KindDoubt;
use crate::identity::wide::WideReading;
use crate::temporal::{API_VERSION, EffectSet, MethodRef, Part};

/// Why a call is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DenyReason {
    /// A denial matches it.
    Denial(Box<DenialMatch>),
    /// No grant covers it, or not all of it.
    NotCovered(Box<NotCovered>),
    /// A part of the request is newer than the method table, and `newer_fields: refuse`.
    Newer(Part),
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

    /// The limit that kept a grant from covering the call, or that a denial exempts only within.
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
    /// The method called.
    pub method: MethodRef,
    /// The call's effects that are denied; none if the denial names the method instead.
    pub effects: EffectSet,
    /// The namespace in which they are denied; empty if the call names none.
    pub namespace: String,
    /// Why the call is outside of the limits that the denial exempts, if it exempts any.
    pub outside: Option<LimitMiss<'static>>,
    /// What only denials read into the caller's claims. `None` if a grant would match the caller, too.
    pub caller: Option<Rc<WideMatch>>,
}

/// How a denial's `who` matches a caller whom the same conditions of a grant would not match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WideMatch {
    /// Claims that match only as denials read them.
    pub readings: Vec<WideReading>,
    /// Why it is in doubt whether the caller is a human or a service, if the denial asks for that.
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
    /// Its size in memory, in bytes, with what it refers to.
    pub(super) fn size(&self) -> usize {
        let doubt = self.doubt.as_ref().map_or(0, KindDoubt::size);
        self.readings.iter().map(WideReading::size).fold(doubt, usize::saturating_add).saturating_add(size_of::<Self>())
    }
}

/// What of a call no grant covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotCovered {
    /// The effects that are not covered.
    pub effects: EffectSet,
    /// Where they would have to be covered.
    pub needed: NeededGrant,
    /// The last grant that would have covered some of them without its limits.
    pub limited: Option<LimitedGrant>,
    /// A grant that covered some of them until it ended.
    pub ended: Option<EndedGrant>,
}

/// Which grant would cover the effects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NeededGrant {
    /// One for any namespace: the request was not read.
    SomeNamespace,
    /// One for the request's own namespace.
    OwnNamespace(String),
    /// One for another namespace that the request names.
    ForeignNamespace(String),
    /// One for the whole cluster, for this reason.
    System(&'static str),
    /// One with `may_call_back`.
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
pub struct EndedGrant {
    /// The grant's name.
    pub grant: Rc<str>,
    /// When it ended.
    pub until: Until,
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
            NeededGrant::System(why) => write!(f, "{why}, and no grant with system: true covers {effects}")?,
            NeededGrant::Callback => write!(
                f,
                "the request registers a completion callback into Temporal itself, and no grant with may_call_back \
                 covers {effects}"
            )?,
        }
        if let Some(LimitedGrant { grant, miss }) = &self.limited {
            write!(f, "; grant {grant} is limited: {miss}")?;
        }
        if let Some(EndedGrant { grant, until }) = &self.ended {
            write!(f, "; grant {grant} ended at {until}")?;
        }
        Ok(())
    }
}
