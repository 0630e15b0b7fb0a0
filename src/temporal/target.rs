//! What a call would do, and where.

use super::effect::EffectSet;
use super::method::{Access, MethodRef, Scope};
use super::names::Names;

/// How many of the parts that the table does not know are remembered of a request.
const MAX_NEWER: usize = 4;

/// What a call would do, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The method called.
    pub method: MethodRef,
    /// The namespace that the request names as its own; empty when it names none.
    pub namespace: String,
    /// What the call does in its own namespace, or in the cluster.
    pub effects: EffectSet,
    /// What a worker's commands do in its own namespace, beside answering a task.
    pub commands: EffectSet,
    /// What it does in other namespaces that it names.
    pub elsewhere: Vec<NamespaceEffects>,
    /// Why only a grant for the whole cluster can cover the call, if so.
    pub beyond: Option<&'static str>,
    /// Whether the call may have any effect, as one that touches what is Temporal's own: to denials it has all of them.
    pub anything: bool,
    /// Whether the call may act in a namespace that cannot be seen: one known by id or task token only, or any.
    pub unseen: bool,
    /// Whether it has Temporal call itself back: into whichever namespace a token says that the caller made up, or got.
    pub calls_back: bool,
    /// What it names that limits speak of, if they were to be read.
    pub names: Names,
    /// What of it is newer than the table.
    pub newer: Newer,
}

/// What a call does in a namespace that is not the request's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceEffects {
    /// The namespace's name.
    pub namespace: String,
    /// What the call does there.
    pub effects: EffectSet,
}

/// Fields, and values of enums that decide, which the API does not have that the table was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Newer {
    /// How many there are.
    pub count: u64,
    /// The first few of them.
    pub first: Vec<Part>,
}

/// A part of a request that the table does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The type of its message.
    pub message: &'static str,
    /// Which field it is.
    pub field: u32,
    /// Its value, where that is what is not known.
    pub value: Option<i32>,
}

impl Target {
    /// A call whose request need not be read, or was not.
    #[must_use]
    pub fn of(method: MethodRef) -> Self {
        let beyond = (method.scope == Scope::Cluster).then_some("the call concerns the whole cluster");
        Self {
            effects: method.effects,
            unseen: changes_cluster(&method),
            method,
            namespace: String::new(),
            commands: EffectSet::NONE,
            elsewhere: Vec::new(),
            beyond,
            anything: false,
            calls_back: false,
            names: Names::default(),
            newer: Newer::default(),
        }
    }

    /// Every namespace in which the call has effects, its own first, with those effects.
    pub fn places(&self) -> impl Iterator<Item = (&str, EffectSet)> {
        let elsewhere = self.elsewhere.iter().map(|place| (place.namespace.as_str(), place.effects));
        std::iter::once((self.namespace.as_str(), self.effects)).chain(elsewhere)
    }
}

/// Whether the method changes the cluster, and so may reach every namespace. To read from it touches none.
pub(super) fn changes_cluster(method: &MethodRef) -> bool {
    method.scope == Scope::Cluster && method.access != Access::ReadOnly
}

impl Newer {
    pub(super) fn add(&mut self, part: Part) {
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

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { message, field, value } = self;
        match value {
            Some(value) => write!(f, "value {value} of field {field} of {message}"),
            None => write!(f, "field {field} of {message}"),
        }
    }
}
