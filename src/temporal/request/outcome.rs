//! What a request would do, once all of it was read.

use super::super::effect::EffectSet;
use super::super::method::Scope;
use super::super::reserved::is_system_namespace;
use super::super::system_reason::{InternalReason, OperationRefusal, SystemReason};
use super::super::target::{NamespaceEffects, Target, changes_cluster};
use super::RequestScan;
use crate::wire::protobuf::Handler;

/// The method whose effects depend on the operation in its request.
const START_BATCH: &str = "/temporal.api.workflowservice.v1.WorkflowService/StartBatchOperation";

/// How many namespaces the messages of a request may name before only a grant for the whole cluster covers it.
pub(super) const MAX_MENTIONS: usize = 16;

/// A namespace that messages of the request name. Only the end of the request shows whether it is the request's own.
#[derive(Debug)]
pub(super) struct NamespaceMention {
    pub(super) namespace: String,
    /// What the messages do in the namespace if it is a foreign one. In the request's own namespace the method's effects cover
    /// that: a worker's command is part of its answer.
    pub(super) there: EffectSet,
    /// What the options of the messages do, in whichever namespace.
    pub(super) options: EffectSet,
    /// What the messages do as a worker's commands.
    pub(super) command: EffectSet,
    /// Whether it must be the request's own, as in an operation of Temporal's own.
    pub(super) must_be_own: bool,
}

impl RequestScan {
    pub(super) fn target(mut self) -> Target {
        while !self.open_messages.is_empty() {
            self.end_message();
        }
        let namespace = self.namespace.take().unwrap_or_default();
        let mut elsewhere: Vec<NamespaceEffects> = Vec::new();
        for mention in std::mem::take(&mut self.mentions) {
            let NamespaceMention { namespace: other, there, options, command, must_be_own } = mention;
            if other == namespace {
                self.effects = self.effects.with(options);
                self.commands = self.commands.with(command);
            } else {
                if must_be_own {
                    self.touch_internal(OperationRefusal::ForeignNamespace);
                }
                elsewhere.push(NamespaceEffects { namespace: other, effects: there.with(options) });
            }
        }
        let Self { method, mut effects, commands, has_too_many_namespaces, namespace_id, newer, .. } = self;
        let has_namespace_id = !namespace_id.is_empty();
        if method.path == START_BATCH && (newer.count > 0 || effects == method.effects) {
            // An operation of a newer server could do anything that a batch may do.
            effects = effects.with(EffectSet::WRITER);
        }
        let in_system_namespace =
            is_system_namespace(&namespace) || elsewhere.iter().any(|other| is_system_namespace(&other.namespace));
        let internal = self.internal.or(in_system_namespace.then_some(InternalReason::Namespace));
        // Reading is harmless, and the Web UI reads workflows of Temporal's own.
        let internal = internal.filter(|_| !EffectSet::READER.covers(method.effects));
        if internal.is_some() {
            effects = effects.with(EffectSet::CLUSTER_ADMIN);
        }
        let needs_system = if method.scope == Scope::Cluster {
            Some(SystemReason::WholeCluster)
        } else if let Some(reason) = internal {
            Some(reason.into())
        } else if namespace.is_empty() {
            Some(SystemReason::NamespaceMissing)
        } else if has_namespace_id {
            Some(SystemReason::NamespaceId)
        } else if has_too_many_namespaces {
            Some(SystemReason::TooManyNamespaces)
        } else {
            None
        };
        let is_nameless = method.scope == Scope::Namespace && namespace.is_empty();
        // Temporal's own workers answer tasks of Temporal's own. Any other caller that touches something of Temporal's own may
        // cause any effect by it.
        let may_have_any_effect = internal.is_some() && !EffectSet::WORKER.covers(method.effects);
        let may_reach_any_namespace = changes_cluster(&method)
            || is_nameless
            || has_namespace_id
            || has_too_many_namespaces
            || self.registers_callback
            || (may_have_any_effect && in_system_namespace);
        Target {
            method,
            namespace,
            namespace_id,
            effects,
            commands,
            elsewhere,
            needs_system,
            may_have_any_effect,
            may_reach_any_namespace,
            registers_callback: self.registers_callback,
            names: self.names.unwrap_or_default(),
            newer,
        }
    }

    /// Remembers what the request touches that is Temporal's own, unless something was found before.
    pub(super) fn touch_internal(&mut self, reason: impl Into<InternalReason>) {
        self.internal.get_or_insert(reason.into());
    }

    /// Remembers what a message does in the namespace that it names.
    pub(super) fn mention(&mut self, mention: NamespaceMention) {
        if let Some(known) = self.mentions.iter_mut().find(|known| known.namespace == mention.namespace) {
            known.there = known.there.with(mention.there);
            known.options = known.options.with(mention.options);
            known.command = known.command.with(mention.command);
            known.must_be_own |= mention.must_be_own;
        } else if self.mentions.len() < MAX_MENTIONS {
            self.mentions.push(mention);
        } else {
            // The effects count as effects in the request's own namespace, and only a grant for the cluster covers them.
            self.has_too_many_namespaces = true;
            self.effects = self.effects.with(mention.there).with(mention.options);
            self.commands = self.commands.with(mention.command);
            if mention.must_be_own {
                self.touch_internal(OperationRefusal::ForeignNamespace);
            }
        }
    }
}
