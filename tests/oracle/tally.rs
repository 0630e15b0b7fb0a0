//! Counts where this library and Temporal agree, and remembers where they do not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How many disagreements are shown.
const MAX_SHOWN: usize = 10;
/// With this many cases, every exception must have occurred.
const ENOUGH_CASES: u64 = 100_000;

/// `E` is the type of the intended differences.
pub struct Tally<E> {
    cases: u64,
    counts: BTreeMap<String, u64>,
    /// The exceptions that occurred.
    occurred: BTreeSet<E>,
    disagreements: u64,
    shown: Vec<String>,
}

impl<E> Default for Tally<E> {
    fn default() -> Self {
        Self { cases: 0, counts: BTreeMap::new(), occurred: BTreeSet::new(), disagreements: 0, shown: Vec::new() }
    }
}

impl<E: Ord + fmt::Debug> Tally<E> {
    /// Counts a case.
    pub fn case(&mut self) {
        self.cases += 1;
    }

    /// Whether there were so many cases that everything that can occur must have occurred.
    pub fn is_enough(&self) -> bool {
        self.cases >= ENOUGH_CASES
    }

    pub fn count(&mut self, about: &str, what: &str) {
        *self.counts.entry(format!("{about}: {what}")).or_default() += 1;
    }

    pub fn count_exception(&mut self, about: &str, exception: E, text: &str) {
        self.occurred.insert(exception);
        self.count(about, text);
    }

    pub fn disagree(&mut self, what: &str) {
        self.disagreements += 1;
        if self.shown.len() < MAX_SHOWN {
            self.shown.push(what.to_owned());
        }
    }

    /// Panics if a case disagreed, or if a listed exception did not occur.
    pub fn assert_agreement(&self, listed: &[E]) {
        let Self { cases, disagreements, shown, .. } = self;
        assert!(*cases > 0, "no cases");
        assert!(*disagreements == 0, "{disagreements} of {cases} cases disagree:\n{}", shown.join("\n"));
        let missing: Vec<_> = listed.iter().filter(|exception| !self.occurred.contains(exception)).collect();
        assert!(!self.is_enough() || missing.is_empty(), "exceptions that did not occur: {missing:?}\n{self}");
    }
}

impl<E> fmt::Display for Tally<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cases, {} disagreements", self.cases, self.disagreements)?;
        for (what, count) in &self.counts {
            writeln!(f, "{count:>9}  {what}")?;
        }
        Ok(())
    }
}
