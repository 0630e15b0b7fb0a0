//! What a request says. A request is JSON, `{"method": …, "namespace": …, "parts": [[index, text]]}`, so that a failing case
//! can be reduced and shown.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::caller::list;
use crate::methods::{EffectNames, path};
use crate::pattern::is_temporals_own;
use crate::request_parts::{PARTS, RequestPart};

/// What a request says, however it is encoded.
#[derive(Debug, Default)]
pub struct RequestMeaning {
    /// The path of its method.
    pub method: String,
    pub namespace: String,
    /// What the request does in the namespaces that its messages name, including its own.
    pub mentions: Vec<NamespaceMention>,
    /// Whether the request names a namespace by id.
    pub names_namespace_id: bool,
    /// Whether the request touches something of Temporal's own.
    pub is_internal: bool,
    /// Whether the request registers a callback into Temporal itself.
    pub registers_callback: bool,
    /// The effects of options.
    pub options: EffectNames,
    /// The task queues: use, name, kind and normal name.
    pub queues: Vec<(String, String, u8, String)>,
    /// All other names, by the limit that compares them.
    pub names: BTreeMap<&'static str, Vec<String>>,
    /// Whether the request also changes a running execution.
    pub attaches_to_running: bool,
    /// Whether the request answers the task of a standalone activity.
    pub has_standalone_task: bool,
    /// Whether the request has an operation at Temporal's own endpoint that the filter does not read.
    pub has_unread_operation: bool,
    /// Whether a part of the request cannot be read, or can be read in two ways.
    pub is_ambiguous: bool,
    /// The number of parts that no API has.
    pub newer: u64,
}

/// What a message does in the namespace that it names, or in the request's own namespace if it names none.
#[derive(Debug, Default)]
pub struct NamespaceMention {
    pub namespace: String,
    /// The effects in another namespace.
    pub there: EffectNames,
    /// The effects of options, in whichever namespace.
    pub options: EffectNames,
    /// The effects in the request's own namespace, as a worker's command.
    pub command: EffectNames,
    /// Whether the message may only name the request's own namespace.
    pub must_be_own: bool,
}

