//! Denials: what is taken away from those who have it, system admins included.

use std::rc::Rc;

use super::limits::{Limits, Place};
use super::pattern::Pattern;
use super::who::Who;
use crate::identity::Identity;
use crate::temporal::{EffectSet, Scope, Target};

/// One denial of the policy. It matches a call when all that it states does.
#[derive(Debug)]
pub struct Denial {
    /// Its name, which verdicts give as their rule.
    pub name: Rc<str>,
    /// Whose calls; none means everybody's.
    pub who: Option<Who>,
    /// Whose calls are spared.
    pub unless: Option<Who>,
    /// Which effects, any of which; none means any at all.
    pub what: Option<What>,
    /// In which namespaces; none means everywhere, the cluster included.
    pub namespaces: Option<Vec<Pattern>>,
    /// Names that are spared: the denial is about what these limits on a grant would refuse.
    pub outside: Option<Limits>,
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

impl Denial {
    /// Whether it is about this caller's calls.
    #[must_use]
    pub fn concerns(&self, identity: &Identity) -> bool {
        self.who.as_ref().is_none_or(|who| who.means(identity))
            && !self.unless.as_ref().is_some_and(|unless| unless.means(identity))
    }

    /// What of this call it is about, for people, if it matches the call of a caller whom it concerns.
    #[must_use]
    pub fn matches(&self, target: &Target) -> Option<String> {
        let outside = |place: usize, effects| {
            let place = if place == 0 { Place::Own(effects) } else { Place::Elsewhere(effects) };
            self.outside.as_ref().map(|limits| limits.refuse(target, place))
        };
        let mut places = target.places().enumerate();
        let (place, (namespace, effects)) = places.find(|(place, (namespace, effects))| {
            // What a method does elsewhere is told by effects alone.
            let named = *place == 0 && self.names(&target.method.path);
            let is_outside = || outside(*place, *effects).is_none_or(|why| why.is_some());
            (named || self.has(*effects)) && self.reaches(target, namespace) && is_outside()
        })?;
        let outside = outside(place, effects).flatten();
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
        in_namespace && patterns.iter().any(|pattern| pattern.is_star() || pattern.could_match(namespace))
    }
}
