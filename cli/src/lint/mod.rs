//! What a configuration may say and should not: warnings, each in a file of its own.

mod audience;
mod denials;
mod gateway;
mod peers;
mod plaintext;
mod shadowed;
#[cfg(test)]
mod tests;
mod unreachable;
mod wide;

use serde_json::Value;
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

/// All warnings about a configuration, which is also there as JSON.
pub(crate) fn all(config: &Config, value: &Value) -> Vec<Lint> {
    [plaintext::lint, audience::lint, shadowed::lint, unreachable::lint, wide::lint, denials::lint]
        .iter()
        .flat_map(|lint| lint(config))
        .chain([gateway::lint, peers::lint].iter().flat_map(|lint| lint(config, value)))
        .collect()
}
