//! What a configuration may say and should not: warnings, each in a file of its own.

mod audience;
mod denials;
mod gateway;
mod plaintext;
mod shadowed;
#[cfg(test)]
mod tests;
mod unreachable;
mod wide;

use temporal_auth::config::Config;

use crate::yaml::path::member;

/// One warning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lint {
    /// Of which field.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
    /// What would be better.
    pub(crate) help: String,
}

/// All warnings about a configuration.
pub(crate) fn all(config: &Config) -> Vec<Lint> {
    [plaintext::lint, audience::lint, shadowed::lint, unreachable::lint, wide::lint, gateway::lint, denials::lint]
        .iter()
        .flat_map(|lint| lint(config))
        .collect()
}
