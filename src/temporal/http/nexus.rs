//! Nexus over HTTP: dispatch of operations to workers, and callbacks that complete operations. Source: `common/nexus/routes.go`,
//! `service/frontend/nexus_operation_http_handler.go`, `service/frontend/nexus_completion_http_handler.go`.

use super::super::effect::EffectSet;
use super::super::method::{Access, LimitRule, Method, MethodRef, Scope, WorkflowIdRule};
use super::super::names::{Limit, LimitSet, QueueUse, RequestNames, TaskQueue};
use super::super::request::leads_into_temporal;
use super::super::reserved::{is_internal, is_system_namespace};
use super::super::schema::Message;
use super::super::system_reason::{InternalReason, SystemReason};
use super::super::target::Target;
use crate::wire::http::{HttpFault, unescape};

/// A Nexus request, as its path describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NexusCall {
    /// An operation for the workers of a task queue.
    ByQueue { namespace: String, task_queue: String },
    /// An operation at an endpoint, whose id shows neither its name nor its namespace.
    ByEndpoint { id: String },
    /// The completion of an operation. Without a namespace in the path, only the token in a header names it.
    Callback { namespace: Option<String> },
}

/// The methods as Temporal's own authorizer sees them (server: `common/api/metadata.go`).
static BY_QUEUE: Method =
    method("/temporal.api.nexusservice.v1.NexusService/DispatchByNamespaceAndTaskQueue", LimitRule::RequiresName);
static BY_ENDPOINT: Method =
    method("/temporal.api.nexusservice.v1.NexusService/DispatchByEndpoint", LimitRule::NeverCovered);
static CALLBACK: Method =
    method("/temporal.api.nexusservice.v1.NexusService/CompleteNexusOperation", LimitRule::NeverCovered);

const fn method(path: &'static str, queue_rule: LimitRule) -> Method {
    Method::new(
        path,
        Scope::Namespace,
        Access::Write,
        EffectSet::NEXUS,
        0,
        queue_rule,
        // The handler of an operation may act on any workflow.
        WorkflowIdRule::NeverCovered,
        LimitRule::NeverCovered,
        &Message::UNREAD,
    )
}

impl NexusCall {
    /// The size of its texts in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::ByQueue { namespace, task_queue } => namespace.len().saturating_add(task_queue.len()),
            Self::ByEndpoint { id } => id.len(),
            Self::Callback { namespace } => namespace.as_ref().map_or(0, String::len),
        }
    }

    /// The call that a path makes. The server splits the path before it decodes the segments. `None` if the path is not a Nexus
    /// path.
    ///
    /// # Errors
    /// A segment could be read in two ways.
    pub fn read(path: &[u8]) -> Option<Result<Self, HttpFault>> {
        let raw: Vec<_> = path.strip_prefix(b"/")?.split(|byte| *byte == b'/').collect();
        match raw.as_slice() {
            [b"namespaces", namespace, b"task-queues", queue, b"nexus-services", operation @ ..]
                if !operation.is_empty() =>
            {
                Some(
                    Self::operation(operation).and_then(|()| {
                        Ok(Self::ByQueue { namespace: unescape(namespace)?, task_queue: unescape(queue)? })
                    }),
                )
            }
            [b"nexus", b"endpoints", id, b"services", operation @ ..] if !operation.is_empty() => {
                Some(Self::operation(operation).and_then(|()| Ok(Self::ByEndpoint { id: unescape(id)? })))
            }
            [b"namespaces", namespace, b"nexus", b"callback"] => {
                Some(unescape(namespace).map(|namespace| Self::Callback { namespace: Some(namespace) }))
            }
            [b"nexus", b"callback"] => Some(Ok(Self::Callback { namespace: None })),
            _ => None,
        }
    }

    /// The namespace in the path.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::ByQueue { namespace, .. } => Some(namespace),
            Self::ByEndpoint { .. } => None,
            Self::Callback { namespace } => namespace.as_deref(),
        }
    }

    /// Checks the segments after the prefix: a service, an operation and what to do with it. Nothing depends on them.
    fn operation(segments: &[&[u8]]) -> Result<(), HttpFault> {
        segments.iter().try_for_each(|segment| unescape(segment).map(|_| ()))
    }

    /// What the call would do. `query` has the address to which the operation's handler reports the result.
    #[must_use]
    pub fn target(&self, query: &[(String, String)], limits: LimitSet) -> Target {
        let mut target = Target::of(nexus_method(self));
        let mut names = RequestNames::collecting(limits);
        let mut internal = None;
        match self {
            Self::ByQueue { namespace, task_queue } => {
                target.namespace.clone_from(namespace);
                names.add_queue(TaskQueue { used: QueueUse::Named, name: task_queue.clone(), ..TaskQueue::default() });
                // It goes around all endpoints, so a limit on endpoints must allow every name.
                names.add(Limit::NexusEndpoints, "");
                if is_internal(task_queue) {
                    internal = Some(InternalReason::Name);
                }
            }
            Self::ByEndpoint { id } => {
                target.needs_system = Some(SystemReason::EndpointId);
                target.may_reach_any_namespace = true;
                names.add(Limit::NexusEndpoints, id);
            }
            Self::Callback { namespace } => {
                target.registers_callback = true;
                target.may_reach_any_namespace = true;
                match namespace {
                    Some(namespace) => target.namespace.clone_from(namespace),
                    None => target.needs_system = Some(SystemReason::NamespaceMissing),
                }
            }
        }
        if is_system_namespace(&target.namespace) {
            internal = Some(InternalReason::Namespace);
        }
        if let Some(reason) = internal {
            target.needs_system = Some(reason.into());
            target.effects = target.effects.with(EffectSet::CLUSTER_ADMIN);
            target.may_have_any_effect = true;
            target.may_reach_any_namespace |= is_system_namespace(&target.namespace);
        }
        // The handler calls back with rights of its own, whoever asked for it.
        if query.iter().any(|(name, value)| name == "callback" && leads_into_temporal(value)) {
            target.registers_callback = true;
            target.may_reach_any_namespace = true;
        }
        target.names = names;
        target
    }
}

