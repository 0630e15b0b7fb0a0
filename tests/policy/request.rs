//! Requests as JSON, `{"method": …, "namespace": …, "parts": [[place, text]]}`, so that a failing one can be reduced and
//! shown, and what each says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::caller::list;
use crate::methods::{Words, path};
use crate::parts::{PARTS, Part};
use crate::pattern::is_temporals_own;

/// What a request says, whatever its bytes.
#[derive(Debug, Default)]
pub struct Request {
    /// The path of its method.
    pub method: String,
    pub namespace: String,
    /// What it does in the namespaces that its messages name, its own perhaps.
    pub others: Vec<Other>,
    /// Whether it names a namespace by id.
    pub by_id: bool,
    /// Whether it touches what is Temporal's own.
    pub internal: bool,
    /// Whether it has Temporal call itself back.
    pub calls_back: bool,
    /// Effects of its options.
    pub options: Words,
    /// The task queues that it names: how they are used, name, kind, normal name.
    pub queues: Vec<(String, String, u8, String)>,
    /// All else that it names, by the limit that compares it.
    pub names: BTreeMap<&'static str, Vec<String>>,
    /// Whether it changes what runs already; answers the task of a standalone activity; has an operation that nobody reads.
    pub attaches: bool,
    pub standalone: bool,
    pub unread: bool,
    /// Whether something in it cannot be read, or can be in two ways.
    pub ambiguous: bool,
    /// How much in it no API has.
    pub newer: u64,
}

/// What a message does in the namespace that it names, or without one in the request's own.
#[derive(Debug, Default)]
pub struct Other {
    pub namespace: String,
    /// What it does in another namespace.
    pub there: Words,
    /// What its options do, wherever it is.
    pub options: Words,
    /// What it does in the request's own, as a worker's command.
    pub command: Words,
    /// Whether another namespace is beyond it.
    pub own: bool,
}

