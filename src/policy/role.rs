//! Roles: sets of effects, and single methods beside them.

use std::rc::Rc;

use crate::temporal::{EffectSet, Method};

/// A role as grants use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// What policies call it.
    pub name: Rc<str>,
    /// What it may bring about.
    pub effects: EffectSet,
    /// Paths of methods it may call although it lacks their effects.
    pub plus: Vec<Rc<str>>,
    /// Paths of methods it may not call although it has their effects.
    pub minus: Vec<Rc<str>>,
}

/// The built-in roles, by name.
pub const BUILT_IN: &[(&str, EffectSet)] = &[
    ("worker", EffectSet::WORKER),
    ("reader", EffectSet::READER),
    ("client", EffectSet::CLIENT),
    ("writer", EffectSet::WRITER),
    ("admin", EffectSet::ADMIN),
];

impl Role {
    /// Takes an effect away, and the single methods that have it.
    pub fn remove(&mut self, effect: EffectSet, effects_of: impl Fn(&str) -> EffectSet) {
        self.effects = self.effects.without(effect);
        self.plus.retain(|path| effects_of(path).without(effect) == effects_of(path));
    }

    /// The built-in role of that name.
    #[must_use]
    pub fn built_in(name: &str) -> Option<Self> {
        let (name, effects) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Self { name: Rc::from(*name), effects: *effects, plus: Vec::new(), minus: Vec::new() })
    }

    /// The effects that this role allows a call of the method to have.
    #[must_use]
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
