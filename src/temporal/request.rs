//! Reads from a request what it would do: which effects it has, in which namespaces.

use super::effect::EffectSet;
use super::method::{Access, MethodRef, Scope};
use super::names::{Names, Queue, Use};
use super::schema::{Kind, Message};
use crate::wire::Fault;
use crate::wire::protobuf::{Handler, Reader, Want, Wire};

/// The method whose effects depend on which operation its request has.
const START_BATCH: &str = "/temporal.api.workflowservice.v1.WorkflowService/StartBatchOperation";

/// How workflows and task queues of Temporal's own begin. A signal to a scheduler's workflow edits its schedule; a task
/// queue of the system serves its workers. Source: `common/primitives/task_queues.go`, `service/worker/scheduler`.
const INTERNAL: [&str; 2] = ["temporal-sys-", "/_sys/"];

/// The namespace in which Temporal's own workers run workflows that delete namespaces and move data. Source:
/// `common/primitives/namespaces.go`, `service/worker`.
const SYSTEM_NAMESPACE: &str = "temporal-system";

/// The Nexus endpoint behind which Temporal itself signals and starts workflows of the namespace, whichever the input of the
/// operation says. Source: `common/nexus/constants.go`, `chasm/lib/workflow/nexus_service.go`.
const SYSTEM_ENDPOINT: &str = "__temporal_system";

/// How many namespaces a request may name in its messages and still be covered by grants for namespaces.
const MAX_NAMED: usize = 16;

/// What a call would do, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The method called.
    pub method: MethodRef,
    /// The namespace that the request names as its own; empty when it names none.
    pub namespace: String,
    /// What the call does in its own namespace, or in the cluster.
    pub effects: EffectSet,
    /// What it does in other namespaces that it names.
    pub elsewhere: Vec<Elsewhere>,
    /// Why only a grant for the whole cluster can cover the call, if so.
    pub beyond: Option<&'static str>,
    /// Whether the call may act in a namespace that cannot be seen: one known by id or task token only, or any.
    pub unseen: bool,
    /// Whether it has Temporal call itself back: into whichever namespace a token says that the caller made up, or got.
    pub calls_back: bool,
    /// What it names that limits speak of, if they were to be read.
    pub names: Names,
}

/// What a call does in a namespace that is not the request's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// The namespace's name.
    pub namespace: String,
    /// What the call does there.
    pub effects: EffectSet,
}

impl Target {
    /// A call whose request need not be read, or was not.
    #[must_use]
    pub fn of(method: MethodRef) -> Self {
        let beyond = (method.scope == Scope::Cluster).then_some("the call concerns the whole cluster");
        // To read from the cluster touches no namespace; who changes it may reach every one.
        let unseen = method.scope == Scope::Cluster && method.access != Access::ReadOnly;
        Self {
            effects: method.effects,
            method,
            namespace: String::new(),
            elsewhere: Vec::new(),
            beyond,
            unseen,
            calls_back: false,
            names: Names::default(),
        }
    }

