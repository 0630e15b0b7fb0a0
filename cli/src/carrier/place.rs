//! Where in a proxy the filter stands: before which other filters, and on which listeners.

use super::{Carrier, Kind, at, pointed, text, warning};
use crate::report::Diagnostic;
use crate::yaml::{Kind as Value, Node};

/// Temporal's HTTP API, which opens the same cluster as its gRPC port.
const GRPC: &str = "7233";
const HTTP: &str = "7243";

pub(super) fn check(carrier: &Carrier) -> Vec<Diagnostic> {
    match carrier.kind {
        Kind::WasmPlugin | Kind::TrafficExtension => {
            let Some(spec) = carrier.document.value("spec") else { return Vec::new() };
            let mut wrong: Vec<_> = phase(spec).into_iter().collect();
            wrong.extend(listeners(spec));
            wrong
        }
        Kind::EnvoyFilter => contexts(&carrier.document),
        Kind::EnvoyGateway | Kind::Envoy | Kind::Values => Vec::new(),
    }
}

fn phase(spec: &Node) -> Option<Diagnostic> {
    let help = "say AUTHN: before Istio's own JWT filter, which answers a bad token its own way; or AUTHZ, behind it";
    match text(spec, &["phase"]) {
        Some("AUTHN" | "AUTHZ") => None,
        Some(other) => {
            let text = format!("spec.phase: found {other}: the filter would come after all that Istio decides");
            Some(warning(text, pointed(spec, "phase"), help))
        }
        None => {
            let text = "spec.phase: found nothing: the filter would come after all that Istio decides";
            Some(warning(text, spec.at, help))
        }
    }
}

/// `match` and `targetRefs`.
fn listeners(spec: &Node) -> Vec<Diagnostic> {
    let matches: &[_] = match spec.value("match").map(|node| &node.kind) {
        Some(Value::List(list)) => list,
        _ => &[],
    };
    let target = targets(spec).next();
    let mut wrong = Vec::new();
    for (place, node) in matches.iter().enumerate() {
        let mode = text(node, &["mode"]).unwrap_or("CLIENT_AND_SERVER");
        let ports = ports(node);
        let path = |name: &str| format!("match[{place}]{name}");
        match target {
            Some("Service" | "ServiceEntry") if !ports.is_empty() || mode == "CLIENT" => {
                let name = if ports.is_empty() { ".mode" } else { ".ports" };
                let text = format!(
                    "spec.match[{place}]{name}: found one, expected none at a waypoint: it matches nothing there, and all calls \
                     pass undecided"
                );
                wrong.push(Diagnostic::error(text, pointed(spec, &path(name))));
            }
            Some(_) => {}
            None if mode == "SERVER" && !ports.is_empty() => wrong.extend(missing(spec, place, &ports)),
            None if mode == "CLIENT" && ports.iter().any(|port| matches!(*port, "80" | "443")) => {
                let text = format!("spec.match[{place}].ports: a gateway's are those of its listeners");
                let help =
                    "behind port 443 of a Service the listener may be 8443, and the filter is left out: name no port";
                wrong.push(warning(text, pointed(spec, &path(".ports")), help));
            }
            None if mode == "CLIENT" || mode == "SERVER" => {}
            None => {
                let text = format!("spec.match[{place}].mode: found {mode}: on the way out of a sidecar, too");
                wrong.push(warning(text, pointed(spec, &path(".mode")), MODE));
            }
        }
    }
    if matches.is_empty() && target.is_none() {
        let text = "spec.match: found nothing: every listener, on the way out of a sidecar, too";
        wrong.push(warning(text, spec.at, MODE));
    }
    wrong
}

const MODE: &str = "say mode: SERVER with the ports of the pod at a sidecar, mode: CLIENT at a gateway";

/// A port of Temporal's that the filter would not see.
fn missing(spec: &Node, place: usize, ports: &[&str]) -> Option<Diagnostic> {
    let lacks = [GRPC, HTTP].into_iter().find(|port| !ports.contains(port))?;
    let text = format!("spec.match[{place}].ports: found {}, and not {lacks}", ports.join(", "));
    let what = if lacks == HTTP { "the HTTP API is open" } else { "the frontend's gRPC port is" };
    let help =
        format!("{what} unless something else closes it: name both of the pod's ports, {GRPC} and {HTTP}, or your own");
    Some(warning(text, pointed(spec, &format!("match[{place}].ports")), &help))
}

fn ports(node: &Node) -> Vec<&str> {
    match node.value("ports").map(|node| &node.kind) {
        Some(Value::List(list)) => list.iter().filter_map(|port| text(port, &["number"])).collect(),
        _ => Vec::new(),
    }
}

/// The kinds of what it is attached to by name.
fn targets(spec: &Node) -> impl Iterator<Item = &str> {
    let list: &[_] = match spec.value("targetRefs").map(|node| &node.kind) {
        Some(Value::List(list)) => list,
        _ => &[],
    };
    list.iter().map(|node| &**node).chain(at(spec, &["targetRef"])).filter_map(|node| text(node, &["kind"]))
}

/// The `match` of an EnvoyFilter's patches.
fn contexts(document: &Node) -> Vec<Diagnostic> {
    let Some(Value::List(patches)) = at(document, &["spec", "configPatches"]).map(|node| &node.kind) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    for (place, patch) in patches.iter().enumerate() {
        let is_filter = matches!(text(patch, &["applyTo"]), Some("HTTP_FILTER" | "EXTENSION_CONFIG"));
        let context = text(patch, &["match", "context"]).unwrap_or("ANY");
        if is_filter && context == "ANY" {
            let path = format!("spec.configPatches[{place}].match.context");
            let text = format!("{path}: found {context}: on the way out of a sidecar, too");
            let help = "say SIDECAR_INBOUND with the ports of the pod, or GATEWAY";
            wrong.push(warning(text, pointed(document, &path), help));
        }
    }
    wrong
}
