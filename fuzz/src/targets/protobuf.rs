//! The protobuf reader reports the same fields in any pieces, and those that simple code finds.

use temporal_auth::wire::DecodeError;
use temporal_auth::wire::protobuf::{Handler, Reader, Want, Wire};

use super::super::{naive, pieces};

/// What is asked of a field depends on its number alone.
const WANTS: [Want; 5] = [Want::Skip, Want::Number, Want::Text, Want::Fields, Want::Bytes];

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
    fn field(&mut self, number: u32, _: Wire) -> Result<Want, DecodeError> {
        Ok(WANTS[number as usize % WANTS.len()])
    }
    fn number(&mut self, value: u64) {
        self.0.push(Event::Number(value));
    }
    fn text(&mut self, value: &[u8]) -> Result<(), DecodeError> {
        self.0.push(Event::Text(value.to_vec()));
        Ok(())
    }
    fn bytes(&mut self, part: &[u8], last: bool) -> Result<(), DecodeError> {
        self.1.extend_from_slice(part);
        if last {
            self.0.push(Event::Bytes(std::mem::take(&mut self.1)));
        }
        Ok(())
    }
    fn leave(&mut self) {
        self.0.push(Event::Leave);
    }
}

fn read(pieces: &[&[u8]]) -> (Log, Result<(), DecodeError>) {
    let (mut log, mut reader) = (Log::default(), Reader::default());
    let result = pieces.iter().try_for_each(|piece| reader.feed(piece, &mut log));
    (log, result.and_then(|()| reader.finish()))
}

fn walk(bytes: &[u8]) -> Vec<Event> {
    let events = |field: naive::Field<'_>| match (WANTS[field.number as usize % WANTS.len()], field.wire) {
        (Want::Number, 0) => vec![Event::Number(field.varint)],
        (Want::Text, 2) => vec![Event::Text(field.bytes.to_vec())],
        (Want::Bytes, 2) => vec![Event::Bytes(field.bytes.to_vec())],
        (Want::Fields, 2) => walk(field.bytes).into_iter().chain([Event::Leave]).collect(),
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
