//! Where this library differs from Temporal on purpose, each with its reason. docs/parity.md says the same to operators.

/// A difference: a name for the report, and how to tell it.
pub struct Exception {
    pub name: &'static str,
    /// What the reason has in it that the decision log gives.
    pub reason: &'static str,
}

const fn exception(name: &'static str, reason: &'static str) -> Exception {
    Exception { name, reason }
}

/// Requests that Temporal reads and this library refuses: no encoder makes them, and two decoders may read them in two
/// ways.
pub const REFUSED: &[Exception] = &[
    exception("namespace twice", "duplicate namespace field"),
    exception("deciding field twice", "duplicate field that affects authorization"),
    // The server reads bytes there, and the token only afterwards.
    exception("deciding field of a token twice", "duplicate field in the task token"),
    exception("name in a token or an operation that is not UTF-8", "text that is not UTF-8"),
    exception("second message", "more than one message in a unary call"),
    exception("long name", "text longer than"),
    exception("deep groups", "groups nested too deeply"),
    exception("gzip overhead", "gzip data that is mostly overhead"),
    exception("many gzip members", "corrupt gzip data"),
];

/// Requests that Temporal's authorizer allows and this library's policy denies.
pub const DENIED: &[Exception] = &[
    // Temporal's authorizer looks at the outer namespace only; the server compares the others later, or not at all.
    exception("another namespace inside", "the request also acts in namespace"),
    // More than anybody's workflow has to do with, and each costs memory.
    exception("many namespaces inside", "the request names too many namespaces"),
    // Nobody can say whose id it is.
    exception("namespace by id", "the request names a namespace by its id"),
    // A signal to a scheduler's workflow edits its schedule.
    exception("Temporal's own names", "the request names what is Temporal's own"),
    exception("Temporal's own workflows in a query", "the request asks for what is Temporal's own"),
    exception("Temporal's own namespace", "the request is about Temporal's own namespace"),
    // Anybody can write a token, and act by it in the place of Temporal's own workers.
    exception("task of a workflow of Temporal's own", "the task is of a workflow of Temporal's own"),
    exception("task of a queue of Temporal's own", "the task is of a task queue of Temporal's own"),
    // One operation acts for the workflow that sends it, in its own namespace; what others would do nobody has read.
    exception("operation of Temporal's own", "an operation of Temporal's own"),
    // The server acts on it at once, with what the configuration says.
    exception("compute configuration", "covers compute"),
    exception("compute method", "covers deploy, compute"),
    // A token in the callback's header says where it ends, and anybody can write one.
    exception("callback into Temporal", "the request registers a completion callback into Temporal itself"),
    // Whoever is admin of a pattern could create namespaces without end.
    exception("RegisterNamespace", "no grant covers namespace in namespace"),
];

/// Requests that this library allows and Temporal's authorizer denies: those of a worker, whose role grants nothing there.
pub const WORKER: &str = "worker role";
/// Requests that Temporal's authorizer allows by a permission that says nothing here. `:read` is one for the namespace
/// without a name, which DescribeNamespace by id asks about; and Go lower-cases `adm\u{130}n` to `admin`.
pub const PERMISSION: &str = "permission that is none here";
/// Methods that no released server has: its authorizer denies them to everybody.
pub const UNLISTED: &str = "method that no server lists";
/// Task tokens that are no protobuf: where this reader and another disagreed, one would pass unread. The server's answer is
/// the same, 3, and comes later.
pub const TOKEN: &str = "task token that cannot be read";
/// Requests with an operation of Temporal's own whose input cannot be read: what it would do nobody can say.
pub const INPUT: &str = "input of an operation that cannot be read";
/// Bytes that Temporal cannot decode in a field that nothing depends on go on, and Temporal refuses them itself.
pub const LEFT: &str = "left to Temporal to refuse";

/// The exception of that reason.
pub fn named(list: &'static [Exception], reason: &str) -> Option<&'static str> {
    list.iter().find(|exception| reason.contains(exception.reason)).map(|exception| exception.name)
}
