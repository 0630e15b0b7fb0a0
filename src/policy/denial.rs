//! Denials: what is taken away from those who have it, system admins included.

use std::rc::Rc;

use super::limits::{Limits, Place};
use super::who::Who;
use crate::identity::Identity;
use crate::identity::wide::{Reading, WideClaims};
use crate::pattern::Pattern;
use crate::temporal::{EffectSet, Scope, Target};

/// One denial of the policy. It matches a call when all that it states does.
#[derive(Debug)]
pub struct Denial {
    /// Its name, which verdicts give as their rule.
    pub name: Rc<str>,
    /// Whose calls it is about; `None` means everybody's.
    pub who: Option<Who>,
    /// Whose calls are spared.
    pub unless: Option<Who>,
    /// The effects it is about; `None` means all of them.
    pub what: Option<What>,
    /// The namespaces it is about; `None` means everywhere, the cluster included.
    pub namespaces: Option<Vec<Pattern>>,
    /// Names that are spared: the denial is about what these limits on a grant would refuse.
    pub outside: Option<Limits>,
    /// Whether it reaches what a worker's commands do in the namespace of its answer.
    pub commands: bool,
    /// Whether it only tells what it would do.
    pub shadow: bool,
}

/// Effects, and single methods beside them.
#[derive(Debug, Default)]
pub struct What {
    /// The effects.
    pub effects: EffectSet,
    /// Paths of methods.
    pub methods: Vec<Rc<str>>,
}

/// A denial that is about a caller.
#[derive(Debug)]
pub struct Concern {
    /// The denial.
    pub denial: Rc<Denial>,
    /// How the caller's claims had to be read, where grants would read them otherwise; empty elsewhere.
    pub reading: Box<str>,
}

impl Denial {
    /// Whether it is about this caller's calls. Who is meant reads wide, who is spared narrow.
    #[must_use]
    pub fn concern(self: &Rc<Self>, identity: &Identity, wide: &WideClaims<'_>) -> Option<Concern> {
        let readings = self.who.as_ref().map_or(Some(Vec::new()), |who| who.could_mean(identity, wide))?;
        if self.unless.as_ref().is_some_and(|unless| unless.means(identity)) {
            return None;
        }
        let mut reading: Vec<_> = readings.iter().map(Reading::to_string).collect();
        if self.who.as_ref().is_some_and(|who| who.kind.is_some()) {
            reading.extend(identity.doubt.as_ref().map(|doubt| format!("the kind is in doubt: {doubt}")));
        }
        Some(Concern { denial: Rc::clone(self), reading: reading.join("; ").into() })
    }

    /// What of this call it is about, for people, if it matches the call of a caller whom it concerns.
    #[must_use]
    pub fn matches(&self, target: &Target) -> Option<String> {
        let reach = match (target.anything, self.commands) {
            (true, _) => EffectSet::ADMIN,
            (false, true) => target.commands,
            (false, false) => EffectSet::NONE,
        };
        // What a worker commands happens in the namespace of its answer, which is the first.
        let has = |place: usize, effects: EffectSet| if place == 0 { effects.with(reach) } else { effects };
        let outside = |place: usize, effects| {
            let place = if place == 0 { Place::Own(effects) } else { Place::Elsewhere(effects) };
            self.outside.as_ref().map(|limits| limits.refuse(target, place))
        };
        let mut places = target.places().enumerate();
        let (place, (namespace, effects)) = places.find(|(place, (namespace, effects))| {
            // What a method does elsewhere is told by effects alone.
            let named = *place == 0 && self.names(&target.method.path);
            let is_outside = || outside(*place, *effects).is_none_or(|why| why.is_some());
            (named || self.has(has(*place, *effects))) && self.reaches(target, namespace) && is_outside()
        })?;
        let outside = outside(place, effects).flatten();
        let effects = has(place, effects);
        let effects = self.what.as_ref().map_or(effects, |what| what.effects.both(effects));
        let what = if effects.is_empty() { target.method.name().to_owned() } else { effects.to_string() };
        let place = if namespace.is_empty() { String::new() } else { format!(" in namespace {namespace:?}") };
        Some(format!("{what}{place} is denied{}", outside.map(|why| format!(": {why}")).unwrap_or_default()))
    }

    fn names(&self, path: &str) -> bool {
        self.what.as_ref().is_some_and(|what| what.methods.iter().any(|method| **method == *path))
    }

    fn has(&self, effects: EffectSet) -> bool {
        self.what.as_ref().is_none_or(|what| what.effects.meets(effects))
    }

    fn reaches(&self, target: &Target, namespace: &str) -> bool {
        let Some(patterns) = &self.namespaces else { return true };
        // What cannot be seen could be any of them.
        if target.unseen {
            return true;
        }
        let in_namespace = target.method.scope == Scope::Namespace || !namespace.is_empty();
        in_namespace && patterns.iter().any(|pattern| pattern.could_match(namespace))
    }
}
