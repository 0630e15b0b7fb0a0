//! Peers at a waypoint. The mesh itself connects to it, so its filter sees no certificate; the waypoint can name the caller in
//! a header.

use std::rc::Rc;

use temporal_auth::config::{Config, Path, PeerSource};

use super::attachment::{Attachment, is_waypoint};
use super::namespace;
use crate::deployment::{Deployment, DeploymentKind, text};
use crate::yaml::YamlNode;
use crate::yaml::location::members;

/// Istio's `listener_waypoint.go`, from 1.30 on.
const ANNOTATION: &str = "ambient.istio.io/xfcc-include-client-identity";

/// The path of a field, what is wrong with it, and what to do about it.
pub(super) type Doubt = (Path, String, String);

pub(super) fn check(config: &Config, deployment: &Deployment, documents: &[Rc<YamlNode>]) -> Option<Doubt> {
    let document = &deployment.document;
    let is_at_waypoint = match deployment.kind {
        DeploymentKind::Values => text(document, &["attach"]) == Some("waypoint"),
        DeploymentKind::WasmPlugin | DeploymentKind::TrafficExtension => Attachment::of(document).is_at_waypoint(),
        _ => false,
    };
    if !is_at_waypoint {
        return None;
    }
    match config.peers {
        PeerSource::Unread => None,
        PeerSource::Connection => Some((
            asking(config),
            "the filter of a waypoint sees no certificate, so nobody matches a peer, in grants and in denials"
                .to_owned(),
            format!("set peers: {{xfcc: true}}, and annotate the waypoint's Gateway with {ANNOTATION}: \"true\""),
        )),
        PeerSource::Forwarded => {
            // The chart annotates its own waypoint.
            let attachment = Attachment::of(document);
            let gateway = documents.iter().find(|node| {
                text(node, &["kind"]) == Some("Gateway")
                    && text(node, &["spec", "gatewayClassName"]).is_some_and(is_waypoint)
                    && attachment.names_gateway(node, documents)
            })?;
            if is_annotated(gateway, documents) {
                return None;
            }
            let name = text(gateway, &["metadata", "name"]).unwrap_or_default();
            Some((
                members(&["peers", "xfcc"]),
                format!("the waypoint {}/{name} names no peer in x-forwarded-client-cert", namespace(gateway)),
                format!("annotate its Gateway with {ANNOTATION}: \"true\" (Istio 1.30 or newer)"),
            ))
        }
    }
}

/// Istio copies the annotations of a Gateway, its `infrastructure` and its class to the waypoint's pods.
fn is_annotated(gateway: &YamlNode, documents: &[Rc<YamlNode>]) -> bool {
    let says = |node: &YamlNode, names: &[&str]| {
        text(node, &[names, &[ANNOTATION]].concat()).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let class = text(gateway, &["spec", "gatewayClassName"]);
    let classes = documents
        .iter()
        .filter(|node| text(node, &["kind"]) == Some("GatewayClass") && text(node, &["metadata", "name"]) == class);
    says(gateway, &["metadata", "annotations"])
        || says(gateway, &["spec", "infrastructure", "annotations"])
        || classes.into_iter().any(|class| says(class, &["metadata", "annotations"]))
}

/// The first field that asks for a peer.
fn asking(config: &Config) -> Path {
    let grants = config.policy.grants.iter().enumerate();
    let mut grants = grants.filter(|(_, grant)| grant.who.peer.is_some());
    if let Some((index, _)) = grants.next() {
        return members(&["grants"]).index(index).member("who").member("peer");
    }
    let denials = config.policy.denials.iter().enumerate();
    let mut asked = denials.flat_map(|(index, denial)| {
        let fields = [("who", &denial.who), ("unless", &denial.unless)];
        fields
            .into_iter()
            .filter(|(_, who)| who.as_ref().is_some_and(|who| who.peer.is_some()))
            .map(move |(name, _)| members(&["denials"]).index(index).member(name).member("peer"))
    });
    asked.next().unwrap_or_else(|| members(&["grants"]))
}
