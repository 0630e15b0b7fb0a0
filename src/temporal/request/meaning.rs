//! What the fields of a request mean.

use super::super::effect::EffectSet;
use super::super::names::{Limit, MAX_NAME, QueueUse, TaskQueue};
use super::super::reserved::{SYSTEM_ENDPOINT, is_internal, is_reserved, may_find_internal};
use super::super::schema::FieldMeaning;
use super::super::system_reason::InternalReason;
use super::super::target::NewerPart;
use super::RequestScan;
use super::embedded::NexusTarget;
use crate::wire::protobuf::{FieldAction, WireType};

/// The longest query that is read, in bytes. Only a batch's query is.
const MAX_QUERY: u64 = 64 << 10;

/// What the next value in the request is.
#[derive(Debug, Clone, Copy)]
pub(super) enum NextValue {
    Nothing,
    OwnNamespace,
    OtherNamespace(EffectSet),
    NamespaceId,
    UnlimitedName,
    QueueName(QueueUse),
    QueueKind,
    QueueNormalName,
    LimitedName(Limit),
    CallbackUrl,
    Query,
    ChildWorkflowOnly,
    NexusService,
    NexusOperation,
    Flag(EffectSet),
    Enum { field: u32, effects: &'static [(i32, EffectSet)], known: &'static [(i32, i32)] },
}

impl NextValue {
    /// The limit that compares the value, if it is a name.
    pub(super) fn limit(self) -> Option<Limit> {
        match self {
            Self::QueueName(_) | Self::QueueNormalName => Some(Limit::TaskQueues),
            Self::LimitedName(limit) => Some(limit),
            _ => None,
        }
    }
}

pub(super) const TEXT: FieldAction = FieldAction::Text { max: MAX_NAME };
pub(super) const SKIP: (NextValue, FieldAction) = (NextValue::Nothing, FieldAction::Skip);

impl RequestScan {
    /// What to do with a watched field, and what its value will be.
    pub(super) fn watch(
        &mut self,
        number: u32,
        meaning: &'static FieldMeaning,
        wire: WireType,
    ) -> (NextValue, FieldAction) {
        let limited = self.names.is_some();
        let nexus = self.open_messages.last().map_or(NexusTarget::Foreign, |open| open.nexus);
        match (meaning, wire) {
            (FieldMeaning::QueueKind | FieldMeaning::QueueNormalName, _) if !limited => SKIP,
            (FieldMeaning::LimitedName(limit), _) if !limited && !limit.may_be_internal() => SKIP,
            (FieldMeaning::Message(effects, message), _) if !limited && message.names_only && effects.is_empty() => {
                SKIP
            }
            (FieldMeaning::QueueName(used), WireType::LengthDelimited) => (NextValue::QueueName(*used), TEXT),
            (FieldMeaning::QueueKind, WireType::Varint) => (NextValue::QueueKind, FieldAction::Varint),
            (FieldMeaning::QueueNormalName, WireType::LengthDelimited) => (NextValue::QueueNormalName, TEXT),
            (FieldMeaning::LimitedName(limit), WireType::LengthDelimited) => (NextValue::LimitedName(*limit), TEXT),
            (FieldMeaning::Query, WireType::LengthDelimited) => {
                (NextValue::Query, FieldAction::Text { max: MAX_QUERY })
            }
            (FieldMeaning::OnConflictOptions, WireType::LengthDelimited) => {
                self.names.iter_mut().for_each(|names| names.attaches_to_running = true);
                SKIP
            }
            (FieldMeaning::InternalCallback, WireType::LengthDelimited) => {
                self.registers_callback = true;
                SKIP
            }
            (FieldMeaning::CallbackUrl, WireType::LengthDelimited) => (NextValue::CallbackUrl, TEXT),
            (FieldMeaning::OtherNamespace(there), WireType::LengthDelimited) => {
                (NextValue::OtherNamespace(*there), TEXT)
            }
            (FieldMeaning::NamespaceId, WireType::LengthDelimited) => (NextValue::NamespaceId, TEXT),
            (FieldMeaning::UnlimitedName, WireType::LengthDelimited) => (NextValue::UnlimitedName, TEXT),
            (FieldMeaning::TaskToken(kind), WireType::LengthDelimited) => self.expect_task_token(*kind),
            (FieldMeaning::ChildWorkflowOnly, WireType::Varint) => (NextValue::ChildWorkflowOnly, FieldAction::Varint),
            (FieldMeaning::NexusService, WireType::LengthDelimited) if nexus == NexusTarget::SystemEndpoint => {
                (NextValue::NexusService, TEXT)
            }
            (FieldMeaning::NexusOperation, WireType::LengthDelimited) if nexus == NexusTarget::KnownService => {
                (NextValue::NexusOperation, TEXT)
            }
            (FieldMeaning::NexusInput, WireType::LengthDelimited) if nexus == NexusTarget::KnownOperation => {
                self.expect_nexus_input()
            }
            (FieldMeaning::Flag(effects), WireType::Varint) => (NextValue::Flag(*effects), FieldAction::Varint),
            (FieldMeaning::Enum(_, effects, known), WireType::Varint) => {
                (NextValue::Enum { field: number, effects, known }, FieldAction::Varint)
            }
            (FieldMeaning::Message(..), WireType::LengthDelimited) => (NextValue::Nothing, FieldAction::Message),
            // With another wire type it is an unknown field to every protobuf decoder.
            _ => SKIP,
        }
    }

