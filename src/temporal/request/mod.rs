//! Reads from a request what it would do: which effects it has, in which namespaces.

mod answer;

use super::effect::EffectSet;
use super::method::{MethodRef, Scope};
use super::names::{Limit, LimitSet, MAX_NAME, Names, Queue, Use};
use super::own::{SYSTEM_ENDPOINT, asks_for_internal, is_internal, is_reserved, is_system};
use super::schema::{Kind, Message};
use super::target::{Elsewhere, Newer, Part, Target, changes_cluster};
use crate::wire::DecodeError;
use crate::wire::protobuf::{FieldAction, Handler, Reader, WireType};
use answer::{Inner, Operation};

/// The method whose effects depend on which operation its request has.
const START_BATCH: &str = "/temporal.api.workflowservice.v1.WorkflowService/StartBatchOperation";

/// The longest query that is read, that of a batch, in bytes.
const MAX_QUERY: u64 = 64 << 10;

/// How many namespaces a request may name in its messages and still be covered by grants for namespaces.
const MAX_NAMED: usize = 16;

/// Reads one request, in any chunking and in bounded memory.
#[derive(Debug)]
pub struct RequestReader {
    reader: Reader,
    reading: Reading,
}

#[derive(Debug)]
struct Reading {
    method: MethodRef,
    namespace: Option<String>,
    named: Vec<Named>,
    too_many: bool,
    by_id: bool,
    /// What of it touches what is Temporal's own, for people.
    internal: Option<&'static str>,
    calls_back: bool,
    newer: Newer,
    /// What limits speak of, where there are limits.
    names: Option<Names>,
    levels: Vec<Level>,
    effects: EffectSet,
    commands: EffectSet,
    expected: Expected,
    /// What reads the bytes that come, for fields whose bytes are messages.
    inner: Option<Inner>,
}

/// A message being read.
#[derive(Debug)]
struct Level {
    message: &'static Message,
    /// Which of its watched fields have been seen.
    seen: u64,
    /// What its options do.
    effects: EffectSet,
    /// What it does as a worker's command.
    command: EffectSet,
    /// The namespace that it names, and what it does there.
    named: Option<(String, EffectSet)>,
    /// The task queue that it is.
    queue: Queue,
    /// Whose Nexus operation it starts.
    operation: Operation,
}

/// A namespace that messages of the request name. Whether it is the request's own is known at the end.
#[derive(Debug)]
struct Named {
    namespace: String,
    /// What the messages do in a foreign namespace. In the request's own the method covers it: a worker's command is part
    /// of its answer.
    there: EffectSet,
    /// What their options do, wherever it is.
    options: EffectSet,
    /// What the messages do as a worker's commands.
    command: EffectSet,
    /// Whether it must be the request's own, as in an operation of Temporal's own.
    own: bool,
}

/// What the value is that comes next.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Nothing,
    OwnNamespace,
    OtherNamespace(EffectSet),
    NamespaceId,
    Name,
    Queue(Use),
    QueueKind,
    NormalName,
    Named(Limit),
    CallbackUrl,
    Query,
    ChildOnly,
    Service,
    Operation,
    Flag(EffectSet),
    Enum { field: u32, effects: &'static [(i32, EffectSet)], known: &'static [(i32, i32)] },
}

impl RequestReader {
    /// A request of this method of which nothing has arrived. `names` says whether all that limits may compare is wanted.
    #[must_use]
    pub fn new(method: MethodRef, names: bool) -> Self {
        Self::for_limits(method, if names { LimitSet::ALL } else { LimitSet::NONE })
    }

    /// The same, where limits of these sorts compare what it names.
    #[must_use]
    pub fn for_limits(method: MethodRef, limits: LimitSet) -> Self {
        let reading = Reading {
            levels: vec![Level::new(method.request)],
            effects: method.effects,
            method,
            namespace: None,
            named: Vec::new(),
            too_many: false,
            by_id: false,
            internal: None,
            calls_back: false,
            newer: Newer::default(),
            names: (limits != LimitSet::NONE).then(|| Names::wanting(limits)),
            commands: EffectSet::NONE,
            expected: Expected::Nothing,
            inner: None,
        };
        Self { reader: Reader::default(), reading }
    }

