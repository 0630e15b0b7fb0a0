//! `temporal-auth schema`: what a configuration may look like, as JSON Schema, for editors and pipelines. It refuses
//! nothing that the filter takes; what depends on other fields only `check` can tell.

mod names;
mod parts;
mod rules;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use temporal_auth::temporal::EffectSet;

use parts::{claims, duration, either, flag, list, matcher, object, reference, say, sentence, text, words};
use rules::{Place, denial, grant, outside, role, who};

/// The schema as it is printed.
pub(crate) fn text_of_schema() -> Result<String, String> {
    let mut text = serde_json::to_string_pretty(&schema()?).map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text)
}

/// The schema of a configuration.
pub(crate) fn schema() -> Result<Value, String> {
    let methods = names::methods()?;
    let (mut anonymous, mut authenticated) = (Vec::new(), Vec::new());
    for (name, is_cluster_read) in &methods {
        if !is_cluster_read {
            anonymous.push(name.as_str());
        }
        if !is_cluster_read || name == "ListNamespaces" {
            authenticated.push(name.as_str());
        }
    }
    let open = |closed: &[&str]| json!({"allOf": [reference("method-name"), {"not": {"enum": closed}}]});
    let root = object(
        &["version", "issuers"],
        vec![
            ("version", json!({"const": 1})),
            ("applies_to", sentence("Whose routes are ours; without it every route is.", reference("applies-to"))),
            ("issuers", sentence("Whose tokens are accepted, by names of your choice.", map(1, reference("issuer")))),
            ("roles", sentence("Roles of your own.", roles())),
            ("grants", sentence("Who may do what. Without a grant everything is denied.", list(0, reference("grant")))),
            ("denials", sentence("What is taken away; they win over grants.", list(0, reference("denial")))),
            ("anonymous", sentence("Methods for everybody; the token is not looked at.", list(0, open(&anonymous)))),
            ("authenticated", sentence("Methods for everybody with a good token.", list(0, open(&authenticated)))),
            ("methods", sentence("Methods of newer servers.", list(0, reference("method")))),
            ("admin_service", sentence("Whether system admins may call AdminService.", flag())),
            ("forward_token", sentence("Whether the token goes on to the server.", flag())),
            ("log", reference("log")),
            ("access_log_state", sentence("Whether the verdict is left for the access log.", flag())),
            ("explain_to_client", sentence("Whether a denial tells its reason to the client.", flag())),
            ("mode", sentence("In shadow, callers are only told of.", words(&["enforce", "shadow"]))),
            (
                "newer_fields",
                sentence(
                    "What becomes of requests with fields that are newer than the filter: they are counted, or refused.",
                    words(&["count", "refuse"]),
                ),
            ),
            ("parity", sentence("Decide about grants as Temporal's own authorizer does.", words(&["upstream"]))),
            ("peers", reference("peers")),
        ],
    );
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of temporal-auth",
        "$defs": definitions(&methods),
    });
    if let (Some(schema), Value::Object(root)) = (schema.as_object_mut(), root) {
        schema.extend(root);
    }
    let no_regex = json!({"not": {"required": ["permissions_regex"]}});
    say(&mut schema, "if", json!({"not": {"required": ["parity"]}}));
    say(&mut schema, "then", json!({"properties": {"grants": {"items": no_regex}}}));
    Ok(schema)
}

fn map(least: usize, values: Value) -> Value {
    json!({"type": "object", "minProperties": least, "additionalProperties": values})
}

fn roles() -> Value {
    let mut roles = map(0, reference("role"));
    say(&mut roles, "propertyNames", json!({"not": reference("built-in-role")}));
    roles
}

fn definitions(methods: &[(String, bool)]) -> Value {
    let names: Vec<_> = methods.iter().map(|(name, _)| name.as_str()).collect();
    let effects: Vec<_> = EffectSet::ADMIN.names().collect();
    json!({
        "effect": words(&effects),
        // By its bare name or its path; those of `methods` as well.
        "method-name": either(&[words(&names), text(Some(r"^(/?[A-Za-z0-9._]+/[A-Za-z0-9._]+|[A-Z][A-Za-z0-9._]*)$"))]),
        "effect-or-method": either(&[reference("effect"), reference("method-name")]),
        "built-in-role": words(&names::roles()),
        "algorithm": words(&names::algorithms()),
        "applies-to": object(&["clusters"], vec![("clusters", list(1, matcher(false)))]),
        "peers": peers(),
        "log": object(&[], vec![("allowed", sentence("Whether allowed calls are logged, too.", flag()))]),
        "issuer": issuer(),
        "token": token(),
        "keys": keys(),
        "role": role(),
        "grant": grant(),
        "grant-who": who(Place::Grant),
        "denial": denial(),
        "denial-who": who(Place::Denial),
        "denial-unless": who(Place::Unless),
        "outside": outside(),
        "method": method(),
    })
}

