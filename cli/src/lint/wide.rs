//! Patterns that may match more than their author intended.

use temporal_auth::config::{Config, Path};
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::grant::GrantScope;

use super::{Lint, grant_path};

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    let mut add =
        |path: Path, text: &str, help: &str| lints.push(Lint { path, text: text.to_owned(), help: help.to_owned() });
    for (index, grant) in config.policy.grants.iter().enumerate() {
        let path = grant_path(index);
        if let GrantScope::Namespaces(_, patterns) = &grant.gives
            && patterns.iter().any(Pattern::is_star)
        {
            let help = "list them, or use `system: true` if the cluster should be included";
            add(path.member("namespaces"), "every namespace matches, including future ones", help);
        }
        if begins_with_star(&grant.who.subject) {
            let help = "start with a prefix that only the intended subjects have";
            add(
                path.member("who").member("subject"),
                "a pattern that begins with `*` matches subjects with any prefix",
                help,
            );
        }
        if grant.who.without_token && grant.who.peer.as_deref().is_some_and(begins_with_star) {
            let help = "start with a prefix that only the intended peers have, such as a trust domain";
            add(
                path.member("who").member("peer"),
                "a pattern that begins with `*` matches peers with any prefix",
                help,
            );
        }
        for (name, patterns) in &grant.who.claims.0 {
            if begins_with_star(patterns) {
                let path = path.member("who").member("claims").member(&name.to_string());
                let help = "start with a fixed prefix; anyone who can create groups could create one that matches";
                add(path, "a pattern that begins with `*` matches values with any prefix", help);
            }
        }
    }
    lints
}

fn begins_with_star(patterns: &[Pattern]) -> bool {
    patterns.iter().any(|pattern| pattern.to_string().starts_with('*'))
}
