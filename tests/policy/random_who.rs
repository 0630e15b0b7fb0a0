//! Random `who` and `unless`.

use serde_json::{Value, json};

use crate::caller::strings;
use crate::pattern::{PatternElement, elements};
use crate::random::Random;

/// The rule that a `who` or `unless` belongs to.
#[derive(Clone, Copy, PartialEq)]
pub enum RuleContext {
    /// In a grant: it must name an issuer or a peer, and may have captures.
    Grant,
    /// In a denial.
    Denial,
    /// The `unless` of a denial.
    Unless,
}

const SUBJECTS: &[&str] = &[
    "a-worker",
    "{team}-worker",
    "*-worker",
    "alice",
    "repo:acme/app:*",
    "repo:{team}:x",
    "system:serviceaccount:*",
    "*:w",
];
const PEERS: &[&str] = &["spiffe://a/*", "spiffe://a/w", "{team}/w", "*w", "spiffe://b/{team}", "CN=w", "é"];

/// A random `who` or `unless`.
pub fn who(random: &mut Random, context: RuleContext) -> Value {
    let mut who = match random.below(12) {
        0 | 1 => json!({"issuer": "partner"}),
        2 | 3 => json!({"issuer": ["corp", "partner"]}),
        4 if context != RuleContext::Grant => json!({}),
        // A caller that matches without an issuer has no token.
        5 => json!({"peer": random.pick(PEERS)}),
        _ => json!({"issuer": "corp"}),
    };
    let has_token = who.get("peer").is_none() || context == RuleContext::Denial;
    if who["issuer"] == "corp" && random.percent(20) {
        who["kind"] = json!(*random.pick(&["human", "service"]));
    }
    if has_token && random.percent(15) {
        who["subject"] = json!(*random.pick(SUBJECTS));
    }
    if who.get("issuer").is_some() && random.percent(10) {
        who["peer"] = json!([random.pick(PEERS), "spiffe://b/w"]);
    }
    let conditions: &[(&str, &[Value])] = &[
        (
            "groups",
            &[
                json!("team-{team}"),
                json!("team-*"),
                json!(["ops", "team-{team}"]),
                json!("*"),
                json!(r"team-\*"),
                json!("contractor*"),
                json!("dev contractors"),
                json!(["Ops", "name"]),
            ],
        ),
        ("scope", &[json!("read"), json!("{kind}"), json!(["read write", "write"])]),
        ("scp", &[json!("write"), json!("re*")]),
        ("level", &[json!(7), json!("7"), json!(["{kind}", true])]),
        ("/realm/roles", &[json!("{kind}"), json!("{team}"), json!("dev")]),
        ("/realm/roles/0", &[json!("dev"), json!("{team}")]),
        ("realm", &[json!("roles"), json!("dev")]),
        ("sub", &[json!("a-worker"), json!("repo:*")]),
        ("email", &[json!("*@a"), json!("{team}@a")]),
        ("/email", &[json!("a@{kind}")]),
    ];
    for _ in 0..if has_token { [0, 0, 0, 1, 1, 2][random.below(6)] } else { 0 } {
        let (claim, patterns) = random.pick(conditions);
        who["claims"][*claim] = random.pick(patterns).clone();
    }
    if who.as_object().unwrap().is_empty() {
        who["claims"] = json!({"groups": "ops"});
    }
    if context == RuleContext::Grant {
        return who;
    }
    let text = who.to_string().replace("{team}", "*").replace("{kind}", "a");
    serde_json::from_str(&text).unwrap()
}

/// The names of the captures in `who`.
pub fn captures(who: &Value) -> Vec<String> {
    let claims = who["claims"].as_object().into_iter().flatten().map(|(_, patterns)| patterns);
    let texts = claims.chain([&who["subject"], &who["peer"]]).flat_map(strings);
    let elements = texts.flat_map(|text| elements(&text));
    elements.filter_map(|token| if let PatternElement::Capture(name) = token { Some(name) } else { None }).collect()
}