fn issuer() -> Value {
    object(
        &["issuer", "audiences", "keys"],
        vec![
            ("issuer", sentence("Must equal `iss` exactly.", text(None))),
            (
                "audiences",
                sentence(
                    "One of which must be in `aud`; `any` accepts every audience.",
                    either(&[json!({"const": "any"}), list(1, text(None))]),
                ),
            ),
            ("keys", reference("keys")),
            ("algorithms", list(1, reference("algorithm"))),
            ("token", reference("token")),
            ("subject", sentence("The claim that says who the caller is.", text(None))),
            ("service_when", sentence("Claim sets, any of which makes the caller a service.", list(1, claims(false)))),
        ],
    )
}

fn token() -> Value {
    let needed = ["connection", "content-type", "grpc-encoding", "grpc-timeout", "host", "te", "transfer-encoding"];
    let header = json!({"type": "string", "pattern": "^[a-z0-9_-]+$", "not": {"enum": needed}});
    object(
        &[],
        vec![
            ("headers", sentence("Headers that may carry the token.", list(1, header))),
            ("typ", sentence("Allowed values of the header's `typ`.", list(1, text(None)))),
            ("leeway", sentence("How far clocks may differ, at most 5m.", duration())),
            ("max_lifetime", sentence("`exp` minus `iat`.", duration())),
            ("require", sentence("Claims that a token must have.", claims(false))),
        ],
    )
}

fn keys() -> Value {
    let set = json!({
        "type": "object",
        "required": ["keys"],
        "properties": {"keys": {"type": "array", "minItems": 1, "contains": {"type": "object", "required": ["kid"]}}},
    });
    let mut keys = object(
        &[],
        vec![
            ("inline", sentence("The key set itself.", set)),
            ("discovery", sentence("By the issuer's discovery document.", json!({"const": true}))),
            ("jwks_uri", sentence("Where the key set is.", text(Some("^https?://[A-Za-z0-9._:\\[\\]-]+([/?].*)?$")))),
            ("cluster", sentence("The Envoy cluster that serves the provider.", text(None))),
            ("jwks_cluster", sentence("The cluster of the discovered key set.", text(None))),
            ("refresh", sentence("How often keys are fetched.", duration())),
            ("max_stale", sentence("How long keys are used when fetching fails.", duration())),
            ("wait", sentence("How long a request waits for its key.", duration())),
            ("timeout", sentence("How long one request to the provider may take.", duration())),
            ("retry", sentence("The pause after a failed fetch.", duration())),
            ("refetch", sentence("Unknown keys cause at most one fetch in this time.", duration())),
        ],
    );
    say(
        &mut keys,
        "oneOf",
        json!([
            {"required": ["inline"], "maxProperties": 1},
            {"required": ["discovery", "cluster"], "not": {"required": ["jwks_uri"]}},
            {"required": ["jwks_uri", "cluster"], "not": {"anyOf": [{"required": ["jwks_cluster"]}, {"required": ["discovery"]}]}},
        ]),
    );
    keys
}

fn peers() -> Value {
    object(
        &[],
        vec![
            ("xfcc", sentence("Whether x-forwarded-client-cert tells who the TLS peer is.", flag())),
            ("gateways", sentence("Whom no grant should be for; `check` warns.", list(1, matcher(false)))),
        ],
    )
}

fn method() -> Value {
    let mut method = object(
        &["name", "scope", "effects"],
        vec![
            ("name", sentence("The full path.", text(Some(r"^/[A-Za-z0-9._]+/[A-Za-z0-9._]+$")))),
            ("scope", words(&["namespace", "cluster"])),
            (
                "namespace_field",
                sentence(
                    "The number of the request's namespace field.",
                    json!({"type": "integer", "minimum": 1, "maximum": 536_870_911}),
                ),
            ),
            ("effects", list(1, reference("effect"))),
        ],
    );
    say(&mut method, "if", json!({"properties": {"scope": {"const": "namespace"}}}));
    say(&mut method, "then", json!({"required": ["namespace_field"]}));
    say(&mut method, "else", json!({"not": {"required": ["namespace_field"]}}));
    method
}
