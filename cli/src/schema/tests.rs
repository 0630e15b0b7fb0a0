use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use temporal_auth::config::fields::{self, Shape};
use temporal_auth::config::problem::{Conflict, Expected, NameSort};
use temporal_auth::config::{Config, Problem, ProblemKind, Step};
use temporal_auth::pattern::Pattern;

use super::{parts, schema};
use crate::load;

fn validator() -> Validator {
    let schema = schema().unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::draft202012::new(&schema).unwrap()
}

fn problems(config: &Value) -> Vec<Problem> {
    Config::parse(config.to_string().as_bytes()).err().unwrap_or_default()
}

fn key() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

/// Valid configurations that together have every object and every field.
fn samples() -> Vec<Value> {
    let issuer = |name: &str, keys: Value| {
        json!({
            "issuer": format!("https://{name}/"),
            "audiences": ["t"],
            "keys": keys,
            "algorithms": ["ES256", "EdDSA"],
            "token": {"headers": ["x-token"], "typ": ["JWT"], "leeway": "30s", "max_lifetime": "1h", "require": {"a": "b"}},
            "subject": ["sub", "/client/id"],
            "claims": {"groups": {"names": true, "split": ","}, "/a/*/b": {}},
            "service_when": [{"gty": "cc"}],
        })
    };
    let sample = |keys: Value, role: Value, grant: Value, denial: Value, method: Value| {
        let mut sample = json!({
            "version": 1,
            "applies_to": {"clusters": ["a", "b-*"]},
            "issuers": {"corp": issuer("corp", keys), "other": issuer("other", json!({"inline": {"keys": [key()]}}))},
            "roles": {"mine": role, "yours": {"from": "mine"}},
            "grants": [grant],
            "denials": [denial],
            "prefer": ["x-token"],
            "anonymous": ["GetSystemInfo", "grpc.health.v1.Health/Check"],
            "authenticated": ["GetClusterInfo"],
            "methods": [method],
            "admin_service": true,
            "forward_token": false,
            "log": {"allowed": true},
            "access_log_state": true,
            "explain_to_client": true,
            "hide_namespaces": true,
            "mode": "shadow",
            "newer_fields": "refuse",
            "peers": {"xfcc": true, "gateways": ["a-*", 1]},
            "http": {"api": true, "nexus": false, "openapi": true, "path_prefix": "/a/b-c"},
        });
        if sample.pointer("/grants/0/permissions_regex").is_some() {
            sample["parity"] = json!("upstream");
        }
        sample
    };
    let durations =
        json!({"refresh": "10m", "max_stale": "24h", "wait": "5s", "timeout": "5s", "retry": "1s", "refetch": "2s"});
    let with = |mut keys: Value| {
        keys.as_object_mut().unwrap().extend(durations.as_object().unwrap().clone());
        keys
    };
    let who = json!({"issuer": ["corp", "other"], "kind": "service", "subject": ["{t}-x", "a*"], "claims": {"/a/b": "x", "n": [1, true]}, "peer": ["{t}-p", "b*"]});
    let limits = json!({
        "task_queues": ["{t}-*"], "workflow_types": ["W"], "nexus_endpoints": ["e"], "workflow_ids": ["{t}-*"],
        "schedule_ids": ["{t}"], "signals": ["s*"], "queries": ["q"], "updates": ["u"],
    });
    let grant = |gives: Value| {
        let mut grant = json!({"name": "g", "who": who, "may_register": true, "may_call_back": true, "until": "2026-12-24T18:00:00.5+01:00", "shadow": false});
        grant.as_object_mut().unwrap().extend(gives.as_object().unwrap().clone());
        grant.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        grant
    };
    let denied = json!({"kind": "human", "issuer": "corp", "subject": "s", "claims": {"g": "h"}});
    let mut samples = vec![
        sample(
            with(json!({"discovery": true, "cluster": "c", "jwks_cluster": "d"})),
            json!({"from": "writer", "plus": ["namespace", "AddSearchAttributes"], "minus": ["terminate"]}),
            grant(json!({"role": "mine", "namespaces": ["{t}-*", "n"]})),
            json!({
                "name": "d", "who": denied, "unless": {"claims": {"g": ["x", "y*"]}}, "effects": ["start", "QueryWorkflow"],
                "namespaces": ["*", 7], "outside": {
                    "task_queues": ["q"], "workflow_types": ["W*"], "nexus_endpoints": ["e"], "workflow_ids": ["w-*", 7],
                    "schedule_ids": ["s"], "signals": ["s"], "queries": ["q*"], "updates": ["u"],
                },
                "commands": true,
                "shadow": true,
            }),
            json!({"name": "/a.B/C", "scope": "namespace", "namespace_field": 1, "effects": ["read"]}),
        ),
        sample(
            with(json!({"jwks_uri": "http://127.0.0.1:80/k?x=y", "cluster": "c"})),
            json!({"plus": ["read"]}),
            grant(json!({"role": "admin", "system": true, "who": {"peer": "spiffe://a/{t}"}})),
            json!({"name": "d", "who": {"peer": ["p", "q*"], "subject": "s"}, "unless": {"peer": "p"}}),
            json!({"name": "/a.B/C", "scope": "cluster", "effects": ["cluster-read"]}),
        ),
        sample(
            json!({"inline": {"keys": [key()]}}),
            json!({"from": "reader"}),
            grant(
                json!({"permissions_claim": "permissions", "permissions_regex": "^(?P<namespace>.+)/(?<role>[a-z]+)$"}),
            ),
            json!({"name": "d", "unless": {"issuer": "corp", "kind": "human", "subject": "s", "claims": {"g": "h"}, "peer": "p"}, "outside": {"nexus_endpoints": ["e", 1]}}),
            json!({"name": "/temporal.api.workflowservice.v1.WorkflowService/New", "scope": "cluster", "effects": ["read"]}),
        ),
    ];
    complete(&mut samples);
    samples
}

