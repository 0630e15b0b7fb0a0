//! `audiences: any`: tokens that were issued for other services are accepted.

use temporal_auth::config::{Config, Issuer, Path};
use temporal_auth::pattern::Pattern;

use super::{Lint, issuer_path};

/// Claims that name the client that a token was issued to: RFC 9068 and Cognito, OpenID Connect, Okta, and Entra ID 1.0.
const CLIENT: [&str; 4] = ["client_id", "azp", "cid", "appid"];
/// The audience itself, which patterns may name.
const AUDIENCE: &str = "aud";

/// What `token.require` says about the recipient of a token.
#[derive(Debug, PartialEq, Eq)]
enum Bound {
    /// It names the audience.
    Audience,
    /// It names the clients.
    Client,
    /// It requires other claims.
    Others,
    Nothing,
}

pub(super) fn lint(config: &Config) -> Vec<Lint> {
    let mut lints = Vec::new();
    for issuer in config.issuers.iter().filter(|issuer| issuer.rules.audiences.is_none()) {
        let text = match bound(issuer) {
            Bound::Audience | Bound::Client => continue,
            Bound::Others => {
                "tokens for any other service of this issuer are accepted if they have the claims of `require`"
            }
            Bound::Nothing => "tokens for any other service of this issuer are accepted",
        };
        lints.push(Lint {
            path: path(issuer),
            text: text.to_owned(),
            help:
                "have the issuer put a separate audience into tokens for Temporal, and list it here; if it cannot, require \
                   the claim that names the client, such as `client_id`"
                    .to_owned(),
        });
    }
    lints
}

/// A required client bounds who sends a token, not which services receive it.
pub(super) fn notes(config: &Config) -> Vec<(Path, String)> {
    let any = config.issuers.iter().filter(|issuer| issuer.rules.audiences.is_none());
    any.filter(|issuer| bound(issuer) == Bound::Client)
        .map(|issuer| {
            let text =
                "`require` names the clients; any other service that they send a token to can call Temporal with it";
            (path(issuer), text.to_owned())
        })
        .collect()
}

fn path(issuer: &Issuer) -> Path {
    issuer_path(&issuer.name).member("audiences")
}

fn bound(issuer: &Issuer) -> Bound {
    let sets = &issuer.rules.require.0;
    let requires = |claims: &[&str]| {
        sets.iter().any(|(name, patterns)| {
            let name = name.to_string();
            claims.contains(&name.strip_prefix('/').unwrap_or(&name)) && !patterns.iter().any(Pattern::is_star)
        })
    };
    if requires(&[AUDIENCE]) {
        Bound::Audience
    } else if requires(&CLIENT) {
        Bound::Client
    } else if sets.is_empty() {
        Bound::Nothing
    } else {
        Bound::Others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The warning and the note about an issuer with these fields.
    fn warning_and_note(fields: Value) -> (Vec<String>, Vec<String>) {
        let mut issuer =
            json!({"issuer": "https://idp/", "audiences": "any", "keys": {"discovery": true, "cluster": "c"}});
        issuer.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let config = json!({"version": 1, "issuers": {"corp": issuer}});
        let config = Config::parse(config.to_string().as_bytes()).unwrap();
        let lints = lint(&config).into_iter().map(|lint| format!("{}: {}", lint.path, lint.text)).collect();
        (lints, notes(&config).into_iter().map(|(path, text)| format!("{path}: {text}")).collect())
    }

    fn requiring(require: Value) -> (Vec<String>, Vec<String>) {
        warning_and_note(json!({"token": {"require": require}}))
    }

    const WARNING: &str = "issuers.corp.audiences: tokens for any other service of this issuer are accepted";

    #[test]
    fn any_audience_is_reported() {
        assert_eq!(warning_and_note(json!({})), (vec![WARNING.to_owned()], vec![]));
        assert_eq!(warning_and_note(json!({"audiences": ["temporal"]})), (vec![], vec![]));
    }

    #[test]
    fn claims_that_do_not_name_the_recipient_do_not_help() {
        let expected = (vec![format!("{WARNING} if they have the claims of `require`")], vec![]);
        for require in [
            json!({"token_use": "access"}),
            json!({"typ": "Bearer", "email_verified": true}),
            json!({"client_id": "*"}),
            json!({"client_id": ["a", "*"]}),
            json!({"/client/client_id": "a"}),
            json!({"aud": "*"}),
        ] {
            assert_eq!(requiring(require.clone()), expected, "{require}");
        }
    }

    #[test]
    fn required_clients_leave_a_note() {
        let note = "issuers.corp.audiences: `require` names the clients; any other service that they send a token to can call \
                    Temporal with it";
        for require in [
            json!({"token_use": "access", "client_id": ["a", "b"]}),
            json!({"azp": "temporal-*"}),
            json!({"/azp": "temporal"}),
            json!({"cid": "a"}),
            json!({"appid": "a"}),
        ] {
            assert_eq!(requiring(require.clone()), (vec![], vec![note.to_owned()]), "{require}");
        }
    }

    #[test]
    fn a_required_audience_is_an_audience() {
        assert_eq!(requiring(json!({"aud": "temporal-*"})), (vec![], vec![]));
        assert_eq!(requiring(json!({"aud": "temporal", "client_id": "a"})), (vec![], vec![]));
    }
}
