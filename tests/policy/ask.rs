//! Random requests, in the words of `generate`.

use serde_json::{Value, json};

use crate::generate::{OPEN, SINGLE};
use crate::methods::METHODS;
use crate::parts::{self, PARTS, Part};
use crate::random::Random;

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
    "a-",
    "é",
    "日本",
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
const STICKY: &str = "7@h-0f8fad5bd9cb469fa16570867728950e";
/// Name, kind and normal name.
const QUEUES: &[&str] = &[
    "a-q|0|",
    "a-q|1|",
    "a-q|1|b-q",
    "a:q|1|",
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
const IDS: &[&str] = &[
    "a-1",
    "a-1",
    "a-2",
    "b-1",
    "a:1",
    "A-1",
    "",
    "temporal-sys-x",
    "temporal-sys-scheduler:a-1",
    "témporal-sys-x",
    "/_sys/a",
];
const TOKENS: &[&str] = &[
    "a-1",
    "/_sys/a-q/2",
    "b-1",
    "",
    "a-1|component",
    "temporal-sys-scheduler:x|component",
    "temporal-sys-scheduler:x",
    "temporal-ſyſ-x",
    "/_sys/Temporal-Sys-q/2",
    "/_sys/temporal-sys-q",
    "/_sys/a/temporal-sys-q/1",
    "a-1|junk",
    "temporal-sys-x|junk",
    "a-1|twice",
    "a-1|latin",
    "a-1|two components",
];
const SYSTEM: &str =
    "__temporal_system|temporal.api.workflowservice.v1.WorkflowService|SignalWithStartWorkflowExecution";

pub fn request(random: &mut Random, config: &Value) -> Value {
    let method = match random.below(10) {
        0..6 => PARTS[random.below(PARTS.len() - 1)].0.to_owned(),
        6 => random.text(SINGLE),
        7 if config.get("methods").is_some() => "NewMethod".to_owned(),
        7 => random.text(OPEN),
        _ => METHODS.keys().nth(random.below(METHODS.len())).unwrap().clone(),
    };
    request_of(random, &method)
}

pub fn request_of(random: &mut Random, method: &str) -> Value {
    let namespace = if random.percent(40) { "a".to_owned() } else { random.text(NAMESPACES) };
    let mut chosen: Vec<usize> = Vec::new();
    for place in parts::of(method) {
        let chance = match PARTS[place].1 {
            Part::Queue(_) | Part::Named(_) | Part::NamedIn(..) | Part::Token(_) | Part::Schedule => 60,
            Part::Unknown => 6,
            _ => 15,
        };
        if random.percent(chance) && chosen.iter().all(|other| parts::may_stand_together(*other, place)) {
            chosen.push(place);
        }
    }
    let parts: Vec<_> =
        chosen.into_iter().map(|place| json!([place, text(random, PARTS[place].1, &namespace)])).collect();
    json!({"method": method, "namespace": namespace, "parts": parts})
}

fn text(random: &mut Random, part: Part, own: &str) -> String {
    let pool: &[&str] = match part {
        Part::Queue(_) => QUEUES,
        Part::QueueName(_) | Part::Handler => &["a-q", "b-q", "", STICKY, "temporal-sys/worker-commands/a/b"],
        Part::Named("workflow_types") => &["A", "B", "Bb", "C", "", "temporal-sys-x"],
        Part::Named("nexus_endpoints") => &["tax-office", "pay", "Pay", "tax-", "__temporal_system"],
        Part::Named("signals") | Part::NamedIn(_, "signals") => &["go", "stop", ""],
        Part::Named("queries") => &["__stack_trace", "state", ""],
        Part::Named("updates") => &["up", "down", ""],
        Part::Named(_) | Part::Name => IDS,
        Part::Callback => &["https://example.com/", "temporal://system", "Temporal:x"],
        Part::Query => &["WorkflowType = 'a'", "", "a", "`Temporal`NamespaceDivision = 1"],
        Part::Token(_) => TOKENS,
        Part::Child | Part::Signal | Part::Cancel | Part::Operation | Part::Schedule => {
            return composed(random, part, own);
        }
        _ => &["a", ""],
    };
    if matches!(part, Part::Other(_)) && random.percent(50) {
        return own.to_owned();
    }
    likely(random, pool)
}

/// One of the first three more often than another, or most requests are denied.
fn likely(random: &mut Random, pool: &[&str]) -> String {
    if random.percent(60) { random.text(&pool[..pool.len().min(3)]) } else { random.text(pool) }
}

/// The texts of a part that has several.
fn composed(random: &mut Random, part: Part, own: &str) -> String {
    let place = if random.percent(70) { random.text(&["", own]) } else { random.text(&["a", "b", "temporal-system"]) };
    let (id, policy) = (likely(random, IDS), likely(random, &["", "", "", "4", "9"]));
    let (kind, queue) =
        (likely(random, &["A", "Bb", "", "temporal-sys-x"]), random.text(&["a-q", "a-q", "b-q", "", "temporal-sys-q"]));
    let signal = random.text(&["go", "go", "stop", ""]);
    match part {
        Part::Child => format!("{place}|{id}|{kind}|{queue}|{policy}"),
        Part::Signal => format!("{place}|{id}|{signal}"),
        Part::Cancel => format!("{place}|{id}|{}", random.text(&["", "0", "1"])),
        Part::Schedule => format!("{id}|{kind}|{queue}|{policy}|{}", random.text(&["", "1", "4", "5"])),
        _ => {
            let target = random.text(&[
                SYSTEM,
                SYSTEM,
                SYSTEM,
                &SYSTEM.replace("Signal", "signal"),
                &SYSTEM[..18],
                "tax-office|s|o",
            ]);
            let target = if target.matches('|').count() == 2 { target } else { format!("{target}s|o") };
            let encoding = random.text(&["binary/protobuf", "binary/protobuf", "binary/protobuf", "json/protobuf", ""]);
            let form = random.text(&["", "", "data first", "data first", "service first", "none", "junk"]);
            format!("{target}|{encoding}|{form}|{place}|{id}|{signal}|{policy}")
        }
    }
}
