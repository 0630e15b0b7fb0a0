//! Identities of gateways: what one may do, everybody may who reaches it.

use std::rc::Rc;

use temporal_auth::config::Config;

use super::namespace;
use crate::carrier::{Carrier, Kind, at, text};
use crate::yaml::{Kind as Value, Node};

pub(super) const HELP: &str =
    "whoever reaches it may do all that it may: let it send on the token of whoever uses it, and grant to them";

/// The SPIFFE IDs of all gateways in the files.
pub(super) fn identities(documents: &[&Rc<Node>], carriers: &[&Rc<Carrier>]) -> Vec<String> {
    let id = |domain: &str, namespace: &str, account: &str| format!("spiffe://{domain}/ns/{namespace}/sa/{account}");
    let mut identities = Vec::new();
    for document in documents {
        let (Some("Gateway"), Some(name)) = (text(document, &["kind"]), text(document, &["metadata", "name"])) else {
            continue;
        };
        match text(document, &["spec", "gatewayClassName"]) {
            // Istio names what it makes of a Gateway of the Gateway API after it and its class.
            Some("istio-waypoint") => identities.push(id("cluster.local", namespace(document), name)),
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
    for carrier in carriers.iter().filter(|carrier| carrier.kind == Kind::Values) {
        let values = &carrier.document;
        let gateway = |name| text(values, &["gateway", name]);
        if let (Some(namespace), Some(account)) = (gateway("namespace"), gateway("serviceAccount")) {
            identities.push(id(text(values, &["trustDomain"]).unwrap_or("cluster.local"), namespace, account));
        }
    }
    identities
}

/// Whether a Deployment's pods have all labels of a selector.
fn selects(selector: &Node, document: &Node) -> bool {
    let labels = at(document, &["spec", "template", "metadata", "labels"]);
    let Value::Map(wanted) = &selector.kind else { return false };
    !wanted.is_empty()
        && wanted.iter().all(|label| {
            let name = label.name.text().unwrap_or_default();
            labels.is_some_and(|labels| text(labels, &[name]).is_some_and(|value| label.value.text() == Some(value)))
        })
}

/// Grants to one of them: the path, and what is said.
pub(super) fn grants(config: &Config, gateways: &[String]) -> Vec<(String, String)> {
    let mut said = Vec::new();
    for (place, grant) in config.policy.grants.iter().enumerate() {
        // Beside a token a gateway is the right peer.
        let peers = grant.who.peer.iter().flatten().filter(|_| grant.who.without_token);
        let gateway = peers.filter_map(|pattern| gateways.iter().find(|id| pattern.matches(id).is_some())).next();
        if let Some(gateway) = gateway {
            said.push((format!("grants[{place}].who.peer"), format!("`{gateway}` is a gateway in these files")));
        }
    }
    said
}
