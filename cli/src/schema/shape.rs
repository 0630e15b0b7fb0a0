//! The schema of a single field.

use serde_json::{Value, json};
use temporal_auth::config::fields::{MAX_FIELD_NUMBER, Shape};
use temporal_auth::temporal::{Method, MethodRef};

use super::parts::{
    add, claim_name, claims, duration, either, flag, instant, list, map, matcher, one_or_list, pattern, reference,
    text, words,
};

/// Makes schemas of shapes, and knows which methods are open to callers without a grant.
pub(super) struct Shapes<'a> {
    /// Methods that `anonymous` may not have.
    not_anonymous: Vec<&'a str>,
    /// Methods that `authenticated` may not have.
    not_authenticated: Vec<&'a str>,
}

impl<'a> Shapes<'a> {
    pub(super) fn new(methods: &'a [(String, MethodRef)]) -> Self {
        let closed = |is_open: fn(&Method) -> bool| {
            methods.iter().filter(|(_, method)| !is_open(method)).map(|(name, _)| name.as_str()).collect()
        };
        Self { not_anonymous: closed(Method::is_cluster_read), not_authenticated: closed(Method::may_be_authenticated) }
    }

    /// The schema of a field of this object.
    pub(super) fn schema(&self, shape: Shape, object: &str) -> Value {
        let captures = object == "grant-who";
        let open = |closed: &[&str]| list(0, json!({"allOf": [reference("method-name"), {"not": {"enum": closed}}]}));
        match shape {
            Shape::Version => json!({"const": 1}),
            Shape::Flag => flag(),
            Shape::True => json!({"const": true}),
            Shape::Text => text(None),
            Shape::Texts => list(1, text(None)),
            Shape::Words(all) => words(all),
            Shape::Duration => duration(),
            Shape::Instant => instant(),
            Shape::Object(name) => reference(name),
            Shape::Objects("role") => {
                let mut roles = map(0, reference("role"));
                add(&mut roles, "propertyNames", json!({"not": reference("built-in-role")}));
                roles
            }
            Shape::Objects("claim") => {
                let mut claims = map(1, reference("claim"));
                // These are always one value.
                let fixed = json!({"enum": ["sub", "iss", "/sub", "/iss"]});
                add(&mut claims, "propertyNames", json!({"allOf": [claim_name(), {"not": fixed}]}));
                claims
            }
            Shape::Objects(name) => map(1, reference(name)),
            Shape::List(name) => list(0, reference(name)),
            Shape::Audiences => either(&[json!({"const": "any"}), list(1, text(None))]),
            Shape::Subject => one_or_list(claim_name()),
            Shape::Algorithms => list(1, reference("algorithm")),
            Shape::Headers => list(1, header()),
            Shape::ClaimName => claim_name(),
            Shape::Claims => claims(captures),
            Shape::ClaimSets => list(1, claims(false)),
            Shape::KeySet => key_set(),
            Shape::Url => text(Some("^https?://[A-Za-z0-9._:\\[\\]-]+([/?].*)?$")),
            Shape::RuleName => {
                let mut name = text(None);
                add(&mut name, "not", words(&["anonymous", "authenticated", "default-deny"]));
                name
            }
            Shape::Role => either(&[reference("built-in-role"), text(None)]),
            Shape::Issuers => one_or_list(text(None)),
            Shape::PermissionsRegex => {
                let group = |name: &str| json!({"pattern": format!(r"\(\?P?<{name}>")});
                json!({"type": "string", "allOf": [group("namespace"), group("role")]})
            }
            Shape::Matchers => one_or_list(matcher(captures)),
            Shape::Limit if object == "outside" => list(1, matcher(false)),
            Shape::Patterns | Shape::Limit => list(1, pattern()),
            Shape::Globs => list(1, matcher(false)),
            Shape::Effects => list(1, reference("effect")),
            Shape::EffectsOrMethods => list(1, reference("effect-or-method")),
            Shape::AnonymousMethods => open(&self.not_anonymous),
            Shape::AuthenticatedMethods => open(&self.not_authenticated),
            Shape::MethodPath => text(Some(r"^/[A-Za-z0-9._]+/[A-Za-z0-9._]+$")),
            Shape::PathPrefix => text(Some("^(/[A-Za-z0-9_~-]+)+$")),
            Shape::FieldNumber => json!({"type": "integer", "minimum": 1, "maximum": MAX_FIELD_NUMBER}),
        }
    }
}

fn header() -> Value {
    let reserved = ["connection", "content-type", "grpc-encoding", "grpc-timeout", "host", "te", "transfer-encoding"];
    json!({"type": "string", "pattern": "^[a-z0-9_-]+$", "not": {"enum": reserved}})
}

fn key_set() -> Value {
    json!({
        "type": "object",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "minItems": 1, "contains": {"type": "object", "required": ["kid"]}}},
    })
}
