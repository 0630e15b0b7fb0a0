//! Limits, as docs/configuration.md tells them: whether a request is inside.

use serde_json::Value;

use crate::caller::strings;
use crate::methods::{Method, Words};
use crate::pattern::{Bindings, bind, matches, tokens};
use crate::reference::Request;

/// Whether what a request does in a place, its own or elsewhere, fits the limits of a grant, or of a denial's `outside`.
pub fn inside(
    limits: &Value,
    way: &Bindings,
    request: &Request,
    method: &Method,
    elsewhere: bool,
    effects: &Words,
) -> bool {
    let fits = |list: &str, name: &str| {
        strings(&limits[list])
            .iter()
            .filter_map(|pattern| bind(tokens(pattern), way))
            .any(|pattern| matches(&pattern, name, &Bindings::new()).is_some())
    };
    let limited = |list: &str| limits.get(list).is_some();
    let terminates = effects.contains("terminate") && !method.effects.contains("terminate");
    let acts = if elsewhere { effects.iter().any(|effect| effect != "start") } else { terminates };
    let by_id = method.limits == "untold" || acts;
    let any = ["task_queues", "workflow_types", "nexus_endpoints"].iter().any(|list| limited(list));
    if any && method.limits == "untold" && method.scope == "cluster" {
        return false;
    }
    if (limited("task_queues") || limited("workflow_types")) && by_id {
        return false;
    }
    let queue = |(used, name, kind, normal): &(String, String, u8, String)| match (used.as_str(), kind) {
        ("named", _) => name.is_empty() || fits("task_queues", name),
        ("sticky", _) => name.is_empty() || sticky(name),
        ("workflow", 2) => sticky(name) && fits("task_queues", normal),
        ("nexus", 3) => name.trim_start_matches('/').starts_with("temporal-sys/worker-commands/"),
        (_, 0 | 1) => fits("task_queues", name),
        _ => false,
    };
    let names_one = method.limits != "named" || request.queues.iter().any(|(_, name, ..)| !name.is_empty());
    (!limited("task_queues") || (names_one && request.queues.iter().all(queue)))
        && (!limited("workflow_types")
            || request.types.iter().all(|name| name.is_empty() || fits("workflow_types", name)))
        && (!limited("nexus_endpoints") || request.endpoints.iter().all(|name| fits("nexus_endpoints", name)))
}

/// Whether a name ends in a UUID, as SDKs make them: `host:8-4-4-4-12`, or `identity-32`.
fn sticky(name: &str) -> bool {
    let shape: String = name.chars().map(|letter| if letter.is_ascii_hexdigit() { 'x' } else { letter }).collect();
    let hex = |lengths: &[usize]| lengths.iter().map(|length| "x".repeat(*length)).collect::<Vec<_>>().join("-");
    let ends = |end: String| shape.ends_with(&end) && shape.len() > end.len();
    ends(format!(":{}", hex(&[8, 4, 4, 4, 12]))) || ends(format!("-{}", hex(&[32])))
}
