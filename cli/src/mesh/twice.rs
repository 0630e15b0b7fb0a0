//! The filter twice in the same proxy, as a WasmPlugin and as the TrafficExtension that replaces it.

use std::rc::Rc;

use super::attachment::Attachment;
use super::{list, namespace};
use crate::deployment::{Deployment, DeploymentKind, at, text};
use crate::find::names_filter;
use crate::report::Diagnostic;
use crate::yaml::YamlNode;

pub(super) fn check(deployment: &Deployment, documents: &[Rc<YamlNode>]) -> Vec<Diagnostic> {
    if !matches!(deployment.kind, DeploymentKind::WasmPlugin | DeploymentKind::TrafficExtension) {
        return Vec::new();
    }
    let ours = Attachment::of(&deployment.document);
    let modes = modes(&deployment.document);
    // Each pair is reported once, at the second.
    let before = documents.iter().take_while(|node| !Rc::ptr_eq(node, &deployment.document));
    let runs = |node: &YamlNode| match text(node, &["kind"]) {
        Some("WasmPlugin") => at(node, &["spec"]).is_some_and(is_filter),
        Some("TrafficExtension") => at(node, &["spec", "wasm"]).is_some_and(is_filter),
        _ => false,
    };
    let others = before.filter(|node| runs(node) && ours.overlaps(&Attachment::of(node), documents));
    let others = others.filter(|node| self::modes(node).iter().any(|mode| modes.contains(mode)));
    let warning = |node: &Rc<YamlNode>| {
        let (kind, name) =
            (text(node, &["kind"]).unwrap_or_default(), text(node, &["metadata", "name"]).unwrap_or_default());
        let text = format!(
            "spec: {kind} {}/{name} runs the filter in the same proxy: the second to run finds no token",
            namespace(node)
        );
        let span = deployment.document.get("spec").map_or(deployment.document.at, |spec| spec.name.at);
        Diagnostic::warning(text, span, "remove one of them")
    };
    others.map(warning).collect()
}

fn is_filter(wasm: &YamlNode) -> bool {
    ["pluginName", "url"].iter().filter_map(|name| wasm.value(name)).any(|node| names_filter(node))
}

/// The directions of traffic that a plugin filters.
fn modes(document: &YamlNode) -> Vec<&str> {
    let listed = list(at(document, &["spec", "match"]));
    if listed.is_empty() {
        return vec!["CLIENT", "SERVER"];
    }
    let mode = |node: &Rc<YamlNode>| match node.value("mode").and_then(|mode| mode.text()) {
        Some("CLIENT") => vec!["CLIENT"],
        Some("SERVER") => vec!["SERVER"],
        _ => vec!["CLIENT", "SERVER"],
    };
    listed.iter().flat_map(mode).collect()
}
