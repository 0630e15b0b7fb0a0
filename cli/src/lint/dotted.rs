//! Names of claims that look like paths: only JSON pointers lead into members.

use serde_json::Value;
use temporal_auth::config::Config;

use super::{Lint, claim_names};

/// Ends of domain names that claims are named after, as in `example.com`.
const LAST: [&str; 8] = ["cloud", "com", "dev", "edu", "gov", "io", "net", "org"];
/// The same in reverse, as in `com.example.roles`. Any two letters may be a country.
const FIRST: [&str; 5] = ["com", "edu", "gov", "net", "org"];
/// The member of a service account's token that has members of its own.
const KUBERNETES: &str = "kubernetes.io";

pub(super) fn lint(config: &Config, value: &Value) -> Vec<Lint> {
    let mut lints = Vec::new();
    for claim in claim_names::all(config, value) {
        let name = claim.name.to_string();
        let Some(pointer) = pointer(&name) else { continue };
        lints.push(Lint {
            path: claim.path,
            text: format!("`{name}` is the name of a single member; its dots do not lead into nested members"),
            help: format!("write `{pointer}` for a nested member, or `/{name}` for a member with this name"),
        });
    }
    lints
}

/// The pointer that the author of the name probably meant. `None` if it does not look like a path.
fn pointer(name: &str) -> Option<String> {
    let is_word = |step: &&str| {
        step.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && step.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-'))
    };
    // JSONPath begins with `$`.
    let path = name.strip_prefix("$.").unwrap_or(name);
    let (member, path) = match path.strip_prefix(KUBERNETES).and_then(|rest| rest.strip_prefix('.')) {
        Some(rest) => (format!("/{KUBERNETES}"), rest),
        None => (String::new(), path),
    };
    let steps: Vec<_> = path.split('.').collect();
    let (first, last) = (*steps.first()?, *steps.last()?);
    let is_domain = !name.starts_with('$') && (first.len() == 2 || FIRST.contains(&first) || LAST.contains(&last));
    let is_nested = steps.len() > 1 || name.starts_with('$') || !member.is_empty();
    let is_path = is_nested && steps.iter().all(is_word) && !is_domain;
    is_path.then(|| format!("{member}/{}", steps.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_that_look_like_paths_have_a_pointer() {
        for (name, expected) in [
            ("ext.permissions", "/ext/permissions"),
            ("realm_access.roles", "/realm_access/roles"),
            ("resource_access.my-app.roles", "/resource_access/my-app/roles"),
            ("user.id", "/user/id"),
            ("$.realm_access.roles", "/realm_access/roles"),
            ("$.roles", "/roles"),
            ("kubernetes.io.namespace", "/kubernetes.io/namespace"),
            ("kubernetes.io.serviceaccount.name", "/kubernetes.io/serviceaccount/name"),
        ] {
            assert_eq!(pointer(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn names_that_providers_give_to_claims_do_not_look_like_paths() {
        for name in [
            "groups",
            "/realm_access/roles",
            "/kubernetes.io/namespace",
            "/ext.permissions",
            "https://example.com/roles",
            "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
            "urn:zitadel:iam:org:project:roles",
            "urn:example.com:roles",
            "example.com/roles",
            "example.com",
            "kubernetes.io",
            "com.example.roles",
            "de.example.roles",
            "cognito:groups",
            "a..b",
            ".a",
            "a.",
            "v1.2",
            "a b.c",
            "$",
        ] {
            assert_eq!(pointer(name), None, "{name}");
        }
    }

    #[test]
    fn a_path_with_dots_is_reported_and_a_pointer_is_not() {
        let lints = |claim: &str| {
            let config = json!({
                "version": 1,
                "issuers": {"corp": {
                    "issuer": "https://corp/", "audiences": ["t"], "keys": {"discovery": true, "cluster": "c"},
                    "claims": {claim: {"names": true}},
                }},
                "grants": [{"name": "g", "who": {"issuer": "corp"}, "permissions_claim": claim}],
            });
            lint(&Config::parse(config.to_string().as_bytes()).unwrap(), &config)
        };
        let found = lints("ext.permissions");
        let paths: Vec<_> = found.iter().map(|lint| lint.path.to_string()).collect();
        assert_eq!(paths, ["issuers.corp.claims[\"ext.permissions\"]", "grants[0].permissions_claim"]);
        assert_eq!(
            found[1].text,
            "`ext.permissions` is the name of a single member; its dots do not lead into nested members"
        );
        assert_eq!(
            found[1].help,
            "write `/ext/permissions` for a nested member, or `/ext.permissions` for a member with this name"
        );
        for good in ["/ext/permissions", "/ext.permissions", "https://example.com/permissions"] {
            assert_eq!(lints(good), [], "{good}");
        }
    }
}
