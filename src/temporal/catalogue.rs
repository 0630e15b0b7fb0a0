//! The methods of Temporal's frontend, and which method a `:path` calls.

use std::cmp::Ordering;
use std::rc::Rc;

use super::generated::METHODS;
use super::method::{HEALTH_CHECK, Method, MethodRef};

/// The methods of the built-in table together with those of the configuration.
#[derive(Debug, Default)]
pub struct Catalogue {
    added: Vec<Rc<Method>>,
}

/// What a `:path` leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Route {
    /// A method that policy decides about.
    Method(MethodRef),
    /// AdminService, whatever the method: cluster-admin, and only where it is switched on.
    Admin,
    /// Server reflection, Health/Watch and Health/List: Temporal's own authorizer denies them to everybody.
    Closed,
    /// No method of this version of Temporal.
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

impl Catalogue {
    /// The methods of the built-in table and these.
    #[must_use]
    pub fn with(added: Vec<Rc<Method>>) -> Self {
        Self { added }
    }

    /// The method that the path calls. Bytes are compared exactly, as grpc-go does it: otherwise the path could mean one
    /// method to us and another to the server.
    #[must_use]
    pub fn route(&self, path: &[u8]) -> Route {
        if let Ok(index) = METHODS.binary_search_by(|method| order(method.path.as_bytes(), path)) {
            return METHODS.get(index).map_or(Route::Unknown, |method| Route::Method(MethodRef::Known(method)));
        }
        if path == HEALTH_CHECK.path.as_bytes() {
            return Route::Method(MethodRef::Known(&HEALTH_CHECK));
        }
        if let Some(method) = self.added.iter().find(|method| method.path.as_bytes() == path) {
            return Route::Method(MethodRef::Added(Rc::clone(method)));
        }
        if path.strip_prefix(ADMIN_SERVICE).is_some_and(is_plain_name) {
            return Route::Admin;
        }
        if CLOSED.contains(&path) {
            return Route::Closed;
        }
        Route::Unknown
    }

    /// The method that a policy names: by its full path, with or without the first slash, or by a bare name, which is looked
    /// up in WorkflowService and then in OperatorService.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<MethodRef> {
        let candidates = if name.contains('/') {
            vec![if name.starts_with('/') { name.to_owned() } else { format!("/{name}") }]
        } else {
            vec![format!("{WORKFLOW_SERVICE}{name}"), format!("{OPERATOR_SERVICE}{name}")]
        };
        candidates.iter().find_map(|path| match self.route(path.as_bytes()) {
            Route::Method(method) => Some(method),
            _ => None,
        })
    }

    /// The bare names of all methods.
    pub fn names(&self) -> Vec<&str> {
        METHODS.iter().chain(self.added.iter().map(|method| &**method)).map(Method::name).collect()
    }

    /// All methods that a policy can name.
    pub fn methods(&self) -> impl Iterator<Item = MethodRef> {
        let built_in = METHODS.iter().chain([&HEALTH_CHECK]).map(MethodRef::Known);
        built_in.chain(self.added.iter().map(|method| MethodRef::Added(Rc::clone(method))))
    }
}

/// The order of the table: by length first, which differs between most paths, while their first fifty bytes are the same.
fn order(path: &[u8], other: &[u8]) -> Ordering {
    path.len().cmp(&other.len()).then_with(|| path.cmp(other))
}

fn is_plain_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporal::{Access, EffectSet};

    fn route(path: &str) -> Route {
        Catalogue::default().route(path.as_bytes())
    }

    #[test]
    fn the_table_is_sorted_for_binary_search() {
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
            // To give the server a compute configuration, a caller must be an admin here, but only a writer upstream.
            if method.access != Access::Unlisted && !method.effects.covers(EffectSet::COMPUTE) {
                assert_eq!(role, method.access, "{}", method.path);
            }
        }
    }

    #[test]
    fn only_the_exact_path_is_a_method() {
        let exact = "/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution";
        assert!(matches!(route(exact), Route::Method(_)));
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
            assert_eq!(route(twist), Route::Unknown, "{twist}");
        }
    }

    #[test]
    fn closed_services_are_not_unknown_ones() {
        assert_eq!(route("/temporal.server.api.adminservice.v1.AdminService/DescribeCluster"), Route::Admin);
        assert_eq!(route("/grpc.health.v1.Health/Watch"), Route::Closed);
        assert_eq!(route("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"), Route::Closed);
        assert!(matches!(route("/grpc.health.v1.Health/Check"), Route::Method(_)));
        assert_eq!(route("/temporal.api.workflowservice.v1.WorkflowService/FromTheFuture"), Route::Unknown);
    }

    #[test]
    fn a_bare_name_is_looked_up_in_workflow_service_then_in_operator_service() {
        let catalogue = Catalogue::default();
        assert_eq!(catalogue.named("QueryWorkflow").unwrap().path, format!("{WORKFLOW_SERVICE}QueryWorkflow"));
        assert_eq!(catalogue.named("DeleteNamespace").unwrap().path, format!("{OPERATOR_SERVICE}DeleteNamespace"));
        assert_eq!(catalogue.named("grpc.health.v1.Health/Check").unwrap().path, HEALTH_CHECK.path);
        assert!(catalogue.named("Nonsense").is_none());
    }
}
