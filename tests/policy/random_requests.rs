//! Random requests, with the words of `random_configs`.

use serde_json::{Value, json};

use crate::methods::METHODS;
use crate::random::Random;
use crate::random_configs::{LISTS, OPEN, SINGLE};
use crate::request_parts::{self, PARTS, RequestPart};

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
/// Task queues: name, kind and normal name.
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
        7 => random.text(&[OPEN, LISTS].concat()),
        _ => METHODS.keys().nth(random.below(METHODS.len())).unwrap().clone(),
    };
    request_of(random, &method)
}

pub fn request_of(random: &mut Random, method: &str) -> Value {
    let namespace = if random.percent(40) { "a".to_owned() } else { random.text(NAMESPACES) };
    let mut chosen: Vec<usize> = Vec::new();
    for index in request_parts::of(method) {
        let chance = match PARTS[index].1 {
            RequestPart::TaskQueue(_)
            | RequestPart::LimitedName(_)
            | RequestPart::LimitedNameWithEffect(..)
            | RequestPart::TaskToken(_)
            | RequestPart::Schedule => 60,
            RequestPart::UnknownField => 6,
            _ => 15,
        };
        if random.percent(chance) && chosen.iter().all(|other| request_parts::may_be_together(*other, index)) {
            chosen.push(index);
        }
    }
    let parts: Vec<_> =
        chosen.into_iter().map(|index| json!([index, text(random, PARTS[index].1, &namespace)])).collect();
    json!({"method": method, "namespace": namespace, "parts": parts})
}

fn text(random: &mut Random, part: RequestPart, own: &str) -> String {
    let pool: &[&str] = match part {
        RequestPart::TaskQueue(_) => QUEUES,
        RequestPart::TaskQueueName(_) | RequestPart::CallbackTaskQueue => {
            &["a-q", "b-q", "", STICKY, "temporal-sys/worker-commands/a/b"]
        }
        RequestPart::LimitedName("workflow_types") => &["A", "B", "Bb", "C", "", "temporal-sys-x"],
        RequestPart::LimitedName("nexus_endpoints") => &["tax-office", "pay", "Pay", "tax-", "__temporal_system"],
        RequestPart::LimitedName("signals") | RequestPart::LimitedNameWithEffect(_, "signals") => &["go", "stop", ""],
        RequestPart::LimitedName("queries") => &["__stack_trace", "state", ""],
        RequestPart::LimitedName("updates") => &["up", "down", ""],
        RequestPart::LimitedName(_) | RequestPart::UnlimitedName => IDS,
        RequestPart::CallbackUrl => &["https://example.com/", "temporal://system", "Temporal:x"],
        RequestPart::VisibilityQuery => &["WorkflowType = 'a'", "", "a", "`Temporal`NamespaceDivision = 1"],
        RequestPart::TaskToken(_) => TOKENS,
        RequestPart::StartChildCommand
        | RequestPart::SignalCommand
        | RequestPart::CancelCommand
        | RequestPart::NexusOperationCommand
        | RequestPart::Schedule => {
            return composite(random, part, own);
        }
        _ => &["a", ""],
    };
    if matches!(part, RequestPart::OtherNamespace(_)) && random.percent(50) {
        return own.to_owned();
    }
    likely(random, pool)
}

/// A text of the list. The first three are more frequent than the others, or most requests would be denied.
fn likely(random: &mut Random, pool: &[&str]) -> String {
    if random.percent(60) { random.text(&pool[..pool.len().min(3)]) } else { random.text(pool) }
}

/// The texts of a part that has several texts.
fn composite(random: &mut Random, part: RequestPart, own: &str) -> String {
    let namespace =
        if random.percent(70) { random.text(&["", own]) } else { random.text(&["a", "b", "temporal-system"]) };
    let (id, policy) = (likely(random, IDS), likely(random, &["", "", "", "4", "9"]));
    let (kind, queue) =
        (likely(random, &["A", "Bb", "", "temporal-sys-x"]), random.text(&["a-q", "a-q", "b-q", "", "temporal-sys-q"]));
    let signal = random.text(&["go", "go", "stop", ""]);
    match part {
        RequestPart::StartChildCommand => format!("{namespace}|{id}|{kind}|{queue}|{policy}"),
        RequestPart::SignalCommand => format!("{namespace}|{id}|{signal}"),
        RequestPart::CancelCommand => format!("{namespace}|{id}|{}", random.text(&["", "0", "1"])),
        RequestPart::Schedule => format!("{id}|{kind}|{queue}|{policy}|{}", random.text(&["", "1", "4", "5"])),
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
            format!("{target}|{encoding}|{form}|{namespace}|{id}|{signal}|{policy}")
        }
    }
}
