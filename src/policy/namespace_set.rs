//! The namespaces of a resolved grant.

use crate::pattern::{LiteralPrefix, Pattern};

/// The namespaces in which a resolved grant applies. A caller's groups may name thousands, and a look-up takes hardly longer for
/// them than for one.
#[derive(Debug, Clone)]
pub struct NamespaceSet {
    /// In order.
    names: Box<[Box<str>]>,
    patterns: Box<[Pattern]>,
}

impl NamespaceSet {
    #[must_use]
    pub fn contains(&self, namespace: &str) -> bool {
        self.names.binary_search_by(|name| (**name).cmp(namespace)).is_ok()
            || self.patterns.iter().any(|pattern| pattern.matches(namespace).is_some())
    }

    /// The patterns of its namespaces, as a policy would write them.
    pub fn written(&self) -> impl Iterator<Item = String> {
        let names = self.names.iter().map(|name| Pattern::literal(name).to_string());
        names.chain(self.patterns.iter().map(Pattern::to_string))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.patterns.is_empty()
    }

    /// How many patterns a namespace is compared with, apart from the look-up of its name.
    #[must_use]
    pub fn pattern_count(&self) -> usize {
        self.patterns.len()
    }

    /// Its size in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let names = self.names.iter().map(|name| size_of::<Box<str>>().saturating_add(name.len()));
        names.chain(self.patterns.iter().map(Pattern::size)).fold(0, usize::saturating_add)
    }
}

/// The patterns must be bound: a capture would match like `*`.
impl FromIterator<Pattern> for NamespaceSet {
    fn from_iter<I: IntoIterator<Item = Pattern>>(bound: I) -> Self {
        let (mut names, mut patterns) = (Vec::<Box<str>>::new(), Vec::new());
        for pattern in bound {
            match pattern.literal_prefix() {
                Some(LiteralPrefix::Whole(name)) => names.push(name.into()),
                _ => patterns.push(pattern),
            }
        }
        names.sort_unstable();
        names.dedup();
        Self { names: names.into(), patterns: patterns.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_patterns_are_found() {
        let patterns = ["payroll", "finance-*", "payroll", "audit", ""];
        let set: NamespaceSet = patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        assert_eq!((set.names.len(), set.patterns.len()), (2, 2), "{set:?}");
        for (namespace, is_in) in [
            ("payroll", true),
            ("audit", true),
            ("finance-eu", true),
            ("finance-", false),
            ("pay", false),
            ("Audit", false),
        ] {
            assert_eq!(set.contains(namespace), is_in, "{namespace}");
        }
    }
}
