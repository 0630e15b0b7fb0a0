//! What the fields of a request mean.

use super::super::effect::EffectSet;
use super::super::names::{Limit, MAX_NAME, Queue, Use};
use super::super::own::{SYSTEM_ENDPOINT, asks_for_internal, is_internal, is_reserved};
use super::super::schema::Kind;
use super::super::target::Part;
use super::Reading;
use super::answer::Operation;
use crate::wire::protobuf::{FieldAction, WireType};

/// The longest query that is read, that of a batch, in bytes.
const MAX_QUERY: u64 = 64 << 10;

/// What the next value is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expected {
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

pub(super) const TEXT: FieldAction = FieldAction::Text { max: MAX_NAME };
pub(super) const SKIP: (Expected, FieldAction) = (Expected::Nothing, FieldAction::Skip);

impl Reading {
    /// What to do with a watched field, and what its value means.
    pub(super) fn watch(&mut self, number: u32, kind: &'static Kind, wire: WireType) -> (Expected, FieldAction) {
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

    /// The number of the field that [`Expected`] describes has been read.
    pub(super) fn read_number(&mut self, value: u64) {
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

    /// The text of the field that [`Expected`] describes has been read.
    pub(super) fn read_text(&mut self, text: &str) {
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
                // Temporal's own endpoint is judged by the operation, not as an endpoint.
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
        let Some(level) = self.levels.last_mut() else { return };
        match self.expected {
            Expected::OtherNamespace(there) if !text.is_empty() => level.named = Some((text.to_owned(), there)),
            Expected::NormalName => text.clone_into(&mut level.queue.normal_name),
            Expected::Named(Limit::NexusEndpoints) if text == SYSTEM_ENDPOINT => level.operation = Operation::Own,
            Expected::Service => level.operation = level.operation.of_service(text),
            Expected::Operation => level.operation = level.operation.named(text),
            _ => {}
        }
    }
}

/// Whether a callback leads back into Temporal. The server takes `temporal://system` and `temporal://internal`, exactly.
/// Source: `common/nexus/constants.go`.
fn is_callback(url: &str) -> bool {
    url.trim_start().get(.."temporal:".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("temporal:"))
}