fn words(text: &str) -> EffectNames {
    text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

pub fn parts(request: &Value) -> impl Iterator<Item = (RequestPart, &'static [u32], &str)> {
    // When a request is reduced, parts can remain that are broken or belong to another method.
    let chosen =
        list(&request["parts"]).iter().filter_map(|part| Some((part[0].as_u64()? as usize, part[1].as_str()?)));
    let own = chosen.filter(|(index, _)| PARTS[*index].0 == request["method"] || PARTS[*index].0 == "*");
    own.map(|(index, text)| (PARTS[index].1, PARTS[index].2, text))
}

/// What a request says.
pub fn meaning(config: &Value, request: &Value) -> RequestMeaning {
    let method = path(config, request["method"].as_str().unwrap());
    // Requests that concern the cluster have no namespace.
    let has_namespace = crate::methods::method(config, &method).is_some_and(|method| method.scope == "namespace");
    let namespace = request["namespace"].as_str().filter(|_| has_namespace).unwrap_or_default().to_owned();
    let mut meaning = RequestMeaning { method, namespace, ..RequestMeaning::default() };
    for (part, _, text) in parts(request) {
        meaning.part(part, text);
    }
    meaning
}

impl RequestMeaning {
    fn part(&mut self, part: RequestPart, text: &str) {
        let texts: Vec<_> = text.split('|').collect();
        let text_at = |index: usize| texts.get(index).copied().unwrap_or_default();
        match part {
            RequestPart::OtherNamespace(there) => {
                self.mentions.push(NamespaceMention {
                    namespace: text.to_owned(),
                    there: words(there),
                    ..NamespaceMention::default()
                });
            }
            RequestPart::NamespaceId => self.names_namespace_id |= !text.is_empty(),
            RequestPart::UnlimitedName => self.is_internal |= is_internal(text),
            RequestPart::LimitedName(limit) => {
                // Only a workflow's commands may use Temporal's own endpoint.
                let own = limit == "nexus_endpoints" && text == "__temporal_system";
                self.is_internal |= own;
                self.has_unread_operation |= own;
                self.name(limit, text);
            }
            RequestPart::LimitedNameWithEffect(effect, limit) => {
                self.options.extend(words(effect));
                self.name(limit, text);
            }
            RequestPart::TaskQueue(used) | RequestPart::TaskQueueName(used) => {
                self.queue(used, text_at(0), text_at(1).parse().unwrap_or_default(), text_at(2));
            }
            RequestPart::CallbackUrl => {
                self.options.extend(words("nexus"));
                self.registers_callback |= text.to_ascii_lowercase().starts_with("temporal:");
            }
            RequestPart::CallbackTaskQueue => {
                self.options.extend(words("nexus"));
                self.queue("named", text, 0, "");
            }
            RequestPart::VisibilityQuery => {
                self.is_internal |= text.replace('`', "").to_lowercase().contains("namespacedivision")
            }
            RequestPart::Attach => self.attaches_to_running = true,
            RequestPart::EffectNumber(_, effects) | RequestPart::EffectMessage(effects) => {
                self.options.extend(words(effects))
            }
            RequestPart::UnknownNumber(_) | RequestPart::UnknownField => self.newer += 1,
            RequestPart::TaskToken(kind) => self.token(kind, text_at(0), text_at(1)),
            RequestPart::StartChildCommand => self.child(&texts),
            RequestPart::SignalCommand => {
                self.command(text_at(0), "signal", "", "signal");
                self.name_if_any("workflow_ids", text_at(1));
                self.name_if_any("signals", text_at(2));
            }
            RequestPart::CancelCommand => {
                self.command(text_at(0), "cancel", "", if text_at(2) == "1" { "" } else { "cancel" });
                self.name_if_any("workflow_ids", text_at(1));
            }
            RequestPart::NexusOperationCommand => self.operation(&texts),
            RequestPart::Schedule => {
                self.workflow(text_at(0), text_at(1), text_at(2));
                let policy = self.reuse(text_at(3));
                let overlap = match text_at(4) {
                    "4" => "cancel",
                    "5" => "terminate",
                    _ => "",
                };
                self.options.extend(words(policy).into_iter().chain(words(overlap)));
            }
        }
    }

    fn child(&mut self, texts: &[&str]) {
        let &[namespace, id, kind, queue, policy] = texts else { panic!("{texts:?}") };
        let terminates = self.reuse(policy);
        self.command(namespace, "start", terminates, "start");
        self.workflow(id, kind, queue);
    }

    fn command(&mut self, namespace: &str, there: &str, options: &str, command: &str) {
        let [there, options, command] = [there, options, command].map(words);
        self.mentions.push(NamespaceMention {
            namespace: namespace.to_owned(),
            there,
            options,
            command,
            must_be_own: false,
        });
    }

    /// A Nexus operation. At Temporal's own endpoint, it does what its input says.
    fn operation(&mut self, texts: &[&str]) {
        let &[endpoint, service, operation, encoding, form, namespace, id, signal, policy] = texts else {
            panic!("{texts:?}")
        };
        self.name("nexus_endpoints", endpoint);
        if endpoint != "__temporal_system" {
            return self.command("", "", "", "nexus");
        }
        let known = service == "temporal.api.workflowservice.v1.WorkflowService"
            && operation == "SignalWithStartWorkflowExecution"
            && !["none", "service first"].contains(&form);
        if !known || encoding != "binary/protobuf" {
            self.is_internal = true;
            self.has_unread_operation = true;
        } else if form == "junk" {
            self.is_ambiguous = true;
        } else {
            let terminates = self.reuse(policy);
            self.command(namespace, "start,signal", terminates, "start,signal");
            self.mentions.last_mut().unwrap().must_be_own = true;
            self.workflow(id, "", "");
            self.name_if_any("signals", signal);
        }
    }

    /// A task token: plain protobuf that anybody can write.
    fn token(&mut self, kind: &str, name: &str, fault: &str) {
        match fault {
            "junk" | "twice" | "latin" => self.is_ambiguous = true,
            "two components" if kind == "task" => self.is_ambiguous = true,
            _ if kind == "task" => {
                self.is_internal |= is_temporals_own(name);
                self.has_standalone_task |= fault == "component";
                self.names.entry("workflow_ids").or_default().push(name.to_owned());
            }
            _ => {
                // The name of a partition contains that of its task queue.
                let queue =
                    name.strip_prefix("/_sys/").map_or(name, |name| name.rsplit_once('/').map_or(name, |it| it.0));
                self.is_internal |= is_internal(queue);
            }
        }
    }

    fn workflow(&mut self, id: &str, kind: &str, queue: &str) {
        self.name_if_any("workflow_ids", id);
        self.name_if_any("workflow_types", kind);
        if !queue.is_empty() {
            self.queue("named", queue, 0, "");
        }
    }

    /// The effect of a reuse policy.
    fn reuse(&mut self, policy: &str) -> &'static str {
        self.newer += u64::from(policy == "9");
        if policy == "4" { "terminate" } else { "" }
    }

    fn queue(&mut self, used: &str, name: &str, kind: u8, normal: &str) {
        self.is_internal |= is_internal(name);
        self.queues.push((used.to_owned(), name.to_owned(), kind, normal.to_owned()));
    }

    fn name_if_any(&mut self, limit: &'static str, name: &str) {
        if !name.is_empty() {
            self.name(limit, name);
        }
    }

    fn name(&mut self, limit: &'static str, name: &str) {
        match limit {
            "workflow_ids" => self.is_internal |= is_internal(name),
            "workflow_types" => self.is_internal |= is_temporals_own(name),
            // What Temporal's own endpoint is asked for counts, not that it is used.
            "nexus_endpoints" if name == "__temporal_system" => return,
            _ => {}
        }
        self.names.entry(limit).or_default().push(name.to_owned());
        if limit == "workflow_ids" && is_temporals_own(name) {
            // The workflow of a schedule counts as the schedule.
            let schedule = name.split_once(':').map_or(name, |(_, schedule)| schedule);
            self.names.entry("schedule_ids").or_default().push(schedule.to_owned());
        }
    }
}

/// Whether a name is that of a workflow or a task queue of Temporal's own, or of a queue's partition, which only servers name.
fn is_internal(name: &str) -> bool {
    is_temporals_own(name) || name.to_ascii_lowercase().starts_with("/_sys/")
}