/// Adds the plain fields that no sample has, so that a new one needs no line here.
fn complete(samples: &mut [Value]) {
    for object in fields::OBJECTS {
        let (_, paths) = OBJECTS.iter().find(|(name, _)| *name == object.name).unwrap();
        for field in object.fields.iter().copied().flatten() {
            let value = match field.shape {
                Shape::Flag => json!(true),
                Shape::Words(words) => json!(words[0]),
                Shape::Duration => json!("5s"),
                Shape::Text => json!("x"),
                _ => continue,
            };
            let found = |sample: &Value| {
                paths.iter().any(|path| sample.pointer(path).is_some_and(|object| object.get(field.name).is_some()))
            };
            if samples.iter().any(found) {
                continue;
            }
            for object in samples.iter_mut().filter_map(|sample| sample.pointer_mut(paths[0])) {
                object[field.name] = value.clone();
            }
        }
    }
}

/// The paths in the samples of each object of the schema.
const OBJECTS: [(&str, &[&str]); 17] = [
    ("", &[""]),
    ("applies-to", &["/applies_to"]),
    ("log", &["/log"]),
    ("issuer", &["/issuers/corp"]),
    ("token", &["/issuers/corp/token"]),
    ("claim", &["/issuers/corp/claims/groups"]),
    ("keys", &["/issuers/corp/keys"]),
    ("role", &["/roles/mine"]),
    ("grant", &["/grants/0"]),
    ("grant-who", &["/grants/0/who"]),
    ("denial", &["/denials/0"]),
    ("denial-who", &["/denials/0/who"]),
    ("denial-unless", &["/denials/0/unless"]),
    ("peers", &["/peers"]),
    ("http", &["/http"]),
    ("outside", &["/denials/0/outside"]),
    ("method", &["/methods/0"]),
];

