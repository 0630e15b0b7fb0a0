//! The keys of a key set that cannot verify tokens.

use std::fmt;

use crate::crypto::UnusableKey;

/// How many keys that cannot verify tokens are shown.
const MAX_SHOWN: usize = 8;

/// A key of a key set that cannot verify tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOutKey {
    /// Its index in the key set.
    pub index: usize,
    pub kid: Option<Box<str>>,
    pub why: UnusableKey,
}

/// A list of keys that cannot verify tokens, short enough for a line of the log.
pub struct LeftOut<'a>(pub &'a [LeftOutKey]);

impl fmt::Display for LeftOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.0.iter().take(MAX_SHOWN).enumerate() {
            write!(f, "{}{key}", if index == 0 { "" } else { "; " })?;
        }
        match self.0.len().saturating_sub(MAX_SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl fmt::Display for LeftOutKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys[{}]", self.index)?;
        if let Some(kid) = &self.kid {
            write!(f, " (kid {kid:?})")?;
        }
        write!(f, ": {}", self.why)
    }
}
