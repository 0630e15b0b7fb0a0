//! Other policies of Envoy Gateway on the same routes: one may take the place of the filter, or be open when it fails.

use std::rc::Rc;

use super::attachment::Attachment;
use super::{list, namespace};
use crate::deployment::{Deployment, DeploymentKind, at, pointed, text};
use crate::find::names_filter;
use crate::report::Diagnostic;
use crate::yaml::YamlNode;
use crate::yaml::location::members;

const ROUTES: [&str; 2] = ["GRPCRoute", "HTTPRoute"];

/// Policies that take the place of this one. Of several policies, a route has only the most specific.
pub(super) fn check(deployment: &Deployment, documents: &[Rc<YamlNode>]) -> Vec<Diagnostic> {
    let document = &deployment.document;
    if deployment.kind != DeploymentKind::EnvoyGateway {
        return Vec::new();
    }
    let ours = Attachment::of(document);
    let path = members(&["spec", "targetRefs"]);
    let mut wrong = Vec::new();
    for policy in documents.iter().filter(|node| text(node, &["kind"]) == Some("EnvoyExtensionPolicy")) {
        let merges_into_ours =
            text(policy, &["spec", "mergeType"]).is_some() && at(policy, &["spec", "wasm"]).is_none();
        let is_other = namespace(policy) == namespace(document) && !runs_filter(policy) && !merges_into_ours;
        if !is_other {
            continue;
        }
        let name = text(policy, &["metadata", "name"]).unwrap_or_default();
        for target in Attachment::of(policy).targets {
            let why = if ours.targets.contains(&target) {
                "Envoy Gateway takes only the older of two policies for the same target"
            } else if ROUTES.contains(&target.kind)
                && ours.targets.iter().any(|gateway| {
                    gateway.kind == "Gateway"
                        && is_route_of(target.kind, target.name, gateway.name, document, documents)
                })
            {
                "the policy of a route takes the place of the Gateway's, so all calls pass unchecked there"
            } else {
                continue;
            };
            let (kind, of) = (target.kind, target.name);
            let text = format!(
                "{path}: EnvoyExtensionPolicy {}/{name} without the filter is also for {kind} {of}: {why}; put the filter into \
                 that policy as well",
                namespace(policy)
            );
            wrong.push(Diagnostic::error(text, pointed(document, &path)));
        }
    }
    wrong
}

/// Whether a route of this namespace belongs to a Gateway. It does if the files do not tell.
fn is_route_of(kind: &str, name: &str, gateway: &str, document: &YamlNode, documents: &[Rc<YamlNode>]) -> bool {
    let route = documents.iter().find(|node| {
        text(node, &["kind"]) == Some(kind)
            && text(node, &["metadata", "name"]) == Some(name)
            && namespace(node) == namespace(document)
    });
    let parents = route.map(|route| list(at(route, &["spec", "parentRefs"])));
    parents.is_none_or(|parents| parents.iter().any(|parent| text(parent, &["name"]) == Some(gateway)))
}

fn runs_filter(policy: &YamlNode) -> bool {
    list(at(policy, &["spec", "wasm"])).iter().any(|wasm| names_filter(wasm))
}

/// Warnings about other extensions and checks in a document that calls pass when they fail.
pub(super) fn open_when_failing(document: &YamlNode) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    let spec = members(&["spec"]);
    let mut look = |node: Option<&YamlNode>, path: temporal_auth::config::Path, what: &str| {
        if node.and_then(|node| text(node, &["failOpen"])) == Some("true") {
            let path = path.member("failOpen");
            let problem = format!("{path}: found true: if {what} fails, calls pass without it");
            let help = "the filter still decides; write false if what it does must not be skipped";
            warnings.push(Diagnostic::warning(problem, pointed(document, &path), help));
        }
    };
    match text(document, &["kind"]) {
        Some("EnvoyExtensionPolicy") => {
            for (field, what) in [("wasm", "this module"), ("extProc", "this external processor")] {
                for (index, node) in list(at(document, &["spec", field])).iter().enumerate() {
                    // The filter's own is an error, which its deployment reports.
                    if !names_filter(node) {
                        look(Some(&**node), spec.member(field).index(index), what);
                    }
                }
            }
        }
        Some("SecurityPolicy") => {
            look(at(document, &["spec", "extAuth"]), spec.member("extAuth"), "the authorization service");
            look(at(document, &["spec", "jwt"]), spec.member("jwt"), "the check of the token");
        }
        _ => {}
    }
    warnings
}
