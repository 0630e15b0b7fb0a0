//! `applies_to` at a sidecar, where calls are routed to `inbound|PORT||`, whatever the cluster is called at a gateway.

use temporal_auth::config::Config;

use super::list;
use crate::deployment::{Deployment, DeploymentKind, at, text};

/// A cluster of Temporal that `applies_to` leaves out, so that its calls pass unchecked.
pub(super) fn uncovered_cluster(config: &Config, deployment: &Deployment) -> Option<String> {
    let clusters = config.applies_to.as_ref()?;
    if !matches!(deployment.kind, DeploymentKind::WasmPlugin | DeploymentKind::TrafficExtension) {
        return None;
    }
    let matches = list(at(&deployment.document, &["spec", "match"]));
    let sidecars = matches.iter().filter(|node| text(node, &["mode"]) == Some("SERVER"));
    let ports = sidecars.flat_map(|node| list(node.value("ports").map(|ports| &**ports)));
    let mut inbound = ports.filter_map(|port| text(port, &["number"])).map(|port| format!("inbound|{port}||"));
    inbound.find(|cluster| !clusters.iter().any(|pattern| pattern.matches_widely(cluster)))
}
