//! Gateways whose proxy runs no WebAssembly: a plugin for them is accepted, and runs nowhere.

use std::rc::Rc;

use super::attachment::Attachment;
use super::namespace;
use crate::deployment::{Deployment, DeploymentKind, pointed, text};
use crate::report::Diagnostic;
use crate::yaml::YamlNode;
use crate::yaml::location::members;

/// Istio's classes for agentgateway (its `constants.go`), and their controllers, which classes of any name may have.
const CLASSES: [&str; 2] = ["istio-agentgateway", "istio-agentgateway-waypoint"];
const CONTROLLERS: [&str; 2] = ["istio.io/agentgateway-controller", "istio.io/agentgateway-waypoint-controller"];

pub(super) fn check(deployment: &Deployment, documents: &[Rc<YamlNode>]) -> Vec<Diagnostic> {
    let document = &deployment.document;
    if deployment.kind == DeploymentKind::Values {
        let names = ["gateway", "className"];
        let class = text(document, &names).filter(|class| runs_no_wasm(class, documents));
        let problem = class.map(|class| {
            let path = members(&names);
            Diagnostic::error(format!("{path}: {}", why(class)), pointed(document, &path))
        });
        return problem.into_iter().collect();
    }
    if !deployment.is_istio() {
        return Vec::new();
    }
    let attachment = Attachment::of(document);
    let place = if attachment.targets.is_empty() { "selector" } else { "targetRefs" };
    let path = members(&["spec", place]);
    let at = pointed(document, &path);
    let named = attachment.targets.iter().filter(|target| target.kind == "GatewayClass");
    let mut wrong: Vec<_> = named
        .filter(|target| runs_no_wasm(target.name, documents))
        .map(|target| Diagnostic::error(format!("{path}: {}", why(target.name)), at))
        .collect();
    for gateway in documents.iter().filter(|node| text(node, &["kind"]) == Some("Gateway")) {
        let Some(class) = text(gateway, &["spec", "gatewayClassName"]) else { continue };
        if wrong.is_empty() && runs_no_wasm(class, documents) && attachment.names_gateway(gateway, documents) {
            let name = text(gateway, &["metadata", "name"]).unwrap_or_default();
            let text = format!("{path}: Gateway {}/{name}: {}", namespace(gateway), why(class));
            wrong.push(Diagnostic::error(text, at));
        }
    }
    wrong
}

fn why(class: &str) -> String {
    format!(
        "class {class} is agentgateway, which runs no WebAssembly: the filter is left out, and all calls pass unchecked; \
         use a class of Envoy's, such as istio or istio-waypoint"
    )
}

/// Whether gateways of this class run no WebAssembly.
fn runs_no_wasm(class: &str, documents: &[Rc<YamlNode>]) -> bool {
    let is_class = |node: &YamlNode| {
        text(node, &["kind"]) == Some("GatewayClass")
            && text(node, &["metadata", "name"]) == Some(class)
            && text(node, &["spec", "controllerName"]).is_some_and(|name| CONTROLLERS.contains(&name))
    };
    CLASSES.contains(&class) || documents.iter().any(|node| is_class(node))
}

/// Whether the service account of a Gateway of this class is named after the Gateway alone, and not after both.
pub(super) fn names_account_after_gateway(class: &str) -> bool {
    class == "istio-waypoint" || CLASSES.contains(&class)
}
