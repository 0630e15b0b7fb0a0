//! The rules between the fields of an object.

use serde_json::{Value, json};
use temporal_auth::config::fields::{DENIAL_CONDITIONS, GRANT_SCOPES};

use super::parts::{add, any_of};

/// Adds the rules of the object of that name.
pub(super) fn add_rules(object: &str, schema: &mut Value) {
    let mut say = |keyword: &str, value: Value| add(schema, keyword, value);
    match object {
        "keys" => {
            let no_other = json!({"anyOf": [{"required": ["jwks_cluster"]}, {"required": ["discovery"]}]});
            say(
                "oneOf",
                json!([
                    {"required": ["inline"], "propertyNames": {"enum": ["inline", "kid"]}},
                    {"required": ["discovery", "cluster"], "not": {"required": ["jwks_uri"]}},
                    {"required": ["jwks_uri", "cluster"], "not": no_other},
                ]),
            );
        }
        "role" => say("anyOf", any_of(&["from", "plus"])),
        "grant" => {
            say("oneOf", any_of(GRANT_SCOPES));
            say("if", json!({"required": ["permissions_claim"]}));
            say("then", json!({"not": {"required": ["role"]}}));
            say("else", json!({"required": ["role"]}));
            say("dependentRequired", json!({"permissions_regex": ["permissions_claim"]}));
        }
        "grant-who" => {
            say("anyOf", any_of(&["issuer", "peer"]));
            peers_have_no_token(&mut say);
        }
        "denial" => say("anyOf", any_of(DENIAL_CONDITIONS)),
        "denial-who" | "outside" => say("minProperties", json!(1)),
        "denial-unless" => {
            say("minProperties", json!(1));
            peers_have_no_token(&mut say);
        }
        "method" => {
            say("if", json!({"properties": {"scope": {"const": "namespace"}}}));
            say("then", json!({"required": ["namespace_field"]}));
            say("else", json!({"not": {"required": ["namespace_field"]}}));
        }
        _ => {}
    }
}

fn peers_have_no_token(say: &mut dyn FnMut(&str, Value)) {
    say("if", json!({"required": ["peer"], "not": {"required": ["issuer"]}}));
    say("then", json!({"properties": {"kind": false, "subject": false, "claims": false}}));
}
