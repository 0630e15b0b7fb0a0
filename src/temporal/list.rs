//! The answers that list namespaces, or things in namespaces, and what is left of them for callers who may see only some.

use super::Method;
use crate::wire::protobuf::{FieldValue, NotFields, RawField, fields};

/// The method that decides which namespaces a caller sees in lists.
pub const DESCRIBE_NAMESPACE: &str = "/temporal.api.workflowservice.v1.WorkflowService/DescribeNamespace";

/// A method whose answer is a list over all namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListMethod {
    /// The entries are descriptions of namespaces.
    Namespaces,
    /// The entries are Nexus endpoints, each of which calls a worker in a namespace or an external URL.
    NexusEndpoints,
}

impl Method {
    /// Whether the list `authenticated` may contain it: the same methods, and those whose answers are reduced.
    #[must_use]
    pub fn may_be_authenticated(&self) -> bool {
        self.is_cluster_read() || ListMethod::of(self).is_some()
    }
}

/// The part of a list that a caller may see, apart from the namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListView {
    pub list: ListMethod,
    /// Whether endpoints with an external URL are in it.
    pub with_external: bool,
}

/// An entry of a list.
enum Entry<'a> {
    InNamespace(&'a str),
    /// A Nexus endpoint with an external URL.
    External,
    /// It has no namespace, or could be read in two ways.
    Unreadable,
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

    /// Source: DescribeNamespaceResponse, Endpoint.
    fn entry(self, bytes: &[u8]) -> Entry<'_> {
        let namespace = match self {
            Self::Namespaces => return described_namespace(bytes).map_or(Entry::Unreadable, Entry::InNamespace),
            Self::NexusEndpoints => {
                let target = only_field(bytes, 3).and_then(|spec| only_field(spec, 3)).unwrap_or_default();
                // A `oneof` with two arms could be read in two ways.
                match (only_field(target, 1), only_field(target, 2), fields(target).count()) {
                    (None, Some(_), 1) => return Entry::External,
                    (Some(worker), None, 1) => only_field(worker, 1),
                    _ => None,
                }
            }
        };
        match namespace.map(std::str::from_utf8) {
            Some(Ok(namespace)) => Entry::InNamespace(namespace),
            _ => Entry::Unreadable,
        }
    }
}

impl ListView {
    /// Keeps the entries of namespaces that `may_see` accepts, and the token of the next page. Everything else is removed,
    /// also fields that are newer than this code, because they could name other namespaces.
    ///
    /// # Errors
    /// The bytes are not a message.
    pub fn reduce(self, message: &[u8], may_see: impl Fn(&str) -> bool) -> Result<ReducedList, NotFields> {
        // Source: ListNamespacesResponse, ListNexusEndpointsResponse.
        let (entry_number, token_number) = match self.list {
            ListMethod::Namespaces => (1, 2),
            ListMethod::NexusEndpoints => (2, 1),
        };
        let mut reduced = ReducedList { message: Vec::with_capacity(message.len()), entries: 0, removed: 0 };
        for field in fields(message) {
            let RawField { number, value, bytes } = field?;
            let FieldValue::Bytes(content) = value else { continue };
            let is_kept = if number == entry_number {
                let is_kept = match self.list.entry(content) {
                    Entry::InNamespace(namespace) => may_see(namespace),
                    Entry::External => self.with_external,
                    Entry::Unreadable => false,
                };
                reduced.entries = reduced.entries.saturating_add(1);
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
}

/// The namespace that an answer of DescribeNamespace describes. `None` if the answer has no name, or could be read in two ways.
/// Source: DescribeNamespaceResponse.
#[must_use]
pub fn described_namespace(message: &[u8]) -> Option<&str> {
    let name = only_field(message, 1).and_then(|info| only_field(info, 1))?;
    std::str::from_utf8(name).ok()
}

/// The content of the only field with this number.
pub(super) fn only_field(message: &[u8], number: u64) -> Option<&[u8]> {
    let mut found = None;
    for field in fields(message) {
        let field = field.ok()?;
        if field.number != number {
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
        let view = ListView { list, with_external: false };
        let ReducedList { message, entries, removed } = view.reduce(&message(answer), is_payroll).unwrap();
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
        let view = ListView { list: ListMethod::NexusEndpoints, with_external: true };
        let left = view.reduce(&message(answer), is_payroll).unwrap();
        assert_eq!((left.message, left.removed), (message(&[(1, b"next"), (2, &mine), (2, &external)]), 2));
    }

    #[test]
    fn bytes_that_are_not_a_message_are_an_error() {
        let view = ListView { list: ListMethod::Namespaces, with_external: false };
        assert_eq!(view.reduce(b"\x0a\x05hi", is_payroll), Err(NotFields));
    }
}
