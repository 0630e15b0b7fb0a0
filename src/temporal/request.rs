//! Reads from a request what it would do: the namespaces it names and the effects its options add.

use super::effect::EffectSet;
use super::method::{Access, MethodRef, Scope};
use super::schema::{Kind, Message};
use crate::wire::Fault;
use crate::wire::protobuf::{Handler, Reader, Want, Wire};

/// The method whose request acts on executions that it does not name.
const START_BATCH: &str = "/temporal.api.workflowservice.v1.WorkflowService/StartBatchOperation";

/// How workflows and task queues of Temporal's own begin. A signal to a scheduler's workflow edits its schedule; a task
/// queue of the system serves its workers. Source: `common/primitives/task_queues.go`, `service/worker/scheduler`.
const INTERNAL: [&str; 2] = ["temporal-sys-", "/_sys/"];

/// How many other namespaces are remembered for the log. That there are some is never forgotten.
const MAX_OTHERS: usize = 4;

/// What a call would do, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The method called.
    pub method: MethodRef,
    /// The namespace that the request names as its own; empty when it names none.
    pub namespace: String,
    /// Other namespaces in it, by name or id: the first few, for the log.
    pub others: Vec<String>,
    /// What the method and the request's options do.
    pub effects: EffectSet,
    /// Why only a grant for the whole cluster can cover the call, if so.
    pub beyond: Option<&'static str>,
}

impl Target {
    /// A call whose request need not be read, or was not.
    #[must_use]
    pub fn of(method: MethodRef) -> Self {
        let effects = method.effects;
        let beyond = (method.scope == Scope::Cluster).then_some("the call concerns the whole cluster");
        Self { method, namespace: String::new(), others: Vec::new(), effects, beyond }
    }
}

/// Reads one request, in any chunking and in bounded memory.
#[derive(Debug)]
pub struct RequestReader {
    reader: Reader,
    reading: Reading,
}

#[derive(Debug)]
struct Reading {
    method: MethodRef,
    namespace: Option<String>,
    others: Vec<String>,
    several: bool,
    by_id: bool,
    internal: bool,
    effects: EffectSet,
    levels: Vec<Level>,
    expected: Expected,
}

/// A message being read and which of its watched fields have been seen.
#[derive(Debug)]
struct Level {
    message: &'static Message,
    seen: u64,
}

/// What the value is that comes next.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Nothing,
    OwnNamespace,
    OtherNamespace,
    NamespaceId,
    Name,
    Enum(&'static [(i32, EffectSet)]),
}

impl RequestReader {
    /// A request of this method of which nothing has arrived.
    #[must_use]
    pub fn new(method: MethodRef) -> Self {
        let reading = Reading {
            levels: vec![Level { message: method.request, seen: 0 }],
            effects: method.effects,
            method,
            namespace: None,
            others: Vec::new(),
            several: false,
            by_id: false,
            internal: false,
            expected: Expected::Nothing,
        };
        Self { reader: Reader::default(), reading }
    }

    /// Reads the next bytes of the request.
    ///
    /// # Errors
    /// Temporal would not decode them, or a field that decides stands twice.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.reader.feed(bytes, &mut self.reading)
    }

    /// The request has arrived whole.
    ///
    /// # Errors
    /// It ends within a field.
    pub fn finish(self) -> Result<Target, Fault> {
        self.reader.finish()?;
        let Reading { method, namespace, mut others, several, by_id, internal, mut effects, .. } = self.reading;
        // To read about them is harmless, and the Web UI does.
        let internal = internal && method.access != Access::ReadOnly;
        if internal {
            effects = effects.with(EffectSet::CLUSTER_ADMIN);
        }
        let namespace = namespace.unwrap_or_default();
        others.retain(|other| *other != namespace);
        let beyond = if method.scope == Scope::Cluster {
            Some("the call concerns the whole cluster")
        } else if internal {
            Some("the request names a workflow or a task queue of Temporal's own")
        } else if namespace.is_empty() {
            Some("the request does not name its namespace")
        } else if by_id {
            Some("the request names a namespace by its id")
        } else if several || !others.is_empty() {
            Some("the request names another namespace")
        } else if method.path == START_BATCH {
            Some("what a batch does is not read")
        } else {
            None
        };
        Ok(Target { method, namespace, others, effects, beyond })
    }
}