    /// Every namespace in which the call has effects, its own first, with those effects.
    pub fn places(&self) -> impl Iterator<Item = (&str, EffectSet)> {
        let elsewhere = self.elsewhere.iter().map(|place| (place.namespace.as_str(), place.effects));
        std::iter::once((self.namespace.as_str(), self.effects)).chain(elsewhere)
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
    named: Vec<Named>,
    too_many: bool,
    by_id: bool,
    internal: bool,
    /// Whether a batch has something that no known operation explains.
    unknown: bool,
    calls_back: bool,
    /// What limits speak of, where there are limits.
    names: Option<Names>,
    levels: Vec<Level>,
    effects: EffectSet,
    expected: Expected,
}

/// A message being read.
#[derive(Debug)]
struct Level {
    message: &'static Message,
    /// Which of its watched fields have been seen.
    seen: u64,
    /// What its options do.
    effects: EffectSet,
    /// The namespace that it names, and what it does there.
    named: Option<(String, EffectSet)>,
    /// The task queue that it is.
    queue: Queue,
}

/// A namespace that messages of the request name. Whether it is the request's own is known at the end.
#[derive(Debug)]
struct Named {
    namespace: String,
    /// What the messages do in a foreign namespace. In the request's own the method covers it: a worker's command is part
    /// of its answer.
    there: EffectSet,
    /// What their options do, wherever it is.
    options: EffectSet,
}

/// What the value is that comes next.
#[derive(Debug, Clone, Copy)]
enum Expected {
    Nothing,
    OwnNamespace,
    OtherNamespace(EffectSet),
    NamespaceId,
    Name,
    Queue(Use),
    QueueKind,
    NormalName,
    WorkflowType,
    Endpoint,
    CallbackUrl,
    Query,
    Enum(&'static [(i32, EffectSet)]),
}

impl RequestReader {
    /// A request of this method of which nothing has arrived. `names` says whether limits need what it names.
    #[must_use]
    pub fn new(method: MethodRef, names: bool) -> Self {
        let reading = Reading {
            levels: vec![Level::new(method.request)],
            effects: method.effects,
            method,
            namespace: None,
            named: Vec::new(),
            too_many: false,
            by_id: false,
            internal: false,
            unknown: false,
            calls_back: false,
            names: names.then(Names::default),
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
        Ok(self.reading.target())
    }
}

/// Whether a workflow or a task queue is Temporal's own. Not by case: MySQL's usual collations find it in any.
fn is_internal(name: &str) -> bool {
    INTERNAL.iter().any(|prefix| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

/// Whether a namespace is Temporal's own. Neither case nor spaces at the end make another of it, as above.
fn is_system(namespace: &str) -> bool {
    namespace.trim_end_matches(' ').eq_ignore_ascii_case(SYSTEM_NAMESPACE)
}

/// Whether a query finds Temporal's own workflows, too: the server leaves them out unless the query names the division they
/// are in, in whatever spelling. Source: `common/persistence/visibility/store/query/converter.go`.
fn asks_for_internal(query: &str) -> bool {
    query.replace('`', "").to_ascii_lowercase().contains("namespacedivision")
}

/// Whether a callback leads back into Temporal. The server takes `temporal://system` and `temporal://internal`, exactly.
/// Source: `common/nexus/constants.go`.
fn is_callback(url: &str) -> bool {
    url.trim_start().get(.."temporal:".len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case("temporal:"))
}

impl Level {
    fn new(message: &'static Message) -> Self {
        Self { message, seen: 0, effects: EffectSet::NONE, named: None, queue: Queue::default() }
    }
}

impl Reading {
    fn target(mut self) -> Target {
        while !self.levels.is_empty() {
            self.leave();
        }
        let Self { method, namespace, named, too_many, by_id, internal, unknown, calls_back, names, .. } = self;
        let mut effects = self.effects;
        let namespace = namespace.unwrap_or_default();
        let mut elsewhere = Vec::new();
        for Named { namespace: other, there, options } in named {
            if other == namespace {
                effects = effects.with(options);
            } else {
                elsewhere.push(Elsewhere { namespace: other, effects: there.with(options) });
            }
        }
        if method.path == START_BATCH && (unknown || effects == method.effects) {
            // An operation of a newer server, which could be anything that a batch may do.
            effects = effects.with(EffectSet::WRITER);
        }
        let internal =
            internal || is_system(&namespace) || elsewhere.iter().any(|place: &Elsewhere| is_system(&place.namespace));
        // To read about them is harmless, and the Web UI does.
        let internal = internal && method.access != Access::ReadOnly;
        if internal {
            effects = effects.with(EffectSet::CLUSTER_ADMIN);
        }
        let beyond = if method.scope == Scope::Cluster {
            Some("the call concerns the whole cluster")
        } else if internal {
            Some("the request touches what is Temporal's own")
        } else if namespace.is_empty() {
            Some("the request does not name its namespace")
        } else if by_id {
            Some("the request names a namespace by its id")
        } else if too_many {
            Some("the request names too many namespaces")
        } else {
            None
        };
        let cluster = method.scope == Scope::Cluster && method.access != Access::ReadOnly;
        let nameless = method.scope == Scope::Namespace && namespace.is_empty();
        let unseen = cluster || nameless || by_id || too_many || calls_back;
        let names = names.unwrap_or_default();
        Target { method, namespace, effects, elsewhere, beyond, unseen, calls_back, names }
    }

    /// Remembers what a message does in the namespace that it names.
    fn note(&mut self, namespace: String, there: EffectSet, options: EffectSet) {
        if let Some(known) = self.named.iter_mut().find(|known| known.namespace == namespace) {
            known.there = known.there.with(there);
            known.options = known.options.with(options);
        } else if self.named.len() < MAX_NAMED {
            self.named.push(Named { namespace, there, options });
        } else {
            self.too_many = true;
        }
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
        let Some((place, field)) = level.message.field(number) else {
            self.unknown |= top && level.message.fields.last().is_some_and(|last| number > last.number);
            return Ok(Want::Skip);
        };
        let names = self.names.is_some();
        let (expected, want) = match (&field.kind, wire) {
            (Kind::QueueKind | Kind::NormalName | Kind::WorkflowType, _) if !names => {
                return Ok(Want::Skip);
            }
            (Kind::Message(effects, message), _) if !names && message.names_only && effects.is_empty() => {
                return Ok(Want::Skip);
            }
            (Kind::Queue(used), Wire::Length) => (Expected::Queue(*used), Want::Text),
            (Kind::QueueKind, Wire::Varint) => (Expected::QueueKind, Want::Number),
            (Kind::NormalName, Wire::Length) => (Expected::NormalName, Want::Text),
            (Kind::WorkflowType, Wire::Length) => (Expected::WorkflowType, Want::Text),
            (Kind::Endpoint, Wire::Length) => (Expected::Endpoint, Want::Text),
            (Kind::Query, Wire::Length) => (Expected::Query, Want::Query),
            (Kind::Attach, Wire::Length) => {
                self.names.iter_mut().for_each(|names| names.attaches = true);
                return Ok(Want::Skip);
            }
            (Kind::CallsBack, Wire::Length) => {
                self.calls_back = true;
                return Ok(Want::Skip);
            }
            (Kind::CallbackUrl, Wire::Length) => (Expected::CallbackUrl, Want::Text),
            (Kind::OtherNamespace(there), Wire::Length) => (Expected::OtherNamespace(*there), Want::Text),
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
            level.effects = level.effects.with(*effects);
            self.levels.push(Level::new(message));
        }
        Ok(want)
    }

    fn number(&mut self, value: u64) {
        let Some(level) = self.levels.last_mut() else { return };
        // protobuf-go keeps the low 32 bits of an enum.
        let value = value as i32;
        match self.expected {
            Expected::Enum(values) => {
                for (_, effects) in values.iter().filter(|(known, _)| *known == value) {
                    level.effects = level.effects.with(*effects);
                }
            }
            Expected::QueueKind => level.queue.kind = value,
            _ => {}
        }
    }

    fn text(&mut self, value: &[u8]) -> Result<(), Fault> {
        let text = std::str::from_utf8(value).map_err(|_| Fault::Malformed("a name that is not UTF-8"))?;
        let (level, names) = (self.levels.last_mut(), self.names.as_mut());
        match (self.expected, level, names) {
            (Expected::Name, ..) => self.internal |= is_internal(text),
            (Expected::OwnNamespace, ..) => self.namespace = Some(text.to_owned()),
            (Expected::NamespaceId, ..) => self.by_id |= !text.is_empty(),
            (Expected::Query, ..) => self.internal |= asks_for_internal(text),
            (Expected::CallbackUrl, ..) => self.calls_back |= is_callback(text),
            (Expected::OtherNamespace(there), Some(level), _) if !text.is_empty() => {
                level.named = Some((text.to_owned(), there));
            }
            (Expected::Queue(used), level, names) => {
                self.internal |= is_internal(text);
                match (level, names) {
                    (Some(level), Some(_)) if level.message.task_queue_use().is_some() => {
                        level.queue.name = text.to_owned()
                    }
                    (_, Some(names)) => names.queue(Queue { used, name: text.to_owned(), ..Queue::default() }),
                    _ => {}
                }
            }
            (Expected::NormalName, Some(level), _) => level.queue.normal_name = text.to_owned(),
            (Expected::WorkflowType, _, Some(names)) => names.workflow_type(text),
            (Expected::Endpoint, _, names) => {
                self.internal |= text == SYSTEM_ENDPOINT;
                names.into_iter().for_each(|names| names.endpoint(text));
            }
            _ => {}
        }
        Ok(())
    }

    fn leave(&mut self) {
        let Some(level) = self.levels.pop() else { return };
        if let (Some(names), Some(used)) = (&mut self.names, level.message.task_queue_use()) {
            names.queue(Queue { used, ..level.queue });
        }
        match (level.named, self.levels.last_mut()) {
            (Some((namespace, there)), _) => self.note(namespace, there, level.effects),
            // Without a name of its own a message acts where the one around it does.
            (None, Some(around)) => around.effects = around.effects.with(level.effects),
            (None, None) => self.effects = self.effects.with(level.effects),
        }
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
            let mut reader = RequestReader::new(method.clone(), false);
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
        assert_eq!(target(&[child(b"own"), child(b"")]).elsewhere, []);
        let three = target(&[child(b"own"), child(b"a"), child(b"b")]);
        let start = |namespace: &str| Elsewhere { namespace: namespace.to_owned(), effects: EffectSet::START };
        assert_eq!((three.beyond, three.elsewhere), (None, vec![start("a"), start("b")]));
        assert_eq!(three.effects, EffectSet::RESPOND);
    }

    #[test]
    fn a_command_has_its_effects_in_the_namespace_it_names() {
        // A child with WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING, and a signal.
        let child = |namespace: &[u8]| field(2, &field(12, &[field(1, namespace), number(11, 4)].concat()));
        let signal = |namespace: &[u8]| field(2, &field(13, &field(1, namespace)));
        let read = |commands: &[Vec<u8>]| {
            let parts = [commands, &[field(9, b"own")][..]].concat();
            let target = super::tests::read("RespondWorkflowTaskCompleted", &parts).unwrap();
            target.places().map(|(name, effects)| (name.to_owned(), effects)).collect::<Vec<_>>()
        };
        let respond = EffectSet::RESPOND;
        assert_eq!(read(&[child(b"own"), signal(b"")]), [("own".to_owned(), respond.with(EffectSet::TERMINATE))]);
        assert_eq!(read(&[child(b"")]), [("own".to_owned(), respond.with(EffectSet::TERMINATE))]);
        let there = EffectSet::START.with(EffectSet::TERMINATE);
        assert_eq!(read(&[child(b"a")]), [("own".to_owned(), respond), ("a".to_owned(), there)]);
        let both = there.with(EffectSet::SIGNAL);
        assert_eq!(read(&[child(b"a"), signal(b"a")]), [("own".to_owned(), respond), ("a".to_owned(), both)]);
    }

    #[test]
    fn more_namespaces_than_are_remembered_are_beyond_namespace_grants() {
        let signals = |count: usize| -> Vec<Vec<u8>> {
            let named = |place| field(2, &field(13, &field(1, format!("n{place}").as_bytes())));
            (0..count).map(named).chain([field(9, b"own")]).collect()
        };
        let read = |count| super::tests::read("RespondWorkflowTaskCompleted", &signals(count)).unwrap();
        assert_eq!((read(MAX_NAMED).beyond, read(MAX_NAMED).unseen), (None, false));
        assert_eq!((read(MAX_NAMED + 1).beyond.is_some(), read(MAX_NAMED + 1).unseen), (true, true));
    }

    #[test]
    fn the_operations_of_a_multi_operation_are_searched() {
        let start = |namespace: &[u8]| field(2, &field(1, &field(1, namespace)));
        let target = |inner: &[u8]| read("ExecuteMultiOperation", &[field(1, b"own"), start(inner)]).unwrap();
        assert_eq!((target(b"own").beyond, target(b"own").elsewhere), (None, vec![]));
        let other = Elsewhere { namespace: "other".to_owned(), effects: EffectSet::START };
        assert_eq!(target(b"other").elsewhere, [other]);
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
    fn the_endpoint_of_temporal_itself_is_its_own() {
        let schedule = |endpoint: &[u8]| field(2, &field(18, &field(1, endpoint)));
        let beyond = |endpoint: &[u8]| {
            read("RespondWorkflowTaskCompleted", &[field(9, b"own"), schedule(endpoint)]).unwrap().beyond
        };
        assert!(beyond(b"__temporal_system").is_some() && beyond(b"payments").is_none());
    }

    #[test]
    fn to_stop_a_batch_is_to_terminate_what_has_its_id() {
        let stop = |job: &[u8]| read("StopBatchOperation", &[field(1, b"own"), field(2, job)]).unwrap();
        assert_eq!((stop(b"job").effects, stop(b"job").beyond), (EffectSet::BATCH.with(EffectSet::TERMINATE), None));
        assert!(stop(b"temporal-sys-scheduler:payday").beyond.is_some());
        let start = |job: &[u8]| read("StartBatchOperation", &[field(1, b"own"), field(3, job)]).unwrap();
        assert!(start(b"temporal-sys-scheduler:payday").beyond.is_some() && start(b"job").beyond.is_none());
    }

    #[test]
    fn callbacks_into_temporal_may_end_in_any_namespace() {
        let callback = |url: &str| field(21, &field(2, &field(1, url.as_bytes())));
        let target = |url: &str| read("StartWorkflowExecution", &[field(1, b"own"), callback(url)]).unwrap();
        for url in ["temporal://system", "temporal://internal", "Temporal:x", " temporal://system"] {
            assert!(target(url).calls_back && target(url).unseen, "{url}");
        }
        let other = target("https://temporal.example.com/");
        assert!(!other.calls_back && !other.unseen && other.effects.covers(EffectSet::NEXUS));
        let internal = [field(1, b"own"), field(21, &field(3, &field(1, b"anything")))];
        assert!(read("StartWorkflowExecution", &internal).unwrap().calls_back);
    }

    #[test]
    fn names_are_read_where_limits_need_them() {
        let queue = |name: &[u8]| [field(3, b"normal"), field(1, name), number(2, 2)].concat();
        let child = [field(3, &field(1, b"Child")), field(4, &queue(b"q"))].concat();
        let commands = field(2, &[field(12, &child), field(18, &field(1, b"tax"))].concat());
        let sticky = field(4, &field(1, &queue(b"host-uuid")));
        let bytes = [commands, sticky, field(9, b"own")].concat();
        let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
        let names = |watch: bool, chunk: usize| {
            let mut reader = RequestReader::new(method.clone(), watch);
            bytes.chunks(chunk).for_each(|part| reader.feed(part).unwrap());
            reader.finish().unwrap().names
        };
        assert_eq!(names(false, 1), Names::default());
        let queue = |used, name: &str| Queue { used, name: name.into(), kind: 2, normal_name: "normal".into() };
        let expected = Names {
            queues: vec![queue(Use::Named, "q"), queue(Use::WorkflowPoll, "host-uuid")],
            workflow_types: vec!["Child".into()],
            endpoints: vec!["tax".into()],
            attaches: false,
            overflow: false,
        };
        for chunk in 1..=bytes.len() {
            assert_eq!(names(true, chunk), expected, "in chunks of {chunk}");
        }
    }

    #[test]
    fn more_names_than_are_remembered_are_told_of() {
        let names = |count: usize| {
            let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
            let mut reader = RequestReader::new(method, true);
            for place in 0..count {
                reader.feed(&field(2, &field(18, &field(1, format!("e{place}").as_bytes())))).unwrap();
            }
            reader.finish().unwrap().names.overflow
        };
        assert!(!names(64) && names(65));
    }

    #[test]
    fn names_are_remembered_up_to_a_length() {
        let names = |count: usize| {
            let method = Catalogue::default().named("RespondWorkflowTaskCompleted").unwrap();
            let mut reader = RequestReader::new(method, true);
            for place in 0..count {
                let queue = field(4, &field(1, format!("{place:0>100}").as_bytes()));
                let command = field(2, &field(12, &queue));
                reader.feed(&command).unwrap();
            }
            reader.finish().unwrap().names
        };
        assert!(!names(64).overflow, "as many as any workflow has");
        let mut long = Names::default();
        for place in 0..30 {
            long.queue(Queue { name: format!("{place:0>500}"), normal_name: "n".repeat(500), ..Queue::default() });
        }
        assert!(long.overflow && long.queues.len() == 16, "{}", long.queues.len());
    }

    #[test]
    fn temporals_own_namespace_is_for_admins_of_the_cluster() {
        let target = |method: &str| read(method, &[field(1, b"temporal-system")]).unwrap();
        assert!(target("StartWorkflowExecution").effects.covers(EffectSet::CLUSTER_ADMIN));
        assert!(target("PollActivityTaskQueue").beyond.is_some());
        for other in ["TEMPORAL-System", "temporal-system  "] {
            let target = read("StartWorkflowExecution", &[field(1, other.as_bytes())]).unwrap();
            assert!(target.beyond.is_some(), "{other:?}");
        }
        assert!(read("StartWorkflowExecution", &[field(1, b"temporal-systems")]).unwrap().beyond.is_none());
        assert!(target("ListWorkflowExecutions").beyond.is_none(), "to read");
        let command = field(2, &field(13, &field(1, b"temporal-system")));
        assert!(read("RespondWorkflowTaskCompleted", &[command, field(9, b"own")]).unwrap().beyond.is_some());
    }

    #[test]
    fn a_batch_over_temporals_own_workflows_is_for_admins_of_the_cluster() {
        let query = |text: &[u8]| {
            let parts = [field(1, b"own"), field(11, b""), field(2, text)];
            read("StartBatchOperation", &parts).unwrap().effects.covers(EffectSet::CLUSTER_ADMIN)
        };
        assert!(query(b"TemporalNamespaceDivision = 'TemporalScheduler'"));
        assert!(query(b"`Namespace``division` IS NOT NULL"));
        assert!(!query(b"WorkflowType = 'Namespace'"));
    }

    #[test]
    fn a_batchs_query_may_be_long_but_not_without_end() {
        let query = |length: usize| {
            let method = Catalogue::default().named("StartBatchOperation").unwrap();
            let mut reader = RequestReader::new(method, false);
            let length_bytes = [length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8];
            reader.feed(&[&[0x12][..], &length_bytes, &vec![b'x'; length]].concat())?;
            reader.finish()
        };
        assert!(query(2000).is_ok() && query(64 << 10).is_ok());
        assert!(query((64 << 10) + 1).is_err());
    }

    #[test]
    fn a_batch_does_what_its_operation_does() {
        let effects = |parts: &[Vec<u8>]| {
            let target = read("StartBatchOperation", &[parts, &[field(1, b"own")][..]].concat()).unwrap();
            assert_eq!(target.beyond, None);
            target.effects
        };
        let terminate = field(10, b"");
        assert_eq!(effects(std::slice::from_ref(&terminate)), EffectSet::BATCH.with(EffectSet::TERMINATE));
        // Without an operation that is known, or beside a field that is not: the most that a batch could do.
        assert!(effects(&[]).covers(EffectSet::WRITER));
        assert!(effects(&[field(11, b""), field(23, b"")]).covers(EffectSet::WRITER));
        assert!(!effects(&[field(11, b"")]).covers(EffectSet::TERMINATE));
    }
}
