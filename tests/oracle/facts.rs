//! What Temporal's own types find in a request: names, effects, commands, tokens, and what is newer than they know. See
//! `Facts` in wasm-test/oracle/facts.go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;
use temporal_auth::temporal::schema::{FieldMeaning, Message};
use temporal_auth::temporal::{Catalogue, EffectSet};

use crate::pattern::is_temporals_own;

/// What options do, by the place of their field: data/temporal/request_effects.tsv, with the numbers of its enums.
static OPTIONS: LazyLock<Vec<(String, Option<i64>, EffectSet)>> = LazyLock::new(|| {
    let rows =
        include_str!("../../data/temporal/request_effects.tsv").lines().skip(1).map(|row| row.split('\t').collect());
    rows.map(|row: Vec<&str>| {
        let message = row[0].split_once(".v1.").unwrap().1;
        let value = match row[2] {
            "*" | "true" => None,
            "WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING" | "SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER" => Some(4),
            "NAMESPACE_STATE_SOFT_DELETED" => Some(4),
            "SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER" => Some(5),
            "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING" | "NAMESPACE_STATE_DELETED" => Some(3),
            other => panic!("which number has {other}?"),
        };
        (format!("{message}.{}", row[1]), value, words(row[3]))
    })
    .collect()
});

fn words(text: &str) -> EffectSet {
    text.split(',').filter_map(EffectSet::named).fold(EffectSet::NONE, EffectSet::with)
}

/// How many namespaces are remembered of a request.
pub const MAX_NAMESPACES: usize = 16;

/// What facts say, in the terms of this library.
#[derive(Default)]
pub struct Found {
    /// By the limit that compares them.
    pub names: BTreeMap<&'static str, BTreeSet<String>>,
    pub options: EffectSet,
    pub commands: EffectSet,
    /// What the request does in other namespaces.
    pub elsewhere: BTreeMap<String, EffectSet>,
    pub internal: bool,
    by_id: bool,
    pub calls_back: bool,
    pub attaches: bool,
    pub standalone: bool,
    /// Whether the server reads the task token, if there is one, and finds in it a queue that can be.
    pub read: bool,
    pub newer: u64,
    /// Whether it has an operation of Temporal's own that only an admin may start.
    pub refused: bool,
    /// Whether it has one that the server cannot read.
    pub is_refused_there: bool,
}

impl Found {
    /// What facts say of a request with this namespace, of a method with this table.
    pub fn of(facts: &Value, namespace: &str, table: &'static Message) -> Self {
        let mut found = Self { read: true, ..Self::default() };
        found.add(facts, table);
        found.token(&facts["token"]);
        for name in members(facts, "names") {
            let (path, value) = (text(name, "path"), text(name, "value"));
            let there = match path {
                "operations.start_workflow.namespace" => EffectSet::START,
                "operations.update_workflow.namespace" => EffectSet::UPDATE,
                _ => continue,
            };
            found.acts(value, namespace, there, EffectSet::NONE);
        }
        for command in members(facts, "commands") {
            let does = words(text(command, "does"));
            if let Some(system) = command.get("system") {
                // What its input asks for counts, not that an operation is called.
                found.system(system, namespace);
                continue;
            }
            let own_only = command["child_only"] == true && text(command, "does") == "cancel";
            found.acts(text(command, "namespace"), namespace, does, if own_only { EffectSet::NONE } else { does });
        }
        found
    }

    /// Whether it may act where nobody can see.
    pub fn is_unseen(&self) -> bool {
        self.by_id || self.calls_back || self.elsewhere.len() > MAX_NAMESPACES
    }

    fn acts(&mut self, place: &str, own: &str, there: EffectSet, command: EffectSet) {
        if place.is_empty() || place == own {
            self.commands = self.commands.with(command);
        } else {
            let known = self.elsewhere.entry(place.to_owned()).or_default();
            *known = known.with(there);
        }
    }

    /// A command to Temporal's own endpoint.
    fn system(&mut self, system: &Value, own: &str) {
        if system["known"] == true && system["encoding"] == "binary/protobuf" && system["read"] == false {
            // In a part of it that nothing depends on: the server refuses it, whatever is read from the rest.
            self.is_refused_there = true;
            return;
        }
        if system["known"] != true || system["encoding"] != "binary/protobuf" {
            // It could do anything.
            self.internal = true;
            self.refused = true;
            return;
        }
        let both = EffectSet::START.with(EffectSet::SIGNAL);
        let method = Catalogue::default().named("SignalWithStartWorkflowExecution").unwrap();
        self.add(&system["input"], method.request);
        let names = members(&system["input"], "names");
        let place =
            names.filter(|name| name["path"] == "namespace").map(|name| text(name, "value")).next().unwrap_or("");
        self.internal |= !place.is_empty() && place != own;
        self.acts(place, own, both, both);
    }