    /// Takes a number that is what [`NextValue`] says.
    pub(super) fn read_number(&mut self, value: u64) {
        let Some(open) = self.open_messages.last_mut() else { return };
        match self.next {
            NextValue::Enum { field, effects, known } => {
                // protobuf-go keeps the low 32 bits of an enum.
                let value = value as i32;
                for (_, effects) in effects.iter().filter(|(known, _)| *known == value) {
                    open.effects = open.effects.with(*effects);
                }
                if !known.iter().any(|(first, last)| (*first..=*last).contains(&value)) {
                    self.newer.add(NewerPart { message: open.message.name, field, value: Some(value) });
                }
            }
            NextValue::QueueKind => open.queue.kind = value as i32,
            NextValue::ChildWorkflowOnly if value != 0 => open.command = EffectSet::NONE,
            NextValue::Flag(effects) if value != 0 => open.effects = open.effects.with(effects),
            _ => {}
        }
    }

    /// Takes a text that is what [`NextValue`] says.
    pub(super) fn read_text(&mut self, text: &str) {
        match self.next {
            NextValue::UnlimitedName if is_internal(text) => self.touch_internal(InternalReason::Name),
            NextValue::OwnNamespace => self.namespace = Some(text.to_owned()),
            NextValue::NamespaceId => text.clone_into(&mut self.namespace_id),
            NextValue::Query if may_find_internal(text) => self.touch_internal(InternalReason::Query),
            NextValue::CallbackUrl => self.registers_callback |= leads_into_temporal(text),
            NextValue::QueueName(used) => self.read_queue_name(used, text),
            NextValue::LimitedName(limit) => self.read_limited_name(limit, text),
            _ => {}
        }
        let Some(open) = self.open_messages.last_mut() else { return };
        match self.next {
            NextValue::OtherNamespace(there) if !text.is_empty() => open.mentioned = Some((text.to_owned(), there)),
            NextValue::QueueNormalName => text.clone_into(&mut open.queue.normal_name),
            NextValue::LimitedName(Limit::NexusEndpoints) if text == SYSTEM_ENDPOINT => {
                open.nexus = NexusTarget::SystemEndpoint;
            }
            NextValue::NexusService => open.nexus = open.nexus.with_service(text),
            NextValue::NexusOperation => open.nexus = open.nexus.with_operation(text),
            _ => {}
        }
    }

    fn read_queue_name(&mut self, used: QueueUse, name: &str) {
        if is_internal(name) {
            self.touch_internal(InternalReason::Name);
        }
        match (self.open_messages.last_mut(), &mut self.names) {
            (Some(open), Some(_)) if open.message.task_queue_use().is_some() => open.queue.name = name.to_owned(),
            (_, Some(names)) => names.add_queue(TaskQueue { used, name: name.to_owned(), ..TaskQueue::default() }),
            _ => {}
        }
    }

    fn read_limited_name(&mut self, limit: Limit, name: &str) {
        let touches_internal = match limit {
            Limit::WorkflowIds => is_internal(name),
            Limit::WorkflowTypes => is_reserved(name),
            _ => false,
        };
        if touches_internal {
            self.touch_internal(InternalReason::Name);
        }
        // Temporal's own endpoint is judged by the operation, not by the endpoint's name.
        let is_system_endpoint = limit == Limit::NexusEndpoints && name == SYSTEM_ENDPOINT;
        if let Some(names) = self.names.as_mut().filter(|_| !is_system_endpoint) {
            names.add(limit, name);
            // To name a schedule's own workflow is to name the schedule.
            if limit == Limit::WorkflowIds && is_reserved(name) {
                names.add(Limit::ScheduleIds, name.split_once(':').map_or(name, |(_, schedule)| schedule));
            }
        }
    }
}

/// Whether a callback leads back into Temporal. The server takes `temporal://system` and `temporal://internal`, exactly.
/// Source: `common/nexus/constants.go`.
pub(in crate::temporal) fn leads_into_temporal(url: &str) -> bool {
    url.trim_start().get(.."temporal:".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("temporal:"))
}
