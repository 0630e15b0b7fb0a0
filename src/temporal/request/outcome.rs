//! What a request that has been read would do.

use super::super::effect::EffectSet;
use super::super::method::Scope;
use super::super::own::is_system;
use super::super::target::{NamespaceEffects, Target, changes_cluster};
use super::Reading;
use crate::wire::protobuf::Handler;

/// The method whose effects depend on which operation its request has.
const START_BATCH: &str = "/temporal.api.workflowservice.v1.WorkflowService/StartBatchOperation";

/// How many namespaces a request may name in its messages and still be covered by grants for namespaces.
pub(super) const MAX_NAMED: usize = 16;

/// A namespace that messages of the request name. Whether it is the request's own is known at the end.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) namespace: String,
    /// What the messages do in a foreign namespace. In the request's own the method covers it: a worker's command is part
    /// of its answer.
    pub(super) there: EffectSet,
    /// What their options do, wherever it is.
    pub(super) options: EffectSet,
    /// What the messages do as a worker's commands.
    pub(super) command: EffectSet,
    /// Whether it must be the request's own, as in an operation of Temporal's own.
    pub(super) own: bool,
}

impl Reading {
    pub(super) fn target(mut self) -> Target {
        while !self.levels.is_empty() {
            self.end_message();
        }
        let namespace = self.namespace.take().unwrap_or_default();
        let mut elsewhere = Vec::new();
        for Named { namespace: other, there, options, command, own } in std::mem::take(&mut self.named) {
            if other == namespace {
                self.effects = self.effects.with(options);
                self.commands = self.commands.with(command);
            } else {
                if own {
                    self.touches("an operation of Temporal's own names another namespace");
                }
                elsewhere.push(NamespaceEffects { namespace: other, effects: there.with(options) });
            }
        }
        let Self { method, mut effects, commands, too_many, by_id, calls_back, newer, .. } = self;
        if method.path == START_BATCH && (newer.count > 0 || effects == method.effects) {
            // An operation of a newer server, which could be anything that a batch may do.
            effects = effects.with(EffectSet::WRITER);
        }
        let system =
            is_system(&namespace) || elsewhere.iter().any(|place: &NamespaceEffects| is_system(&place.namespace));
        let internal = self.internal.or(system.then_some("the request is about Temporal's own namespace"));
        // Reading about them is harmless, and the Web UI does it.
        let internal = internal.filter(|_| !EffectSet::READER.covers(method.effects));
        if internal.is_some() {
            effects = effects.with(EffectSet::CLUSTER_ADMIN);
        }
        let beyond = if method.scope == Scope::Cluster {
            Some("the call concerns the whole cluster")
        } else if internal.is_some() {
            internal
        } else if namespace.is_empty() {
            Some("the request does not name its namespace")
        } else if by_id {
            Some("the request names a namespace by its id")
        } else if too_many {
            Some("the request names too many namespaces")
        } else {
            None
        };
        let nameless = method.scope == Scope::Namespace && namespace.is_empty();
        // Temporal's own workers do their work with their tasks; any other caller that touches what is Temporal's own may
        // cause anything by it.
        let anything = internal.is_some() && !EffectSet::WORKER.covers(method.effects);
        let unseen = changes_cluster(&method) || nameless || by_id || too_many || calls_back || (anything && system);
        let names = self.names.unwrap_or_default();
        Target { method, namespace, effects, commands, elsewhere, beyond, anything, unseen, calls_back, names, newer }
    }

    /// Remembers the first reason why the request touches what is Temporal's own.
    pub(super) fn touches(&mut self, what: &'static str) {
        self.internal.get_or_insert(what);
    }

    pub(super) fn touches_if(&mut self, internal: bool, what: &'static str) {
        if internal {
            self.touches(what);
        }
    }

    /// Remembers what a message does in the namespace that it names.
    pub(super) fn note(&mut self, named: Named) {
        if let Some(known) = self.named.iter_mut().find(|known| known.namespace == named.namespace) {
            known.there = known.there.with(named.there);
            known.options = known.options.with(named.options);
            known.command = known.command.with(named.command);
            known.own |= named.own;
        } else if self.named.len() < MAX_NAMED {
            self.named.push(named);
        } else {
            // Effects in one namespace too many count in the request's own, and only a grant for the cluster covers them.
            self.too_many = true;
            self.effects = self.effects.with(named.there).with(named.options);
            self.commands = self.commands.with(named.command);
            self.touches_if(named.own, "an operation of Temporal's own names another namespace");
        }
    }
}
