//! Effects: what a call does to Temporal, by whichever method, command, option or batch.

use super::generated::EFFECT_NAMES;

/// A set of effects. Roles are sets of effects, and a call is allowed if grants cover all of its effects. There is a constant
/// for each effect and for the effects of each built-in role, generated from `data/temporal/roles.tsv`.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct EffectSet(pub(super) u32);

impl EffectSet {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The effects that are in either set.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The effects of this set that are not in the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every effect of `other` is in this set.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The effects that are in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether any effect of `other` is in this set.
    #[must_use]
    pub const fn intersects(self, other: Self) -> bool {
        !self.intersection(other).is_empty()
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The single effect of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        EFFECT_NAMES.iter().find(|(known, _)| *known == name).map(|(_, effect)| *effect)
    }

    /// The names of the effects in the set, in the order of the documentation.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        EFFECT_NAMES.iter().filter(move |(_, effect)| self.covers(*effect)).map(|(name, _)| *name)
    }
}

impl std::fmt::Display for EffectSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.write_str(&names.join(", "))
    }
}

impl std::fmt::Debug for EffectSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lattice_is_ordered_as_documented() {
        assert!(EffectSet::WRITER.covers(EffectSet::WORKER) && !EffectSet::WORKER.covers(EffectSet::WRITER));
        assert!(EffectSet::WRITER.covers(EffectSet::READER) && !EffectSet::READER.covers(EffectSet::WRITER));
        assert!(EffectSet::ADMIN.covers(EffectSet::WRITER) && !EffectSet::WRITER.covers(EffectSet::ADMIN));
        assert!(!EffectSet::READER.covers(EffectSet::WORKER) && !EffectSet::WORKER.covers(EffectSet::READER));
        assert!(EffectSet::CLIENT.covers(EffectSet::READER) && !EffectSet::CLIENT.covers(EffectSet::WORKER));
    }

    #[test]
    fn a_writer_is_a_client_a_worker_and_a_deployer_but_a_client_answers_no_tasks() {
        let parts = EffectSet::CLIENT.with(EffectSet::WORKER).with(EffectSet::DEPLOY);
        assert_eq!(parts, EffectSet::WRITER);
        let worker = EffectSet::POLL.with(EffectSet::RESPOND).with(EffectSet::DEPLOY);
        assert!(!EffectSet::CLIENT.intersects(worker) && !EffectSet::WRITER.intersects(EffectSet::COMPUTE));
    }

    #[test]
    fn admin_has_every_effect_and_each_effect_is_found_by_its_name() {
        assert_eq!(EffectSet::ADMIN.names().count(), EFFECT_NAMES.len());
        for (name, effect) in &EFFECT_NAMES {
            assert_eq!(EffectSet::named(name), Some(*effect));
        }
        assert_eq!(EffectSet::named("Terminate"), None);
    }
}
