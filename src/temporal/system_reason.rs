//! Why only a grant for the whole cluster can cover a call.

use std::fmt;

/// Why only a grant with `system: true` can cover a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemReason {
    /// The method acts on the whole cluster.
    WholeCluster,
    /// The call touches something that is Temporal's own.
    Internal(InternalReason),
    NamespaceMissing,
    NamespaceId,
    /// A Nexus endpoint by its id: its namespace is unknown.
    EndpointId,
    TooManyNamespaces,
}

/// What a call touches that is Temporal's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InternalReason {
    /// The request names a workflow, a workflow type or a task queue of Temporal's own.
    Name,
    /// The request has a query that finds workflows of Temporal's own.
    Query,
    Namespace,
    /// The request answers a task from a task queue of Temporal's own.
    TaskQueueTask,
    /// The request answers a task of a workflow of Temporal's own.
    WorkflowTask,
    /// A command starts an operation at Temporal's own Nexus endpoint that workflows may not start.
    Operation(OperationRefusal),
}

/// Why a workflow may not start an operation at Temporal's own Nexus endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationRefusal {
    ForeignNamespace,
    OtherService,
    OtherOperation,
    NoInput,
    UnreadableInput,
    InputEncoding,
}

impl From<InternalReason> for SystemReason {
    fn from(reason: InternalReason) -> Self {
        Self::Internal(reason)
    }
}

impl From<OperationRefusal> for InternalReason {
    fn from(refusal: OperationRefusal) -> Self {
        Self::Operation(refusal)
    }
}

impl fmt::Display for SystemReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WholeCluster => "the call concerns the whole cluster",
            Self::Internal(reason) => return reason.fmt(f),
            Self::NamespaceMissing => "the request does not name its namespace",
            Self::NamespaceId => "the request names a namespace by its id",
            Self::EndpointId => "the request names a Nexus endpoint by its id, which does not show its namespace",
            Self::TooManyNamespaces => "the request names too many namespaces",
        })
    }
}

impl fmt::Display for InternalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the request names what is Temporal's own",
            Self::Query => "the request asks for what is Temporal's own",
            Self::Namespace => "the request is about Temporal's own namespace",
            Self::TaskQueueTask => "the task is of a task queue of Temporal's own",
            Self::WorkflowTask => "the task is of a workflow of Temporal's own",
            Self::Operation(refusal) => return write!(f, "an operation of Temporal's own {refusal}"),
        })
    }
}

impl fmt::Display for OperationRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ForeignNamespace => "names another namespace",
            Self::OtherService => "is not of the service that a workflow may call",
            Self::OtherOperation => "is not SignalWithStartWorkflowExecution",
            Self::NoInput => "has no input",
            Self::UnreadableInput => "has an input that cannot be read",
            Self::InputEncoding => "has an input whose encoding is not binary/protobuf",
        })
    }
}
