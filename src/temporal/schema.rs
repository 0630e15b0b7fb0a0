//! The fields of requests that a decision depends on, as the generated table lists them.

use super::effect::EffectSet;
use super::names::{Limit, QueueUse};

/// One protobuf message with its watched fields, sorted by number. All other fields are skipped by their length.
#[derive(Debug)]
pub struct Message {
    /// The name of its type without the package.
    pub name: &'static str,
    /// Whether only limits need its fields.
    pub names_only: bool,
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
    /// An enum: the values that have effects, and all values that the API has, as inclusive ranges in order.
    Enum(&'static [(i32, EffectSet)], &'static [(i32, i32)]),
    /// A message: its presence has these effects, and its fields are watched in turn.
    Message(EffectSet, &'static Message),
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
    pub const UNREAD: Self =
        Self { name: "", names_only: false, command: EffectSet::NONE, fields: &[], known: &[(1, u32::MAX)] };

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