fn words(text: &str) -> Words {
    text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

pub fn parts(request: &Value) -> impl Iterator<Item = (Part, &'static [u32], &str)> {
    // Reducing a request may leave parts behind that are broken or another method's.
    let chosen =
        list(&request["parts"]).iter().filter_map(|part| Some((part[0].as_u64()? as usize, part[1].as_str()?)));
    let own = chosen.filter(|(place, _)| PARTS[*place].0 == request["method"] || PARTS[*place].0 == "*");
    own.map(|(place, text)| (PARTS[place].1, PARTS[place].2, text))
}

/// What a request says.
pub fn meaning(config: &Value, request: &Value) -> Request {
    let method = path(config, request["method"].as_str().unwrap());
    // What concerns the cluster has no namespace.
    let has_namespace = crate::methods::method(config, &method).is_some_and(|method| method.scope == "namespace");
    let namespace = request["namespace"].as_str().filter(|_| has_namespace).unwrap_or_default().to_owned();
    let mut meaning = Request { method, namespace, ..Request::default() };
    for (part, _, text) in parts(request) {
        meaning.part(part, text);
    }
    meaning
}

impl Request {
    fn part(&mut self, part: Part, text: &str) {
        let texts: Vec<_> = text.split('|').collect();
        let text_at = |place: usize| texts.get(place).copied().unwrap_or_default();
        match part {
            Part::Other(there) => {
                self.others.push(Other { namespace: text.to_owned(), there: words(there), ..Other::default() });
            }
            Part::Id => self.by_id |= !text.is_empty(),
            Part::Name => self.internal |= is_internal(text),
            Part::Named(limit) => {
                // Temporal's own endpoint is for workflows, by commands.
                let own = limit == "nexus_endpoints" && text == "__temporal_system";
                self.internal |= own;
                self.unread |= own;
                self.name(limit, text);
            }
            Part::NamedIn(effect, limit) => {
                self.options.extend(words(effect));
                self.name(limit, text);
            }
            Part::Queue(used) | Part::QueueName(used) => {
                self.queue(used, text_at(0), text_at(1).parse().unwrap_or_default(), text_at(2));
            }
            Part::Callback => {
                self.options.extend(words("nexus"));
                self.calls_back |= text.to_ascii_lowercase().starts_with("temporal:");
            }
            Part::Handler => {
                self.options.extend(words("nexus"));
                self.queue("named", text, 0, "");
            }
            Part::Query => self.internal |= text.replace('`', "").to_lowercase().contains("namespacedivision"),
            Part::Attach => self.attaches = true,
            Part::Number(_, effects) | Part::Message(effects) => self.options.extend(words(effects)),
            Part::NewNumber(_) | Part::Unknown => self.newer += 1,
            Part::Token(kind) => self.token(kind, text_at(0), text_at(1)),
            Part::Child => self.child(&texts),
            Part::Signal => {
                self.command(text_at(0), "signal", "", "signal");
                self.name_if_any("workflow_ids", text_at(1));
                self.name_if_any("signals", text_at(2));
            }
            Part::Cancel => {
                self.command(text_at(0), "cancel", "", if text_at(2) == "1" { "" } else { "cancel" });
                self.name_if_any("workflow_ids", text_at(1));
            }
            Part::Operation => self.operation(&texts),
            Part::Schedule => {
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
        self.others.push(Other { namespace: namespace.to_owned(), there, options, command, own: false });
    }

    /// A Nexus operation, which at Temporal's own endpoint does what its input says.
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
            self.internal = true;
            self.unread = true;
        } else if form == "junk" {
            self.ambiguous = true;
        } else {
            let terminates = self.reuse(policy);
            self.command(namespace, "start,signal", terminates, "start,signal");
            self.others.last_mut().unwrap().own = true;
            self.workflow(id, "", "");
            self.name_if_any("signals", signal);
        }
    }

    /// What a token says that is believed: plain protobuf that anybody can write.
    fn token(&mut self, kind: &str, name: &str, fault: &str) {
        match fault {
            "junk" | "twice" | "latin" => self.ambiguous = true,
            "two components" if kind == "task" => self.ambiguous = true,
            _ if kind == "task" => {
                self.internal |= is_temporals_own(name);
                self.standalone |= fault == "component";
                self.names.entry("workflow_ids").or_default().push(name.to_owned());
            }
            _ => {
                // A partition of a queue is the queue's.
                let queue =
                    name.strip_prefix("/_sys/").map_or(name, |name| name.rsplit_once('/').map_or(name, |it| it.0));
                self.internal |= is_internal(queue);
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

    /// What a reuse policy does.
    fn reuse(&mut self, policy: &str) -> &'static str {
        self.newer += u64::from(policy == "9");
        if policy == "4" { "terminate" } else { "" }
    }

    fn queue(&mut self, used: &str, name: &str, kind: u8, normal: &str) {
        self.internal |= is_internal(name);
        self.queues.push((used.to_owned(), name.to_owned(), kind, normal.to_owned()));
    }

    fn name_if_any(&mut self, limit: &'static str, name: &str) {
        if !name.is_empty() {
            self.name(limit, name);
        }
    }

    fn name(&mut self, limit: &'static str, name: &str) {
        match limit {
            "workflow_ids" => self.internal |= is_internal(name),
            "workflow_types" => self.internal |= is_temporals_own(name),
            // What Temporal's own endpoint is asked for counts, not that it is asked.
            "nexus_endpoints" if name == "__temporal_system" => return,
            _ => {}
        }
        self.names.entry(limit).or_default().push(name.to_owned());
        if limit == "workflow_ids" && is_temporals_own(name) {
            // The workflow of a schedule is the schedule.
            let schedule = name.split_once(':').map_or(name, |(_, schedule)| schedule);
            self.names.entry("schedule_ids").or_default().push(schedule.to_owned());
        }
    }
}

/// Whether a workflow or a task queue is Temporal's own, or a partition of a queue, which only servers name.
fn is_internal(name: &str) -> bool {
    is_temporals_own(name) || name.to_ascii_lowercase().starts_with("/_sys/")
}
