//! Random configurations, with so few words that rules often match.

use serde_json::{Value, json};
use temporal_auth::time::Timestamp;

use crate::methods::{method, path};
use crate::random::Random;
use crate::random_who::{RuleContext, captures, who};
use crate::role::role;
use common::NOW;

/// The custom roles of every configuration.
pub const CUSTOM: [&str; 3] = ["narrow", "custom", "derived"];
pub const ISSUERS: [&str; 3] = ["corp", "partner", "stranger"];
pub const EFFECTS: &[&str] = &[
    "read",
    "history",
    "query",
    "start",
    "signal",
    "terminate",
    "cancel",
    "delete",
    "poll",
    "respond",
    "nexus",
    "update",
    "schedule",
    "options",
    "batch",
    "namespace",
    "compute",
    "cluster-read",
    "cluster-admin",
];
pub const SINGLE: &[&str] = &[
    "QueryWorkflow",
    "StartWorkflowExecution",
    "SignalWorkflowExecution",
    "RegisterNamespace",
    "DescribeNamespace",
    "ListNamespaces",
    "CreateNexusEndpoint",
    "ResetWorkflowExecution",
];
pub const LISTS: &[&str] = &["ListNamespaces", "ListNexusEndpoints"];
pub const OPEN: &[&str] = &["grpc.health.v1.Health/Check", "GetSystemInfo", "GetClusterInfo", "GetSearchAttributes"];

/// The limits, with patterns for each.
pub const LIMITS: &[(&str, &[&str])] = &[
    ("task_queues", &["a-*", "a-*", "a-q", "*", "b-q"]),
    ("workflow_types", &["A", "B*", "*"]),
    ("nexus_endpoints", &["tax-*", "pay", "*"]),
    ("workflow_ids", &["a-*", "a-*", "*", "a-1", "{team}-*"]),
    ("schedule_ids", &["a-*", "*", "a-1"]),
    ("signals", &["go", "*"]),
    ("queries", &["__*", "state"]),
    ("updates", &["up", "*"]),
];

/// Values of `until`, with the time that each means.
pub const UNTIL: &[(&str, Timestamp)] = &[
    ("2027-01-15T08:00:00Z", NOW),
    ("2027-01-15T09:00:00+01:00", NOW),
    ("2027-01-15t02:30:00.001-05:30", Timestamp::from_millis(NOW.as_millis() + 1)),
    ("2027-01-15T07:59:59.999z", Timestamp::from_millis(NOW.as_millis() - 1)),
    ("1970-01-01T00:00:00Z", Timestamp::EPOCH),
    ("2100-03-01T00:00:00Z", Timestamp::from_millis(4_107_542_400_000)),
];

pub fn config(random: &mut Random, keys: &Value) -> Value {
    let mut config = json!({"version": 1, "issuers": {}});
    for name in ISSUERS {
        let (issuer, keys) = (format!("https://{name}/"), json!({"inline": keys}));
        config["issuers"][name] = json!({"issuer": issuer, "audiences": ["temporal"], "keys": keys});
    }
    config["issuers"]["partner"]["subject"] = json!("/client/id");
    config["issuers"]["corp"]["service_when"] = json!([
        {"gty": "client-*"},
        {"sub": ["a-worker", "system:serviceaccount:*"], "level": 7},
        {"groups": "bots"},
    ]);
    if random.percent(20) {
        let effects: Vec<_> = (0..=random.below(2)).map(|_| *random.pick(EFFECTS)).collect();
        let name = "/temporal.api.workflowservice.v1.WorkflowService/NewMethod";
        config["methods"] = json!([{"name": name, "scope": "namespace", "namespace_field": 3, "effects": effects}]);
    }
    for (list, methods) in [("anonymous", OPEN), ("authenticated", &[OPEN, LISTS].concat())] {
        if random.percent(30) {
            config[list] = json!(random.some(methods, 40));
        }
    }
    let builtin = ["worker", "reader", "client", "writer", "admin"];
    let mut roles = builtin.map(str::to_owned).to_vec();
    for name in CUSTOM {
        let spec = role_spec(random, &mut config, name, &roles);
        config["roles"][name] = spec;
        roles.push(name.to_owned());
    }
    config["denials"] =
        (0..[0, 0, 0, 1, 1, 2][random.below(6)]).map(|index| denial(random, &format!("denial-{index}"))).collect();
    config["grants"] = (0..5 + random.below(4)).map(|index| grant(random, &roles, &format!("grant-{index}"))).collect();
    config
}

fn role_spec(random: &mut Random, config: &mut Value, name: &str, roles: &[String]) -> Value {
    // Some roles are narrow, so that a call needs several grants.
    let from = (name != "narrow" && random.percent(75)).then(|| random.pick(roles).clone());
    let mut plus = random.some(EFFECTS, 12);
    plus.extend(random.some(SINGLE, 12));
    plus.extend((from.is_none() && plus.is_empty()).then_some("start"));
    config["roles"][name] = json!({});
    config["roles"][name]["minus"] = json!([]);
    if let Some(from) = from {
        config["roles"][name]["from"] = json!(from);
    }
    if !plus.is_empty() {
        config["roles"][name]["plus"] = json!(plus);
    }
    let minus = [random.some(EFFECTS, 15), random.some(SINGLE, 15)].concat();
    for item in minus {
        take(config, name, item);
    }
    let mut spec = config["roles"][name].take();
    if spec["minus"] == json!([]) {
        spec.as_object_mut().unwrap().remove("minus");
    }
    spec
}