/// The method by which policies and logs know a call.
#[must_use]
pub fn nexus_method(call: &NexusCall) -> MethodRef {
    MethodRef::Known(match call {
        NexusCall::ByQueue { .. } => &BY_QUEUE,
        NexusCall::ByEndpoint { .. } => &BY_ENDPOINT,
        NexusCall::Callback { .. } => &CALLBACK,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Option<Result<NexusCall, HttpFault>> {
        NexusCall::read(path.as_bytes())
    }

    fn by_queue(namespace: &str, task_queue: &str) -> Option<Result<NexusCall, HttpFault>> {
        Some(Ok(NexusCall::ByQueue { namespace: namespace.into(), task_queue: task_queue.into() }))
    }

    #[test]
    fn paths_are_split_before_they_are_decoded() {
        assert_eq!(read("/namespaces/p/task-queues/q/nexus-services/s/o"), by_queue("p", "q"));
        assert_eq!(read("/namespaces/%70/task-queues/a%2Fb/nexus-services/s%2Ft/o/cancel"), by_queue("p", "a/b"));
        assert_eq!(read("/nexus/endpoints/id/services/s/o"), Some(Ok(NexusCall::ByEndpoint { id: "id".into() })));
        assert_eq!(read("/nexus/callback"), Some(Ok(NexusCall::Callback { namespace: None })));
        assert_eq!(read("/namespaces/p/nexus/callback"), Some(Ok(NexusCall::Callback { namespace: Some("p".into()) })));
        for path in [
            "/namespaces/p/task-queues/q/nexus%2Dservices/s/o",
            "/namespaces/p/task-queues/q/nexus-services",
            "/nexus/endpoints/id/services",
            "/%6eexus/callback",
            "/nexus/callback/x",
            "/api/v1/namespaces/p/task-queues/q/nexus-services/s/o",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
        for path in [
            "/namespaces//task-queues/q/nexus-services/s/o",
            "/namespaces/p/task-queues/%2e%2e/nexus-services/s/o",
            "/namespaces/p/task-queues/q/nexus-services/",
            "/namespaces/p/task-queues/q/nexus-services/s//o",
            "/namespaces/p%00/nexus/callback",
            "/nexus/endpoints/%ff/services/s/o",
            "/namespaces/secret%2Ftask-queues%2Fq%2Fnexus-services%2Fs/task-queues/q/nexus-services/s/\"",
        ] {
            assert!(matches!(read(path), Some(Err(_))), "{path}");
        }
    }
}
