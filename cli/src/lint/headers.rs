//! Headers in `token.headers` that never carry a token that can be accepted.

use temporal_auth::config::Config;

use super::{Lint, issuer_path};

/// A header, what it carries, and what to do instead.
type UselessHeader = (&'static str, &'static str, &'static str);

/// The load balancer's documentation ("Authenticate users using an Application Load Balancer") says that it pads the parts of
/// its token, which common libraries do not read, and where to get the key for a `kid`: a PEM file in each region.
const USELESS: [UselessHeader; 4] = [
    (
        "cookie",
        "its value is a list of names and values, never a token alone",
        "have the proxy in front send the token in a separate header",
    ),
    ("set-cookie", "only responses have this header", "have the proxy in front send the token in a separate header"),
    (
        "x-amzn-oidc-data",
        "AWS pads these tokens, which JWT does not allow, and publishes no key set for them",
        "use `x-amzn-oidc-accesstoken`, which has the provider's own access token",
    ),
    (
        "x-amzn-oidc-identity",
        "it has only the subject, without a signature",
        "use `x-amzn-oidc-accesstoken`, which has the provider's own access token",
    ),
];

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for issuer in &config.issuers {
        for (index, header) in issuer.rules.headers.iter().enumerate() {
            let Some((name, why, help)) = USELESS.iter().find(|(name, ..)| name == header) else { continue };
            lints.push(Lint {
                path: issuer_path(&issuer.name).member("token").member("headers").index(index),
                text: format!("no token in header {name} is ever accepted: {why}"),
                help: (*help).to_owned(),
            });
        }
    }
    lints
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lints(headers: &[&str]) -> Vec<String> {
        let keys = json!({"discovery": true, "cluster": "c"});
        let issuer = json!({"issuer": "https://idp/", "audiences": ["t"], "keys": keys, "token": {"headers": headers}});
        let config = json!({"version": 1, "issuers": {"corp": issuer}});
        let lints = lint(&Config::parse(config.to_string().as_bytes()).unwrap()).into_iter();
        lints.map(|lint| format!("{}: {}; {}", lint.path, lint.text, lint.help)).collect()
    }

    #[test]
    fn headers_without_tokens_are_reported() {
        assert_eq!(
            lints(&["authorization", "cookie"]),
            [
                "issuers.corp.token.headers[1]: no token in header cookie is ever accepted: its value is a list of names and \
                 values, never a token alone; have the proxy in front send the token in a separate header"
            ]
        );
        assert_eq!(
            lints(&["x-amzn-oidc-data"]),
            [
                "issuers.corp.token.headers[0]: no token in header x-amzn-oidc-data is ever accepted: AWS pads these tokens, \
                 which JWT does not allow, and publishes no key set for them; use `x-amzn-oidc-accesstoken`, which has the \
                 provider's own access token"
            ]
        );
        assert_eq!(lints(&["x-amzn-oidc-identity", "set-cookie"]).len(), 2);
    }

    #[test]
    fn headers_with_tokens_are_not_reported() {
        let good = ["authorization", "authorization-extras", "x-amzn-oidc-accesstoken", "cf-access-jwt-assertion"];
        assert_eq!(lints(&good), [""; 0]);
        assert_eq!(lints(&["x-goog-iap-jwt-assertion", "x-cookie"]), [""; 0]);
    }
}
