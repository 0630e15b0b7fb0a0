//! What brings a configuration to a proxy: a manifest, an Envoy configuration, or values of the Helm chart. Read for what
//! would leave the filter out, or let another module take its place.

mod failure;
mod module;
mod place;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::report::{Diagnostic, Severity};
use crate::source::Span;
use crate::yaml::{Node, path};

/// A carrier.
#[derive(Debug)]
pub(crate) struct Carrier {
    /// What it is.
    pub(crate) kind: Kind,
    /// The document that it stands in.
    pub(crate) document: Rc<Node>,
    /// What in it names the module and its configuration; the document for values.
    pub(crate) wasm: Rc<Node>,
}

/// The kinds of carriers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Istio's `WasmPlugin`; `spec`.
    WasmPlugin,
    /// Istio's `TrafficExtension`; `spec.wasm`.
    TrafficExtension,
    /// Istio's `EnvoyFilter`; the filter's `config` in it.
    EnvoyFilter,
    /// Envoy Gateway's `EnvoyExtensionPolicy`; one of `spec.wasm`.
    EnvoyGateway,
    /// An Envoy configuration; the filter's `config` in it.
    Envoy,
    /// Values of the Helm chart.
    Values,
}

impl Carrier {
    /// All that is wrong with it, or may be.
    pub(crate) fn check(&self) -> Vec<Diagnostic> {
        [failure::check, module::check, place::check].iter().flat_map(|check| check(self)).collect()
    }

    /// The namespace of the manifest.
    pub(crate) fn namespace(&self) -> &str {
        text(&self.document, &["metadata", "namespace"]).unwrap_or("default")
    }

    /// Whether istiod makes the proxy's clusters.
    pub(crate) fn is_istio(&self) -> bool {
        matches!(self.kind, Kind::WasmPlugin | Kind::TrafficExtension | Kind::EnvoyFilter)
    }
}

/// The text at the end of these names.
pub(crate) fn text<'a>(node: &'a Node, names: &[&str]) -> Option<&'a str> {
    at(node, names)?.text()
}

/// What stands at the end of these names.
pub(crate) fn at<'a>(node: &'a Node, names: &[&str]) -> Option<&'a Node> {
    names.iter().try_fold(node, |node, name| node.value(name).map(|value| &**value))
}

/// What to point at: what stands at the path, or where it would.
fn pointed(node: &Node, path: &str) -> Span {
    path::find(node, None, &path::parse(path)).pointed()
}

fn warning(text: impl Into<String>, at: Span, help: &str) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, text: text.into(), at, help: Some(help.to_owned()) }
}
