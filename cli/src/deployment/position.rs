//! The filter's position in a proxy: before which other filters, and on which listeners.

use temporal_auth::config::Path;

use super::{Deployment, DeploymentKind, at, pointed, text};
use crate::report::Diagnostic;
use crate::yaml::location::members;
use crate::yaml::{NodeKind, YamlNode};

/// The ports of Temporal's two APIs. Both lead to the same server.
const GRPC: &str = "7233";
const HTTP: &str = "7243";

pub(super) fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    match deployment.kind {
        DeploymentKind::WasmPlugin | DeploymentKind::TrafficExtension => {
            let document = &deployment.document;
            let Some(spec) = document.value("spec") else { return Vec::new() };
            let mut wrong: Vec<_> = phase(document, spec).into_iter().collect();
            wrong.extend(listeners(document, spec));
            wrong
        }
        DeploymentKind::EnvoyFilter => contexts(&deployment.document),
        DeploymentKind::EnvoyGateway | DeploymentKind::Envoy | DeploymentKind::Values => Vec::new(),
    }
}

fn phase(document: &YamlNode, spec: &YamlNode) -> Option<Diagnostic> {
    let path = members(&["spec", "phase"]);
    let help = "write AUTHN to run before Istio's own JWT filter, which answers bad tokens its own way, or AUTHZ to run after it";
    match text(spec, &["phase"]) {
        Some("AUTHN" | "AUTHZ") => None,
        Some(other) => {
            let text = format!(
                "{path}: expected AUTHN or AUTHZ, found {other}: the filter would run after all of Istio's checks"
            );
            Some(Diagnostic::warning(text, pointed(document, &path), help))
        }
        None => {
            let text = format!("{path}: missing; the filter would run after all of Istio's checks");
            Some(Diagnostic::warning(text, spec.at, help))
        }
    }
}

/// Checks `match` and `targetRefs`.
fn listeners(document: &YamlNode, spec: &YamlNode) -> Vec<Diagnostic> {
    let list = members(&["spec", "match"]);
    let matches: &[_] = match spec.value("match").map(|node| &node.kind) {
        Some(NodeKind::List(list)) => list,
        _ => &[],
    };
    let target = targets(spec).next();
    let mut wrong = Vec::new();
    for (index, node) in matches.iter().enumerate() {
        let mode = text(node, &["mode"]).unwrap_or("CLIENT_AND_SERVER");
        let ports = ports(node);
        let element = list.index(index);
        let path = |name: &str| element.member(name);
        match target {
            Some("Service" | "ServiceEntry") if !ports.is_empty() || mode == "CLIENT" => {
                let path = path(if ports.is_empty() { "mode" } else { "ports" });
                let text = format!(
                    "{path}: not allowed at a waypoint: it matches nothing there, and all calls pass unchecked"
                );
                wrong.push(Diagnostic::error(text, pointed(document, &path)));
            }
            Some(_) => {}
            None if mode == "SERVER" && !ports.is_empty() => {
                wrong.extend(missing_port(document, &path("ports"), &ports));
            }
            None if mode == "CLIENT" && ports.iter().any(|port| matches!(*port, "80" | "443")) => {
                let path = path("ports");
                let text = format!("{path}: ports of a gateway are those of its listeners, not of its Service");
                let help =
                    "remove the ports: behind port 443 of a Service the listener may be 8443, without the filter";
                wrong.push(Diagnostic::warning(text, pointed(document, &path), help));
            }
            None if mode == "CLIENT" || mode == "SERVER" => {}
            None => {
                let path = path("mode");
                let text = format!("{path}: {mode} also filters the outbound traffic of sidecars");
                wrong.push(Diagnostic::warning(text, pointed(document, &path), MODE));
            }
        }
    }
    if matches.is_empty() && target.is_none() {
        let text = format!(
            "{list}: missing; the filter would run on every listener, also for the outbound traffic of sidecars"
        );
        wrong.push(Diagnostic::warning(text, spec.at, MODE));
    }
    wrong
}

const MODE: &str = "write mode: SERVER with the ports of the pod for a sidecar, mode: CLIENT for a gateway";

/// Warns of a port of Temporal that the filter would not see.
fn missing_port(document: &YamlNode, path: &Path, ports: &[&str]) -> Option<Diagnostic> {
    let lacks = [GRPC, HTTP].into_iter().find(|port| !ports.contains(port))?;
    let text = format!("{path}: found {} without {lacks}", ports.join(", "));
    let open = if lacks == HTTP { "the HTTP API" } else { "the gRPC port" };
    let help = format!(
        "name both ports of the pod ({GRPC} and {HTTP}, or your own): {open} is open unless something else closes it"
    );
    Some(Diagnostic::warning(text, pointed(document, path), &help))
}

fn ports(node: &YamlNode) -> Vec<&str> {
    match node.value("ports").map(|node| &node.kind) {
        Some(NodeKind::List(list)) => list.iter().filter_map(|port| text(port, &["number"])).collect(),
        _ => Vec::new(),
    }
}

/// The kinds of the resources that it is attached to by name.
fn targets(spec: &YamlNode) -> impl Iterator<Item = &str> {
    let list: &[_] = match spec.value("targetRefs").map(|node| &node.kind) {
        Some(NodeKind::List(list)) => list,
        _ => &[],
    };
    list.iter().map(|node| &**node).chain(at(spec, &["targetRef"])).filter_map(|node| text(node, &["kind"]))
}

/// Checks the `match` of an EnvoyFilter's patches.
fn contexts(document: &YamlNode) -> Vec<Diagnostic> {
    let Some(NodeKind::List(patches)) = at(document, &["spec", "configPatches"]).map(|node| &node.kind) else {
        return Vec::new();
    };
    let list = members(&["spec", "configPatches"]);
    let mut wrong = Vec::new();
    for (index, patch) in patches.iter().enumerate() {
        let is_filter = matches!(text(patch, &["applyTo"]), Some("HTTP_FILTER" | "EXTENSION_CONFIG"));
        let context = text(patch, &["match", "context"]).unwrap_or("ANY");
        if is_filter && context == "ANY" {
            let path = list.index(index).member("match").member("context");
            let text = format!("{path}: {context} also filters the outbound traffic of sidecars");
            let help = "write SIDECAR_INBOUND with the ports of the pod, or GATEWAY";
            wrong.push(Diagnostic::warning(text, pointed(document, &path), help));
        }
    }
    wrong
}
