//! Temporal's HTTP port: which call a request makes, by its verb and path.

mod nexus;

use super::catalogue::{Catalogue, Route};
use super::generated::ROUTES;
use super::method::{Method, MethodRef};
pub use nexus::{NexusCall, nexus_method};

/// The descriptions of the API, which the server hands to everybody (server: `service/frontend/openapi_http_handler.go`).
pub static OPENAPI: Method = Method::reading_cluster("/openapi");

/// The paths of the descriptions.
pub const OPENAPI_PATHS: [&[u8]; 2] = [b"/swagger.json", b"/openapi.yaml"];

/// The verb of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Delete,
}

/// A route of the HTTP API. Routes with [`Verb::Post`] have a body, from which the whole request is read; in all others, the
/// query has the rest of the request.
#[derive(Debug)]
pub struct ApiRoute {
    pub verb: Verb,
    /// What may precede the template.
    pub prefixes: &'static [&'static str],
    /// Segments, of which those in braces are variables: dotted names of fields.
    pub template: &'static str,
    /// The path of the gRPC method.
    pub method: &'static str,
}

/// What servers up to 1.29 have in the place of an id that a caller chooses: words of other routes. Such a request would start
/// something on one server, and pause or complete something on another.
const WORDS_OF_OLDER_SERVERS: [(&str, &[&str]); 2] = [
    ("/namespaces/{namespace}/workflows/{workflow_id}", &["execute-multi-operation"]),
    (
        "/namespaces/{namespace}/activities/{activity_id}",
        &[
            "cancel",
            "cancel-by-id",
            "complete",
            "complete-by-id",
            "fail",
            "fail-by-id",
            "heartbeat",
            "heartbeat-by-id",
            "pause",
            "reset",
            "unpause",
            "update-options",
        ],
    ),
];

/// A call of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCall {
    pub method: MethodRef,
    pub parameters: Parameters,
    pub has_body: bool,
    /// Whether older servers take an id in the path for a word of another route.
    pub is_ambiguous: bool,
}

/// The longest body that the server reads, in bytes. Source: `rpc.MaxHTTPAPIRequestBytes`.
pub const MAX_BODY: usize = 4 << 20;

/// What a parameter takes in memory apart from its text, in bytes: many short ones take more than they are long.
const PARAMETER: usize = size_of::<(String, String)>() + 16;

/// What a request says outside of its body.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters {
    /// The variables of the path, by the dotted names of the fields that they set.
    pub path: Vec<(&'static str, String)>,
    /// The parameters of the query. Empty if the route has a body, because servers ignore the query then.
    pub query: Vec<(String, String)>,
}

impl Parameters {
    /// Their size in memory, in bytes, roughly.
    #[must_use]
    pub fn size(&self) -> usize {
        let path = self.path.iter().map(|(_, value)| value.len().saturating_add(PARAMETER));
        path.fold(size_of_query(&self.query), usize::saturating_add)
    }
}

/// The size of a query's parameters in memory, in bytes, roughly.
#[must_use]
pub fn size_of_query(query: &[(String, String)]) -> usize {
    let sizes = query.iter().map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(PARAMETER));
    sizes.fold(0, usize::saturating_add)
}

impl Verb {
    /// `None` if no route has this verb.
    #[must_use]
    pub fn of(method: &[u8]) -> Option<Self> {
        match method {
            b"GET" => Some(Self::Get),
            b"POST" => Some(Self::Post),
            b"DELETE" => Some(Self::Delete),
            _ => None,
        }
    }
}

impl ApiRoute {
    /// The values of the variables. `None` if the route does not match these segments.
    fn matches(&self, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
        let length = segments.len();
        self.prefixes.iter().find_map(|prefix| {
            let parts = || prefix.split('/').skip(1).chain(self.template.split('/').skip(1));
            (parts().count() == length).then(|| variables(parts(), segments)).flatten()
        })
    }
}

/// The values of the variables among these parts. `None` if the segments do not match them.
fn variables(parts: impl Iterator<Item = &'static str>, segments: &[String]) -> Option<Vec<(&'static str, String)>> {
    let mut variables = Vec::new();
    for (part, segment) in parts.zip(segments) {
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(variable) => variables.push((variable, segment.clone())),
            None if part == segment => {}
            None => return None,
        }
    }
    Some(variables)
}

/// The call that these segments make, still without its query. No two routes match the same request.
#[must_use]
pub fn api_call(verb: Option<Verb>, segments: &[String]) -> Option<ApiCall> {
    let verb = verb?;
    let candidates = ROUTES.iter().filter(|route| route.verb == verb);
    let (route, path) = candidates.into_iter().find_map(|route| Some((route, route.matches(segments)?)))?;
    let Route::Method(method) = Catalogue::default().route(route.method.as_bytes()) else { return None };
    let words = WORDS_OF_OLDER_SERVERS.iter().find(|(template, _)| *template == route.template);
    let is_ambiguous = verb == Verb::Post
        && words.is_some_and(|(_, words)| segments.last().is_some_and(|last| words.contains(&last.as_str())));
    let parameters = Parameters { path, query: Vec::new() };
    Some(ApiCall { is_ambiguous, method, parameters, has_body: verb == Verb::Post })
}