    /// Reads the next bytes of the request.
    ///
    /// # Errors
    /// Temporal would not decode them, or a field that decides stands twice.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.reader.feed(bytes, &mut self.reading)
    }

    /// The request has arrived whole.
    ///
    /// # Errors
    /// It ends within a field.
    pub fn finish(self) -> Result<Target, DecodeError> {
        self.reader.finish()?;
        Ok(self.reading.target())
    }
}

/// Whether a callback leads back into Temporal. The server takes `temporal://system` and `temporal://internal`, exactly.
/// Source: `common/nexus/constants.go`.
fn is_callback(url: &str) -> bool {
    url.trim_start().get(.."temporal:".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("temporal:"))
}

impl Level {
    fn new(message: &'static Message) -> Self {
        Self {
            message,
            seen: 0,
            effects: EffectSet::NONE,
            command: message.command,
            named: None,
            queue: Queue::default(),
            operation: Operation::Foreign,
        }
    }
}

impl Reading {
    fn target(mut self) -> Target {
        while !self.levels.is_empty() {
            self.end_message();
        }
        let namespace = self.namespace.take().unwrap_or_default();
        let mut elsewhere = Vec::new();
        for Named { namespace: other, there, options, command, own } in std::mem::take(&mut self.named) {
            if other == namespace {
                self.effects = self.effects.with(options);
                self.commands = self.commands.with(command);
            } else {
                if own {
                    self.touches("an operation of Temporal's own names another namespace");
                }
                elsewhere.push(Elsewhere { namespace: other, effects: there.with(options) });
            }
        }
        let Self { method, mut effects, commands, too_many, by_id, calls_back, newer, .. } = self;
        if method.path == START_BATCH && (newer.count > 0 || effects == method.effects) {
            // An operation of a newer server, which could be anything that a batch may do.
            effects = effects.with(EffectSet::WRITER);
        }
        let system = is_system(&namespace) || elsewhere.iter().any(|place: &Elsewhere| is_system(&place.namespace));
        let internal = self.internal.or(system.then_some("the request is about Temporal's own namespace"));
        // To read about them is harmless, and the Web UI does.
        let internal = internal.filter(|_| !EffectSet::READER.covers(method.effects));
        if internal.is_some() {
            effects = effects.with(EffectSet::CLUSTER_ADMIN);
        }
        let beyond = if method.scope == Scope::Cluster {
            Some("the call concerns the whole cluster")
        } else if internal.is_some() {
            internal
        } else if namespace.is_empty() {
            Some("the request does not name its namespace")
        } else if by_id {
            Some("the request names a namespace by its id")
        } else if too_many {
            Some("the request names too many namespaces")
        } else {
            None
        };
        let nameless = method.scope == Scope::Namespace && namespace.is_empty();
        // What Temporal's own workers do with their tasks is their work; whoever else touches what is Temporal's own may
        // bring about anything by it.
        let anything = internal.is_some() && !EffectSet::WORKER.covers(method.effects);
        let unseen = changes_cluster(&method) || nameless || by_id || too_many || calls_back || (anything && system);
        let names = self.names.unwrap_or_default();
        Target { method, namespace, effects, commands, elsewhere, beyond, anything, unseen, calls_back, names, newer }
    }

    /// Remembers what of the request touches what is Temporal's own.
    fn touches(&mut self, what: &'static str) {
        self.internal.get_or_insert(what);
    }

    fn touches_if(&mut self, internal: bool, what: &'static str) {
        if internal {
            self.touches(what);
        }
    }

    /// Remembers what a message does in the namespace that it names.
    fn note(&mut self, named: Named) {
        if let Some(known) = self.named.iter_mut().find(|known| known.namespace == named.namespace) {
            known.there = known.there.with(named.there);
            known.options = known.options.with(named.options);
            known.command = known.command.with(named.command);
            known.own |= named.own;
        } else if self.named.len() < MAX_NAMED {
            self.named.push(named);
        } else {
            // What is done in one namespace too many counts as done here, and only a grant for all of them covers it.
            self.too_many = true;
            self.effects = self.effects.with(named.there).with(named.options);
            self.commands = self.commands.with(named.command);
            self.touches_if(named.own, "an operation of Temporal's own names another namespace");
        }
    }

