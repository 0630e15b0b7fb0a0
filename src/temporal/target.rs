//! What a call would do, and in which namespaces.

use super::effect::EffectSet;
use super::list::DESCRIBE_NAMESPACE;
use super::method::{Access, MethodRef, Scope};
use super::names::RequestNames;
use super::system_reason::SystemReason;

/// How many newer parts of a request are remembered.
const MAX_NEWER: usize = 4;

/// What a call would do, and in which namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub method: MethodRef,
    /// The namespace that the request names as its own; empty if it names none.
    pub namespace: String,
    /// The id by which the request names a namespace; empty if it has none.
    pub namespace_id: String,
    /// What the call does in its own namespace, or in the cluster.
    pub effects: EffectSet,
    /// What a worker's commands do in its own namespace, in addition to answering a task.
    pub commands: EffectSet,
    /// What the call does in other namespaces that it names.
    pub elsewhere: Vec<NamespaceEffects>,
    /// Why only a grant for the whole cluster can cover the call. `None` if a grant for namespaces can.
    pub needs_system: Option<SystemReason>,
    /// Whether the call may have any effect, because it touches something of Temporal's own. Denials assume all effects.
    pub may_have_any_effect: bool,
    /// Whether the call may act in a namespace that the request does not name: it identifies the namespace by id or by task
    /// token, or may reach every namespace.
    pub may_reach_any_namespace: bool,
    /// Whether it registers a callback into Temporal itself. A token that the caller controls names the callback's namespace.
    pub registers_callback: bool,
    /// The names in the request that limits compare. Empty unless they were asked for.
    pub names: RequestNames,
    /// The parts of the request that are newer than the method table.
    pub newer: NewerParts,
}

/// What a call does in a namespace that is not the request's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceEffects {
    pub namespace: String,
    pub effects: EffectSet,
}

/// The parts of a request that are not in the API that the method table was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewerParts {
    pub count: u64,
    pub first: Vec<NewerPart>,
}

/// A field, or a value of an enum with effects, that the method table does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewerPart {
    pub message: &'static str,
    /// The number of the field. 0 if it is only known by a name.
    pub field: u32,
    /// The unknown value of a known enum.
    pub value: Option<i32>,
}

impl Target {
    /// A call whose request was not read.
    #[must_use]
    pub fn of(method: MethodRef) -> Self {
        let needs_system = (method.scope == Scope::Cluster).then_some(SystemReason::WholeCluster);
        Self {
            effects: method.effects,
            may_reach_any_namespace: changes_cluster(&method),
            method,
            namespace: String::new(),
            namespace_id: String::new(),
            commands: EffectSet::NONE,
            elsewhere: Vec::new(),
            needs_system,
            may_have_any_effect: false,
            registers_callback: false,
            names: RequestNames::default(),
            newer: NewerParts::default(),
        }
    }

    /// Whether the call is DescribeNamespace for a namespace that only its id names.
    #[must_use]
    pub fn describes_by_id_alone(&self) -> bool {
        self.method.path == DESCRIBE_NAMESPACE && self.namespace.is_empty() && !self.namespace_id.is_empty()
    }

    /// Every namespace in which the call has effects, with those effects; its own comes first.
    pub fn effects_by_namespace(&self) -> impl Iterator<Item = (&str, EffectSet)> {
        let elsewhere = self.elsewhere.iter().map(|other| (other.namespace.as_str(), other.effects));
        std::iter::once((self.namespace.as_str(), self.effects)).chain(elsewhere)
    }
}

/// Whether the method changes the cluster, and so may reach every namespace. Reading from the cluster reaches none.
pub(super) fn changes_cluster(method: &MethodRef) -> bool {
    method.scope == Scope::Cluster && method.access != Access::ReadOnly
}

impl NewerParts {
    pub(super) fn add(&mut self, part: NewerPart) {
        self.count = self.count.saturating_add(1);
        if self.first.len() < MAX_NEWER && !self.first.contains(&part) {
            self.first.push(part);
        }
    }

    pub(super) fn extend(&mut self, other: Self) {
        let known = u64::try_from(other.first.len()).unwrap_or_default();
        self.count = self.count.saturating_add(other.count.saturating_sub(known));
        other.first.into_iter().for_each(|part| self.add(part));
    }
}

impl std::fmt::Display for NewerPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { message, field, value } = self;
        match value {
            None if *field == 0 => write!(f, "a field of {message}"),
            Some(value) => write!(f, "value {value} of field {field} of {message}"),
            None => write!(f, "field {field} of {message}"),
        }
    }
}
