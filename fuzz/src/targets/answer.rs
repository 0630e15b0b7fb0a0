//! The bytes in a worker's answer that are protobuf themselves: a task token, or the input of an operation at
//! Temporal's own endpoint. The target is the same however they are split, and the same as simple code finds.

use temporal_auth::temporal::{Catalogue, EffectSet, Limit, RequestReader, Target};
use temporal_auth::wire::DecodeError;

use super::super::naive::{RawField, fields};
use super::super::pattern::is_temporals_own;
use super::super::{NAMESPACE, pieces};

/// A method, and the field of its task token. The last method has a command with the input of an operation instead.
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

/// A request of the method with these bytes.
fn request(index: usize, bytes: &[u8]) -> Vec<u8> {
    let (name, number) = METHODS[index];
    let content = if index < 3 {
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
    let namespace_field = Catalogue::default().named(name).unwrap().namespace_field;
    [field(number, &content), field(u8::try_from(namespace_field).unwrap(), NAMESPACE.as_bytes())].concat()
}

fn read(method: &str, pieces: &[&[u8]]) -> Result<Target, DecodeError> {
    let mut reader = RequestReader::new(Catalogue::default().named(method).unwrap(), true);
    pieces.iter().try_for_each(|piece| reader.feed(piece))?;
    reader.finish()
}

fn is_internal(target: &Target) -> bool {
    assert_eq!(target.effects.covers(EffectSet::CLUSTER_ADMIN), target.needs_system.is_some());
    target.needs_system.is_some()
}

/// The bytes of the last field with this number.
fn last(fields: &[RawField<'_>], number: u64) -> Vec<u8> {
    fields
        .iter()
        .rfind(|field| field.number == number && field.wire_type == 2)
        .map_or(Vec::new(), |field| field.bytes.to_vec())
}

fn check_token(index: usize, bytes: &[u8], target: &Target) {
    let ids = target.names.of(Limit::WorkflowIds);
    let fields = fields(bytes).expect("a token that was read is protobuf");
    let name = String::from_utf8(last(&fields, 2)).expect("a name that was read is text");
    if index == 0 {
        assert_eq!(ids, [name.as_str()]);
        assert_eq!(target.names.has_standalone_task, !last(&fields, 14).is_empty());
        assert_eq!(is_internal(target), is_temporals_own(&name));
    } else {
        let queue =
            name.strip_prefix("/_sys/").map_or(&*name, |rest| rest.rsplit_once('/').map_or(rest, |(queue, _)| queue));
        assert!(ids.is_empty() && !target.names.has_standalone_task);
        assert_eq!(is_internal(target), is_temporals_own(queue) || queue.to_ascii_lowercase().starts_with("/_sys/"));
    }
}

/// The data of a payload whose encoding is protobuf; `None` for any other payload.
fn protobuf_data(payload: &[u8]) -> Option<Vec<u8>> {
    let fields = fields(payload)?;
    let entries = fields.iter().filter(|field| field.number == 1 && field.wire_type == 2);
    let entries = entries.map(|entry| super::super::naive::fields(entry.bytes)).collect::<Option<Vec<_>>>()?;
    let encodings: Vec<_> = entries.iter().filter(|entry| last(entry, 1) == b"encoding").collect();
    let data: Vec<_> = fields.iter().filter(|field| field.number == 2 && field.wire_type == 2).collect();
    let is_protobuf = encodings.len() == 1 && last(encodings[0], 2) == b"binary/protobuf" && data.len() < 2;
    is_protobuf.then(|| data.first().map_or(Vec::new(), |field| field.bytes.to_vec()))
}

fn check_input(bytes: &[u8], target: &Result<Target, DecodeError>) {
    let both = EffectSet::START.with(EffectSet::SIGNAL);
    let inner = protobuf_data(bytes).map(|data| read("SignalWithStartWorkflowExecution", &[&data]));
    match (inner, target) {
        (None, Ok(target)) => assert!(is_internal(target) && target.names.has_unread_operation),
        (Some(Err(_)), Err(_)) => {}
        (Some(Ok(inner)), Ok(target)) => {
            // Texts in metadata are read up to a length. A longer text is not an encoding.
            if target.names.has_unread_operation {
                return assert!(bytes.len() > 1000 && is_internal(target));
            }
            let is_same_namespace = [NAMESPACE, ""].contains(&inner.namespace.as_str());
            assert_eq!(target.commands, if is_same_namespace { both } else { EffectSet::NONE });
            assert_eq!(target.elsewhere.iter().any(|other| other.effects.covers(both)), !is_same_namespace);
            assert!(target.effects.covers(inner.effects.without(both)) || !is_same_namespace);
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
    let index = usize::from(*mode) % METHODS.len();
    let (method, _) = METHODS[index];
    let request = request(index, bytes);
    let whole = read(method, &[&request]);
    assert_eq!(read(method, &pieces(sizes, &request)), whole);
    assert_eq!(read(method, &pieces(&[1], &request)), whole);
    match whole {
        whole if index == 3 => check_input(bytes, &whole),
        Ok(target) => check_token(index, bytes, &target),
        // The bytes are not protobuf, or could be read in two ways.
        Err(error) => assert_ne!(error, DecodeError::TooLarge),
    }
}
