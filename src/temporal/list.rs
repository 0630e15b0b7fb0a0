//! The answers that list namespaces, or things in namespaces, and what is left of them for callers who may see only some.

use super::Method;
use crate::wire::protobuf::{FieldValue, NotFields, RawField, fields};

/// A method whose answer is a list over all namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMethod {
    /// The entries are descriptions of namespaces.
    Namespaces,
    /// The entries are Nexus endpoints, each of which calls a worker in a namespace or an external URL.
    NexusEndpoints,
}

/// What is left of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct ReducedList {
    pub message: Vec<u8>,
    /// How many entries the server's answer has.
    pub entries: usize,
    pub removed: usize,
}

impl ListMethod {
    /// `None` if the method's answer is not such a list.
    pub fn of(method: &Method) -> Option<Self> {
        Self::with_path(&method.path)
    }

    /// The list that a method with this path returns.
    pub fn with_path(path: &str) -> Option<Self> {
        match path {
            "/temporal.api.workflowservice.v1.WorkflowService/ListNamespaces" => Some(Self::Namespaces),
            "/temporal.api.operatorservice.v1.OperatorService/ListNexusEndpoints" => Some(Self::NexusEndpoints),
            _ => None,
        }
    }

    /// Keeps the entries of namespaces that `may_see` accepts, and the token of the next page. Everything else is removed:
    /// entries without a namespace, and fields that are newer than this code, which could name other namespaces.
    ///
    /// # Errors
    /// The bytes are not a message.
    pub fn reduce(self, message: &[u8], may_see: impl Fn(&str) -> bool) -> Result<ReducedList, NotFields> {
        // Source: ListNamespacesResponse, ListNexusEndpointsResponse.
        let (entry_number, token_number) = match self {
            Self::Namespaces => (1, 2),
            Self::NexusEndpoints => (2, 1),
        };
        let mut reduced = ReducedList { message: Vec::with_capacity(message.len()), entries: 0, removed: 0 };
        for field in fields(message) {
            let RawField { number, value, bytes } = field?;
            let FieldValue::Bytes(content) = value else { continue };
            let is_kept = if number == entry_number {
                reduced.entries = reduced.entries.saturating_add(1);
                let is_kept = self.namespace(content).is_some_and(&may_see);
                reduced.removed = reduced.removed.saturating_add(usize::from(!is_kept));
                is_kept
            } else {
                number == token_number
            };
            if is_kept {
                reduced.message.extend_from_slice(bytes);
            }
        }
        Ok(reduced)
    }

    /// The namespace of an entry. `None` if the entry has none, or could be read in two ways.
    fn namespace(self, entry: &[u8]) -> Option<&str> {
        let path: &[u64] = match self {
            // DescribeNamespaceResponse.namespace_info.name
            Self::Namespaces => &[1, 1],
            // Endpoint.spec.target.worker.namespace
            Self::NexusEndpoints => &[3, 3, 1, 1],
        };
        let mut content = entry;
        for (depth, number) in path.iter().enumerate() {
            let is_target = self == Self::NexusEndpoints && depth == 2;
            content = only_field(content, *number, is_target)?;
        }
        std::str::from_utf8(content).ok()
    }
}

/// The content of the only field with this number. With `alone`, no other field may be there: a `oneof` with two arms could
/// be read in two ways.
fn only_field(message: &[u8], number: u64, alone: bool) -> Option<&[u8]> {
    let mut found = None;
    for field in fields(message) {
        let field = field.ok()?;
        if field.number != number {
            if alone {
                return None;
            }
            continue;
        }
        let FieldValue::Bytes(content) = field.value else { return None };
        if found.replace(content).is_some() {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protobuf::write_field;

    /// A message with these length-delimited fields.
    fn message(fields: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, value) in fields {
            write_field(&mut bytes, *number, value);
        }
        bytes
    }

    fn namespace(name: &str) -> Vec<u8> {
        // Name, description, owner; then configuration and replication.
        let info = message(&[(1, name.as_bytes()), (3, b"secret"), (4, b"owner@example.com"), (6, b"id")]);
        message(&[(1, &info), (2, b""), (3, b"")])
    }

    fn endpoint(target: &[u8]) -> Vec<u8> {
        message(&[
            (2, b"endpoint-id"),
            (3, &message(&[(1, b"payments"), (3, target)])),
            (6, b"/nexus/endpoints/endpoint-id"),
        ])
    }

    fn worker(namespace: &str) -> Vec<u8> {
        message(&[(1, &message(&[(1, namespace.as_bytes()), (2, b"queue")]))])
    }

    fn is_payroll(namespace: &str) -> bool {
        namespace == "payroll"
    }

    fn reduce(list: ListMethod, answer: &[(u32, &[u8])]) -> (Vec<u8>, usize, usize) {
        let ReducedList { message, entries, removed } = list.reduce(&message(answer), is_payroll).unwrap();
        (message, entries, removed)
    }

    #[test]
    fn only_namespaces_that_the_caller_may_see_are_left() {
        let (mine, other) = (namespace("payroll"), namespace("secret-merger"));
        let left = message(&[(1, &mine), (2, b"next")]);
        assert_eq!(reduce(ListMethod::Namespaces, &[(1, &other), (1, &mine), (1, &other), (2, b"next")]), (left, 3, 2));
        assert_eq!(reduce(ListMethod::Namespaces, &[(1, &other), (2, b"next")]), (message(&[(2, b"next")]), 1, 1));
    }

    #[test]
    fn entries_that_could_be_read_in_two_ways_and_unknown_fields_are_removed() {
        let twice = message(&[(1, &message(&[(1, b"payroll")])), (1, &message(&[(1, b"secret-merger")]))]);
        let two_names = message(&[(1, &message(&[(1, b"payroll"), (1, b"secret-merger")]))]);
        let not_text = message(&[(1, &message(&[(1, b"\xff")]))]);
        for entry in [&twice, &two_names, &not_text, &message(&[(3, b"")]), &b"\xff".to_vec()] {
            assert_eq!(reduce(ListMethod::Namespaces, &[(1, entry)]), (vec![], 1, 1), "{entry:?}");
        }
        assert_eq!(reduce(ListMethod::Namespaces, &[(3, b"secret-merger")]), (vec![], 0, 0));
    }

    #[test]
    fn endpoints_are_left_if_their_worker_is_in_such_a_namespace() {
        let (mine, other) = (endpoint(&worker("payroll")), endpoint(&worker("secret-merger")));
        let external = endpoint(&message(&[(2, &message(&[(1, b"https://example.com")]))]));
        let both = endpoint(&[worker("payroll"), message(&[(2, &message(&[(1, b"https://example.com")]))])].concat());
        let answer: &[(u32, &[u8])] = &[(1, b"next"), (2, &mine), (2, &other), (2, &external), (2, &both)];
        assert_eq!(reduce(ListMethod::NexusEndpoints, answer), (message(&[(1, b"next"), (2, &mine)]), 4, 3));
    }

    #[test]
    fn bytes_that_are_not_a_message_are_an_error() {
        assert_eq!(ListMethod::Namespaces.reduce(b"\x0a\x05hi", is_payroll), Err(NotFields));
    }
}
