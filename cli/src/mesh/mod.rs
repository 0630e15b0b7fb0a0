//! The mesh around a filter, as far as the files describe it: the clusters of its proxy, and the gateways.

mod applies;
mod attachment;
mod clusters;
mod envoy_gateway;
mod gateway_class;
mod gateways;
#[cfg(test)]
mod istio_tests;
#[cfg(test)]
mod tests;
mod token;
mod twice;
mod waypoint;

use std::collections::BTreeSet;
use std::rc::Rc;

use temporal_auth::config::{KeysFrom, Path};

use crate::deployment::{Deployment, text};
use crate::lint::GATEWAY_HELP;
use crate::load::Configuration;
use crate::report::Diagnostic;
use crate::yaml::location::members;
use crate::yaml::{NodeKind, YamlNode};

#[derive(Debug, Default)]
pub(crate) struct Mesh {
    documents: Vec<Rc<YamlNode>>,
    /// From `Service` and `ServiceEntry`.
    services: Vec<Service>,
    /// Names of clusters: in an Envoy configuration, in a dump of one, or made by Envoy Gateway from routes.
    clusters: BTreeSet<String>,
    gateways: Vec<String>,
}

/// A host and port that the mesh knows.
#[derive(Debug)]
struct Service {
    host: String,
    port: String,
    namespace: String,
    /// Whether only proxies of its own namespace know it.
    private: bool,
}

impl Mesh {
    pub(crate) fn of<'a>(documents: impl Iterator<Item = &'a Rc<YamlNode>>, deployments: &[&Rc<Deployment>]) -> Self {
        let documents: Vec<_> = documents.collect();
        let mut mesh = Self::default();
        for document in &documents {
            mesh.read(document);
        }
        mesh.gateways = gateways::identities(&documents, deployments);
        mesh.documents = documents.into_iter().map(Rc::clone).collect();
        mesh
    }

    /// The diagnostics of a configuration in this mesh.
    pub(crate) fn check(&self, configuration: &Configuration, deployment: Option<&Deployment>) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        let warning = |path: &Path, text: String, help: &str| {
            Diagnostic::warning(format!("{path}: {text}"), configuration.locate(path).pointed(), help)
        };
        for issuer in &configuration.config.issuers {
            let KeysFrom::Remote(_) = &issuer.keys else { continue };
            for name in ["cluster", "jwks_cluster"] {
                let names = ["issuers", &issuer.name, "keys", name];
                let value = names.iter().try_fold(&configuration.value, |value, name| value.get(name));
                let Some(cluster) = value.and_then(serde_json::Value::as_str) else { continue };
                if let Some(problem) = self.cluster_problem(cluster, deployment) {
                    diagnostics.push(warning(&members(&names), problem.to_string(), problem.help()));
                }
            }
        }
        if let Some(cluster) =
            deployment.and_then(|deployment| applies::uncovered_cluster(&configuration.config, deployment))
        {
            let path = members(&["applies_to", "clusters"]);
            let text = format!("{path}: {cluster:?} is missing, so calls to it pass unchecked");
            diagnostics.push(Diagnostic::error(text, configuration.locate(&path).pointed()));
        }
        for (path, text) in gateways::grants(&configuration.config, &self.gateways) {
            diagnostics.push(warning(&path, text, GATEWAY_HELP));
        }
        let (config, documents) = (&configuration.config, &self.documents);
        if let Some((path, text, help)) = deployment.and_then(|place| waypoint::check(config, place, documents)) {
            diagnostics.push(warning(&path, text, &help));
        }
        diagnostics.extend(deployment.map(|place| token::check(config, place, documents)).unwrap_or_default());
        diagnostics
    }

    /// The diagnostics of a deployment in this mesh, whatever its configuration is.
    pub(crate) fn check_deployment(&self, deployment: &Deployment) -> Vec<Diagnostic> {
        let checks = [gateway_class::check, twice::check, envoy_gateway::check];
        checks.iter().flat_map(|check| check(deployment, &self.documents)).collect()
    }

    /// The diagnostics of a document that does not deploy the filter.
    pub(crate) fn check_other(&self, document: &YamlNode) -> Vec<Diagnostic> {
        envoy_gateway::open_when_failing(document)
    }
}

/// The elements of a list.
fn list(node: Option<&YamlNode>) -> &[Rc<YamlNode>] {
    match node.map(|node| &node.kind) {
        Some(NodeKind::List(list)) => list,
        _ => &[],
    }
}

/// The namespace of a manifest.
fn namespace(document: &YamlNode) -> &str {
    text(document, &["metadata", "namespace"]).unwrap_or("default")
}
