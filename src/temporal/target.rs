//! What a call would do, and where.

use super::effect::EffectSet;
use super::method::{Access, MethodRef, Scope};
use super::names::Names;

/// How many unknown parts of a request are remembered.
const MAX_NEWER: usize = 4;

/// What a call would do, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub method: MethodRef,
    /// The namespace that the request names as its own; empty if it names none.
    pub namespace: String,
    /// What the call does in its own namespace, or in the cluster.
    pub effects: EffectSet,
    /// What a worker's commands do in its own namespace, in addition to answering a task.
    pub commands: EffectSet,
    /// What the call does in other namespaces that it names.
    pub elsewhere: Vec<NamespaceEffects>,
    /// Why only a grant for the whole cluster can cover the call; `None` if others can.
    pub beyond: Option<&'static str>,
    /// Whether the call may have any effect, because it touches what is Temporal's own. Denials assume all effects.
    pub anything: bool,
    /// Whether the call may act in a namespace that the request does not name: one that it identifies by id or task token,
    /// or any.
    pub unseen: bool,
    /// Whether it registers a callback into Temporal itself, into the namespace named by a token that the caller controls.
    pub calls_back: bool,
    /// What it names that limits compare, if that was asked for.
    pub names: Names,
    /// Its parts that are newer than the table.
    pub newer: Newer,
}

/// What a call does in a namespace that is not the request's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceEffects {
    pub namespace: String,
    pub effects: EffectSet,
}

/// Fields, and values of enums that decide, that are not in the API that the table was made from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Newer {
    pub count: u64,
    pub first: Vec<Part>,
}

/// A part of a request that the table does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    pub message: &'static str,
    pub field: u32,
    /// The unknown value of a known enum.
    pub value: Option<i32>,
}

impl Target {
    /// A call whose request need not be read, or has not been.
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

    /// Every namespace in which the call has effects, with those effects; its own comes first.
    pub fn places(&self) -> impl Iterator<Item = (&str, EffectSet)> {
        let elsewhere = self.elsewhere.iter().map(|place| (place.namespace.as_str(), place.effects));
        std::iter::once((self.namespace.as_str(), self.effects)).chain(elsewhere)
    }
}

/// Whether the method changes the cluster, and so may reach every namespace. Reading from the cluster reaches none.
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
