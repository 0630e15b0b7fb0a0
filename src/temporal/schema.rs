//! The fields of requests that a decision depends on, as the generated table lists them.

use super::effect::EffectSet;
use super::generated::TASK_QUEUE_KIND;
use super::names::{Limit, QueueUse};

/// One protobuf message with its watched fields, sorted by number. All other fields are skipped by their length.
#[derive(Debug)]
pub struct Message {
    /// The name of its type without the package.
    pub name: &'static str,
    /// Whether only limits need its fields.
    pub names_only: bool,
    /// Whether it is an entry of a map, which JSON writes as the member of an object.
    pub is_map_entry: bool,
    /// The names of its fields that are not watched, except the request's own namespace, separated by spaces.
    pub others: &'static str,
    /// What a worker's command of this type does to others, wherever it acts. Empty for messages that are not commands.
    pub command: EffectSet,
    /// At most 64, so that a bit set can record the ones that were read.
    pub fields: &'static [WatchedField],
    /// The numbers of all its fields in the API that the table was made from, as inclusive ranges in order.
    pub known: &'static [(u32, u32)],
}

/// A field that a decision depends on.
#[derive(Debug)]
pub struct WatchedField {
    /// Its name in the API. JSON also writes it with capitals in place of the underscores.
    pub name: &'static str,
    /// The `oneof` of the message that it is in, from 1. 0 if it is in none.
    pub oneof: u8,
    /// Its number in the message.
    pub number: u32,
    /// Whether it may occur more than once. Any other field that does is refused: decoders merge the values or take the last.
    pub repeated: bool,
    pub meaning: FieldMeaning,
}

/// What a watched field means for the decision.
#[derive(Debug)]
pub enum FieldMeaning {
    /// A string that names the namespace in which its message has these effects; empty means the request's own.
    OtherNamespace(EffectSet),
    /// A string that names a namespace by its UUID, which cannot be compared with a name.
    NamespaceId,
    /// A string that no limit compares, but that may name something of Temporal's own.
    UnlimitedName,
    /// A string that names a task queue, which limits compare.
    QueueName(QueueUse),
    /// The kind of the task queue that this message describes.
    QueueKind,
    /// The normal name of the task queue that this message describes.
    QueueNormalName,
    /// A string that this limit compares.
    LimitedName(Limit),
    /// A visibility query, which may find executions of Temporal's own.
    Query,
    /// The message by which a start attaches to an execution that is already running.
    OnConflictOptions,
    /// A string that says where a callback goes.
    CallbackUrl,
    /// A callback whose destination is in bytes that only the server reads.
    InternalCallback,
    /// Bytes: the token of a task.
    TaskToken(TaskTokenKind),
    /// A boolean: the command reaches only children of the workflow that sends it.
    ChildWorkflowOnly,
    /// The service of a Nexus operation.
    NexusService,
    /// The name of a Nexus operation.
    NexusOperation,
    /// The input of a Nexus operation, a `Payload`.
    NexusInput,
    /// A boolean that has these effects when it is true.
    Flag(EffectSet),
    /// An enum: the names of its values, the values that have effects, and all values that the API has, as inclusive ranges in
    /// order.
    Enum(&'static EnumNames, &'static [(i32, EffectSet)], &'static [(i32, i32)]),
    /// A message: its presence has these effects, and its fields are watched in turn.
    Message(EffectSet, &'static Message),
}

/// The names of an enum's values.
#[derive(Debug)]
pub struct EnumNames {
    /// The beginning that all names share.
    pub prefix: &'static str,
    /// The rest of each name, with the value.
    pub values: &'static [(&'static str, i32)],
}

/// How JSON writes the value of a field.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    Text,
    /// Base64.
    Bytes,
    Flag,
    Enum(&'static EnumNames),
    Message(&'static Message),
    /// A message of which only the presence counts.
    Presence,
}

/// The type of a task token. Source: `temporal/server/api/token/v1/message.proto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskTokenKind {
    /// Of a workflow task or an activity task.
    Task,
    /// Of a query task.
    Query,
    /// Of a Nexus task.
    Nexus,
}

