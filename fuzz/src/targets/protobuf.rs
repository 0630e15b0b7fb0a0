//! The protobuf reader reports the same fields in any pieces, and those that simple code finds.

use temporal_auth::wire::DecodeError;
use temporal_auth::wire::protobuf::{FieldAction, Handler, Reader, WireType};

use super::super::{naive, pieces};

/// What is asked of a field depends on its number alone.
const ACTIONS: [FieldAction; 5] = [
    FieldAction::Skip,
    FieldAction::Varint,
    FieldAction::Text { max: 1000 },
    FieldAction::Message,
    FieldAction::Chunks,
];

#[derive(Debug, PartialEq)]
enum Event {
    Number(u64),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
    Leave,
}

/// What was reported, and bytes of which more is to come.
#[derive(Debug, Default, PartialEq)]
struct Log(Vec<Event>, Vec<u8>);

impl Handler for Log {
    fn field(&mut self, number: u32, _: WireType) -> Result<FieldAction, DecodeError> {
        Ok(ACTIONS[number as usize % ACTIONS.len()])
    }
    fn varint(&mut self, value: u64) {
        self.0.push(Event::Number(value));
    }
    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        self.0.push(Event::Text(value.to_vec()));
        Ok(())
    }
    fn chunk(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
        self.1.extend_from_slice(part);
        if last {
            self.0.push(Event::Bytes(std::mem::take(&mut self.1)));
        }
        Ok(())
    }
    fn end_message(&mut self) {
        self.0.push(Event::Leave);
    }
}

fn read(pieces: &[&[u8]]) -> (Log, Result<(), DecodeError>) {
    let (mut log, mut reader) = (Log::default(), Reader::default());
    let result = pieces.iter().try_for_each(|piece| reader.feed(piece, &mut log));
    (log, result.and_then(|()| reader.finish()))
}

fn walk(bytes: &[u8]) -> Vec<Event> {
    let events = |field: naive::Field<'_>| match (ACTIONS[field.number as usize % ACTIONS.len()], field.wire) {
        (FieldAction::Varint, 0) => vec![Event::Number(field.varint)],
        (FieldAction::Text { .. }, 2) => vec![Event::Text(field.bytes.to_vec())],
        (FieldAction::Chunks, 2) => vec![Event::Bytes(field.bytes.to_vec())],
        (FieldAction::Message, 2) => walk(field.bytes).into_iter().chain([Event::Leave]).collect(),
        _ => vec![],
    };
    naive::fields(bytes).expect("what was read is protobuf").into_iter().flat_map(events).collect()
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some((sizes, bytes)) = data.split_first_chunk::<8>() else { return };
    let whole = read(&[bytes]);
    assert_eq!(read(&pieces(sizes, bytes)), whole);
    assert_eq!(read(&pieces(&[1], bytes)), whole);
    assert!(whole.1.is_err() || walk(bytes) == whole.0.0);
}