fn strings(list: Option<&Value>) -> BTreeSet<String> {
    list.and_then(Value::as_array).into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// The samples that have an object at one of these paths, each with that path.
fn samples_with(paths: &'static [&'static str]) -> Vec<(Value, &'static str)> {
    let has = |sample: &Value, path: &&str| sample.pointer(path).is_some();
    let all = samples().into_iter().flat_map(|sample| paths.iter().map(move |path| (sample.clone(), *path)));
    let found: Vec<_> = all.filter(|(sample, path)| has(sample, path)).collect();
    assert!(!found.is_empty(), "{paths:?}");
    found
}

fn members<'a>(sample: &'a mut Value, path: &str) -> &'a mut Map<String, Value> {
    sample.pointer_mut(path).unwrap().as_object_mut().unwrap()
}

/// Whether the path of a problem ends with this member.
fn is_about(problem: &Problem, field: &str) -> bool {
    matches!(problem.path.0.last(), Some(Step::Member(name)) if name == field)
}

#[test]
fn samples_are_good_and_have_every_field() {
    let validator = validator();
    for sample in samples() {
        assert_eq!(problems(&sample), [], "{sample}");
        validator.validate(&sample).unwrap();
    }
    let schema = schema().unwrap();
    for (name, paths) in OBJECTS {
        let fields: BTreeSet<_> = samples_with(paths)
            .into_iter()
            .flat_map(|(mut sample, path)| members(&mut sample, path).clone())
            .collect::<Map<_, _>>()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(fields, properties(&schema, name), "{name}");
    }
}

fn definition<'a>(schema: &'a Value, name: &str) -> &'a Value {
    if name.is_empty() { schema } else { &schema["$defs"][name] }
}

fn properties(schema: &Value, name: &str) -> BTreeSet<String> {
    definition(schema, name)["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_filter_knows_the_same_fields() {
    fn closed(at: &str, schema: &Value, found: &mut BTreeSet<String>) {
        if schema["additionalProperties"] == json!(false) {
            found.insert(at.trim_start_matches("/$defs/").to_owned());
        }
        let below: Vec<_> = match schema {
            Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(list) => list.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect(),
            _ => Vec::new(),
        };
        below.iter().for_each(|(name, below)| closed(&format!("{at}/{name}"), below, found));
    }
    let schema = schema().unwrap();
    let mut found = BTreeSet::new();
    closed("", &schema, &mut found);
    assert_eq!(found, OBJECTS.iter().map(|(name, _)| (*name).to_owned()).collect(), "every object is compared");
    for (name, paths) in OBJECTS {
        for (mut sample, path) in samples_with(paths) {
            members(&mut sample, path).insert("zzz".to_owned(), json!(1));
            let known_to_filter = |problem: Problem| match problem.kind {
                ProblemKind::UnknownField { known, .. } if is_about(&problem, "zzz") => Some(known),
                _ => None,
            };
            let known = problems(&sample).into_iter().find_map(known_to_filter).unwrap();
            let known = known.iter().copied().flatten().map(|name| (*name).to_owned()).collect();
            assert_eq!(properties(&schema, name), known, "{name}");
        }
    }
}

#[test]
fn the_filter_requires_the_same_fields() {
    let schema = schema().unwrap();
    for (name, paths) in OBJECTS {
        let mut required = properties(&schema, name);
        for (sample, path) in samples_with(paths) {
            required.retain(|removed| {
                let mut sample = sample.clone();
                members(&mut sample, path).remove(removed);
                let is_missing = |problem: &Problem| matches!(problem.kind, ProblemKind::Missing { .. });
                problems(&sample).iter().any(|problem| is_missing(problem) && is_about(problem, removed))
            });
        }
        assert_eq!(strings(definition(&schema, name).get("required")), required, "{name}");
    }
}

/// Every place in a value, as a JSON pointer.
fn places(at: &str, value: &Value, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let step = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => members.iter().for_each(|(name, below)| places(&step(name), below, found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(number, below)| places(&step(&number.to_string()), below, found));
        }
        _ => {}
    }
}

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(2),
        json!(1.0),
        json!(1.5),
        json!(-1),
        json!(""),
        json!("x"),
        json!("*"),
        json!("any"),
        json!("**"),
        json!("{t}"),
        json!("{t}-*"),
        json!("{"),
        json!("a\\b"),
        json!("a\\*"),
        json!("{a}{b}"),
        json!("5m"),
        json!("5 m"),
        json!("human"),
        json!("upstream"),
        json!("default-deny"),
        json!("(?P<namespace>a)(?<role>b)"),
        json!("(?P<namespace>a)(?P<role>"),
        json!("start"),
        json!("NewMethod"),
        json!("New"),
        json!("/a.B/C"),
        json!("GetClusterInfo"),
        json!("ListNamespaces"),
        json!("QueryWorkflow"),
        json!("ES256"),
        json!("HS256"),
        json!("te"),
        json!("X-Token"),
        json!("/"),
        json!("reader"),
        json!("refuse"),
        json!("2026-12-24T18:00:00Z"),
        json!("2026-02-30T18:00:00Z"),
        json!("2026-12-24 18:00:00Z"),
        json!("https://x/"),
        json!("cluster"),
        json!([]),
        json!([1]),
        json!(["x"]),
        json!([[]]),
        json!([{}]),
        json!({}),
        json!({"a": "b"}),
        json!({"/": "b"}),
        json!({"a": []}),
        json!({"a": {}}),
        json!({"peer": "a"}),
        json!({"peer": "a", "subject": "s"}),
        json!({"peer": ["*"], "issuer": "corp", "subject": "s"}),
        json!({"xfcc": false}),
    ]
}

