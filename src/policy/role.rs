//! Roles: sets of effects, with exceptions for single methods.

use std::rc::Rc;

use crate::temporal::{EffectSet, Method, ROLES};

/// A role, as grants use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    pub name: Rc<str>,
    pub effects: EffectSet,
    /// The paths of methods that it covers although it lacks their effects.
    pub plus: Vec<Rc<str>>,
    /// The paths of methods that it does not cover although it has their effects.
    pub minus: Vec<Rc<str>>,
}

impl Role {
    /// Removes an effect, and the single methods that have it.
    pub fn remove(&mut self, effect: EffectSet, effects_of: impl Fn(&str) -> EffectSet) {
        self.effects = self.effects.without(effect);
        self.plus.retain(|path| effects_of(path).without(effect) == effects_of(path));
    }

    /// The built-in role of this name. Three correspond to Temporal's own roles: `reader` covers every method with access
    /// ReadOnly, `writer` also every method with access Write, and `admin` every method. `worker` covers everything that a
    /// worker needs, including reading the histories of its namespace. `client` is `writer` without the effects of workers,
    /// because a caller who answers tasks may end, start and signal workflows.
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, effects) = ROLES.iter().find(|(known, _)| *known == name)?;
        Some(Self { name: Rc::from(*name), effects: *effects, plus: Vec::new(), minus: Vec::new() })
    }

    /// The effects of a call of this method that the role covers.
    pub fn effects_for(&self, method: &Method) -> EffectSet {
        if self.minus.iter().any(|path| **path == *method.path) {
            EffectSet::NONE
        } else if self.plus.iter().any(|path| **path == *method.path) {
            self.effects.with(method.effects)
        } else {
            self.effects
        }
    }
}