impl Handler for Reading {
    fn field(&mut self, number: u32, wire: Wire) -> Result<Want, Fault> {
        self.expected = Expected::Nothing;
        let top = self.levels.len() == 1;
        if top && number == self.method.namespace_field && wire == Wire::Length {
            if self.namespace.is_some() {
                return Err(Fault::Malformed("the namespace stands twice"));
            }
            self.expected = Expected::OwnNamespace;
            return Ok(Want::Text);
        }
        let Some(level) = self.levels.last_mut() else { return Ok(Want::Skip) };
        let Some((place, field)) = level.message.field(number) else { return Ok(Want::Skip) };
        let (expected, want) = match (&field.kind, wire) {
            (Kind::OtherNamespace, Wire::Length) => (Expected::OtherNamespace, Want::Text),
            (Kind::NamespaceId, Wire::Length) => (Expected::NamespaceId, Want::Text),
            (Kind::Name, Wire::Length) => (Expected::Name, Want::Text),
            (Kind::Enum(values), Wire::Varint) => (Expected::Enum(values), Want::Number),
            (Kind::Message(..), Wire::Length) => (Expected::Nothing, Want::Fields),
            // Another wire type: an unknown field to every protobuf decoder.
            _ => return Ok(Want::Skip),
        };
        let bit = 1u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(0);
        if !field.repeated && level.seen & bit != 0 {
            return Err(Fault::Malformed("a field that decides stands twice"));
        }
        level.seen |= bit;
        self.expected = expected;
        if let Kind::Message(effects, message) = &field.kind {
            self.effects = self.effects.with(*effects);
            self.levels.push(Level { message, seen: 0 });
        }
        Ok(want)
    }

    fn number(&mut self, value: u64) {
        if let Expected::Enum(values) = self.expected {
            // protobuf-go keeps the low 32 bits of an enum.
            let value = value as i32;
            for (_, effects) in values.iter().filter(|(known, _)| *known == value) {
                self.effects = self.effects.with(*effects);
            }
        }
    }

