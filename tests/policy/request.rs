//! Requests as JSON, `{"method": …, "namespace": …, "parts": [[place, text]]}`, so that a failing one can be reduced and
//! shown: what each says, and its bytes.

use serde_json::Value;
use temporal_auth::temporal::Catalogue;

use crate::caller::list;
use crate::methods::path;
use crate::reference::Request;

/// What a part of a request means.
#[derive(Clone, Copy)]
pub enum Part {
    /// A message that names a namespace, with these effects there; another option of it, and the effect of that.
    Other(&'static str, Option<(u8, u8, &'static str)>),
    /// A text that names a namespace by id.
    Id,
    /// A text that names a workflow or a task queue.
    Name,
    /// A task queue, used so: its text is its name, its kind and its normal name, with `|` between them.
    Queue(&'static str),
    /// The text of a task queue's name alone.
    QueueName(&'static str),
    /// A text that names a workflow type or a Nexus endpoint.
    Type,
    Endpoint,
    /// Where a callback goes, with the effect of having one.
    Callback(&'static str),
    /// A number with this effect.
    Number(u8, &'static str),
    /// A message with this effect.
    Message(&'static str),
}

use Part::{Callback, Endpoint, Id, Message, Name, Number, Other, Queue, QueueName, Type};

/// Parts of requests: their method, their meaning, and the way to them by field numbers. Of one method all may stand
/// beside each other.
pub const PARTS: &[(&str, Part, &[u8])] = &[
    ("StartWorkflowExecution", Number(3, "terminate"), &[22]),
    ("StartWorkflowExecution", Number(4, "terminate"), &[11]),
    ("StartWorkflowExecution", Message("nexus"), &[21]),
    ("StartWorkflowExecution", Name, &[2]),
    ("SignalWithStartWorkflowExecution", Number(4, "terminate"), &[11]),
    ("StartWorkflowExecution", Callback("nexus"), &[21, 2, 1]),
    ("StartWorkflowExecution", Queue("named"), &[4]),
    ("StartWorkflowExecution", Type, &[3, 1]),
    ("SignalWithStartWorkflowExecution", Queue("named"), &[4]),
    ("RespondWorkflowTaskCompleted", Queue("named"), &[2, 12, 4]),
    ("RespondWorkflowTaskCompleted", Queue("workflow"), &[4, 1]),
    ("RespondWorkflowTaskCompleted", Type, &[2, 12, 3, 1]),
    ("RespondWorkflowTaskCompleted", Endpoint, &[2, 18, 1]),
    ("StartNexusOperationExecution", Endpoint, &[5]),
    ("PollWorkflowTaskQueue", Queue("workflow"), &[2]),
    ("PollActivityTaskQueue", Queue("activity"), &[2]),
    ("PollNexusTaskQueue", Queue("nexus"), &[3]),
    ("DescribeTaskQueue", Queue("named"), &[2]),
    ("ShutdownWorker", QueueName("sticky"), &[2]),
    ("ShutdownWorker", QueueName("named"), &[7]),
    ("RespondWorkflowTaskCompleted", Other("start", None), &[2, 12, 1]),
    ("RespondWorkflowTaskCompleted", Other("signal", None), &[2, 13, 1]),
    ("RespondWorkflowTaskCompleted", Other("start", Some((11, 4, "terminate"))), &[2, 12, 1]),
    ("RespondWorkflowTaskCompleted", Other("cancel", None), &[2, 9, 1]),
    ("RespondWorkflowTaskCompleted", Number(4, "terminate"), &[2, 12, 11]),
    ("RespondWorkflowTaskCompleted", Name, &[20]),
    ("ExecuteMultiOperation", Other("start", None), &[2, 1, 1]),
    ("ExecuteMultiOperation", Other("update", None), &[2, 2, 1]),
    ("ExecuteMultiOperation", Number(3, "terminate"), &[2, 1, 22]),
    ("CreateSchedule", Number(4, "cancel"), &[3, 3, 1]),
    ("ResetWorkflowExecution", Message("signal"), &[8, 1]),
    ("ResetWorkflowExecution", Message("options"), &[8, 2]),
    ("StartBatchOperation", Message("terminate"), &[10]),
    ("StartBatchOperation", Message("signal"), &[11]),
    ("DescribeNamespace", Id, &[2]),
    ("UpdateNamespace", Number(3, "delete"), &[2, 4]),
    ("SignalWorkflowExecution", Name, &[2, 1]),
    ("GetWorkflowExecutionHistory", Name, &[2, 1]),
];

fn parts(request: &Value) -> impl Iterator<Item = (Part, &'static [u8], &str)> {
    // Reducing a request may leave parts behind that are broken or another method's.
    let chosen =
        list(&request["parts"]).iter().filter_map(|part| Some((part[0].as_u64()? as usize, part[1].as_str()?)));
    let own = chosen.filter(|(place, _)| PARTS[*place].0 == request["method"]);
    own.map(|(place, text)| (PARTS[place].1, PARTS[place].2, text))
}

/// What a request says.
pub fn meaning(config: &Value, request: &Value) -> Request {
    let mut meaning = Request {
        method: path(config, request["method"].as_str().unwrap()),
        namespace: request["namespace"].as_str().unwrap().to_owned(),
        ..Request::default()
    };
    for (part, _, text) in parts(request) {
        match part {
            Other(there, option) => {
                let option = option.map(|(_, _, effect)| effect.to_owned());
                meaning.others.push((text.to_owned(), there.to_owned(), option));
            }
            Id => meaning.by_id |= !text.is_empty(),
            Name => meaning.internal |= internal(text),
            Queue(used) | QueueName(used) => {
                let queue: Vec<_> = text.split('|').collect();
                meaning.internal |= internal(queue[0]);
                let [name, normal] = [queue[0], queue.get(2).unwrap_or(&"")].map(str::to_owned);
                let kind = queue.get(1).map_or(0, |kind| kind.parse().unwrap());
                meaning.queues.push((used.to_owned(), name, kind, normal));
            }
            Type => meaning.types.push(text.to_owned()),
            Endpoint => {
                // Temporal itself, which does there what the input says.
                meaning.internal |= text == "__temporal_system";
                meaning.endpoints.push(text.to_owned());
            }
            Callback(effect) => {
                meaning.options.insert(effect.to_owned());
                meaning.calls_back |= text.to_ascii_lowercase().starts_with("temporal:");
            }
            Number(_, effect) | Message(effect) => {
                meaning.options.insert(effect.to_owned());
            }
        }
    }
    meaning
}

fn internal(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with("temporal-sys-") || name.starts_with("/_sys/")
}

/// A task queue's bytes.
fn queue(text: &str) -> Vec<u8> {
    let parts: Vec<_> = text.split('|').collect();
    let [name, kind, normal] = parts[..] else { return field(1, 2, text.as_bytes()) };
    let kind = kind.parse().unwrap();
    [field(3, 2, normal.as_bytes()), field(1, 2, name.as_bytes()), field(2, 0, &[kind])].concat()
}

/// Its bytes.
pub fn encode(config: &Value, catalogue: &Catalogue, request: &Value) -> Vec<u8> {
    let method = catalogue.named(&path(config, request["method"].as_str().unwrap())).unwrap();
    let namespace = request["namespace"].as_str().unwrap();
    let own = u8::try_from(method.namespace_field).unwrap();
    let mut bytes = if own == 0 || namespace.is_empty() { Vec::new() } else { field(own, 2, namespace.as_bytes()) };
    for (part, way, text) in parts(request) {
        let (last, outer) = way.split_last().unwrap();
        let inner = match part {
            Other(_, Some((option, value, _))) => {
                [field(*last, 2, text.as_bytes()), field(option, 0, &[value])].concat()
            }
            Other(..) | Id | Name | QueueName(_) | Type | Endpoint | Callback(_) => field(*last, 2, text.as_bytes()),
            Queue(_) => field(*last, 2, &queue(text)),
            Number(value, _) => field(*last, 0, &[value]),
            Message(_) => field(*last, 2, b""),
        };
        let part = outer.iter().rev().fold(inner, |inner, number| field(*number, 2, &inner));
        // Before the namespace and after it.
        bytes = if text.len() % 2 == 0 { [bytes, part].concat() } else { [part, bytes].concat() };
    }
    bytes
}

/// A field below 32 of less than 128 bytes.
pub fn field(number: u8, wire: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(number < 32 && length < 128);
    let tag = [number << 3 | wire | if number > 15 { 0x80 } else { 0 }, number >> 4];
    let tag = if number > 15 { &tag[..] } else { &tag[..1] };
    let length = if wire == 2 { &[length][..] } else { &[] };
    [tag, length, content].concat()
}