impl Message {
    /// A message whose fields are neither read nor known.
    pub const UNREAD: Self = Self {
        name: "",
        names_only: false,
        is_map_entry: false,
        others: "",
        command: EffectSet::NONE,
        fields: &[],
        known: &[(1, u32::MAX)],
    };

    /// How the task queue that this message describes is used. `None` if the message is not a task queue: a name followed by
    /// a kind.
    #[must_use]
    pub fn task_queue_use(&self) -> Option<QueueUse> {
        match self.fields {
            [
                WatchedField { meaning: FieldMeaning::QueueName(used), .. },
                WatchedField { meaning: FieldMeaning::QueueKind, .. },
                ..,
            ] => Some(*used),
            _ => None,
        }
    }

    /// The watched field of that number, with its index in `fields`.
    #[must_use]
    pub fn field(&self, number: u32) -> Option<(usize, &'static WatchedField)> {
        self.fields.iter().enumerate().find(|(_, field)| field.number == number)
    }

    /// Whether the API has a field of that number in this message.
    #[must_use]
    pub fn knows(&self, number: u32) -> bool {
        self.known.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }
}

impl FieldMeaning {
    /// How JSON writes a value with this meaning.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::OtherNamespace(_)
            | Self::NamespaceId
            | Self::UnlimitedName
            | Self::QueueName(_)
            | Self::QueueNormalName
            | Self::LimitedName(_)
            | Self::Query
            | Self::CallbackUrl
            | Self::NexusService
            | Self::NexusOperation => Shape::Text,
            Self::TaskToken(_) => Shape::Bytes,
            Self::Flag(_) | Self::ChildWorkflowOnly => Shape::Flag,
            Self::QueueKind => Shape::Enum(&TASK_QUEUE_KIND),
            Self::Enum(names, ..) => Shape::Enum(names),
            Self::OnConflictOptions | Self::InternalCallback | Self::NexusInput => Shape::Presence,
            Self::Message(_, message) => Shape::Message(message),
        }
    }
}

impl EnumNames {
    /// The value with this name: the whole name, or the older form without the prefix and with capitals in place of underscores.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<i32> {
        let rest = name.strip_prefix(self.prefix);
        let is_named = |known: &str| rest == Some(known) || is_camel_case(name, known);
        self.values.iter().find(|(known, _)| is_named(known)).map(|(_, value)| *value)
    }
}

/// Whether a text is a name of capitals and underscores, written with a capital at the start of each word.
fn is_camel_case(text: &str, name: &str) -> bool {
    let words = name.split('_');
    let letters = words.flat_map(|word| {
        word.chars().enumerate().map(|(index, letter)| if index == 0 { letter } else { letter.to_ascii_lowercase() })
    });
    letters.eq(text.chars())
}

/// Whether JSON may use this key for the field with this name.
#[must_use]
pub fn is_key_of(key: &str, name: &str) -> bool {
    if key == name {
        return true;
    }
    // Most names differ in their first letter already, which both forms share.
    if key.bytes().next() != name.bytes().next() {
        return false;
    }
    let mut after_underscore = false;
    let camel = name.chars().filter_map(|letter| {
        let capital = std::mem::replace(&mut after_underscore, letter == '_');
        (letter != '_').then(|| if capital { letter.to_ascii_uppercase() } else { letter })
    });
    camel.eq(key.chars())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_two_names() {
        for key in ["workflow_id", "workflowId"] {
            assert!(is_key_of(key, "workflow_id"), "{key}");
        }
        for key in ["WorkflowId", "workflowid", "workflow_Id", "workflowId_", "workflow", "", "workflow-id"] {
            assert!(!is_key_of(key, "workflow_id"), "{key}");
        }
        assert!(is_key_of("id", "id") && !is_key_of("Id", "id"));
    }

    #[test]
    fn enums_have_whole_names_and_older_ones() {
        for name in ["TASK_QUEUE_KIND_WORKER_COMMANDS", "WorkerCommands"] {
            assert_eq!(TASK_QUEUE_KIND.value(name), Some(3), "{name}");
        }
        for name in ["WORKER_COMMANDS", "workerCommands", "Worker_Commands", "task_queue_kind_normal", "", "3"] {
            assert_eq!(TASK_QUEUE_KIND.value(name), None, "{name}");
        }
    }
}
