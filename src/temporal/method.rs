//! A method of Temporal's frontend, as the method table describes it.

use std::borrow::Cow;
use std::ops::Deref;
use std::rc::Rc;

use super::effect::EffectSet;
use super::schema::Message;

/// Where a method acts. Source: `common/api/metadata.go` of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// In the namespace that the request names.
    Namespace,
    /// On the whole cluster. Only system grants cover it.
    Cluster,
}

/// The access that Temporal's default authorizer asks for. Source: `common/api/metadata.go` of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Role reader and above.
    ReadOnly,
    /// Role writer and above.
    Write,
    /// Role admin.
    Admin,
    /// No released server has the method, so upstream grants it to nobody.
    Unlisted,
}

/// How limits on task queues and workflow types apply to a method, or limits on schedule ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitRule {
    /// A request must name at least one of these, and all that it names must match.
    RequiresName,
    /// A request need not name any, but all that it names must match: it has a task token, is about the namespace, or reads
    /// a history.
    ChecksNames,
    /// The method is never covered: requests identify their target by something else, or not at all.
    NeverCovered,
}

/// How limits on workflow ids apply to a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowIdRule {
    /// A request must name a workflow, and all that it names must match.
    RequiresName,
    /// A request need not name any, but all that it names must match: it polls, has a task token, or is about the namespace.
    ChecksNames,
    /// The method is never covered: its target has no workflow id, or requests do not name it.
    NeverCovered,
    /// The method acts on a schedule, which only a limit on schedule ids can bound.
    Schedule,
    /// The method acts on a schedule, and a request must name the id of the workflow that the schedule's action starts.
    ScheduleAction,
}

/// The methods by which a worker says that it, or an activity, is alive.
const HEARTBEATS: [&str; 3] = [
    "/temporal.api.workflowservice.v1.WorkflowService/RecordActivityTaskHeartbeat",
    "/temporal.api.workflowservice.v1.WorkflowService/RecordActivityTaskHeartbeatById",
    "/temporal.api.workflowservice.v1.WorkflowService/RecordWorkerHeartbeat",
];

/// One gRPC method.
#[derive(Debug)]
pub struct Method {
    /// The exact `:path`.
    pub path: Cow<'static, str>,
    pub scope: Scope,
    pub access: Access,
    /// What a call does, whatever its request says.
    pub effects: EffectSet,
    /// The number of the request's own namespace field. 0 if it has none.
    pub namespace_field: u32,
    /// How limits on task queues and workflow types apply.
    pub queue_rule: LimitRule,
    /// How limits on workflow ids apply.
    pub workflow_id_rule: WorkflowIdRule,
    /// How limits on schedule ids apply.
    pub schedule_rule: LimitRule,
    /// The request, with the other fields that a decision depends on.
    pub request: &'static Message,
}

impl Method {
    /// A row of the generated table.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "the columns of the table")]
    pub const fn new(
        path: &'static str,
        scope: Scope,
        access: Access,
        effects: EffectSet,
        namespace_field: u32,
        queue_rule: LimitRule,
        workflow_id_rule: WorkflowIdRule,
        schedule_rule: LimitRule,
        request: &'static Message,
    ) -> Self {
        Self {
            path: Cow::Borrowed(path),
            scope,
            access,
            effects,
            namespace_field,
            queue_rule,
            workflow_id_rule,
            schedule_rule,
            request,
        }
    }

    /// A method that reads from the cluster and is not in the table.
    #[must_use]
    pub(super) const fn reading_cluster(path: &'static str) -> Self {
        Self::new(
            path,
            Scope::Cluster,
            Access::ReadOnly,
            EffectSet::CLUSTER_READ,
            0,
            LimitRule::ChecksNames,
            WorkflowIdRule::ChecksNames,
            LimitRule::ChecksNames,
            &Message::UNREAD,
        )
    }

    /// The last segment of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether it only reports that an activity or a worker is alive.
    #[must_use]
    pub fn is_heartbeat(&self) -> bool {
        HEARTBEATS.contains(&&*self.path)
    }

    /// Whether the list `anonymous` may contain it: methods that read from the cluster, and the health check.
    #[must_use]
    pub fn is_cluster_read(&self) -> bool {
        self.scope == Scope::Cluster && self.access == Access::ReadOnly
    }
}

/// A method of the built-in table, or a method that the configuration added.
#[derive(Debug, Clone)]
pub enum MethodRef {
    /// Built in.
    Known(&'static Method),
    /// From `methods` of the configuration.
    Added(Rc<Method>),
}

impl Deref for MethodRef {
    type Target = Method;
    fn deref(&self) -> &Method {
        match self {
            Self::Known(method) => method,
            Self::Added(method) => method,
        }
    }
}

impl Eq for MethodRef {}

impl PartialEq for MethodRef {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

/// The services of the frontend. Its answer to an unknown method depends on whether the service is one of these. Source:
/// `service/frontend/service.go`.
pub const SERVICES: [&str; 6] = [
    "temporal.api.workflowservice.v1.WorkflowService",
    "temporal.api.operatorservice.v1.OperatorService",
    "temporal.server.api.adminservice.v1.AdminService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// `grpc.health.v1.Health/Check`: answered to anybody by default (server: `common/authorization/frontend_api.go`).
pub static HEALTH_CHECK: Method = Method::reading_cluster("/grpc.health.v1.Health/Check");

/// Any method of AdminService (server: `common/api/metadata.go`, which treats all of them alike). They can delete, rewrite and
/// move anything, so every denial of an effect also applies to them.
pub static ADMIN_METHOD: Method = Method::new(
    "/temporal.server.api.adminservice.v1.AdminService/*",
    Scope::Cluster,
    Access::Admin,
    EffectSet::ADMIN,
    0,
    LimitRule::NeverCovered,
    WorkflowIdRule::NeverCovered,
    LimitRule::NeverCovered,
    &Message::UNREAD,
);
