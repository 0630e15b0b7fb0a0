//! Issuers that no token names: `iss` is compared exactly.

use temporal_auth::config::Config;

use super::{Lint, issuer_path};

/// Hosts whose issuers contain the id of a tenant: Entra ID, its national clouds, and tokens of version 1.0.
const MICROSOFT: [&str; 4] =
    ["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"];
/// Words that may take the place of a tenant's id, and mean many tenants.
const MANY_TENANTS: [&str; 3] = ["common", "consumers", "organizations"];
const DISCOVERY: &str = "/.well-known/openid-configuration";

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for issuer in &config.issuers {
        let Some((text, help)) = issuer.rules.issuer.as_deref().and_then(fault) else { continue };
        lints.push(Lint { path: issuer_path(&issuer.name).member("issuer"), text, help: help.to_owned() });
    }
    lints
}

/// Why no token has this `iss`, and what to write instead.
fn fault(iss: &str) -> Option<(String, &'static str)> {
    let exact = |part: &str| format!("no token has `{part}` in its iss, which is compared exactly");
    if let Some((_, rest)) = iss.split_once('{') {
        let name = rest.split_once('}').map_or(rest, |(name, _)| name);
        return Some((exact(&format!("{{{name}}}")), "write the value itself, with a separate issuer for each value"));
    }
    if iss.contains('*') {
        return Some((exact("*"), "list the issuers one by one"));
    }
    if iss.trim_end_matches('/').ends_with(DISCOVERY) {
        return Some((exact(DISCOVERY), "leave this part out; `discovery: true` adds it"));
    }
    let (host, path) = iss.strip_prefix("https://")?.split_once('/')?;
    let tenant = path.split('/').next()?;
    // A domain of the tenant also works in URLs, but the discovery document there names the id.
    if MICROSOFT.contains(&host) && (MANY_TENANTS.contains(&tenant) || tenant.contains('.')) {
        return Some((exact(tenant), "write the id of the tenant, with a separate issuer for each tenant"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lints(iss: &str) -> Vec<Lint> {
        let keys = json!({"jwks_uri": "https://keys/", "cluster": "c"});
        let config = json!({"version": 1, "issuers": {"corp": {"issuer": iss, "audiences": ["t"], "keys": keys}}});
        lint(&Config::parse(config.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn issuers_that_no_token_names_are_reported() {
        for (iss, part, help) in [
            ("https://login.microsoftonline.com/common/v2.0", "common", "for each tenant"),
            ("https://login.microsoftonline.com/organizations/v2.0", "organizations", "for each tenant"),
            ("https://login.microsoftonline.com/consumers/v2.0", "consumers", "for each tenant"),
            ("https://login.microsoftonline.us/common/v2.0", "common", "for each tenant"),
            ("https://sts.windows.net/common/", "common", "for each tenant"),
            ("https://login.microsoftonline.com/corp.onmicrosoft.com/v2.0", "corp.onmicrosoft.com", "for each tenant"),
            ("https://login.microsoftonline.com/{tenantid}/v2.0", "{tenantid}", "for each value"),
            ("https://login.microsoftonline.com/{tenant}/v2.0", "{tenant}", "for each value"),
            ("https://cognito-idp.{region}.amazonaws.com/{pool}", "{region}", "for each value"),
            ("https://idp/{realm", "{realm}", "for each value"),
            ("https://idp.example.com/realms/*", "*", "one by one"),
            ("*", "*", "one by one"),
            ("https://idp.example.com/.well-known/openid-configuration", DISCOVERY, "`discovery: true` adds it"),
        ] {
            let found = lints(iss);
            assert_eq!(found.len(), 1, "{iss}");
            assert_eq!(found[0].path.to_string(), "issuers.corp.issuer");
            assert_eq!(found[0].text, format!("no token has `{part}` in its iss, which is compared exactly"));
            assert!(found[0].help.ends_with(help), "{iss}: {}", found[0].help);
        }
    }

    #[test]
    fn issuers_that_tokens_name_are_not_reported() {
        for iss in [
            "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0",
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "https://sts.windows.net/11111111-2222-3333-4444-555555555555/",
            "https://idp.example.com/common/v2.0",
            "https://idp.example.com/organizations/",
            "https://accounts.google.com",
            "https://token.actions.githubusercontent.com",
            "https://idp.example.com/realms/corp.example.com",
            "accounts.google.com",
            "none",
        ] {
            assert_eq!(lints(iss), [], "{iss}");
        }
    }
}
