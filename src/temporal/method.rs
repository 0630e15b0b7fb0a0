//! The methods of Temporal's frontend: what each is, and which one a `:path` calls.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Deref;
use std::rc::Rc;

use super::effect::EffectSet;
use super::schema::Message;
use super::table::METHODS;

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

/// What limits on task queues and workflow types make of a method, or those on schedule ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// It must name one, and all that it names must be inside.
    Named,
    /// All that it names must be inside, if anything: it has a task token, or is about the namespace, or reads a history.
    Open,
    /// What it touches is known by other means, or not at all: outside of every such limit.
    Untold,
}

/// What a limit on workflow ids makes of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// It must name a workflow, and all that it names must be inside.
    Named,
    /// All that it names must be inside, if any: it polls, has a task token, or is about the namespace.
    Open,
    /// What it touches has no workflow id, or none that it names: outside of every such limit.
    Untold,
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
    pub limited: Limited,
    /// What limits on workflow ids make of it.
    pub ids: Ids,
    /// What limits on schedule ids make of it.
    pub schedules: Limited,
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
        limited: Limited,
        ids: Ids,
        schedules: Limited,
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

/// What a `:path` leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Surface {
    /// A method that policy decides about.
    Method(MethodRef),
    /// AdminService, whatever the method: cluster-admin, and only where it is switched on.
    Admin,
    /// Server reflection, Health/Watch and Health/List: Temporal's own authorizer denies them to everybody.
    Closed,
    /// Nothing that this version of Temporal has.
    Unknown,
}

const WORKFLOW_SERVICE: &str = "/temporal.api.workflowservice.v1.WorkflowService/";
const OPERATOR_SERVICE: &str = "/temporal.api.operatorservice.v1.OperatorService/";
const ADMIN_SERVICE: &[u8] = b"/temporal.server.api.adminservice.v1.AdminService/";
const CLOSED: &[&[u8]] = &[
    b"/grpc.health.v1.Health/Watch",
    b"/grpc.health.v1.Health/List",
    b"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    b"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

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
    Limited::Open,
    Ids::Open,
    Limited::Open,
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
    Limited::Untold,
    Ids::Untold,
    Limited::Untold,
    &Message::UNREAD,
);

/// The methods of the built-in table together with those of the configuration.
#[derive(Debug, Default)]
pub struct Catalogue {
    added: Vec<Rc<Method>>,
}

impl Catalogue {
    /// The built-in table and these methods.
    #[must_use]
    pub fn with(added: Vec<Rc<Method>>) -> Self {
        Self { added }
    }

    /// What the path calls. Exact bytes only: grpc-go compares them exactly, and anything else would be one path to us
    /// and another to the server.
    #[must_use]
    pub fn surface(&self, path: &[u8]) -> Surface {
        if let Ok(at) = METHODS.binary_search_by(|method| order(method.path.as_bytes(), path)) {
            return METHODS.get(at).map_or(Surface::Unknown, |method| Surface::Method(MethodRef::Known(method)));
        }
        if path == HEALTH_CHECK.path.as_bytes() {
            return Surface::Method(MethodRef::Known(&HEALTH_CHECK));
        }
        if let Some(method) = self.added.iter().find(|method| method.path.as_bytes() == path) {
            return Surface::Method(MethodRef::Added(Rc::clone(method)));
        }
        if path.strip_prefix(ADMIN_SERVICE).is_some_and(is_plain_name) {
            return Surface::Admin;
        }
        if CLOSED.contains(&path) {
            return Surface::Closed;
        }
        Surface::Unknown
    }

    /// The method that a policy names: a full path, with or without its first slash, or a bare name, which is
    /// WorkflowService's, else OperatorService's.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<MethodRef> {
        let candidates = if name.contains('/') {
            vec![if name.starts_with('/') { name.to_owned() } else { format!("/{name}") }]
        } else {
            vec![format!("{WORKFLOW_SERVICE}{name}"), format!("{OPERATOR_SERVICE}{name}")]
        };
        candidates.iter().find_map(|path| match self.surface(path.as_bytes()) {
            Surface::Method(method) => Some(method),
            _ => None,
        })
    }
}

/// The order of the table: by length first, which tells most paths apart, as their first fifty bytes do not.
fn order(path: &[u8], other: &[u8]) -> Ordering {
    path.len().cmp(&other.len()).then_with(|| path.cmp(other))
}

fn is_plain_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(path: &str) -> Surface {
        Catalogue::default().surface(path.as_bytes())
    }

    #[test]
    fn the_table_is_sorted_for_the_search() {
        assert!(METHODS.windows(2).all(|pair| order(pair[0].path.as_bytes(), pair[1].path.as_bytes()).is_lt()));
    }

    #[test]
    fn upstreams_access_and_our_roles_agree_on_every_method() {
        for method in &METHODS {
            let role = match (EffectSet::READER.covers(method.effects), EffectSet::WRITER.covers(method.effects)) {
                (true, _) => Access::ReadOnly,
                (_, true) => Access::Write,
                _ => Access::Admin,
            };
            assert!(EffectSet::ADMIN.covers(method.effects) && !method.effects.is_empty(), "{}", method.path);
            // To hand the server a compute configuration takes an admin here, and a writer upstream.
            if method.access != Access::Unlisted && !method.effects.covers(EffectSet::COMPUTE) {
                assert_eq!(role, method.access, "{}", method.path);
            }
        }
    }

    #[test]
    fn only_the_exact_path_is_a_method() {
        let exact = "/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution";
        assert!(matches!(surface(exact), Surface::Method(_)));
        for twist in [
            &exact[1..],
            &format!("{exact}/"),
            &format!("{exact}?x=1"),
            &format!("/{exact}"),
            &exact.replace("Start", "%53tart"),
            &exact.replace("Start", "start"),
            "",
            "/",
            "/temporal.server.api.adminservice.v1.AdminService/",
            "/temporal.server.api.adminservice.v1.AdminService/A/B",
            "/grpc.health.v1.Health/Nothing",
        ] {
            assert_eq!(surface(twist), Surface::Unknown, "{twist}");
        }
    }

    #[test]
    fn closed_services_are_told_from_unknown_ones() {
        assert_eq!(surface("/temporal.server.api.adminservice.v1.AdminService/DescribeCluster"), Surface::Admin);
        assert_eq!(surface("/grpc.health.v1.Health/Watch"), Surface::Closed);
        assert_eq!(surface("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"), Surface::Closed);
        assert!(matches!(surface("/grpc.health.v1.Health/Check"), Surface::Method(_)));
        assert_eq!(surface("/temporal.api.workflowservice.v1.WorkflowService/FromTheFuture"), Surface::Unknown);
    }

    #[test]
    fn a_bare_name_is_workflow_services_else_operator_services() {
        let catalogue = Catalogue::default();
        assert_eq!(catalogue.named("QueryWorkflow").unwrap().path, format!("{WORKFLOW_SERVICE}QueryWorkflow"));
        assert_eq!(catalogue.named("DeleteNamespace").unwrap().path, format!("{OPERATOR_SERVICE}DeleteNamespace"));
        assert_eq!(catalogue.named("grpc.health.v1.Health/Check").unwrap().path, HEALTH_CHECK.path);
        assert!(catalogue.named("Nonsense").is_none());
    }
}