    fn token(&mut self, token: &Value) {
        if token.is_null() {
            return;
        }
        self.read = token["read"] == true && (token["as"] == "task" || token["routed"] == true);
        if token["as"] == "task" {
            self.standalone = token["component"] == true;
            self.internal |= is_temporals_own(text(token, "workflow_id"));
            self.names.entry("workflow_ids").or_default().insert(text(token, "workflow_id").to_owned());
        } else {
            self.internal |= is_internal(text(token, "queue"));
        }
    }

    fn add(&mut self, facts: &Value, table: &'static Message) {
        for name in members(facts, "names").filter(|name| counts(text(name, "path"))) {
            self.name(text(name, "sort"), text(name, "at"), text(name, "value"));
        }
        let places = |list| members(facts, list).filter(|place| counts(text(place, "path")));
        for (at, value, effects) in OPTIONS.iter() {
            let is_there = members(facts, "messages").any(|message| message == at)
                || places("flags").any(|flag| flag["at"] == **at)
                || places("values").any(|known| known["at"] == **at && known["value"].as_i64() == *value);
            if is_there {
                self.options = self.options.with(*effects);
            }
        }
        let has = |at: &str| members(facts, "messages").any(|message| message == at);
        self.calls_back |= has("Callback.internal");
        self.attaches |= members(facts, "messages").any(|at| at.as_str().unwrap().ends_with(".on_conflict_options"));
        let mut entered = BTreeMap::new();
        enter(table, &mut entered);
        for unknown in places("unknown") {
            let field = unknown["field"].as_u64().unwrap() as u32;
            let decides = |message: &&Message| matches!(message.field(field), Some((_, field)) if matches!(field.meaning, FieldMeaning::Enum(..)));
            let message = entered.get(text(unknown, "message"));
            // The table knows reserved numbers, which old clients still send.
            let is_newer = |message: &&Message| match unknown.get("value") {
                None => !message.knows(field),
                Some(_) => decides(message),
            };
            if message.is_some_and(is_newer) {
                self.newer += unknown["count"].as_u64().unwrap();
            }
        }
    }

    fn name(&mut self, sort: &str, at: &str, value: &str) {
        let limit = match (sort, at) {
            ("workflow_id", _) => "workflow_ids",
            ("schedule_id", _) => "schedule_ids",
            ("workflow_type", _) => "workflow_types",
            ("signal", _) => "signals",
            ("query", _) => "queries",
            ("update", _) => "updates",
            ("endpoint", _) if value == "__temporal_system" => {
                // Only commands may lead there: what they ask for decides.
                let is_command = !(at.starts_with("StartNexusOperation") || at.starts_with("ComputeProvider"));
                self.internal |= !is_command;
                self.refused |= !is_command;
                return;
            }
            ("endpoint", _) => "nexus_endpoints",
            ("task_queue", _) if at.ends_with("worker_control_task_queue") || at.starts_with("EndpointTarget") => "",
            ("task_queue", _) => "task_queues",
            ("job_id" | "business_id", _) => "",
            ("filter", "StartBatchOperationRequest.visibility_query" | "WorkflowRuleSpec.visibility_query")
            | ("aliased", _) => {
                self.internal |= value.replace('`', "").to_ascii_lowercase().contains("namespacedivision");
                return;
            }
            ("callback", _) => {
                self.calls_back |= value.trim_start().to_ascii_lowercase().starts_with("temporal:");
                return;
            }
            ("namespace_id", _) => {
                self.by_id = true;
                return;
            }
            _ => return,
        };
        self.internal |= match sort {
            "workflow_id" | "task_queue" | "job_id" | "business_id" => is_internal(value),
            "workflow_type" => is_temporals_own(value),
            _ => false,
        };
        if sort == "workflow_id" && is_temporals_own(value) {
            let schedule = value.split_once(':').map_or(value, |(_, schedule)| schedule);
            self.names.entry("schedule_ids").or_default().insert(schedule.to_owned());
        }
        self.names.entry(limit).or_default().insert(value.to_owned());
    }
}

/// Whether a workflow or a task queue is Temporal's own, or a partition of a queue, which only servers name.
fn is_internal(name: &str) -> bool {
    is_temporals_own(name) || name.to_ascii_lowercase().starts_with("/_sys/")
}

/// Whether what stands there can matter: links and failures only tell of something, a heartbeat of its worker, and filters
/// select what to list.
fn counts(path: &str) -> bool {
    !path.split('.').any(|name| name.ends_with("failure") || name.ends_with("failure_info") || TOLD.contains(&name))
}

const TOLD: [&str; 10] = [
    "links",
    "link",
    "worker_heartbeat",
    "execution_filter",
    "type_filter",
    "error",
    "user_metadata",
    "header",
    "propagated_nexus_serialization_context",
    "propagated_serialization_context",
];

/// The messages that the table enters, by their names.
fn enter(message: &'static Message, entered: &mut BTreeMap<&'static str, &'static Message>) {
    if entered.insert(message.name, message).is_none() {
        for field in message.fields {
            if let FieldMeaning::Message(_, inner) = field.meaning {
                enter(inner, entered);
            }
        }
    }
}

fn members<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value[name].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
