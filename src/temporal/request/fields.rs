//! Reads the fields of a request as they arrive.

use super::super::schema::FieldMeaning;
use super::super::target::NewerPart;
use super::meaning::{NextValue, TEXT};
use super::outcome::NamespaceMention;
use super::{OpenMessage, RequestScan};
use crate::temporal::names::TaskQueue;
use crate::wire::DecodeError;
use crate::wire::protobuf::{FieldAction, Handler, WireType};
use crate::work::{Piece, Work};

impl Handler for RequestScan {
    fn work(&mut self) -> &mut Work {
        &mut self.work
    }

    fn field(&mut self, number: u32, wire: WireType) -> Result<FieldAction, DecodeError> {
        self.next = NextValue::Nothing;
        let top = self.open_messages.len() == 1;
        if top && number == self.method.namespace_field && wire == WireType::LengthDelimited {
            if self.namespace.is_some() {
                return Err(DecodeError::DuplicateNamespace);
            }
            self.next = NextValue::OwnNamespace;
            return Ok(TEXT);
        }
        let Some(open) = self.open_messages.last() else { return Ok(FieldAction::Skip) };
        let message = open.message;
        let Some((index, field)) = message.field(number) else {
            if !message.knows(number) {
                self.newer.add(NewerPart { message: message.name, field: number, value: None });
            }
            return Ok(FieldAction::Skip);
        };
        let (next, action) = self.watch(number, &field.meaning, wire);
        // A duplicate of these fields counts even where it is skipped: the server takes the last value, or merges them.
        let is_nexus = matches!(
            field.meaning,
            FieldMeaning::NexusService | FieldMeaning::NexusOperation | FieldMeaning::NexusInput
        );
        if action == FieldAction::Skip && !(is_nexus && wire == WireType::LengthDelimited) {
            return Ok(FieldAction::Skip);
        }
        let Some(open) = self.open_messages.last_mut() else { return Ok(FieldAction::Skip) };
        let bit = 1u64.checked_shl(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0);
        if !field.repeated && open.seen & bit != 0 {
            return Err(DecodeError::DuplicateField);
        }
        open.seen |= bit;
        self.next = next;
        if let (FieldMeaning::Message(effects, message), FieldAction::Message) = (&field.meaning, action) {
            open.effects = open.effects.with(*effects);
            self.open_messages.push(OpenMessage::new(message));
        }
        Ok(action)
    }

    fn varint(&mut self, value: u64) {
        self.read_number(value);
    }

    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        if let (Some(names), Some(limit)) = (&self.names, self.next.limit()) {
            self.work.spend(Piece::Lookup, names.lookups(limit))?;
        }
        if matches!(self.next, NextValue::OtherNamespace(_)) {
            let bytes = self.mentions.iter().map(|mention| mention.namespace.len()).fold(0, usize::saturating_add);
            self.work.spend(Piece::Lookup, bytes)?;
        }
        self.read_text(std::str::from_utf8(value).map_err(|_| DecodeError::NotUtf8)?);
        Ok(())
    }

    fn chunk(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
        self.read_embedded(part, last)
    }

    fn end_message(&mut self) {
        let Some(open) = self.open_messages.pop() else { return };
        let OpenMessage { message, effects, command, mentioned, queue, nexus, .. } = open;
        if let (Some(names), Some(used)) = (&mut self.names, message.task_queue_use()) {
            names.add_queue(TaskQueue { used, ..queue });
        }
        nexus.refusal().into_iter().for_each(|refusal| self.refuse_operation(refusal));
        if let Some((namespace, there)) = mentioned {
            self.mention(NamespaceMention { namespace, there, options: effects, command, must_be_own: false });
            return;
        }
        self.commands = self.commands.with(command);
        match self.open_messages.last_mut() {
            // A message that names no namespace acts where the message around it acts.
            Some(outer) => outer.effects = outer.effects.with(effects),
            None => self.effects = self.effects.with(effects),
        }
    }
}
