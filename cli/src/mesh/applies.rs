//! `applies_to` at a sidecar: what arrives there is routed to `inbound|PORT||`, whatever a gateway calls it.

use temporal_auth::config::Config;

use super::list;
use crate::carrier::{Carrier, Kind, at, text};

/// A cluster of calls to Temporal that the filter would take for somebody else's.
pub(super) fn passed_over(config: &Config, carrier: &Carrier) -> Option<String> {
    let clusters = config.applies_to.as_ref()?;
    if !matches!(carrier.kind, Kind::WasmPlugin | Kind::TrafficExtension) {
        return None;
    }
    let matches = list(at(&carrier.document, &["spec", "match"]));
    let sidecars = matches.iter().filter(|node| text(node, &["mode"]) == Some("SERVER"));
    let ports = sidecars.flat_map(|node| list(node.value("ports").map(|ports| &**ports)));
    let mut inbound = ports.filter_map(|port| text(port, &["number"])).map(|port| format!("inbound|{port}||"));
    inbound.find(|cluster| !clusters.iter().any(|pattern| pattern.matches_widely(cluster)))
}
