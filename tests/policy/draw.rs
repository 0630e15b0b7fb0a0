//! Random callers and requests, in the words of `generate`.

use serde_json::{Map, Value, json};

use crate::caller::Claims;
use crate::generate::{ISSUERS, OPEN, SINGLE};
use crate::methods::METHODS;
use crate::random::Random;
use crate::request::{PARTS, Part};

const NAMESPACES: &[&str] = &[
    "a",
    "a",
    "a",
    "b",
    "a-dev",
    "a-dev",
    "b-dev",
    "a-b-dev",
    "-a-dev",
    "é",
    "*",
    "{team}",
    "a:dev",
    "A",
    "a ",
    "A-Dev",
    "",
    "temporal-system",
    "Temporal-System",
];
const GROUPS: &[&str] =
    &["team-a", "team-a", "team-b", "team-a-b", "team-é", "team-*", "team-{team}", "team-a:dev", "team-", "ops"];

const STICKY: &str = "7@h-0f8fad5bd9cb469fa16570867728950e";
/// Name, kind and normal name.
const QUEUES: &[&str] = &[
    "a-q|0|",
    "a-q|1|",
    "a-q|1|b-q",
    "b-q|1|a-q",
    "b-q|2|a-q",
    "b-q|3|",
    "7@h-0f8fad5bd9cb469fa16570867728950e|2|a-q",
    "7@h-0f8fad5bd9cb469fa16570867728950e|2|b-q",
    "host:0f8fad5b-d9cb-469f-a165-70867728950e|2|a-q",
    "host-0f8fad5b-d9cb-469f-a165-70867728950e|2|a-q",
    "/temporal-sys/worker-commands/a/b|3|",
    "temporal-sys-x|1|a-q",
    "|0|",
];

/// A caller of one of the issuers, most often of the first.
pub fn caller(random: &mut Random) -> (&'static str, Claims) {
    let issuer = ISSUERS[[0, 0, 0, 0, 0, 0, 1, 1, 1, 2][random.below(10)]];
    (issuer, claims(random, issuer))
}

pub fn claims(random: &mut Random, issuer: &str) -> Claims {
    let sub = random.text(&["a-worker", "b-worker", "alice"]);
    let mut claims = json!({"aud": "temporal", "exp": 4_102_444_800_u64, "sub": sub, "client": {"id": sub}});
    claims["iss"] = json!(format!("https://{issuer}/"));
    let groups = random.some(GROUPS, 35);
    claims["groups"] = if groups.len() == 1 { json!(groups[0]) } else { json!(groups) };
    let shapes: &[(&str, &[Value])] = &[
        ("scope", &[json!("read write"), json!("read"), json!(["read write"]), json!("a:write a:read")]),
        ("scp", &[json!(["write", "read"]), json!("read  write")]),
        ("level", &[json!(7), json!("7"), json!(true), json!([true, 8, null]), json!(7.5)]),
        ("email", &[json!("a@a"), json!(["b@a"])]),
        ("email_verified", &[json!(true), json!(true), json!("true"), json!(false)]),
        ("gty", &[json!("client-credentials"), json!(["x", "client-x"]), json!("client-")]),
        (
            "realm",
            &[json!({"roles": ["dev", "a"]}), json!({"roles": "a", "permissions": permissions(random)}), json!([])],
        ),
    ];
    for (name, values) in shapes {
        if random.percent(60) {
            claims[*name] = random.pick(values).clone();
        }
    }
    claims["permissions"] = permissions(random);
    claims.as_object().unwrap().clone()
}

fn permissions(random: &mut Random) -> Value {
    let words = ["read", "write", "WRITE", "worker", "Admin", "admin", "owner", ""];
    let namespaces = ["a", "a", "a-dev", "b", "temporal-system", "*", "", "Temporal-System", "a:dev"];
    let drawn: Vec<_> = (0..random.below(4)).map(|_| (*random.pick(&namespaces), *random.pick(&words))).collect();
    let texts: Vec<_> = drawn.iter().map(|(namespace, word)| format!("{namespace}:{word}")).collect();
    match random.below(4) {
        0 => json!(texts.join(" ")),
        1 => drawn.iter().map(|(namespace, word)| ((*namespace).to_owned(), json!(word))).collect::<Map<_, _>>().into(),
        2 => drawn
            .iter()
            .map(|(namespace, word)| ((*namespace).to_owned(), json!([word, "read", 7])))
            .collect::<Map<_, _>>()
            .into(),
        _ => json!(texts.iter().map(|text| json!(text)).chain([json!(7), json!(["a:admin"])]).collect::<Vec<_>>()),
    }
}

pub fn request(random: &mut Random, config: &Value) -> Value {
    let namespace = if random.percent(40) { "a".to_owned() } else { random.text(NAMESPACES) };
    let method = match random.below(10) {
        0..5 => random.pick(PARTS).0.to_owned(),
        5 | 6 => random.text(SINGLE),
        7 if config.get("methods").is_some() => "NewMethod".to_owned(),
        7 => random.text(OPEN),
        _ => METHODS.keys().nth(random.below(METHODS.len())).unwrap().clone(),
    };
    let mut parts = Vec::new();
    for (place, _) in PARTS.iter().enumerate().filter(|(_, part)| part.0 == method) {
        let pool: &[&str] = match PARTS[place].1 {
            Part::Queue(_) => QUEUES,
            Part::QueueName(_) => &["a-q", "b-q", "", STICKY],
            Part::Type => &["A", "B", "Bb", "C", ""],
            Part::Endpoint => &["tax-office", "pay", "Pay", "tax-", "__temporal_system"],
            Part::Callback(_) => &["temporal://system", "Temporal:x", "https://example.com/"],
            _ => &["a", "", "temporal-sys-x", "/_sys/a"],
        };
        let text =
            if pool.contains(&"temporal-sys-x") && random.percent(50) { namespace.clone() } else { random.text(pool) };
        if random.percent(if matches!(PARTS[place].1, Part::Queue(_)) { 60 } else { 20 }) {
            parts.push(json!([place, text]));
        }
    }
    json!({"method": method, "namespace": namespace, "parts": parts})
}
