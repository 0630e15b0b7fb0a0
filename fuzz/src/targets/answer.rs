//! What stands as bytes in a worker's answer: a task token, or the input of an operation at Temporal's own endpoint. It is read
//! the same in any pieces, and as simple code reads it.

use temporal_auth::temporal::{Catalogue, EffectSet, Limit, RequestReader, Target};
use temporal_auth::wire::DecodeError;

use super::super::naive::{Field, fields};
use super::super::pattern::is_temporals_own;
use super::super::{NAMESPACE, pieces};

/// A method, and where its token stands; the last of them sends the input of an operation.
const METHODS: [(&str, u8); 4] = [
    ("RespondActivityTaskCompleted", 1),
    ("RespondQueryTaskCompleted", 1),
    ("RespondNexusTaskFailed", 3),
    ("RespondWorkflowTaskCompleted", 2),
];

fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![(number << 3 & 0x7f) | 2 | if number > 15 { 0x80 } else { 0 }];
    bytes.extend((number > 15).then_some(number >> 4));
    let mut length = content.len();
    while length > 0x7f {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    [&bytes, content].concat()
}

/// The request in which these bytes stand.
fn request(place: usize, bytes: &[u8]) -> Vec<u8> {
    let (name, number) = METHODS[place];
    let content = if place < 3 {
        bytes.to_vec()
    } else {
        let names = [
            "__temporal_system",
            "temporal.api.workflowservice.v1.WorkflowService",
            "SignalWithStartWorkflowExecution",
        ];
        let names = (1..).zip(names).flat_map(|(number, name)| field(number, name.as_bytes()));
        field(18, &names.chain(field(4, bytes)).collect::<Vec<_>>())
    };
    let own = Catalogue::default().named(name).unwrap().namespace_field;
    [field(number, &content), field(u8::try_from(own).unwrap(), NAMESPACE.as_bytes())].concat()
}

fn read(method: &str, pieces: &[&[u8]]) -> Result<Target, DecodeError> {
    let mut reader = RequestReader::new(Catalogue::default().named(method).unwrap(), true);
    pieces.iter().try_for_each(|piece| reader.feed(piece))?;
    reader.finish()
}

fn is_internal(target: &Target) -> bool {
    assert_eq!(target.effects.covers(EffectSet::CLUSTER_ADMIN), target.beyond.is_some());
    target.beyond.is_some()
}

/// The text of the last field of this number.
fn last(fields: &[Field<'_>], number: u64) -> Vec<u8> {
    fields
        .iter()
        .rfind(|field| field.number == number && field.wire == 2)
        .map_or(Vec::new(), |field| field.bytes.to_vec())
}

fn token(place: usize, bytes: &[u8], target: &Target) {
    let ids = target.names.of(Limit::WorkflowIds);
    let fields = fields(bytes).expect("a token that was read is protobuf");
    let name = String::from_utf8(last(&fields, 2)).expect("a name that was read is text");
    if place == 0 {
        assert_eq!(ids, [name.as_str()]);
        assert_eq!(target.names.standalone, !last(&fields, 14).is_empty());
        assert_eq!(is_internal(target), is_temporals_own(&name));
    } else {
        let queue =
            name.strip_prefix("/_sys/").map_or(&*name, |rest| rest.rsplit_once('/').map_or(rest, |(queue, _)| queue));
        assert!(ids.is_empty() && !target.names.standalone);
        assert_eq!(is_internal(target), is_temporals_own(queue) || queue.to_ascii_lowercase().starts_with("/_sys/"));
    }
}

/// The data of a payload that says that it is protobuf.
fn data(payload: &[u8]) -> Option<Vec<u8>> {
    let fields = fields(payload)?;
    let entries = fields.iter().filter(|field| field.number == 1 && field.wire == 2);
    let entries = entries.map(|entry| super::super::naive::fields(entry.bytes)).collect::<Option<Vec<_>>>()?;
    let encodings: Vec<_> = entries.iter().filter(|entry| last(entry, 1) == b"encoding").collect();
    let data: Vec<_> = fields.iter().filter(|field| field.number == 2 && field.wire == 2).collect();
    let is_protobuf = encodings.len() == 1 && last(encodings[0], 2) == b"binary/protobuf" && data.len() < 2;
    is_protobuf.then(|| data.first().map_or(Vec::new(), |field| field.bytes.to_vec()))
}

fn input(bytes: &[u8], target: &Result<Target, DecodeError>) {
    let both = EffectSet::START.with(EffectSet::SIGNAL);
    let inner = data(bytes).map(|data| read("SignalWithStartWorkflowExecution", &[&data]));
    match (inner, target) {
        (None, Ok(target)) => assert!(is_internal(target) && target.names.unread),
        (Some(Err(_)), Err(_)) => {}
        (Some(Ok(inner)), Ok(target)) => {
            // Texts in metadata are read up to a length: what is longer is no encoding.
            if target.names.unread {
                return assert!(bytes.len() > 1000 && is_internal(target));
            }
            let own = [NAMESPACE, ""].contains(&inner.namespace.as_str());
            assert_eq!(target.commands, if own { both } else { EffectSet::NONE });
            assert_eq!(target.elsewhere.iter().any(|place| place.effects.covers(both)), !own);
            assert!(target.effects.covers(inner.effects.without(both)) || !own);
            for limit in Limit::ALL {
                assert_eq!(target.names.of(limit), inner.names.of(limit));
            }
            assert_eq!(target.names.queues, inner.names.queues);
        }
        (inner, target) => panic!("{inner:?} {target:?}"),
    }
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(([mode, sizes @ ..], bytes)) = data.split_first_chunk::<8>() else { return };
    let place = usize::from(*mode) % METHODS.len();
    let (method, _) = METHODS[place];
    let request = request(place, bytes);
    let whole = read(method, &[&request]);
    assert_eq!(read(method, &pieces(sizes, &request)), whole);
    assert_eq!(read(method, &pieces(&[1], &request)), whole);
    match whole {
        whole if place == 3 => input(bytes, &whole),
        Ok(target) => token(place, bytes, &target),
        // The bytes are not protobuf, or could be read in two ways.
        Err(error) => assert_ne!(error, DecodeError::TooLarge),
    }
}
