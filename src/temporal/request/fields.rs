//! Reads the fields of a request as they arrive.

use super::super::schema::Kind;
use super::super::target::Part;
use super::meaning::{Expected, TEXT};
use super::outcome::Named;
use super::{Level, Reading};
use crate::temporal::names::Queue;
use crate::wire::DecodeError;
use crate::wire::protobuf::{FieldAction, Handler, WireType};

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
        // A duplicate of these counts even where it is skipped: the server takes the last, or merges them.
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
        self.read_number(value);
    }

    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        self.read_text(std::str::from_utf8(value).map_err(|_| DecodeError::NotUtf8)?);
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
