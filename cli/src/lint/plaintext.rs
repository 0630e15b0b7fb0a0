//! Keys that are fetched without TLS: anyone who answers in the issuer's place can supply their own keys, and so let anyone
//! in.

use temporal_auth::config::{Config, KeysFrom};

use super::{Lint, issuer_path};

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for issuer in &config.issuers {
        let path = issuer_path(&issuer.name);
        let keys = match &issuer.keys {
            KeysFrom::Remote(remote) => remote.start.to_string(),
            KeysFrom::Inline(_) => continue,
        };
        if is_plaintext(&keys) {
            let by_discovery = issuer.rules.issuer.as_deref().is_some_and(is_plaintext);
            lints.push(Lint {
                path: if by_discovery { path.member("issuer") } else { path.member("keys").member("jwks_uri") },
                text: "keys are fetched from an http: URL".to_owned(),
                help:
                    "anyone who answers in the provider's place supplies the keys; use https:, and TLS in the cluster"
                        .to_owned(),
            });
        }
    }
    lints
}

/// Whether it is an `http:` URL that leaves the machine.
fn is_plaintext(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
    !(host == "localhost" || host.starts_with("127.") || host.starts_with("[::1]"))
}

#[cfg(test)]
mod tests {
    use super::is_plaintext;

    #[test]
    fn only_urls_that_leave_the_machine_count() {
        for url in
            ["http://idp.example.com/", "http://10.0.0.1:8080", "http://[fe80::1]/x", "http://localhost.example.com"]
        {
            assert!(is_plaintext(url), "{url}");
        }
        for url in ["https://idp.example.com/", "http://localhost:8080/x", "http://127.0.0.1:7535", "http://[::1]:1/"] {
            assert!(!is_plaintext(url), "{url}");
        }
    }
}
