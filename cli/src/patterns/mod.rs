//! Patterns as sets of texts, without the texts themselves: whether two share a text, and whether one contains the other.

pub(crate) mod containment;
pub(crate) mod overlap;
