//! Identities of gateways. Whatever a gateway may do, anyone who can reach it may do.

use std::rc::Rc;

use temporal_auth::config::{Config, Path};

use super::gateway_class::names_account_after_gateway;
use super::namespace;
use crate::deployment::{Deployment, DeploymentKind, at, text};
use crate::yaml::location::members;
use crate::yaml::{NodeKind, YamlNode};

/// The SPIFFE IDs of all gateways in the files.
pub(super) fn identities(documents: &[&Rc<YamlNode>], deployments: &[&Rc<Deployment>]) -> Vec<String> {
    let id = |domain: &str, namespace: &str, account: &str| format!("spiffe://{domain}/ns/{namespace}/sa/{account}");
    let mut identities = Vec::new();
    for document in documents {
        let (Some("Gateway"), Some(name)) = (text(document, &["kind"]), text(document, &["metadata", "name"])) else {
            continue;
        };
        match text(document, &["spec", "gatewayClassName"]) {
            // The service account that Istio creates for a Gateway of the Gateway API is named after it and, mostly, its class.
            Some(class) if names_account_after_gateway(class) => {
                identities.push(id("cluster.local", namespace(document), name));
            }
            Some(class) => identities.push(id("cluster.local", namespace(document), &format!("{name}-{class}"))),
            None => {
                let Some(selector) = at(document, &["spec", "selector"]) else { continue };
                for pod in documents.iter().filter(|other| selects(selector, other)) {
                    let account = text(pod, &["spec", "template", "spec", "serviceAccountName"]).unwrap_or("default");
                    identities.push(id("cluster.local", namespace(pod), account));
                }
            }
        }
    }
    for deployment in deployments.iter().filter(|deployment| deployment.kind == DeploymentKind::Values) {
        let values = &deployment.document;
        let gateway = |name| text(values, &["gateway", name]);
        if let (Some(namespace), Some(account)) = (gateway("namespace"), gateway("serviceAccount")) {
            identities.push(id(text(values, &["trustDomain"]).unwrap_or("cluster.local"), namespace, account));
        }
    }
    identities
}

/// Whether the pods of a Kubernetes Deployment have all labels of a selector.
fn selects(selector: &YamlNode, document: &YamlNode) -> bool {
    let labels = at(document, &["spec", "template", "metadata", "labels"]);
    let NodeKind::Map(wanted) = &selector.kind else { return false };
    !wanted.is_empty()
        && wanted.iter().all(|label| {
            let name = label.name.text().unwrap_or_default();
            labels.is_some_and(|labels| text(labels, &[name]).is_some_and(|value| label.value.text() == Some(value)))
        })
}

/// The grants to gateways: the path of each, and its problem.
pub(super) fn grants(config: &Config, gateways: &[String]) -> Vec<(Path, String)> {
    let mut warnings = Vec::new();
    for (index, grant) in config.policy.grants.iter().enumerate() {
        // With a token, a gateway is the right peer.
        let peers = grant.who.peer.iter().flatten().filter(|_| grant.who.without_token);
        let gateway = peers.filter_map(|pattern| gateways.iter().find(|id| pattern.matches(id).is_some())).next();
        if let Some(gateway) = gateway {
            let path = members(&["grants"]).index(index).member("who").member("peer");
            warnings.push((path, format!("`{gateway}` is a gateway in these files")));
        }
    }
    warnings
}
