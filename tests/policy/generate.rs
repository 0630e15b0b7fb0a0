//! Random configurations, in words so few that they often meet.

use serde_json::{Value, json};

use crate::caller::strings;
use crate::methods::{method, path};
use crate::pattern::{Token, tokens};
use crate::random::Random;
use crate::role::role;

/// Roles that a configuration adds.
pub const CUSTOM: [&str; 3] = ["narrow", "custom", "derived"];
pub const ISSUERS: [&str; 3] = ["corp", "partner", "stranger"];
const EFFECTS: &[&str] = &[
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
pub const OPEN: &[&str] = &["grpc.health.v1.Health/Check", "GetSystemInfo", "GetClusterInfo", "GetSearchAttributes"];

/// What rules are limited to.
const LIMITS: &[(&str, &[&str])] = &[
    ("task_queues", &["a-*", "a-*", "a-q", "*", "b-q"]),
    ("workflow_types", &["A", "B*", "*"]),
    ("nexus_endpoints", &["tax-*", "pay"]),
];

pub fn config(random: &mut Random, keys: &Value) -> Value {
    let mut config = json!({"version": 1, "issuers": {}});
    for name in ISSUERS {
        let (issuer, keys) = (format!("https://{name}/"), json!({"inline": keys}));
        config["issuers"][name] = json!({"issuer": issuer, "audiences": ["temporal"], "keys": keys});
    }
    config["issuers"]["partner"]["subject"] = json!("/client/id");
    config["issuers"]["corp"]["service_when"] = json!([{"gty": "client-*"}, {"sub": ["a-worker", "x"], "level": 7}]);
    if random.percent(20) {
        let effects: Vec<_> = (0..=random.below(2)).map(|_| *random.pick(EFFECTS)).collect();
        let name = "/temporal.api.workflowservice.v1.WorkflowService/NewMethod";
        config["methods"] = json!([{"name": name, "scope": "namespace", "namespace_field": 3, "effects": effects}]);
    }
    for list in ["anonymous", "authenticated"] {
        if random.percent(30) {
            config[list] = json!(random.some(OPEN, 40));
        }
    }
    let builtin = ["worker", "reader", "writer", "admin"];
    let mut roles = builtin.map(str::to_owned).to_vec();
    for name in CUSTOM {
        let spec = role_spec(random, &mut config, name, &roles);
        config["roles"][name] = spec;
        roles.push(name.to_owned());
    }
    config["denials"] =
        (0..[0, 0, 1, 2][random.below(4)]).map(|place| denial(random, &format!("denial-{place}"))).collect();
    config["grants"] = (0..3 + random.below(4)).map(|place| grant(random, &roles, &format!("grant-{place}"))).collect();
    config
}

fn role_spec(random: &mut Random, config: &mut Value, name: &str, roles: &[String]) -> Value {
    // Narrow roles, so that a call needs several grants.
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

/// Takes an effect or a method from a role, if it is there: otherwise that would be an error. Whether it was.
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
    let mut grant = json!({"name": name, "who": who(random, true)});
    if random.percent(8) {
        grant["shadow"] = json!(true);
    }
    if random.percent(20) {
        grant["may_register"] = json!(true);
    }
    if random.percent(25) {
        grant["may_call_back"] = json!(true);
    }
    let captured = captures(&grant["who"]);
    for (name, pool) in LIMITS {
        if random.percent(12) {
            let mut pool = pool.to_vec();
            pool.extend(captured.iter().map(|bound| if bound == "team" { "{team}-q" } else { "{kind}-*" }));
            grant[*name] = (0..=random.below(2)).map(|_| json!(*random.pick(&pool))).collect();
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
    // Strong roles more often than others, or most requests are denied.
    let strong = ["writer", "admin"].map(str::to_owned);
    let role = if random.percent(40) { random.pick(&strong) } else { random.pick(roles) };
    grant["role"] = json!(role);
    grant
}

pub fn denial(random: &mut Random, name: &str) -> Value {
    let mut denial = json!({"name": name, "effects": random.some(EFFECTS, 15)});
    denial["effects"].as_array_mut().unwrap().extend(random.some(SINGLE, 10).into_iter().map(Value::from));
    if denial["effects"] == json!([]) {
        denial.as_object_mut().unwrap().remove("effects");
    }
    // Narrow ones more often than others, or most requests are denied.
    for key in ["who", "unless"] {
        if random.percent(if key == "who" { 70 } else { 30 }) {
            denial[key] = who(random, false);
        }
    }
    if random.percent(70) {
        denial["namespaces"] = json!(random.some(&["a", "a-*", "b", "*", "*-dev", r"\*", "é"], 25));
    }
    if denial["namespaces"] == json!([]) || denial.as_object().unwrap().len() == 1 {
        denial["namespaces"] = json!(["b"]);
    }
    if random.percent(30) {
        let (name, pool) = random.pick(LIMITS);
        denial["outside"][*name] = json!([random.text(pool)]);
    }
    if random.percent(15) {
        denial["shadow"] = json!(true);
    }
    denial
}

/// Whom a grant means, or a denial, which captures nothing.
fn who(random: &mut Random, captures: bool) -> Value {
    let mut who = match random.below(6) {
        0 => json!({"issuer": "partner"}),
        1 => json!({"issuer": ["corp", "partner"]}),
        _ => json!({"issuer": "corp"}),
    };
    if who["issuer"] == "corp" && random.percent(25) {
        who["kind"] = json!(*random.pick(&["human", "service"]));
    }
    if random.percent(20) {
        who["subject"] = json!(*random.pick(&["a-worker", "{team}-worker", "*-worker"]));
    }
    let conditions: &[(&str, &[Value])] = &[
        (
            "groups",
            &[json!("team-{team}"), json!("team-*"), json!(["ops", "team-{team}"]), json!("*"), json!(r"team-\*")],
        ),
        ("scope", &[json!("read"), json!("{kind}"), json!(["read write", "write"])]),
        ("scp", &[json!("write"), json!("re*")]),
        ("level", &[json!(7), json!("7"), json!(["{kind}", true])]),
        ("/realm/roles", &[json!("{kind}"), json!("{team}"), json!("dev")]),
        ("/realm/roles/0", &[json!("dev"), json!("{team}")]),
        ("email", &[json!("*@a"), json!("{team}@a")]),
        ("/email", &[json!("a@{kind}")]),
    ];
    for _ in 0..[0, 0, 1, 1, 2][random.below(5)] {
        let (claim, patterns) = random.pick(conditions);
        who["claims"][*claim] = random.pick(patterns).clone();
    }
    if captures {
        return who;
    }
    let text = who.to_string().replace("{team}", "*").replace("{kind}", "a");
    serde_json::from_str(&text).unwrap()
}

/// The names of the captures in `who`.
fn captures(who: &Value) -> Vec<String> {
    let claims = who["claims"].as_object().into_iter().flatten().map(|(_, patterns)| patterns);
    let texts = claims.chain([&who["subject"]]).flat_map(strings);
    let tokens = texts.flat_map(|text| tokens(&text));
    tokens.filter_map(|token| if let Token::Capture(name) = token { Some(name) } else { None }).collect()
}
