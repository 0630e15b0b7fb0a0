//! What Temporal's own types find in a request: names, effects, commands, tokens, and parts that the types do not know. See
//! `Facts` in wasm-test/oracle/facts.go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::Value;
use temporal_auth::temporal::schema::{FieldMeaning, Message};
use temporal_auth::temporal::{Catalogue, EffectSet};

use crate::pattern::is_temporals_own;

/// The effects of options: a field, its value if only one value has the effects, and the effects. From
/// data/temporal/request_effects.tsv, with numbers for the names of enum values.
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
            other => panic!("the number of {other} is not known here"),
        };
        (format!("{message}.{}", row[1]), value, effects_named(row[3]))
    })
    .collect()
});

fn effects_named(text: &str) -> EffectSet {
    text.split(',').filter_map(EffectSet::named).fold(EffectSet::NONE, EffectSet::with)
}

/// The library remembers this many namespaces of a request.
pub const MAX_NAMESPACES: usize = 16;

/// What Temporal's types find, in the terms of this library.
#[derive(Default)]
pub struct TemporalFacts {
    /// The names in the request, by the limit that compares them.
    pub names: BTreeMap<&'static str, BTreeSet<String>>,
    pub options: EffectSet,
    pub commands: EffectSet,
    /// What the request does in other namespaces.
    pub elsewhere: BTreeMap<String, EffectSet>,
    /// Whether the request touches something of Temporal's own.
    pub is_internal: bool,
    names_namespace_id: bool,
    /// Whether the request registers a callback into Temporal itself.
    pub registers_callback: bool,
    pub attaches_to_running: bool,
    pub has_standalone_task: bool,
    /// Whether the server can read the task token, if there is one, and finds a possible task queue in it.
    pub is_token_readable: bool,
    pub newer: u64,
    /// Whether the request has an operation at Temporal's own endpoint that only an admin may start.
    pub has_refused_operation: bool,
    /// Whether the request has such an operation that the server cannot read.
    pub is_refused_by_temporal: bool,
}

impl TemporalFacts {
    /// The facts about a request with this namespace and this message type.
    pub fn of(facts: &Value, namespace: &str, table: &'static Message) -> Self {
        let mut found = Self { is_token_readable: true, ..Self::default() };
        found.add(facts, table);
        found.add_token(&facts["token"]);
        for name in members(facts, "names") {
            let (path, value) = (text(name, "path"), text(name, "value"));
            let there = match path {
                "operations.start_workflow.namespace" => EffectSet::START,
                "operations.update_workflow.namespace" => EffectSet::UPDATE,
                _ => continue,
            };
            found.add_effects(value, namespace, there, EffectSet::NONE);
        }
        for command in members(facts, "commands") {
            let does = effects_named(text(command, "does"));
            if let Some(system) = command.get("system") {
                // What the operation's input asks for counts, not that an operation is started.
                found.add_system_operation(system, namespace);
                continue;
            }
            let own_only = command["child_only"] == true && text(command, "does") == "cancel";
            found.add_effects(
                text(command, "namespace"),
                namespace,
                does,
                if own_only { EffectSet::NONE } else { does },
            );
        }
        found
    }

    /// Whether the request may act in a namespace that it does not name.
    pub fn may_reach_any_namespace(&self) -> bool {
        self.names_namespace_id || self.registers_callback || self.elsewhere.len() > MAX_NAMESPACES
    }

    fn add_effects(&mut self, namespace: &str, own: &str, there: EffectSet, command: EffectSet) {
        if namespace.is_empty() || namespace == own {
            self.commands = self.commands.with(command);
        } else {
            let known = self.elsewhere.entry(namespace.to_owned()).or_default();
            *known = known.with(there);
        }
    }

    /// Adds what a command asks of Temporal's own endpoint.
    fn add_system_operation(&mut self, system: &Value, own: &str) {
        if system["known"] == true && system["encoding"] == "binary/protobuf" && system["read"] == false {
            // No decision depends on the unreadable part. The server refuses the operation, whatever the rest says.
            self.is_refused_by_temporal = true;
            return;
        }
        if system["known"] != true || system["encoding"] != "binary/protobuf" {
            // The operation could do anything.
            self.is_internal = true;
            self.has_refused_operation = true;
            return;
        }
        let both = EffectSet::START.with(EffectSet::SIGNAL);
        let method = Catalogue::default().named("SignalWithStartWorkflowExecution").unwrap();
        self.add(&system["input"], method.request);
        let names = members(&system["input"], "names");
        let namespace =
            names.filter(|name| name["path"] == "namespace").map(|name| text(name, "value")).next().unwrap_or("");
        self.is_internal |= !namespace.is_empty() && namespace != own;
        self.add_effects(namespace, own, both, both);
    }