/// Whether a path begins like that of a route, whether or not there is such a route.
#[must_use]
pub fn is_api_path(path: &[u8]) -> bool {
    let first = path.split(|byte| *byte == b'/').nth(1).unwrap_or_default();
    ROUTES.iter().any(|route| {
        route.prefixes.iter().any(|prefix| {
            let mut segments = prefix.split('/').chain(route.template.split('/')).filter(|segment| !segment.is_empty());
            segments.next().is_some_and(|segment| segment.as_bytes() == first)
        })
    })
}

/// Whether a path is that of a gRPC call: a service, whose name has a dot and nothing escaped, and a method.
#[must_use]
pub fn is_grpc_path(path: &[u8]) -> bool {
    let mut segments = path.strip_prefix(b"/").unwrap_or_default().split(|byte| *byte == b'/');
    let service = segments.next().unwrap_or_default();
    let has_method = segments.next().is_some_and(|method| !method.is_empty());
    service.contains(&b'.') && !service.contains(&b'%') && has_method && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::http::segments;

    fn call(verb: &str, path: &str) -> Option<(String, Vec<(&'static str, String)>)> {
        let call = api_call(Verb::of(verb.as_bytes()), &segments(path.as_bytes()).unwrap())?;
        Some((call.method.name().to_owned(), call.parameters.path))
    }

    #[test]
    fn a_route_leads_to_its_method() {
        let start =
            Some(("StartWorkflowExecution".to_owned(), vec![("namespace", "p".into()), ("workflow_id", "w".into())]));
        assert_eq!(call("POST", "/api/v1/namespaces/p/workflows/w"), start);
        assert_eq!(call("POST", "/namespaces/%70/%77orkflows/w"), start);
        let history = call("GET", "/namespaces/p/workflows/w/history").unwrap();
        assert_eq!(history.1, [("namespace", "p".to_owned()), ("execution.workflow_id", "w".to_owned())]);
        assert_eq!(call("DELETE", "/api/v1/namespaces/p/schedules/s").unwrap().0, "DeleteSchedule");
        assert_eq!(call("GET", "/api/v1/cluster/nexus/endpoints"), None);
        assert_eq!(call("GET", "/api/v1/nexus/endpoints").unwrap().0, "ListNexusEndpoints");
        assert_eq!(call("GET", "/system-info").unwrap().0, "GetSystemInfo");
        for (verb, path) in [
            ("POST", "/api/v1/system-info"),
            ("HEAD", "/api/v1/system-info"),
            ("OPTIONS", "/api/v1/system-info"),
            ("get", "/api/v1/system-info"),
            ("GET", "/api/v2/namespaces"),
            ("GET", "/api/v1/Namespaces"),
            ("GET", "/api/v1/namespaces/p/workflows/w/history/x"),
            ("PUT", "/api/v1/namespaces/p/schedules/s"),
        ] {
            assert_eq!(call(verb, path), None, "{verb} {path}");
        }
    }

    #[test]
    fn every_route_leads_to_a_method_of_the_table() {
        let routes = ROUTES.iter().flat_map(|route| route.prefixes.iter().map(move |prefix| (route, prefix)));
        assert_eq!(routes.clone().count(), 228);
        for (route, prefix) in routes {
            let filled = format!("{prefix}{}", route.template).replace(['{', '}'], "");
            let segments: Vec<_> = filled.split('/').skip(1).map(str::to_owned).collect();
            let call = api_call(Some(route.verb), &segments).unwrap();
            assert_eq!(call.method.path, route.method, "{}", route.template);
            assert!(call.parameters.path.iter().all(|(name, value)| name == value), "{call:?}");
            assert!(!is_grpc_path(route.template.as_bytes()));
        }
    }

    #[test]
    fn the_first_segment_says_whether_a_path_may_be_one_of_the_api() {
        for path in ["/api/v2", "/namespaces", "/namespaces/x/y", "/cluster/x", "/system-info"] {
            assert!(is_api_path(path.as_bytes()), "{path}");
        }
        for path in ["", "/", "/apis", "/{namespace}", "api/v1", "/swagger.json"] {
            assert!(!is_api_path(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn the_path_alone_says_whether_a_call_is_grpc() {
        for path in ["/pkg.Service/Method", "/grpc.health.v1.Health/Check", "/a.b/c?x"] {
            assert!(is_grpc_path(path.as_bytes()), "{path}");
        }
        let others = ["/", "", "/pkg.Service", "/pkg.Service/", "/api/v1", "/a.b/c/d", "/swagger.json", "a.b/c"];
        for path in others.into_iter().chain(["/namespaces%2fa.b/c"]) {
            assert!(!is_grpc_path(path.as_bytes()), "{path}");
        }
    }
}
