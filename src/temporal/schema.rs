//! The shape of the fields that a decision depends on, as the generated table lists them.

use super::effect::EffectSet;
use super::names::Use;

/// The watched fields of one protobuf message, sorted by number. All others are skipped by their length.
#[derive(Debug)]
pub struct Message {
    /// Whether only limits look into it.
    pub names_only: bool,
    /// At most 64, so that a bit set tells which have been seen.
    pub fields: &'static [Field],
}

/// One watched field.
#[derive(Debug)]
pub struct Field {
    /// Its number in the message.
    pub number: u32,
    /// Whether it may stand more than once. A singular field that does is refused: decoders merge it or take the last.
    pub repeated: bool,
    /// What it means.
    pub kind: Kind,
}

/// What a watched field means for the decision.
#[derive(Debug)]
pub enum Kind {
    /// A string that names the namespace in which its message has these effects; empty means the request's own.
    OtherNamespace(EffectSet),
    /// A string that names a namespace by its UUID, which cannot be compared with a name.
    NamespaceId,
    /// A string that names a workflow or a task queue, some of which are Temporal's own.
    Name,
    /// A string that names a task queue, which limits compare.
    Queue(Use),
    /// The kind of the task queue of this message.
    QueueKind,
    /// The normal name of the task queue of this message.
    NormalName,
    /// A string that names a workflow type.
    WorkflowType,
    /// A string that names a Nexus endpoint.
    Endpoint,
    /// A query for executions, some of which are Temporal's own.
    Query,
    /// A message by which a start touches what runs already.
    Attach,
    /// A string that says where a callback goes.
    CallbackUrl,
    /// A message that has Temporal call back wherever the bytes in it say.
    CallsBack,
    /// An enum some of whose values have effects.
    Enum(&'static [(i32, EffectSet)]),
    /// A message: its presence has these effects, and its fields are watched in turn.
    Message(EffectSet, &'static Message),
}

impl Message {
    /// How it is used, where it is a task queue: a name beside its kind.
    #[must_use]
    pub fn task_queue_use(&self) -> Option<Use> {
        match self.fields {
            [Field { kind: Kind::Queue(used), .. }, Field { kind: Kind::QueueKind, .. }, ..] => Some(*used),
            _ => None,
        }
    }

    /// The watched field of that number with its place in `fields`.
    #[must_use]
    pub fn field(&self, number: u32) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.number == number)
    }
}