    /// What to do with a watched field, and what its value will be.
    fn watch(&mut self, number: u32, kind: &'static Kind, wire: WireType) -> (Expected, FieldAction) {
        let limited = self.names.is_some();
        let operation = self.levels.last().map_or(Operation::Foreign, |level| level.operation);
        match (kind, wire) {
            (Kind::QueueKind | Kind::NormalName, _) if !limited => SKIP,
            (Kind::Named(limit), _) if !limited && limit.is_plain() => SKIP,
            (Kind::Message(effects, message), _) if !limited && message.names_only && effects.is_empty() => SKIP,
            (Kind::Queue(used), WireType::LengthDelimited) => (Expected::Queue(*used), TEXT),
            (Kind::QueueKind, WireType::Varint) => (Expected::QueueKind, FieldAction::Varint),
            (Kind::NormalName, WireType::LengthDelimited) => (Expected::NormalName, TEXT),
            (Kind::Named(limit), WireType::LengthDelimited) => (Expected::Named(*limit), TEXT),
            (Kind::Query, WireType::LengthDelimited) => (Expected::Query, FieldAction::Text { max: MAX_QUERY }),
            (Kind::Attach, WireType::LengthDelimited) => {
                self.names.iter_mut().for_each(|names| names.attaches = true);
                SKIP
            }
            (Kind::CallsBack, WireType::LengthDelimited) => {
                self.calls_back = true;
                SKIP
            }
            (Kind::CallbackUrl, WireType::LengthDelimited) => (Expected::CallbackUrl, TEXT),
            (Kind::OtherNamespace(there), WireType::LengthDelimited) => (Expected::OtherNamespace(*there), TEXT),
            (Kind::NamespaceId, WireType::LengthDelimited) => (Expected::NamespaceId, TEXT),
            (Kind::Name, WireType::LengthDelimited) => (Expected::Name, TEXT),
            (Kind::Token(token), WireType::LengthDelimited) => self.awaits_token(*token),
            (Kind::ChildOnly, WireType::Varint) => (Expected::ChildOnly, FieldAction::Varint),
            (Kind::Service, WireType::LengthDelimited) if operation == Operation::Own => (Expected::Service, TEXT),
            (Kind::Operation, WireType::LengthDelimited) if operation == Operation::OfService => {
                (Expected::Operation, TEXT)
            }
            (Kind::Input, WireType::LengthDelimited) if operation == Operation::Known => self.awaits_input(),
            (Kind::Flag(effects), WireType::Varint) => (Expected::Flag(*effects), FieldAction::Varint),
            (Kind::Enum(effects, known), WireType::Varint) => {
                (Expected::Enum { field: number, effects, known }, FieldAction::Varint)
            }
            (Kind::Message(..), WireType::LengthDelimited) => (Expected::Nothing, FieldAction::Message),
            // Another wire type: an unknown field to every protobuf decoder.
            _ => SKIP,
        }
    }
}

const TEXT: FieldAction = FieldAction::Text { max: MAX_NAME };
const SKIP: (Expected, FieldAction) = (Expected::Nothing, FieldAction::Skip);

impl Handler for Reading {
    fn field(&mut self, number: u32, wire: WireType) -> Result<FieldAction, DecodeError> {
        self.expected = Expected::Nothing;
        let top = self.levels.len() == 1;
        if top && number == self.method.namespace_field && wire == WireType::LengthDelimited {
            if self.namespace.is_some() {
                return Err(DecodeError::DuplicateNamespace);
            }
            self.expected = Expected::OwnNamespace;
            return Ok(TEXT);
        }
        let Some(level) = self.levels.last() else { return Ok(FieldAction::Skip) };
        let message = level.message;
        let Some((index, field)) = message.field(number) else {
            if !message.knows(number) {
                self.newer.add(Part { message: message.name, field: number, value: None });
            }
            return Ok(FieldAction::Skip);
        };
        let (expected, want) = self.watch(number, &field.kind, wire);
        // Of these the server takes the last, or both together, whichever of them is read here.
        let whole =
            matches!(field.kind, Kind::Service | Kind::Operation | Kind::Input) && wire == WireType::LengthDelimited;
        if want == FieldAction::Skip && !whole {
            return Ok(FieldAction::Skip);
        }
        let Some(level) = self.levels.last_mut() else { return Ok(FieldAction::Skip) };
        let bit = 1u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
        if !field.repeated && level.seen & bit != 0 {
            return Err(DecodeError::DuplicateField);
        }
        level.seen |= bit;
        self.expected = expected;
        if let (Kind::Message(effects, message), FieldAction::Message) = (&field.kind, want) {
            level.effects = level.effects.with(*effects);
            self.levels.push(Level::new(message));
        }
        Ok(want)
    }

