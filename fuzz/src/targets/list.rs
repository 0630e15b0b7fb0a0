//! Answers with lists over all namespaces: what is left of one has no entry of another namespace, whichever way it is read, and
//! nothing else is lost.

use temporal_auth::temporal::list::described_namespace;
use temporal_auth::temporal::{ListMethod, ListView, ReducedList};

use super::super::NAMESPACE;
use super::super::naive::{RawField, fields};

/// Every content of a length-delimited field with this number; `None` if the bytes are not protobuf.
fn contents(message: &[u8], number: u64) -> Option<Vec<&[u8]>> {
    let is_content = |field: &RawField<'_>| field.number == number && field.wire_type == 2;
    Some(fields(message)?.into_iter().filter(is_content).map(|field| field.bytes).collect())
}

/// Every namespace that a reader could find at the end of this path of fields.
fn namespaces(message: &[u8], path: &[u64]) -> Vec<Vec<u8>> {
    let Some((number, rest)) = path.split_first() else { return vec![message.to_vec()] };
    let found = contents(message, *number).unwrap_or_default();
    found.into_iter().flat_map(|content| namespaces(content, rest)).collect()
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some((mode, message)) = data.split_first() else { return };
    let (list, entries, token, path): (_, _, _, &[u64]) = match mode & 1 {
        0 => (ListMethod::Namespaces, 1, 2, &[1, 1, 1]),
        _ => (ListMethod::NexusEndpoints, 2, 1, &[2, 3, 3, 1, 1]),
    };
    let view = ListView { list, with_external: mode & 2 == 2 };
    if let Some(namespace) = described_namespace(message) {
        assert_eq!(namespaces(message, &[1, 1]), [namespace.as_bytes()]);
    }
    let Ok(ReducedList { message: left, entries: seen, removed }) = view.reduce(message, |name| name == NAMESPACE)
    else {
        return;
    };
    // A server that decodes the whole answer would find the same entries.
    let whole = contents(message, entries).expect("what was reduced is protobuf");
    let kept = contents(&left, entries).expect("what is left is protobuf");
    assert_eq!((whole.len(), whole.len() - kept.len()), (seen, removed));
    assert_eq!(contents(&left, token), contents(message, token));
    assert_eq!(fields(&left).unwrap().len(), kept.len() + contents(&left, token).unwrap().len());
    for namespace in namespaces(&left, path) {
        assert_eq!(namespace, NAMESPACE.as_bytes());
    }
    if view.with_external {
        return;
    }
    for entry in &kept {
        assert!(!namespaces(entry, &path[1..]).is_empty(), "an entry without a namespace: {entry:?}");
    }
    // An entry that says nothing but that it is the caller's is kept.
    let plain = |entry: &&&[u8]| namespaces(entry, &path[1..]) == [NAMESPACE.as_bytes()] && is_plain(entry, &path[1..]);
    assert_eq!(whole.iter().filter(plain).count(), kept.iter().filter(plain).count());
    assert_eq!(view.reduce(&left, |name| name == NAMESPACE).unwrap().message, left);
}

/// Whether the message has exactly one field, and so has each message on the path.
fn is_plain(message: &[u8], path: &[u64]) -> bool {
    let Some((_, rest)) = path.split_first() else { return true };
    fields(message).is_some_and(|fields| fields.len() == 1 && is_plain(fields[0].bytes, rest))
}
