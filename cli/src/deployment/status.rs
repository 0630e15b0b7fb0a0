//! What the cluster says of a resource: in the output of `kubectl get -o yaml`, a policy that was not accepted is not in effect.

use temporal_auth::config::Path;

use super::{Deployment, at, pointed, text};
use crate::report::Diagnostic;
use crate::yaml::location::members;
use crate::yaml::{NodeKind, YamlNode};

/// How much of a message is shown.
const MAX_CHARS: usize = 200;

pub(super) fn check(deployment: &Deployment) -> Vec<Diagnostic> {
    let document = &deployment.document;
    let status = members(&["status"]);
    let mut wrong = conditions(document, document.value("status").map(|node| &**node), &status);
    // Envoy Gateway says it for each Gateway.
    for (index, ancestor) in elements(at(document, &["status", "ancestors"])).enumerate() {
        wrong.extend(conditions(document, Some(ancestor), &status.member("ancestors").index(index)));
    }
    wrong
}

fn conditions(document: &YamlNode, node: Option<&YamlNode>, path: &Path) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    for (index, condition) in elements(node.and_then(|node| at(node, &["conditions"]))).enumerate() {
        let effect = match (text(condition, &["type"]), text(condition, &["status"])) {
            (Some("Accepted" | "WaypointAccepted"), Some("False")) => "not accepted, so the filter does not run there",
            (Some("Overridden"), Some("True")) => "overridden, so the filter does not run everywhere",
            _ => continue,
        };
        let said =
            |name: &str| text(condition, &[name]).unwrap_or_default().chars().take(MAX_CHARS).collect::<String>();
        let path = path.member("conditions").index(index);
        let text = format!("{path}: {effect}: {} ({:?})", said("reason").escape_debug(), said("message"));
        wrong.push(Diagnostic::error(text, pointed(document, &path)));
    }
    wrong
}

fn elements(node: Option<&YamlNode>) -> impl Iterator<Item = &YamlNode> {
    let list: &[_] = match node.map(|node| &node.kind) {
        Some(NodeKind::List(list)) => list,
        _ => &[],
    };
    list.iter().map(|node| &**node)
}