    fn varint(&mut self, value: u64) {
        let Some(level) = self.levels.last_mut() else { return };
        match self.expected {
            Expected::Enum { field, effects, known } => {
                // protobuf-go keeps the low 32 bits of an enum.
                let value = value as i32;
                for (_, effects) in effects.iter().filter(|(known, _)| *known == value) {
                    level.effects = level.effects.with(*effects);
                }
                if !known.iter().any(|(first, last)| (*first..=*last).contains(&value)) {
                    self.newer.add(Part { message: level.message.name, field, value: Some(value) });
                }
            }
            Expected::QueueKind => level.queue.kind = value as i32,
            Expected::ChildOnly if value != 0 => level.command = EffectSet::NONE,
            Expected::Flag(effects) if value != 0 => level.effects = level.effects.with(effects),
            _ => {}
        }
    }

    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        let text = std::str::from_utf8(value).map_err(|_| DecodeError::NotUtf8)?;
        const INTERNAL: &str = "the request names what is Temporal's own";
        match self.expected {
            Expected::Name => self.touches_if(is_internal(text), INTERNAL),
            Expected::OwnNamespace => self.namespace = Some(text.to_owned()),
            Expected::NamespaceId => self.by_id |= !text.is_empty(),
            Expected::Query => self.touches_if(asks_for_internal(text), "the request asks for what is Temporal's own"),
            Expected::CallbackUrl => self.calls_back |= is_callback(text),
            Expected::Queue(used) => {
                self.touches_if(is_internal(text), INTERNAL);
                match (self.levels.last_mut(), &mut self.names) {
                    (Some(level), Some(_)) if level.message.task_queue_use().is_some() => {
                        level.queue.name = text.to_owned();
                    }
                    (_, Some(names)) => names.queue(Queue { used, name: text.to_owned(), ..Queue::default() }),
                    _ => {}
                }
            }
            Expected::Named(limit) => {
                match limit {
                    Limit::WorkflowIds => self.touches_if(is_internal(text), INTERNAL),
                    Limit::WorkflowTypes => self.touches_if(is_reserved(text), INTERNAL),
                    _ => {}
                }
                // What Temporal's own endpoint is asked for decides, not that it is asked.
                let own = limit == Limit::NexusEndpoints && text == SYSTEM_ENDPOINT;
                if let Some(names) = self.names.as_mut().filter(|_| !own) {
                    names.name(limit, text);
                    // The workflow of a schedule is the schedule.
                    if limit == Limit::WorkflowIds && is_reserved(text) {
                        names.name(Limit::ScheduleIds, text.split_once(':').map_or(text, |(_, schedule)| schedule));
                    }
                }
            }
            _ => {}
        }
        let Some(level) = self.levels.last_mut() else { return Ok(()) };
        match self.expected {
            Expected::OtherNamespace(there) if !text.is_empty() => level.named = Some((text.to_owned(), there)),
            Expected::NormalName => text.clone_into(&mut level.queue.normal_name),
            Expected::Named(Limit::NexusEndpoints) if text == SYSTEM_ENDPOINT => level.operation = Operation::Own,
            Expected::Service => level.operation = level.operation.of_service(text),
            Expected::Operation => level.operation = level.operation.named(text),
            _ => {}
        }
        Ok(())
    }

    fn chunk(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
        self.inner_bytes(part, last)
    }

    fn end_message(&mut self) {
        let Some(level) = self.levels.pop() else { return };
        let Level { message, effects, command, named, queue, operation, .. } = level;
        if let (Some(names), Some(used)) = (&mut self.names, message.task_queue_use()) {
            names.queue(Queue { used, ..queue });
        }
        operation.refused().into_iter().for_each(|why| self.unread(why));
        if let Some((namespace, there)) = named {
            self.note(Named { namespace, there, options: effects, command, own: false });
            return;
        }
        self.commands = self.commands.with(command);
        match self.levels.last_mut() {
            // Without a name of its own a message acts where the one around it does.
            Some(around) => around.effects = around.effects.with(effects),
            None => self.effects = self.effects.with(effects),
        }
    }
}

#[cfg(test)]
mod tests;
