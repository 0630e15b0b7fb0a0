//! Task tokens: plain protobuf that the server writes and trusts, and that a caller can forge.

use super::names::MAX_NAME;
use super::schema::TaskTokenKind;
use crate::wire::DecodeError;
use crate::wire::protobuf::{Embedded, EmbeddedHandler, FieldAction, Reader, WireType};
use crate::work::Work;

/// The field of a task token that names the workflow, or the task queue. Source:
/// `temporal/server/api/token/v1/message.proto`.
const NAME: u32 = 2;
/// In the token of a `Task`: its standalone activity, if it has one.
const COMPONENT_REF: u32 = 14;

/// The longest name in a token, in bytes: the name of a partition, which contains its task queue's name.
const MAX_TOKEN_NAME: u64 = MAX_NAME + 24;

/// Reads one task token, in any chunking.
#[derive(Debug)]
pub(super) struct TaskTokenReader {
    reader: Reader,
    token: TaskToken,
}

/// What a task token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TaskToken {
    pub(super) kind: TaskTokenKind,
    /// The workflow id in the token of a `Task`; the task queue in the others.
    pub(super) name: String,
    /// Whether the server looks for a standalone activity, whichever workflow the token names.
    pub(super) is_standalone: bool,
    /// The bytes of the name that have arrived.
    bytes: Vec<u8>,
    has_name: bool,
    has_component_ref: bool,
    in_component_ref: bool,
}

impl TaskTokenReader {
    pub(super) fn new(kind: TaskTokenKind) -> Self {
        let token = TaskToken {
            kind,
            name: String::new(),
            is_standalone: false,
            bytes: Vec::new(),
            has_name: false,
            has_component_ref: false,
            in_component_ref: false,
        };
        Self { reader: Reader::default(), token }
    }

    /// How many bytes it holds on the heap.
    pub(super) fn heap_size(&self) -> usize {
        [self.reader.heap_size(), self.token.name.capacity(), self.token.bytes.capacity()]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// They are not protobuf, or have a duplicate field that affects authorization. The server also refuses bytes that are not
    /// protobuf, but that cannot be relied on: where its reader and this one disagree, a token would pass unread.
    pub(super) fn feed(&mut self, bytes: &[u8], work: &mut Work) -> Result<(), DecodeError> {
        self.reader.feed(bytes, &mut Embedded { handler: &mut self.token, work })
    }

    /// What the token says.
    ///
    /// # Errors
    /// It ends within a field.
    pub(super) fn finish(self) -> Result<TaskToken, DecodeError> {
        self.reader.finish()?;
        Ok(self.token)
    }
}

impl EmbeddedHandler for TaskToken {
    fn field(&mut self, number: u32, wire: WireType) -> Result<FieldAction, DecodeError> {
        self.in_component_ref = number == COMPONENT_REF;
        let seen = match (number, wire) {
            (NAME, WireType::LengthDelimited) => &mut self.has_name,
            (COMPONENT_REF, WireType::LengthDelimited) if self.kind == TaskTokenKind::Task => {
                &mut self.has_component_ref
            }
            _ => return Ok(FieldAction::Skip),
        };
        if std::mem::replace(seen, true) {
            return Err(DecodeError::DuplicateTokenField);
        }
        Ok(FieldAction::Chunks)
    }

    fn chunk(&mut self, part: &[u8], last: bool, _: &mut Work) -> Result<(), DecodeError> {
        if self.in_component_ref {
            // An empty reference counts as absent.
            self.is_standalone |= !part.is_empty();
            return Ok(());
        }
        if self.bytes.len().saturating_add(part.len()) as u64 > MAX_TOKEN_NAME {
            return Err(DecodeError::TextTooLong { max: MAX_TOKEN_NAME });
        }
        self.bytes.extend_from_slice(part);
        if last {
            let bytes = std::mem::take(&mut self.bytes);
            self.name = String::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: TaskTokenKind, bytes: &[u8]) -> Result<(String, bool), DecodeError> {
        let read = |chunk: usize| {
            let mut reader = TaskTokenReader::new(kind);
            bytes.chunks(chunk).try_for_each(|part| reader.feed(part, &mut Work::default()))?;
            reader.finish().map(|token| (token.name, token.is_standalone))
        };
        let whole = read(usize::MAX);
        for chunk in 1..bytes.len() {
            assert_eq!(read(chunk), whole, "in chunks of {chunk}");
        }
        whole
    }

    #[test]
    fn a_task_names_its_workflow() {
        let token = b"\x0a\x02ns\x12\x02wf\x1a\x01r\x20\x05\x28\x01";
        assert_eq!(read(TaskTokenKind::Task, token), Ok(("wf".to_owned(), false)));
        assert_eq!(read(TaskTokenKind::Task, b""), Ok((String::new(), false)));
        let component = [&token[..], b"\x72\x01x"].concat();
        assert_eq!(read(TaskTokenKind::Task, &component), Ok(("wf".to_owned(), true)));
        assert_eq!(read(TaskTokenKind::Nexus, &component), Ok(("wf".to_owned(), false)));
        assert_eq!(read(TaskTokenKind::Task, &[&token[..], b"\x72\x00"].concat()), Ok(("wf".to_owned(), false)));
    }

    #[test]
    fn bytes_that_are_not_protobuf_are_refused() {
        for bytes in [&b"{\"workflowId\":\"x\"}"[..], b"\x12\x05wf", b"\x12\x02wf\xff"] {
            assert!(read(TaskTokenKind::Task, bytes).is_err(), "{bytes:?}");
        }
        // A field number that protobuf-go takes only inside a group, and a field number that older servers cut to 32 bits.
        let group = b"\x12\x02wf\xa3\x06\x80\x80\x80\x80\x10\x00\xa4\x06";
        assert_eq!(read(TaskTokenKind::Task, group), Ok(("wf".to_owned(), false)));
        assert!(read(TaskTokenKind::Task, b"\x92\x80\x80\x80\x80\x01\x02wf").is_err());
    }

    #[test]
    fn duplicate_and_unreadable_fields_are_refused() {
        let groups = [vec![0x7b; 101], vec![0x7c; 101], b"\x12\x02wf".to_vec()].concat();
        let long = [&b"\x12\x81\x08"[..], &[b'x'; 1025], b"\x12\x02wf"].concat();
        for bytes in [&b"\x12\x01a\x12\x01b"[..], b"\x72\x01a\x72\x00", b"\x12\x01\xff", &groups, &long] {
            assert!(read(TaskTokenKind::Task, bytes).is_err(), "{bytes:?}");
        }
        assert_eq!(read(TaskTokenKind::Query, b"\x72\x01a\x72\x00"), Ok((String::new(), false)));
    }
}