/// How many kinds of problems only the filter can find.
const BEYOND: usize = 15;

/// Problems that only the filter can find, because they depend on another field or on what a name refers to.
fn beyond(kind: &ProblemKind) -> Option<&'static str> {
    Some(match kind {
        ProblemKind::UnknownName { sort: NameSort::Issuer, .. } => "issuer",
        ProblemKind::UnknownName { sort: NameSort::Header, .. } => "header",
        ProblemKind::UnknownName { sort: NameSort::Role, .. } => "role",
        ProblemKind::UnknownName { sort: NameSort::EffectOrMethod, .. } => "effect or method",
        ProblemKind::UnknownName { sort: NameSort::Method, .. } => "method",
        ProblemKind::Invalid { expected: Expected::Instant, .. } => "instant",
        ProblemKind::Invalid { expected: Expected::ClusterRead, .. } => "cluster read",
        ProblemKind::Invalid { expected: Expected::UsableKeySet { .. }, .. } => "key set",
        ProblemKind::Invalid { expected: Expected::Url | Expected::DiscoveryUrl, .. } => "URL",
        ProblemKind::Invalid { expected: Expected::Regex { .. }, .. } => "regular expression",
        ProblemKind::Conflict(Conflict::CommandsWithoutTheirEffects { .. }) => "commands",
        ProblemKind::Conflict(Conflict::RoleLacksEffect) => "minus",
        ProblemKind::Conflict(Conflict::UnboundCapture { .. }) => "capture",
        ProblemKind::Conflict(Conflict::KindWithoutServiceWhen { .. }) => "kind",
        ProblemKind::Conflict(Conflict::MaxStaleBelowRefresh) => "max_stale",
        _ => return None,
    })
}

/// What a look at every changed sample found.
#[derive(Default)]
struct Comparison {
    /// Configurations that the schema takes and the filter refuses, although a schema could tell.
    differences: BTreeSet<String>,
    /// What no schema can tell.
    beyond: BTreeSet<&'static str>,
    both: usize,
    neither: usize,
}

