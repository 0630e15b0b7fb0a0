//! The table of all fields. The readers know from it which fields an object may have; `temporal-auth schema` and the tables in
//! docs/configuration.md are generated from it. The module contains only the names.

/// An object of the configuration.
#[derive(Debug)]
pub struct Object {
    /// Its name in the JSON Schema. Empty for the top level.
    pub name: &'static str,
    /// Its fields, in groups that objects share.
    pub fields: &'static [&'static [Field]],
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    pub absent: Absent,
    pub shape: Shape,
    /// The description, in sentences.
    pub about: &'static str,
    /// A link from docs/configuration.md to more documentation. Empty if there is none.
    pub more: &'static str,
}

/// What the absence of a field means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The field must be present.
    Required,
    /// Nothing in particular.
    Nothing,
    /// The same as this value.
    Default(&'static str),
    /// What this text says.
    Means(&'static str),
}

/// The values that a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Version,
    Flag,
    True,
    Text,
    Texts,
    Words(&'static [&'static str]),
    Duration,
    Instant,
    /// The object with this name.
    Object(&'static str),
    /// Objects with this name in the table, by names that the operator chooses.
    Objects(&'static str),
    /// A list of objects with this name.
    List(&'static str),
    Audiences,
    /// A claim, several claims, or `none`.
    Subject,
    Algorithms,
    Headers,
    ClaimName,
    Claims,
    ClaimSets,
    KeySet,
    Url,
    RuleName,
    Role,
    Issuers,
    PermissionsRegex,
    /// One pattern or a list of patterns, matched against a value.
    Matchers,
    /// A list of patterns without captures, matched against names.
    Globs,
    /// A list of patterns. It may have the captures that `who` binds.
    Patterns,
    /// Like `Patterns`, but without captures in `outside`.
    Limit,
    Effects,
    EffectsOrMethods,
    AnonymousMethods,
    AuthenticatedMethods,
    MethodPath,
    FieldNumber,
    PathPrefix,
}

pub const MODES: &[&str] = &["enforce", "shadow"];
pub const NEWER_FIELDS: &[&str] = &["count", "refuse"];
pub const PARITIES: &[&str] = &["upstream"];
pub const KINDS: &[&str] = &["human", "service"];
pub const SCOPES: &[&str] = &["namespace", "cluster"];
/// What a grant covers: it has exactly one of these fields.
pub const GRANT_SCOPES: &[&str] = &["system", "namespaces", "permissions_claim"];
/// Where an issuer's keys come from: `keys` has exactly one of these fields.
pub const KEY_SOURCES: &[&str] = &["inline", "discovery", "jwks_uri"];
/// Whether e-mail addresses count if the token does not say that they are verified.
pub const EMAILS: &[&str] = &["verified", "trusted"];
/// What separates the values of a claim that is one text.
pub const SPLITS: &[&str] = &[",", ";", " ", "none"];
/// Whether keys and tokens need a `kid`.
pub const KIDS: &[&str] = &["required", "optional"];
/// What narrows a denial: it has at least one of these fields.
pub const DENIAL_CONDITIONS: &[&str] = &["who", "unless", "effects", "namespaces", "outside"];
/// The largest field number of protobuf (`protowire.MaxValidNumber`).
pub const MAX_FIELD_NUMBER: u32 = (1 << 29) - 1;

use Absent::{Default, Means, Nothing, Required};

/// Defines each group of fields in this module, and the names of its fields in `names`.
macro_rules! groups {
    ($($group:ident { $($name:ident: $absent:expr, $shape:expr, $about:literal $(, $more:literal)?;)* })*) => {
        $(const $group: &[Field] = &[$(Field {
            name: stringify!($name),
            absent: $absent,
            shape: $shape,
            about: $about,
            more: concat!($($more)?),
        }),*];)*

        /// The names of fields, by group.
        pub(super) mod names {
            $(pub(in crate::config) const $group: &[&str] = &[$(stringify!($name)),*];)*
        }
    };
}

groups! {
    ROOT {
        version: Required, Shape::Version, "The version of the configuration's format: 1.";
        applies_to: Means("every route"), Shape::Object("applies-to"), "The routes that the filter decides about.";
        issuers: Required, Shape::Objects("issuer"), "Whose tokens are accepted, by names of your choice.", "#issuers";
        prefer: Nothing, Shape::Headers,
            "Headers of several issuers: of two that carry a token, the first in this list counts.", "#several-tokens";
        roles: Nothing, Shape::Objects("role"), "Roles of your own.", "#roles-and-effects";
        grants: Means("none"), Shape::List("grant"), "Who may do what. Without a grant everything is denied.", "#grants";
        denials: Means("none"), Shape::List("denial"), "What is denied, whatever grants say.", "#denials";
        anonymous: Means("`grpc.health.v1.Health/Check`, `GetSystemInfo`"), Shape::AnonymousMethods,
            "Methods for everybody; the token is ignored. Only methods that read from the cluster.";
        authenticated: Means("none"), Shape::AuthenticatedMethods,
            "Methods for everybody with a valid token. Only methods that read from the cluster; ListNamespaces and \
             ListNexusEndpoints are reduced to the namespaces that the caller may describe.", "#lists-of-namespaces";
        methods: Means("none"), Shape::List("method"),
            "Methods of newer servers, which the built-in table lacks.", "#newer-servers-and-sdks";
        newer_fields: Default("count"), Shape::Words(NEWER_FIELDS),
            "Whether requests with fields that the built-in table lacks are only counted, or refused.",
            "#newer-servers-and-sdks";
        admin_service: Default("false"), Shape::Flag, "Whether system admins may call AdminService.";
        forward_token: Default("false"), Shape::Flag, "Whether the token is forwarded to the server.";
        log: Nothing, Shape::Object("log"), "What is logged.";
        access_log_state: Default("false"), Shape::Flag, "Whether the verdict is made available to the access log.";
        explain_to_client: Default("false"), Shape::Flag,
            "Whether a denied client gets the rule and the reason in the failure's details.";
        hide_namespaces: Default("false"), Shape::Flag,
            "Whether a caller who may do nothing in a namespace is told that it does not exist (5), in place of 7. \
             Never for the calls of workers.", "#hidden-namespaces";
        peers: Nothing, Shape::Object("peers"), "TLS peers.", "#peers";
        http: Nothing, Shape::Object("http"), "What is served on Temporal's HTTP port.", "#the-http-port";
        parity: Nothing, Shape::Words(PARITIES),
            "With `upstream`, permissions are read and roles compared as Temporal's own authorizer does it. \
             Requests are then judged by their method and their own namespace alone.", "migrating.md";
        mode: Default("enforce"), Shape::Words(MODES),
            "With `shadow`, calls go on that a grant, a new token or a later attempt would allow, \
             and are logged and counted.";
    }
    APPLIES_TO {
        clusters: Required, Shape::Globs,
            "Patterns of the clusters whose routes the filter decides about; other traffic passes untouched. \
             A request whose cluster name cannot be read counts as one of them.";
    }
    LOG {
        allowed: Default("false"), Shape::Flag, "Whether allowed calls are logged as well.";
        replay: Default("false"), Shape::Flag,
            "Whether each line has what the decision was made from, for `temporal-auth replay`. That is personal data.",
            "operating.md#replaying-decisions";
    }
    PEERS {
        xfcc: Default("false"), Shape::Flag,
            "Whether the TLS peer is taken from `x-forwarded-client-cert`, instead of from the connection.";
        gateways: Means("none"), Shape::Globs,
            "Names of gateways and web UIs; `temporal-auth check` warns of grants to them.";
    }
    HTTP {
        api: Default("false"), Shape::Flag, "Whether the HTTP API is served: a call over HTTP is judged as the same call over gRPC.", "#the-http-port";
        nexus: Default("false"), Shape::Flag, "Whether Nexus operations and their callbacks are served over HTTP.", "#nexus-over-http";
        openapi: Default("false"), Shape::Flag,
            "Whether the descriptions of the API, `/swagger.json` and `/openapi.yaml`, are served to everybody.";
        path_prefix: Means("none"), Shape::PathPrefix,
            "What precedes each path, where a gateway serves the HTTP port below a path of its own, such as `/temporal`.";
    }
    ISSUER {
        issuer: Required, Shape::Text,
            "Must equal `iss` and the discovery document's `issuer` exactly. Each issuer needs its own. `none` accepts \
             tokens without `iss`.", "#tokens-without-iss";
        audiences: Required, Shape::Audiences, "A list, one of which must be in `aud`; `any` accepts every audience.";
        keys: Required, Shape::Object("keys"), "The keys that verify its tokens.";
        algorithms: Means("RS256, ES256, EdDSA"), Shape::Algorithms,
            "Any of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA.";
        subject: Default("sub"), Shape::Subject,
            "The claim that identifies the caller: a string or a whole number. Of a list of claims, the first that the token \
             has counts. `none` if grants go by other claims.", "#subjects";
        email: Default("verified"), Shape::Words(EMAILS),
            "Whether `email` counts for grants only if `email_verified` is true, or always.", "#e-mail-addresses";
        claims: Nothing, Shape::Objects("claim"), "How single claims are read, by their names.", "#claims";
        service_when: Nothing, Shape::ClaimSets,
            "A list of claim sets. A token that matches one of them is a service's, and any other a human's. \
             Without it, the issuer's callers have no kind.", "#kinds-in-doubt";
        token: Nothing, Shape::Object("token"), "Rules for its tokens.";
    }
    TOKEN {
        headers: Default("authorization"), Shape::Headers,
            "Headers that may carry the token. Of two that do, the first counts.", "#several-tokens";
        typ: Means("JWT, at+jwt or none"), Shape::Texts,
            "Allowed values of the token header's `typ`, which is then required.";
        leeway: Default("60s"), Shape::Duration, "How far clocks may differ; at most 5m.";
        max_lifetime: Means("unlimited"), Shape::Duration, "The maximum of `exp` minus `iat`, which is then required.";
        require: Nothing, Shape::Claims, "Claims that a token must have, for example `{token_use: access}`.";
    }
    CLAIM {
        names: Default("false"), Shape::Flag,
            "Whether the names of an object are its values, except those whose value is false, null, 0 or empty.";
        split: Means("`scope` and `scp` at spaces, others not at all"), Shape::Words(SPLITS),
            "What separates the values of the claim if it is one text.";
    }
    KEYS {
        inline: Nothing, Shape::KeySet, "The key set itself.";
        discovery: Nothing, Shape::True,
            "The issuer's discovery document leads to the key set.";
        jwks_uri: Nothing, Shape::Url, "The URL of the key set.";
        cluster: Means("required unless `inline`"), Shape::Text, "The Envoy cluster that serves the identity provider.";
        jwks_cluster: Means("`cluster`"), Shape::Text,
            "The cluster of the discovered key set, if another host serves it.";
        refresh: Default("10m"), Shape::Duration,
            "How often keys are fetched, up to a tenth earlier so that proxies do not all fetch at once. \
             One worker thread fetches for all.";
        max_stale: Default("24h"), Shape::Duration, "How long keys are used if fetching fails; at least `refresh`.";
        wait: Default("5s"), Shape::Duration, "How long a request waits for its key before UNAVAILABLE.";
        timeout: Default("5s"), Shape::Duration, "How long one request to the identity provider may take.";
        retry: Default("1s"), Shape::Duration, "The pause after a failed fetch. It doubles up to 10 s, however many requests wait.";
        refetch: Default("2s"), Shape::Duration,
            "Unknown `kid`s and signatures that no key made cause at most one fetch in this time.", "#replaced-keys";
        kid: Default("required"), Shape::Words(KIDS),
            "Whether keys and tokens need a `kid`. A token without `kid` is tried against the keys for its algorithm, \
             of which there may be at most four.";
    }
    ROLE {
        from: Nothing, Shape::Role, "The role that this one starts from, built-in or custom.";
        plus: Nothing, Shape::EffectsOrMethods, "Effects and single methods that are added.";
        minus: Nothing, Shape::EffectsOrMethods, "Effects and single methods that are taken away.";
    }
    GRANT {
        name: Required, Shape::RuleName, "The rule that verdicts and logs name.";
        who: Required, Shape::Object("grant-who"), "The callers.";
        role: Means("required unless `permissions_claim`"), Shape::Role, "What they may do.", "#roles-and-effects";
        namespaces: Nothing, Shape::Patterns, "Patterns of namespace names.", "#patterns";
        system: Nothing, Shape::True,
            "The cluster and every namespace, even if a request names its namespace only by an id or a task token.";
        permissions_claim: Nothing, Shape::ClaimName, "The claim that holds Temporal's own permissions.";
        permissions_regex: Nothing, Shape::PermissionsRegex,
            "The expression that reads each permission: the server's `permissionsRegex`.";
        may_register: Default("false"), Shape::Flag, "Whether an admin of a namespace may register it.";
        may_call_back: Default("false"), Shape::Flag,
            "Whether completion callbacks into Temporal itself are covered.", "#nexus-handlers";
        until: Means("unlimited"), Shape::Instant,
            "The time at which the grant ends, such as \"2026-12-24T18:00:00Z\".", "#grants-that-end";
        shadow: Default("false"), Shape::Flag,
            "Whether the grant gives nothing, and what it would allow is logged and counted.";
    }
    WHO {
        issuer: Nothing, Shape::Issuers, "The issuer of the token, or several.";
        kind: Nothing, Shape::Words(KINDS), "The caller's kind; requires `service_when` on the issuer.";
        subject: Nothing, Shape::Matchers, "Patterns of the caller's subject.";
        claims: Nothing, Shape::Claims, "Patterns of the token's claims.";
        peer: Nothing, Shape::Matchers, "Patterns of the TLS peer's name.", "#peers";
    }
    LIMIT {
        task_queues: Nothing, Shape::Limit, "Task queues.";
        workflow_types: Nothing, Shape::Limit, "Types of workflows.";
        nexus_endpoints: Nothing, Shape::Limit,
            "Endpoints that a command or StartNexusOperationExecution calls, byte for byte as Temporal compares them.";
        workflow_ids: Nothing, Shape::Limit, "Ids of workflows.";
        schedule_ids: Nothing, Shape::Limit, "Ids of schedules.";
        signals: Nothing, Shape::Limit, "Names of signals.";
        queries: Nothing, Shape::Limit, "Types of queries.";
        updates: Nothing, Shape::Limit, "Names of updates.";
    }
    DENIAL {
        name: Required, Shape::RuleName, "The rule that verdicts and logs name.";
        who: Means("everybody"), Shape::Object("denial-who"),
            "Callers who match, as on a grant, with `issuer` optional and without captures. Claims are read wide.",
            "#grants-read-narrow-denials-read-wide";
        unless: Means("nobody is exempt"), Shape::Object("denial-unless"),
            "Callers who do not match, read as on a grant.";
        effects: Means("any"), Shape::EffectsOrMethods, "Calls with one of these effects, or of one of these methods.";
        namespaces: Means("everywhere, including the cluster"), Shape::Globs,
            "Calls that have that effect in one of these namespaces, in any spelling. A namespace that cannot be seen \
             (named by id or task token, changes of the cluster, callbacks) matches.", "#spellings";
        outside: Nothing, Shape::Object("outside"), "Calls that the same limits on a grant would not cover.", "#limits";
        commands: Default("false"), Shape::Flag,
            "Whether it also applies to what a worker's commands do in the namespace of the worker's answer.",
            "#commands-of-workers";
        shadow: Default("false"), Shape::Flag,
            "Whether what it alone denies goes on, and is logged and counted.";
    }
    METHOD {
        name: Required, Shape::MethodPath, "The full path.";
        scope: Required, Shape::Words(SCOPES), "Whether a call is about one namespace, or about the cluster.";
        namespace_field: Means("required if `scope: namespace`"), Shape::FieldNumber,
            "The number of the request's namespace field.";
        effects: Required, Shape::Effects, "What a call does.", "#roles-and-effects";
    }
}

/// All objects of the configuration.
pub static OBJECTS: &[Object] = &[
    Object { name: "", fields: &[ROOT] },
    Object { name: "applies-to", fields: &[APPLIES_TO] },
    Object { name: "log", fields: &[LOG] },
    Object { name: "peers", fields: &[PEERS] },
    Object { name: "http", fields: &[HTTP] },
    Object { name: "issuer", fields: &[ISSUER] },
    Object { name: "token", fields: &[TOKEN] },
    Object { name: "claim", fields: &[CLAIM] },
    Object { name: "keys", fields: &[KEYS] },
    Object { name: "role", fields: &[ROLE] },
    Object { name: "grant", fields: &[GRANT, LIMIT] },
    Object { name: "grant-who", fields: &[WHO] },
    Object { name: "denial", fields: &[DENIAL] },
    Object { name: "denial-who", fields: &[WHO] },
    Object { name: "denial-unless", fields: &[WHO] },
    Object { name: "outside", fields: &[LIMIT] },
    Object { name: "method", fields: &[METHOD] },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Kind;
    use crate::temporal::Limit;

    #[test]
    fn limits_and_kinds_have_the_same_names_as_in_their_rooms() {
        assert_eq!(names::LIMIT, Limit::ALL.map(Limit::name));
        assert_eq!(KINDS, [Kind::Human, Kind::Service].map(Kind::name));
    }

    #[test]
    fn objects_that_fields_refer_to_are_in_the_table() {
        for field in OBJECTS.iter().flat_map(|object| object.fields.iter().copied().flatten()) {
            if let Shape::Object(name) | Shape::Objects(name) | Shape::List(name) = field.shape {
                assert!(OBJECTS.iter().any(|object| object.name == name), "{name}");
            }
            assert!(field.about.ends_with('.'), "{}", field.about);
        }
    }
}
