//! How a configuration gets to a proxy: by a manifest, an Envoy configuration, or values of the Helm chart. Checked for
//! settings that would bypass the filter, or run another module in its place.

mod failure;
mod module;
mod position;
mod status;
#[cfg(test)]
mod tests;
mod token;

use std::rc::Rc;

use temporal_auth::config::Path;

use crate::report::Diagnostic;
use crate::source::Span;
use crate::yaml::YamlNode;
use crate::yaml::location::locate;

/// A way to deliver a configuration to a proxy.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) kind: DeploymentKind,
    /// The whole document.
    pub(crate) document: Rc<YamlNode>,
    /// The part that names the module and its configuration. For Helm values, the document.
    pub(crate) wasm: Rc<YamlNode>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeploymentKind {
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

impl Deployment {
    /// Its errors and warnings.
    pub(crate) fn check(&self) -> Vec<Diagnostic> {
        let checks = [failure::check, module::check, position::check, token::check, status::check];
        checks.iter().flat_map(|check| check(self)).collect()
    }

    /// The namespace of the manifest.
    pub(crate) fn namespace(&self) -> &str {
        text(&self.document, &["metadata", "namespace"]).unwrap_or("default")
    }

    /// Whether istiod creates the proxy's clusters.
    pub(crate) fn is_istio(&self) -> bool {
        matches!(self.kind, DeploymentKind::WasmPlugin | DeploymentKind::TrafficExtension | DeploymentKind::EnvoyFilter)
    }
}

/// The text of the member at the end of these names.
pub(crate) fn text<'a>(node: &'a YamlNode, names: &[&str]) -> Option<&'a str> {
    at(node, names)?.text()
}

/// The member at the end of these names.
pub(crate) fn at<'a>(node: &'a YamlNode, names: &[&str]) -> Option<&'a YamlNode> {
    names.iter().try_fold(node, |node, name| node.value(name).map(|value| &**value))
}

/// The span of the value at a path, or of the nearest one that exists.
pub(crate) fn pointed(node: &YamlNode, path: &Path) -> Span {
    locate(node, None, path).pointed()
}
