//! The protobuf reader reports the same fields however the message is split, and the same as simple code finds.

use temporal_auth::wire::DecodeError;
use temporal_auth::wire::protobuf::{Embedded, EmbeddedHandler, FieldAction, Reader, WireType};
use temporal_auth::work::Work;

use super::super::{naive, pieces};

/// The action for a field depends only on its number.
const ACTIONS: [FieldAction; 5] = [
    FieldAction::Skip,
    FieldAction::Varint,
    FieldAction::Text { max: 1000 },
    FieldAction::Message,
    FieldAction::Chunks,
];

#[derive(Debug, PartialEq)]
enum ReaderEvent {
    Number(u64),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    EndMessage,
}

/// The events so far, and the chunks of a field that has not ended.
#[derive(Debug, Default, PartialEq)]
struct EventLog {
    events: Vec<ReaderEvent>,
    chunks: Vec<u8>,
}

impl EmbeddedHandler for EventLog {
    fn field(&mut self, number: u32, _: WireType) -> Result<FieldAction, DecodeError> {
        Ok(ACTIONS[number as usize % ACTIONS.len()])
    }
    fn varint(&mut self, value: u64) {
        self.events.push(ReaderEvent::Number(value));
    }
    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        self.events.push(ReaderEvent::Text(value.to_vec()));
        Ok(())
    }
    fn chunk(&mut self, part: &[u8], last: bool, _: &mut Work) -> Result<(), DecodeError> {
        self.chunks.extend_from_slice(part);
        if last {
            self.events.push(ReaderEvent::Bytes(std::mem::take(&mut self.chunks)));
        }
        Ok(())
    }
    fn end_message(&mut self) {
        self.events.push(ReaderEvent::EndMessage);
    }
}

fn read(pieces: &[&[u8]]) -> (EventLog, Result<(), DecodeError>) {
    let (mut log, mut reader, mut work) = (EventLog::default(), Reader::default(), Work::default());
    let mut feed = |piece: &&[u8]| reader.feed(piece, &mut Embedded { handler: &mut log, work: &mut work });
    let result = pieces.iter().try_for_each(&mut feed);
    (log, result.and_then(|()| reader.finish()))
}

fn naive_events(bytes: &[u8]) -> Vec<ReaderEvent> {
    let events = |field: naive::RawField<'_>| match (ACTIONS[field.number as usize % ACTIONS.len()], field.wire_type) {
        (FieldAction::Varint, 0) => vec![ReaderEvent::Number(field.varint)],
        (FieldAction::Text { .. }, 2) => vec![ReaderEvent::Text(field.bytes.to_vec())],
        (FieldAction::Chunks, 2) => vec![ReaderEvent::Bytes(field.bytes.to_vec())],
        (FieldAction::Message, 2) => naive_events(field.bytes).into_iter().chain([ReaderEvent::EndMessage]).collect(),
        _ => vec![],
    };
    naive::fields(bytes).expect("a message that was read is protobuf").into_iter().flat_map(events).collect()
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some((sizes, bytes)) = data.split_first_chunk::<8>() else { return };
    let whole = read(&[bytes]);
    assert_eq!(read(&pieces(sizes, bytes)), whole);
    assert_eq!(read(&pieces(&[1], bytes)), whole);
    assert!(whole.1.is_err() || naive_events(bytes) == whole.0.events);
}