impl Comparison {
    fn of(sample: &Value) -> Self {
        let validator = validator();
        let mut found = Self::default();
        let mut all = Vec::new();
        places("", sample, &mut all);
        for place in &all {
            for changed in changes(sample, place) {
                found.add(place, &changed, validator.is_valid(&changed));
            }
        }
        found
    }

    fn add(&mut self, place: &str, changed: &Value, valid: bool) {
        let problems = problems(changed);
        match (problems.is_empty(), valid) {
            (true, true) => self.both += 1,
            (false, false) => self.neither += 1,
            (true, false) => panic!("the schema refuses at {place} what the filter takes: {changed}"),
            (false, true) => {
                for problem in problems {
                    match beyond(&problem.kind) {
                        Some(beyond) => drop(self.beyond.insert(beyond)),
                        None => drop(self.differences.insert(format!("{place}: {problem}"))),
                    }
                }
            }
        }
    }
}

/// The sample with every value at this place, and without it.
fn changes(sample: &Value, place: &str) -> Vec<Value> {
    let mut changed: Vec<Value> = Vec::new();
    for value in values() {
        let mut sample = sample.clone();
        *sample.pointer_mut(place).unwrap() = value;
        changed.push(sample);
    }
    if let Some((parent, name)) = place.rsplit_once('/') {
        let mut sample = sample.clone();
        match sample.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(&name.replace("~1", "/"))),
            Value::Array(list) => drop(list.remove(name.parse().unwrap())),
            _ => panic!("{place}"),
        }
        changed.push(sample);
    }
    changed
}

