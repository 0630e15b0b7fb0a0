//! Tokens: no panic before the signature is checked, only one spelling of each token, and no token that breaks a rule.

use std::rc::Rc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use temporal_auth::crypto::Algorithm;
use temporal_auth::identity::token_rules::TokenRules;
use temporal_auth::identity::{ClaimName, ClaimSet};
use temporal_auth::token::jose::{KidRule, ParsedToken};

use super::super::NOW;

fn rules() -> TokenRules {
    TokenRules {
        issuer: Some("https://idp/".to_owned()),
        audiences: Some(vec!["temporal".to_owned()]),
        algorithms: vec![Algorithm::Es256, Algorithm::EdDsa],
        kid: KidRule::Required,
        headers: vec!["authorization".to_owned()],
        typ: None,
        leeway: Duration::from_secs(60),
        max_lifetime: None,
        require: ClaimSet::default(),
        subject: ["sub", "client_id"].map(ClaimName::new).to_vec(),
        claims: Rc::default(),
    }
}

/// A token of these parts, one on each line, so that mutation need not produce base64.
fn encode(parts: &[u8]) -> Vec<u8> {
    let parts: Vec<_> = parts.splitn(3, |byte| *byte == b'\n').map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
    parts.join(".").into_bytes()
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    let token = if mode & 1 == 0 { encode(data) } else { data.to_vec() };
    let Ok(parts) = ParsedToken::parse(&token) else { return };
    let signature = URL_SAFE_NO_PAD.encode(&parts.signature);
    assert_eq!([parts.signed, b".", signature.as_bytes()].concat(), token);
    if let Ok(accepted) = rules().check(&parts, "authorization", NOW) {
        assert_eq!((parts.issuer(), parts.kid.is_some()), (Some("https://idp/"), true));
        let says = |name: &str| match &parts.claims.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let sub = says("sub");
        assert_eq!(accepted.subject, if sub.is_empty() { says("client_id") } else { sub });
        assert!(
            parts.claims["exp"].as_f64().is_some_and(|seconds| seconds * 1000.0 + 60_000.0 > NOW.as_millis() as f64)
        );
        assert!(accepted.until > NOW && !accepted.subject.is_empty());
        assert!(parts.claims["aud"].to_string().contains("\"temporal\""));
    }
}
