//! Configurations of as many grants as one likes, and the caller whom one of them means.

use std::rc::Rc;

use serde_json::{Map, Value, json};
use temporal_auth::config::Config;
use temporal_auth::identity::Identity;
use temporal_auth::wire::json::parse_object;

/// How grants say whom they mean.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A claim has this value.
    Claim,
    /// A claim starts so, and the rest is captured.
    ClaimPrefix,
    /// The subject is this.
    Subject,
    /// The TLS peer starts so.
    PeerPrefix,
}

/// Each shape, and what it is called.
pub const SHAPES: [(&str, Shape); 4] = [
    ("claim", Shape::Claim),
    ("claim-prefix", Shape::ClaimPrefix),
    ("subject", Shape::Subject),
    ("peer-prefix", Shape::PeerPrefix),
];

/// A configuration with that many grants: each for a team of its own, in its own namespaces.
#[must_use]
pub fn config(shape: Shape, grants: usize) -> Value {
    let grant = |team: usize| {
        let (who, namespace) = match shape {
            Shape::Claim => (json!({"issuer": "corp", "claims": {"groups": format!("team-{team}")}}), "*"),
            Shape::ClaimPrefix => {
                (json!({"issuer": "corp", "claims": {"groups": format!("team-{team}-{{area}}")}}), "{area}")
            }
            Shape::Subject => (json!({"issuer": "corp", "subject": format!("team-{team}-runner")}), "*"),
            Shape::PeerPrefix => (json!({"peer": format!("spiffe://cluster.local/ns/team-{team}/sa/*")}), "*"),
        };
        let namespaces = [format!("team-{team}-{namespace}")];
        json!({"name": format!("grant-{team}"), "who": who, "role": "writer", "namespaces": namespaces})
    };
    // A key, because a configuration needs one; no token is verified here.
    let key = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let issuer =
        json!({"issuer": "https://idp.example.com/", "audiences": ["temporal"], "keys": {"inline": {"keys": [key]}}});
    json!({"version": 1, "issuers": {"corp": issuer}, "grants": (0..grants).map(grant).collect::<Vec<_>>()})
}

/// The configuration as the filter has it.
///
/// # Errors
/// What is wrong with it.
pub fn load(text: &str) -> Result<Config, String> {
    Config::parse(text.as_bytes())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

/// What the token of team 7's caller says, who is in other groups, too.
pub const CLAIMS: &str = r#"{"iss": "https://idp.example.com/", "aud": "temporal", "exp": 1900000000, "iat": 1800000000,
    "sub": "team-7-runner", "azp": "payroll-cli", "jti": "2c7a11-5f0d2f5e", "email": "w@example.com",
    "email_verified": true, "groups": ["staff", "team-7", "team-7-payroll", "office-berlin"]}"#;

/// The caller of team 7, from the claims of a token or the name in a certificate.
#[must_use]
pub fn caller(shape: Shape, claims: &str) -> Identity {
    let claims = parse_object(claims.as_bytes()).unwrap_or_default();
    let peer: Rc<str> = "spiffe://cluster.local/ns/team-7/sa/worker".into();
    match shape {
        Shape::PeerPrefix => Identity {
            issuer: None,
            subject: peer.to_string(),
            kind: None,
            doubt: None,
            claim_rules: Rc::default(),
            claims: Map::new(),
            peer: Some(peer),
        },
        _ => Identity {
            issuer: Some("corp".into()),
            subject: "team-7-runner".into(),
            kind: None,
            doubt: None,
            claim_rules: Rc::default(),
            claims,
            peer: None,
        },
    }
}
