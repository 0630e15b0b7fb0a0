//! The shape of the fields that a decision depends on, as the generated table lists them.

use super::effect::EffectSet;
use super::names::{Limit, Use};

/// One protobuf message: its watched fields, sorted by number. All others are skipped by their length.
#[derive(Debug)]
pub struct Message {
    /// The name of its type without the package.
    pub name: &'static str,
    /// Whether only limits look into it.
    pub names_only: bool,
    /// What a worker's command of this type does to others, wherever it acts; nothing for all that is no command.
    pub command: EffectSet,
    /// At most 64, so that a bit set tells which have been seen.
    pub fields: &'static [Field],
    /// The numbers of all its fields in the API that the table was made from, as inclusive ranges in order.
    pub known: &'static [(u32, u32)],
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
    /// A string that names what no limit speaks of, some of which is Temporal's own.
    Name,
    /// A string that names a task queue, which limits compare.
    Queue(Use),
    /// The kind of the task queue of this message.
    QueueKind,
    /// The normal name of the task queue of this message.
    NormalName,
    /// A string that limits of this sort compare.
    Named(Limit),
    /// A text that may ask for executions of Temporal's own.
    Query,
    /// A message by which a start touches what runs already.
    Attach,
    /// A string that says where a callback goes.
    CallbackUrl,
    /// A message that has Temporal call back wherever the bytes in it say.
    CallsBack,
    /// Bytes: the token of a task.
    Token(Token),
    /// A boolean: the command reaches only children of the workflow that sends it.
    ChildOnly,
    /// The service of a Nexus operation.
    Service,
    /// The name of a Nexus operation.
    Operation,
    /// The input of a Nexus operation, a `Payload`.
    Input,
    /// A boolean that has these effects when it is true.
    Flag(EffectSet),
    /// An enum: those of its values that have effects, and all that the API has, as inclusive ranges in order.
    Enum(&'static [(i32, EffectSet)], &'static [(i32, i32)]),
    /// A message: its presence has these effects, and its fields are watched in turn.
    Message(EffectSet, &'static Message),
}

/// Which message of the server's own a task token is. Source: `temporal/server/api/token/v1/message.proto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Of a workflow task or an activity task.
    Task,
    /// Of a query task.
    Query,
    /// Of a Nexus task.
    Nexus,
}

impl Message {
    /// A message of which nothing is read, nor known.
    pub const UNREAD: Self =
        Self { name: "", names_only: false, command: EffectSet::NONE, fields: &[], known: &[(1, u32::MAX)] };

    /// How it is used, where it is a task queue: a name beside its kind.
    #[must_use]
    pub fn task_queue_use(&self) -> Option<Use> {
        match self.fields {
            [Field { kind: Kind::Queue(used), .. }, Field { kind: Kind::QueueKind, .. }, ..] => Some(*used),
            _ => None,
        }
    }

    /// The watched field of that number with its index in `fields`.
    #[must_use]
    pub fn field(&self, number: u32) -> Option<(usize, &'static Field)> {
        self.fields.iter().enumerate().find(|(_, field)| field.number == number)
    }

    /// Whether the API has a field of that number here.
    #[must_use]
    pub fn knows(&self, number: u32) -> bool {
        self.known.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }
}
