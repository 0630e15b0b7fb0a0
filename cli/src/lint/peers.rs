//! Settings for peers that have no effect because no rule asks for a peer.

use serde_json::Value;
use temporal_auth::config::{Config, PeerSource};

use super::{Lint, members};

pub(super) fn lint(config: &Config, value: &Value) -> Vec<Lint> {
    if config.peers != PeerSource::Unread {
        return Vec::new();
    }
    let mut lints = Vec::new();
    if value.pointer("/peers/xfcc") == Some(&Value::Bool(true)) {
        lints.push(Lint {
            path: members(&["peers", "xfcc"]),
            text: "no rule asks for a peer, so the header is not read".to_owned(),
            help: "name a `peer` in the `who` of a rule, or remove it".to_owned(),
        });
    }
    if value.pointer("/peers/gateways").is_some() {
        lints.push(Lint {
            path: members(&["peers", "gateways"]),
            text: "no rule asks for a peer, so no grant is compared with the gateways".to_owned(),
            help: "name a `peer` in the `who` of a rule, or remove them".to_owned(),
        });
    }
    lints
}
