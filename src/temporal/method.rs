//! What a method of Temporal's frontend is.

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
    /// On the whole cluster; only system grants cover it.
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

/// How limits on task queues and workflow types, or those on schedule ids, apply to a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitRule {
    /// It must name one, and all that it names must match.
    RequiresName,
    /// It need not name any, but all that it names must match: it has a task token, is about the namespace, or reads a
    /// history.
    ChecksNames,
    /// It identifies what it touches by something else, or not at all.
    NeverCovered,
}

/// How limits on workflow ids apply to a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowIdRule {
    /// It must name a workflow, and all that it names must match.
    RequiresName,
    /// It need not name any, but all that it names must match: it polls, has a task token, or is about the namespace.
    ChecksNames,
    /// What it touches has no workflow id, or none that it names.
    NeverCovered,
    /// It touches a schedule, which only a limit on schedule ids can bound.
    Schedule,
    /// The same, and it must name the id of the workflow that its action starts.
    ScheduleAction,
}

/// One gRPC method.
#[derive(Debug)]
pub struct Method {
    /// The exact `:path`.
    pub path: Cow<'static, str>,
    /// Where it acts.
    pub scope: Scope,
    /// What upstream asks for.
    pub access: Access,
    /// What a call does, whatever its request says.
    pub effects: EffectSet,
    /// Number of the request's own namespace field, 0 for none.
    pub namespace_field: u32,
    /// What limits on task queues and workflow types make of it.
    pub limited: LimitRule,
    /// What limits on workflow ids make of it.
    pub ids: WorkflowIdRule,
    /// What limits on schedule ids make of it.
    pub schedules: LimitRule,
    /// The other fields of the request that matter.
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
        limited: LimitRule,
        ids: WorkflowIdRule,
        schedules: LimitRule,
        request: &'static Message,
    ) -> Self {
        Self { path: Cow::Borrowed(path), scope, access, effects, namespace_field, limited, ids, schedules, request }
    }

    /// The last part of the path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether any principal, or none, may be allowed it by the lists `anonymous` and `authenticated`: methods that
    /// read from the cluster, and the health check.
    #[must_use]
    pub fn is_cluster_read(&self) -> bool {
        self.scope == Scope::Cluster && self.access == Access::ReadOnly
    }
}

/// A method of the built-in table or one that the configuration added.
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

/// The services of the frontend, which names an unknown method of theirs otherwise than one of no service. Source:
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
pub static HEALTH_CHECK: Method = Method::new(
    "/grpc.health.v1.Health/Check",
    Scope::Cluster,
    Access::ReadOnly,
    EffectSet::CLUSTER_READ,
    0,
    LimitRule::ChecksNames,
    WorkflowIdRule::ChecksNames,
    LimitRule::ChecksNames,
    &Message::UNREAD,
);

/// Any method of AdminService (server: `common/api/metadata.go`, which treats all of them alike). They delete, rewrite and
/// move whatever they like: every denial of an effect is about them, too.
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
