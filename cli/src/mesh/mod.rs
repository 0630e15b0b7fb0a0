//! What the files say of the mesh around a filter: which clusters its proxy has, and who its gateways are.

mod applies;
mod clusters;
mod gateways;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::rc::Rc;

use temporal_auth::config::KeysFrom;

use crate::carrier::{Carrier, text};
use crate::load::Configuration;
use crate::report::{Diagnostic, Severity};
use crate::yaml::path::member;
use crate::yaml::{Kind, Node};

/// The mesh, as far as the files tell.
#[derive(Debug, Default)]
pub(crate) struct Mesh {
    /// What `Service` and `ServiceEntry` are for.
    services: Vec<Service>,
    /// Names of clusters, of an Envoy configuration, of a dump of one, or of what Envoy Gateway makes of routes.
    clusters: BTreeSet<String>,
    /// Identities of gateways.
    gateways: Vec<String>,
}

/// A host and port that the mesh knows.
#[derive(Debug)]
struct Service {
    host: String,
    port: String,
    namespace: String,
    /// Whether it is for proxies of its own namespace alone.
    private: bool,
}

impl Mesh {
    /// Reads it.
    pub(crate) fn of<'a>(documents: impl Iterator<Item = &'a Rc<Node>>, carriers: &[&Rc<Carrier>]) -> Self {
        let documents: Vec<_> = documents.collect();
        let mut mesh = Self::default();
        for document in &documents {
            mesh.read(document);
        }
        mesh.gateways = gateways::identities(&documents, carriers);
        mesh
    }

    /// What it says against a configuration that this carrier brings.
    pub(crate) fn check(&self, configuration: &Configuration, carrier: Option<&Carrier>) -> Vec<Diagnostic> {
        let mut said = Vec::new();
        let warn = |path: &str, text: String, help: &str| Diagnostic {
            severity: Severity::Warning,
            text: format!("{path}: {text}"),
            at: configuration.place(path).pointed(),
            help: Some(help.to_owned()),
        };
        for issuer in &configuration.config.issuers {
            let KeysFrom::Remote(_) = &issuer.keys else { continue };
            let keys = format!("{}.keys", member("issuers", &issuer.name));
            for name in ["cluster", "jwks_cluster"] {
                let path = format!("{keys}.{name}");
                let pointer = ["issuers", &issuer.name, "keys", name];
                let value = pointer.iter().try_fold(&configuration.value, |value, name| value.get(name));
                let Some(cluster) = value.and_then(serde_json::Value::as_str) else { continue };
                if let Some((text, help)) = self.lacks(cluster, carrier) {
                    said.push(warn(&path, text, help));
                }
            }
        }
        if let Some(cluster) = carrier.and_then(|carrier| applies::passed_over(&configuration.config, carrier)) {
            let text = format!("applies_to.clusters: expected {cluster:?} among them: calls to it pass undecided");
            let at = configuration.place("applies_to.clusters").pointed();
            said.push(Diagnostic::error(text, at));
        }
        for (path, text) in gateways::grants(&configuration.config, &self.gateways) {
            said.push(warn(&path, text, gateways::HELP));
        }
        said
    }
}

/// The members of a list.
fn list(node: Option<&Node>) -> &[Rc<Node>] {
    match node.map(|node| &node.kind) {
        Some(Kind::List(list)) => list,
        _ => &[],
    }
}

/// The namespace of a manifest.
fn namespace(document: &Node) -> &str {
    text(document, &["metadata", "namespace"]).unwrap_or("default")
}
