//! Warnings about valid configurations that are probably mistakes, each in its own file.

mod anonymous;
mod answers;
mod audience;
mod claim_names;
mod colons;
mod commands;
mod denials;
mod dotted;
mod ended;
mod gateway;
mod headers;
mod ids;
mod iss;
mod peers;
mod plaintext;
mod positions;
mod roles;
mod shadowed;
#[cfg(test)]
mod tests;
mod tokens;
mod unreachable;
mod web_ui;
mod wide;

pub(crate) use gateway::HELP as GATEWAY_HELP;

use serde_json::Value;
use temporal_auth::config::{Config, Path};
use temporal_auth::time::Timestamp;

use crate::yaml::location::members;

/// One warning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lint {
    /// The path of the field.
    pub(crate) path: Path,
    /// What is doubtful about it.
    pub(crate) text: String,
    /// What to do instead.
    pub(crate) help: String,
}

/// All warnings about a configuration, which `value` holds as JSON.
pub(crate) fn all(config: &Config, value: &Value, now: Timestamp) -> Vec<Lint> {
    let issuers = [plaintext::lint, iss::lint, audience::lint, headers::lint];
    let policies = [unreachable::lint, wide::lint, denials::lint, tokens::lint, ids::lint, anonymous::lint];
    let written = [gateway::lint, peers::lint, roles::lint, dotted::lint, positions::lint];
    issuers
        .iter()
        .chain(&policies)
        .flat_map(|lint| lint(config))
        .chain([shadowed::lint, ended::lint].iter().flat_map(|lint| lint(config, now)))
        .chain(written.iter().flat_map(|lint| lint(config, value)))
        .chain(commands::lint(config, value, now))
        .collect()
}

/// The paths of fields that are worth a look but not doubtful, each with its note.
pub(crate) fn notes(config: &Config) -> Vec<(Path, String)> {
    audience::notes(config).into_iter().chain(colons::notes(config)).chain(web_ui::notes(config)).collect()
}

/// The path of a grant.
fn grant_path(index: usize) -> Path {
    members(&["grants"]).index(index)
}

/// The path of a denial.
fn denial_path(index: usize) -> Path {
    members(&["denials"]).index(index)
}

/// The path of an issuer.
fn issuer_path(name: &str) -> Path {
    members(&["issuers", name])
}
