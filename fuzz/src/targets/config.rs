//! Configurations: no panic, a valid configuration can be used, and a Struct means the same as its JSON.

use std::rc::Rc;

use serde_json::{Value, json};
use temporal_auth::config::Config;
use temporal_auth::filter::FilterState;
use temporal_auth::identity::Identity;
use temporal_auth::temporal::Target;

use super::super::{NOW, method};

/// A length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    let varint = [0, 7, 14, 21, 28].map(|shift| (length >> shift & 0x7f) as u8 | if shift < 28 { 0x80 } else { 0 });
    [&[number << 3 | 2], &varint[..], content].concat()
}

fn encode_value(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => vec![0x08, 0],
        Value::Number(number) => [&[0x11], &number.as_f64().unwrap().to_le_bytes()[..]].concat(),
        Value::String(text) => field(3, text.as_bytes()),
        Value::Bool(flag) => vec![0x20, u8::from(*flag)],
        Value::Object(_) => field(5, &encode_members(value)),
        Value::Array(values) => {
            field(6, &values.iter().flat_map(|value| field(1, &encode_value(value))).collect::<Vec<_>>())
        }
    }
}

fn encode_members(object: &Value) -> Vec<u8> {
    let member =
        |(name, value): (&String, &Value)| [field(1, name.as_bytes()), field(2, &encode_value(value))].concat();
    object.as_object().unwrap().iter().flat_map(|entry| field(1, &member(entry))).collect()
}

/// See the module.
pub fn run(data: &[u8]) {
    let parsed = Config::parse(data);
    if let Ok(value @ Value::Object(_)) = temporal_auth::wire::json::parse(data) {
        assert_eq!(Config::parse(&encode_members(&value)).is_ok(), parsed.is_ok());
    }
    let Ok(config) = parsed.inspect_err(|problems| assert!(!problems.is_empty())) else { return };
    let filter = FilterState::new(config);
    for issuer in &filter.config.issuers {
        let claims = json!({"groups": ["team-a", "finance"], "permissions": "a:read", "iss": issuer.rules.issuer});
        let claims = claims.as_object().unwrap().clone();
        let identity = Identity {
            issuer: Some(issuer.name.clone()),
            subject: "a-worker".to_owned(),
            kind: None,
            doubt: None,
            claims,
            claim_rules: Rc::clone(&issuer.rules.claims),
            peer: None,
        };
        let principal = filter.config.policy.principal(identity);
        let _ = filter.config.policy.decide(&principal, &Target::of(method(0)), NOW);
    }
}