/// Takes an effect or a method away from a role. Returns `false` if the role lacks it, which would be an error.
pub fn take(config: &mut Value, name: &str, item: &str) -> bool {
    let before = role(config, name);
    let method = method(config, &path(config, item));
    let there =
        method.is_none_or(|method| before.covers(&path(config, item), &method.effects).is_superset(&method.effects));
    config["roles"][name]["minus"].as_array_mut().unwrap().push(json!(item));
    let taken = there && role(config, name) != before;
    if !taken {
        config["roles"][name]["minus"].as_array_mut().unwrap().pop();
    }
    taken
}

pub fn grant(random: &mut Random, roles: &[String], name: &str) -> Value {
    let mut grant = json!({"name": name, "who": who(random, RuleContext::Grant)});
    if random.percent(8) {
        grant["shadow"] = json!(true);
    }
    if random.percent(20) {
        grant["may_register"] = json!(true);
    }
    if random.percent(25) {
        grant["may_call_back"] = json!(true);
    }
    if random.percent(12) {
        grant["until"] = json!(random.pick(UNTIL).0);
    }
    let captured = captures(&grant["who"]);
    for (name, _) in LIMITS {
        if random.percent(5) {
            limit(random, &mut grant, name);
        }
    }
    match random.below(10) {
        0 | 9 => grant["system"] = json!(true),
        1 | 2 => {
            grant["permissions_claim"] =
                json!(random.text(&["permissions", "permissions", "/realm/permissions", "scope"]));
            return grant;
        }
        _ => {
            let mut patterns =
                vec!["a", "a", "a-*", "*", "*-dev", "a-*-dev", "*-*", r"\*", r"\{team\}", "a:*", "A", "é"];
            for bound in captured {
                patterns.extend(match bound.as_str() {
                    "team" => ["{team}", "{team}-*", "{team}-dev", "a-{team}-dev"],
                    _ => ["{kind}", "*-{kind}", "{kind}-dev", "a-{kind}"],
                });
            }
            grant["namespaces"] = (0..=random.below(2)).map(|_| json!(*random.pick(&patterns))).collect();
        }
    }
    // Strong roles are more frequent than others, or most requests would be denied.
    let strong = ["writer", "admin"].map(str::to_owned);
    let role = if random.percent(50) { random.pick(&strong) } else { random.pick(roles) };
    grant["role"] = json!(role);
    grant
}

/// Adds this limit to a grant.
pub fn limit(random: &mut Random, grant: &mut Value, name: &str) {
    let captured = captures(&grant["who"]);
    let pool = LIMITS.iter().find(|(known, _)| *known == name).unwrap().1;
    let mut pool: Vec<_> = pool.iter().copied().filter(|text| !text.contains('{')).collect();
    pool.extend(captured.iter().map(|bound| if bound == "team" { "{team}-*" } else { "{kind}-*" }));
    grant[name] = (0..=random.below(2)).map(|_| json!(*random.pick(&pool))).collect();
}

/// Adds rules for how an issuer's claims are read. The reference evaluator does not know them.
pub fn add_claim_rules(random: &mut Random, config: &mut Value) {
    let mut rules = json!({});
    for claim in random.some(&["groups", "scp", "scope", "/realm/roles", "level"], 40) {
        rules[claim] = match random.below(4) {
            0 => json!({"names": true}),
            1 => json!({"names": true, "split": *random.pick(&[",", ";"])}),
            _ => json!({"split": *random.pick(&[",", ";", " ", "none"])}),
        };
    }
    if rules != json!({}) {
        config["issuers"]["corp"]["claims"] = rules;
    }
    config["issuers"]["corp"]["email"] = json!(*random.pick(&["verified", "trusted"]));
}

pub fn denial(random: &mut Random, name: &str) -> Value {
    let mut denial = json!({"name": name, "effects": random.some(EFFECTS, 15)});
    denial["effects"].as_array_mut().unwrap().extend(random.some(SINGLE, 10).into_iter().map(Value::from));
    if denial["effects"] == json!([]) {
        denial.as_object_mut().unwrap().remove("effects");
    }
    // Narrow denials are more frequent than others, or most requests would be denied.
    for (key, context, chance) in [("who", RuleContext::Denial, 70), ("unless", RuleContext::Unless, 30)] {
        if random.percent(chance) {
            denial[key] = who(random, context);
        }
    }
    if random.percent(70) {
        denial["namespaces"] = json!(random.some(&["a", "a-*", "b", "*", "*-dev", r"\*", "é", "日本", "A"], 25));
    }
    if denial["namespaces"] == json!([]) || denial.as_object().unwrap().len() == 1 {
        denial["namespaces"] = json!(["b"]);
    }
    if random.percent(30) {
        let (name, pool) = random.pick(LIMITS);
        denial["outside"][*name] = json!([random.text(pool).replace("{team}", "b")]);
    }
    let commanded = |effect: &Value| ["start", "signal", "cancel", "nexus"].iter().any(|known| effect == known);
    if denial["effects"].as_array().is_none_or(|effects| effects.iter().any(commanded)) && random.percent(60) {
        denial["commands"] = json!(random.percent(80));
    }
    if denial["effects"].is_null() {
        denial.as_object_mut().unwrap().remove("effects");
    }
    if random.percent(15) {
        denial["shadow"] = json!(true);
    }
    denial
}