#[test]
fn schema_accepts_whatever_the_filter_accepts() {
    let samples = samples();
    // It takes longer than all other tests here together.
    let found: Vec<Comparison> = std::thread::scope(|scope| {
        let threads: Vec<_> = samples.iter().map(|sample| scope.spawn(|| Comparison::of(sample))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let differences: BTreeSet<&String> = found.iter().flat_map(|part| &part.differences).collect();
    let beyond: BTreeSet<&str> = found.iter().flat_map(|part| part.beyond.iter().copied()).collect();
    let (both, neither) = found.iter().fold((0, 0), |sum, part| (sum.0 + part.both, sum.1 + part.neither));
    assert_eq!(differences, BTreeSet::new());
    assert_eq!(beyond.len(), BEYOND, "{beyond:?}");
    assert!(both > 500 && neither > 5000, "{both} {neither}");
}

#[test]
fn patterns_of_either_kind() {
    let schema = |schema: Value| jsonschema::draft202012::new(&schema).unwrap();
    let (any, with_capture, plain) =
        (schema(parts::pattern()), schema(parts::matcher(true)), schema(parts::matcher(false)));
    let mut words = vec![String::new()];
    for _ in 0..5 {
        let longer =
            words.iter().flat_map(|word| ["a", "*", "{", "{t}", "}", "\\"].map(|piece| format!("{word}{piece}")));
        words = longer.chain([String::new()]).collect::<BTreeSet<_>>().into_iter().collect();
    }
    let mut good = 0;
    for word in words.into_iter().filter(|word| !word.is_empty()) {
        let parsed = Pattern::parse(&word).ok();
        let is = |that: &dyn Fn(&Pattern) -> bool| parsed.as_ref().is_some_and(that);
        let word = Value::from(word);
        assert_eq!(any.is_valid(&word), parsed.is_some(), "{word}");
        assert_eq!(with_capture.is_valid(&word), is(&|pattern| pattern.is_matcher()), "{word}");
        assert_eq!(plain.is_valid(&word), is(&|pattern| pattern.captures().next().is_none()), "{word}");
        good += usize::from(parsed.is_some());
    }
    assert!(good > 500, "{good}");
}

#[test]
fn shipped_configurations_validate() {
    let validator = validator();
    let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut shipped = Vec::new();
    for file in
        ["envoy.yaml", "istio/manifests/gateway.yaml", "cli/tests/files/good.yaml", "cli/tests/files/denials.yaml"]
    {
        let read = load::file(&repository.join(file)).unwrap();
        assert!(!read.configurations.is_empty(), "{file}");
        shipped.extend(read.configurations.into_iter().map(|configuration| (file.to_owned(), configuration.value)));
    }
    for entry in std::fs::read_dir(repository.join("vectors")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let vectors: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            shipped.push((path.display().to_string(), vectors["configuration"].clone()));
        }
    }
    assert!(shipped.len() >= 12, "{}", shipped.len());
    for (file, config) in shipped {
        validator.validate(&config).unwrap_or_else(|error| panic!("{file}: {error} at {}", error.instance_path()));
    }
}

#[test]
fn wrong_configurations_do_not_validate() {
    let validator = validator();
    for (path, wrong) in [
        ("/version", json!(2)),
        ("/issuers", json!({})),
        ("/issuers/corp/audiences", json!("temporal")),
        ("/issuers/corp/algorithms", json!(["HS256"])),
        ("/issuers/corp/keys", json!({"cluster": "c"})),
        ("/issuers/corp/keys", json!({"discovery": true, "jwks_uri": "https://x/", "cluster": "c"})),
        ("/issuers/corp/keys", json!({"jwks_uri": "https://x/", "cluster": "c", "jwks_cluster": "d"})),
        ("/issuers/corp/token/leeway", json!("1 minute")),
        ("/roles/mine", json!({"minus": ["terminate"]})),
        ("/roles", json!({"admin": {"from": "reader"}})),
        ("/grants/0", json!({"name": "g", "who": {"issuer": "corp"}, "role": "reader"})),
        ("/grants/0", json!({"name": "g", "who": {"issuer": "corp"}, "namespaces": ["a"]})),
        (
            "/grants/0",
            json!({"name": "g", "who": {"issuer": "corp"}, "role": "reader", "namespaces": ["a"], "system": true}),
        ),
        ("/grants/0/who", json!({"claims": {"groups": "a"}})),
        ("/grants/0/who/claims", json!({"groups": "*{t}"})),
        ("/denials/0", json!({"name": "d"})),
        ("/denials/0", json!({"name": "d", "shadow": true})),
        ("/denials/0/effects", json!(["terminat"])),
        ("/denials/0/namespaces", json!(["{t}"])),
        ("/denials/0/outside", json!({})),
        ("/anonymous", json!(["StartWorkflowExecution"])),
        ("/authenticated", json!(["GetNexusEndpoint"])),
        ("/methods/0/namespace_field", json!(0)),
        ("/mode", json!("off")),
        ("/peers", json!({"proxy": true})),
        ("/peers/gateways", json!([])),
        ("/newer_fields", json!("ignore")),
        ("/denials/0/commands", json!("yes")),
        ("/grants/0/until", json!("2026-12-24")),
        ("/grants/0/until", json!(1_798_135_200)),
        ("/grants/0/signals", json!([])),
        ("/denials/0/outside/workflow_ids", json!(["{t}"])),
        ("/grants/0/name", json!("anonymous")),
        ("/grants/0/who", json!({"peer": "a", "kind": "human"})),
        ("/denials/0/unless", json!({"peer": "a", "claims": {"g": "h"}})),
    ] {
        let mut sample = samples().remove(0);
        *sample.pointer_mut(path).unwrap() = wrong.clone();
        assert!(!validator.is_valid(&sample), "{path} {wrong}");
        assert!(!problems(&sample).is_empty(), "{path} {wrong}");
    }
    let refused = |sample: &Value| !validator.is_valid(sample) && !problems(sample).is_empty();
    let mut sample = samples().remove(2);
    assert_eq!((sample["parity"].as_str(), refused(&sample)), (Some("upstream"), false));
    sample["parity"] = json!("native");
    assert!(refused(&sample));
}
