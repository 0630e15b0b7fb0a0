//! Random callers and times, with the words of `random_configs`.

use serde_json::{Map, Value, json};
use temporal_auth::time::Timestamp;

use crate::random::Random;
use crate::random_configs::ISSUERS;
use common::NOW;

pub const PEERS: &[&str] =
    &["spiffe://a/w", "SPIFFE://a/w", "spiffe://a/", "spiffe://b/w", "spiffe://a/x:y", "CN=w", "é"];
const SUBJECTS: &[&str] = &[
    "a-worker",
    "b-worker",
    "A-Worker",
    "alice",
    "repo:acme/app:ref:refs/heads/main",
    "repo:acme/app:",
    "repo:b:x",
    "system:serviceaccount:payroll:w",
    "x,a-worker",
    "alice ",
];
const GROUPS: &[&str] = &[
    "team-a",
    "team-a",
    "team-b",
    "team-a-b",
    "team-é",
    "team-*",
    "team-{team}",
    "team-a:dev",
    "team-",
    "ops",
    "OPS",
    " ops ",
    "bots",
    "dev contractors",
    "contractors",
];

/// A caller with a token of one of the issuers, most often of the first, or without a token.
pub fn caller(random: &mut Random) -> Value {
    let issuer = ISSUERS[[0, 0, 0, 0, 0, 0, 1, 1, 1, 2][random.below(10)]];
    let peer = if random.percent(40) { json!(random.pick(PEERS)) } else { Value::Null };
    if random.percent(8) && !peer.is_null() {
        return json!({"issuer": null, "claims": {}, "peer": peer});
    }
    json!({"issuer": issuer, "claims": claims(random, issuer), "peer": peer})
}

fn claims(random: &mut Random, issuer: &str) -> Value {
    let sub = random.text(SUBJECTS);
    let mut claims = json!({"aud": "temporal", "exp": 4_102_444_800_u64, "sub": sub, "client": {"id": sub}});
    claims["iss"] = json!(format!("https://{issuer}/"));
    let groups = random.some(GROUPS, 25);
    claims["groups"] = form(random, &groups);
    let shapes: &[(&str, &[Value])] = &[
        (
            "scope",
            &[json!("read write"), json!("read"), json!(["read write"]), json!("a:write a:read"), json!("x,read")],
        ),
        ("scp", &[json!(["write", "read"]), json!("read  write"), json!({"write": 1})]),
        (
            "level",
            &[
                json!(7),
                json!("7"),
                json!(true),
                json!([true, 8, null]),
                json!(7.5),
                json!(7.0),
                json!(7.0),
                json!([[7]]),
                json!("8;7"),
            ],
        ),
        ("email", &[json!("a@a"), json!(["b@a"]), json!("A@A"), json!("c@c a@a")]),
        ("email_verified", &[json!(true), json!("true"), json!("True"), json!(false)]),
        (
            "gty",
            &[
                json!("client-credentials"),
                json!(["x", "client-x"]),
                json!("client-"),
                json!("CLIENT-x"),
                json!("x,client-y"),
            ],
        ),
        (
            "realm",
            &[
                json!({"roles": ["dev", "a"]}),
                json!({"roles": "a", "permissions": permissions(random)}),
                json!([]),
                json!({"roles": {"dev": ["x"]}}),
            ],
        ),
    ];
    for (name, values) in shapes {
        if random.percent(60) {
            claims[*name] = random.pick(values).clone();
        }
    }
    claims["permissions"] = permissions(random);
    claims
}

/// The values as a list in a form that some identity provider uses, or in a form that none does.
pub fn form(random: &mut Random, values: &[&str]) -> Value {
    let one = |random: &mut Random, value: &str| match random.below(3) {
        0 => json!([value]),
        1 => json!({"name": value}),
        _ => json!({value: true}),
    };
    match random.below(11) {
        10 => json!(format!("[\"{}\"]", values.join("\", \""))),
        0 => json!(values.join(",")),
        1 => json!(values.join("; ")),
        2 => json!(values.join(*random.pick(&[" ", "|", "\t"]))),
        3 => json!(values.iter().map(|value| format!(" {} ", value.to_uppercase())).collect::<Vec<_>>()),
        4 => values.iter().map(|value| one(random, value)).collect(),
        5 => values.iter().map(|value| ((*value).to_owned(), json!(["member"]))).collect::<Map<_, _>>().into(),
        6 => {
            // One value more than is compared, or exactly as many as are.
            let more = 1024 + random.below(2) - values.len();
            let list = (0..more).map(|index| format!("g{index}")).chain(values.iter().map(|value| (*value).to_owned()));
            json!(list.collect::<Vec<_>>())
        }
        7 if values.len() == 1 => json!(values[0]),
        _ => json!(values),
    }
}

fn permissions(random: &mut Random) -> Value {
    let words = ["read", "write", "WRITE", "worker", "Admin", "admin", "owner", ""];
    let namespaces = ["a", "a", "a-dev", "b", "temporal-system", "*", "", "Temporal-System", "a:dev"];
    let drawn: Vec<_> = (0..random.below(4)).map(|_| (*random.pick(&namespaces), *random.pick(&words))).collect();
    let texts: Vec<_> = drawn.iter().map(|(namespace, word)| format!("{namespace}:{word}")).collect();
    let by_namespace = |word: &dyn Fn(&str) -> Value| {
        let members = drawn.iter().map(|(namespace, known)| ((*namespace).to_owned(), word(known)));
        members.collect::<Map<_, _>>().into()
    };
    match random.below(4) {
        0 => json!(texts.join(" ")),
        1 => by_namespace(&|word| json!(word)),
        2 => by_namespace(&|word| json!([word, "read", 7])),
        _ => json!(texts.iter().map(|text| json!(text)).chain([json!(7), json!(["a:admin"])]).collect::<Vec<_>>()),
    }
}

/// A time before, at or after the end of grants.
pub fn now(random: &mut Random) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + random.below(3) as u64 - 1)
}