    fn add_token(&mut self, token: &Value) {
        if token.is_null() {
            return;
        }
        self.is_token_readable = token["read"] == true && (token["as"] == "task" || token["routed"] == true);
        if token["as"] == "task" {
            self.has_standalone_task = token["component"] == true;
            self.is_internal |= is_temporals_own(text(token, "workflow_id"));
            self.names.entry("workflow_ids").or_default().insert(text(token, "workflow_id").to_owned());
        } else {
            self.is_internal |= is_internal(text(token, "queue"));
        }
    }

    fn add(&mut self, facts: &Value, table: &'static Message) {
        for name in members(facts, "names").filter(|name| can_matter(text(name, "path"))) {
            self.add_name(text(name, "sort"), text(name, "at"), text(name, "value"));
        }
        let entries = |list| members(facts, list).filter(|entry| can_matter(text(entry, "path")));
        for (at, value, effects) in OPTIONS.iter() {
            let is_there = members(facts, "messages").any(|message| message == at)
                || entries("flags").any(|flag| flag["at"] == **at)
                || entries("values").any(|known| known["at"] == **at && known["value"].as_i64() == *value);
            if is_there {
                self.options = self.options.with(*effects);
            }
        }
        let has = |at: &str| members(facts, "messages").any(|message| message == at);
        self.registers_callback |= has("Callback.internal");
        self.attaches_to_running |=
            members(facts, "messages").any(|at| at.as_str().unwrap().ends_with(".on_conflict_options"));
        let mut entered = BTreeMap::new();
        collect_messages(table, &mut entered);
        for unknown in entries("unknown") {
            let field = unknown["field"].as_u64().unwrap() as u32;
            let decides = |message: &&Message| matches!(message.field(field), Some((_, field)) if matches!(field.meaning, FieldMeaning::Enum(..)));
            let message = entered.get(text(unknown, "message"));
            // The method table knows reserved numbers, because old clients still send them.
            let is_newer = |message: &&Message| match unknown.get("value") {
                None => !message.knows(field),
                Some(_) => decides(message),
            };
            if message.is_some_and(is_newer) {
                self.newer += unknown["count"].as_u64().unwrap();
            }
        }
    }

    fn add_name(&mut self, sort: &str, at: &str, value: &str) {
        let limit = match (sort, at) {
            ("workflow_id", _) => "workflow_ids",
            ("schedule_id", _) => "schedule_ids",
            ("workflow_type", _) => "workflow_types",
            ("signal", _) => "signals",
            ("query", _) => "queries",
            ("update", _) => "updates",
            ("endpoint", _) if value == "__temporal_system" => {
                // Only commands may lead to this endpoint. What they ask for decides.
                let is_command = !(at.starts_with("StartNexusOperation") || at.starts_with("ComputeProvider"));
                self.is_internal |= !is_command;
                self.has_refused_operation |= !is_command;
                return;
            }
            ("endpoint", _) => "nexus_endpoints",
            ("task_queue", _) if at.ends_with("worker_control_task_queue") || at.starts_with("EndpointTarget") => "",
            ("task_queue", _) => "task_queues",
            ("job_id" | "business_id", _) => "",
            ("filter", "StartBatchOperationRequest.visibility_query" | "WorkflowRuleSpec.visibility_query")
            | ("aliased", _) => {
                self.is_internal |= value.replace('`', "").to_ascii_lowercase().contains("namespacedivision");
                return;
            }
            ("callback", _) => {
                self.registers_callback |= value.trim_start().to_ascii_lowercase().starts_with("temporal:");
                return;
            }
            ("namespace_id", _) => {
                self.names_namespace_id = true;
                return;
            }
            _ => return,
        };
        self.is_internal |= match sort {
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

/// Whether a name is that of a workflow or a task queue of Temporal's own, or of a queue's partition, which only servers name.
fn is_internal(name: &str) -> bool {
    is_temporals_own(name) || name.to_ascii_lowercase().starts_with("/_sys/")
}

/// Whether a decision can depend on the field at this path. Links, failures and heartbeats only describe something, and filters
/// only select what to list.
fn can_matter(path: &str) -> bool {
    !path
        .split('.')
        .any(|name| name.ends_with("failure") || name.ends_with("failure_info") || DESCRIPTIVE_FIELDS.contains(&name))
}

const DESCRIPTIVE_FIELDS: [&str; 10] = [
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

/// Collects the types of a message and of all messages in it that the method table reads, by name.
fn collect_messages(message: &'static Message, entered: &mut BTreeMap<&'static str, &'static Message>) {
    if entered.insert(message.name, message).is_none() {
        for field in message.fields {
            if let FieldMeaning::Message(_, inner) = field.meaning {
                collect_messages(inner, entered);
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