    fn text(&mut self, value: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(value).map_err(|_| Fault::Malformed("a name that is not UTF-8"))?;
        match self.expected {
            Expected::Name => self.internal |= INTERNAL.iter().any(|prefix| text.starts_with(prefix)),
            Expected::OwnNamespace => self.namespace = Some(text.to_owned()),
            Expected::OtherNamespace | Expected::NamespaceId if !text.is_empty() => {
                self.by_id |= matches!(self.expected, Expected::NamespaceId);
                if !self.others.iter().any(|other| other == text) {
                    // Two different ones cannot both be the request's own.
                    self.several |= !self.others.is_empty();
                    if self.others.len() < MAX_OTHERS {
                        self.others.push(text.to_owned());
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.levels.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporal::Catalogue;

    fn field(number: u8, value: &[u8]) -> Vec<u8> {
        assert!(number < 32 && value.len() < 128);
        let tag = u32::from(number) << 3 | 2;
        let tag = if tag < 128 { vec![tag as u8] } else { vec![tag as u8 | 0x80, (tag >> 7) as u8] };
        [tag, vec![value.len() as u8], value.to_vec()].concat()
    }

    fn number(number: u8, value: u8) -> Vec<u8> {
        let tag = u32::from(number) << 3;
        let tag = if tag < 128 { vec![tag as u8] } else { vec![tag as u8 | 0x80, (tag >> 7) as u8] };
        [tag, vec![value]].concat()
    }

    fn read(method: &str, parts: &[Vec<u8>]) -> Result<Target, Fault> {
        let method = Catalogue::default().named(method).unwrap();
        let bytes = parts.concat();
        let read = |chunk: usize| {
            let mut reader = RequestReader::new(method.clone());
            for part in bytes.chunks(chunk) {
                reader.feed(part)?;
            }
            reader.finish()
        };
        let whole = read(usize::MAX);
        for chunk in 1..bytes.len() {
            assert_eq!(read(chunk), whole, "in chunks of {chunk}");
        }
        whole
    }

    #[test]
    fn the_namespace_sits_where_the_table_says() {
        let target = read("StartWorkflowExecution", &[field(2, b"id"), field(1, b"payroll")]).unwrap();
        assert_eq!((target.namespace.as_str(), target.effects, target.beyond), ("payroll", EffectSet::START, None));
        let target = read("RespondWorkflowTaskCompleted", &[field(9, b"payroll"), field(1, b"token")]).unwrap();
        assert_eq!((target.namespace.as_str(), target.beyond), ("payroll", None));
    }

    #[test]
    fn a_namespace_given_twice_is_refused_in_either_order() {
        for (first, second) in [("own", ""), ("", "own"), ("own", "other"), ("own", "own")] {
            let parts = [field(1, first.as_bytes()), field(1, second.as_bytes())];
            assert!(read("StartWorkflowExecution", &parts).is_err(), "{first:?} {second:?}");
        }
    }

    #[test]
    fn of_another_wire_type_it_is_not_the_namespace() {
        let target = read("StartWorkflowExecution", &[number(1, 5), field(1, b"payroll")]).unwrap();
        assert_eq!(target.namespace, "payroll");
        assert!(read("StartWorkflowExecution", &[number(1, 5)]).unwrap().beyond.is_some());
    }

    #[test]
    fn names_must_be_utf8() {
        assert!(read("StartWorkflowExecution", &[field(1, b"pay\xffroll")]).is_err());
        assert!(read("StartWorkflowExecution", &[field(1, b"pay\xc0\x80roll")]).is_err(), "overlong");
    }

    #[test]
    fn a_namespace_known_by_id_or_not_at_all_is_beyond_a_namespaces_grant() {
        assert!(read("DescribeNamespace", &[field(1, b"own"), field(2, b"uuid")]).unwrap().beyond.is_some());
        assert!(read("DescribeNamespace", &[field(2, b"uuid")]).unwrap().beyond.is_some());
        assert!(read("DescribeNamespace", &[field(1, b"own"), field(2, b"")]).unwrap().beyond.is_none());
        assert!(read("RespondWorkflowTaskCompleted", &[field(1, b"token")]).unwrap().beyond.is_some());
    }

    #[test]
    fn commands_are_searched_for_other_namespaces() {
        let child = |namespace: &[u8]| field(2, &field(12, &field(1, namespace)));
        let target = |commands: &[Vec<u8>]| {
            read("RespondWorkflowTaskCompleted", &[commands, &[field(9, b"own")][..]].concat()).unwrap()
        };
        assert_eq!(target(&[child(b"own"), child(b"own"), child(b"")]).beyond, None);
        assert!(target(&[child(b"own"), child(b"other")]).beyond.is_some());
        let three = target(&[child(b"own"), child(b"a"), child(b"b")]);
        assert_eq!((three.beyond.is_some(), three.others), (true, vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn the_operations_of_a_multi_operation_are_searched() {
        let start = |namespace: &[u8]| field(2, &field(1, &field(1, namespace)));
        let target = |inner: &[u8]| read("ExecuteMultiOperation", &[field(1, b"own"), start(inner)]).unwrap();
        assert_eq!(target(b"own").beyond, None);
        assert!(target(b"other").beyond.is_some());
    }

    #[test]
    fn options_that_terminate_have_the_effect() {
        let start = |value| read("StartWorkflowExecution", &[field(1, b"own"), number(22, value)]).unwrap().effects;
        assert!(start(3).covers(EffectSet::TERMINATE), "TERMINATE_EXISTING");
        assert!(!start(2).covers(EffectSet::TERMINATE));
        let twice = [field(1, b"own"), number(22, 1), number(22, 3)];
        assert!(read("StartWorkflowExecution", &twice).is_err(), "an option that decides twice");
    }

    #[test]
    fn an_enum_is_its_low_32_bits_as_protobuf_go_reads_it() {
        let high = [vec![0xb0, 0x01], vec![0x83, 0x80, 0x80, 0x80, 0x10]].concat();
        let target = read("StartWorkflowExecution", &[field(1, b"own"), high]).unwrap();
        assert!(target.effects.covers(EffectSet::TERMINATE));
    }

    #[test]
    fn workflows_and_queues_of_temporals_own_need_an_admin_of_the_cluster() {
        let execution = |id: &[u8]| field(2, &field(1, id));
        let needs_admin = |method: &str, parts: &[Vec<u8>]| {
            let target = read(method, &[parts, &[field(1, b"own")][..]].concat()).unwrap();
            assert_eq!(target.beyond.is_some(), target.effects.covers(EffectSet::CLUSTER_ADMIN));
            target.beyond.is_some()
        };
        assert!(needs_admin("SignalWorkflowExecution", &[execution(b"temporal-sys-scheduler:payday")]));
        assert!(!needs_admin("SignalWorkflowExecution", &[execution(b"my-temporal-sys-scheduler")]));
        assert!(needs_admin("PollWorkflowTaskQueue", &[execution(b"temporal-sys-per-ns-tq")]));
        assert!(needs_admin("PollActivityTaskQueue", &[execution(b"/_sys/payroll/1")]));
        assert!(!needs_admin("GetWorkflowExecutionHistory", &[execution(b"temporal-sys-scheduler:payday")]));
        assert!(needs_admin("StartWorkflowExecution", &[field(4, &field(1, b"temporal-sys-batcher-taskqueue"))]));
    }

    #[test]
    fn a_batch_is_beyond_what_is_read() {
        assert!(read("StartBatchOperation", &[field(1, b"own")]).unwrap().beyond.is_some());
        assert!(read("StopBatchOperation", &[field(1, b"own")]).unwrap().beyond.is_none());
    }
}
