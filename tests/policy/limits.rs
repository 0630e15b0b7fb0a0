//! Whether a request is within limits, as docs/configuration.md describes them.

use serde_json::Value;

use crate::call_effects::CallEffects;
use crate::caller::strings;
use crate::methods::EffectNames;
use crate::pattern::{Bindings, bind, elements, matches};

/// The limits, except for `task_queues`.
const NAMES: [&str; 7] =
    ["workflow_types", "nexus_endpoints", "workflow_ids", "schedule_ids", "signals", "queries", "updates"];

/// Whether what a call does in one namespace is within the limits of a grant, or of a denial's `outside`.
pub fn is_within(
    limits: &Value,
    way: &Bindings,
    call: &CallEffects<'_>,
    elsewhere: bool,
    effects: &EffectNames,
) -> bool {
    let (request, method) = (call.request, &call.method);
    let limited = |list: &str| limits.get(list).is_some();
    if !limited("task_queues") && !NAMES.iter().any(|list| limited(list)) {
        return true;
    }
    if (method.limits == "never" && call.is_of_cluster()) || request.has_unread_operation {
        return false;
    }
    let fits = |list: &str, name: &str| {
        let patterns = strings(&limits[list]).into_iter().filter_map(|pattern| bind(elements(&pattern), way));
        patterns.into_iter().any(|pattern| matches(&pattern, name, &Bindings::new()).is_some())
    };
    let named = |list: &str| request.names.get(list).map_or(&[][..], Vec::as_slice);
    let all_fit = |list: &str| named(list).iter().all(|name| fits(list, name));
    // An execution that is identified by its id may be on any task queue and of any type.
    let terminates = effects.contains("terminate") && !method.effects.contains("terminate");
    let acts = if elsewhere { effects.iter().any(|effect| effect != "start") } else { terminates };
    let by_id = method.limits == "never" || acts || request.attaches_to_running;
    if (limited("task_queues") || limited("workflow_types")) && by_id {
        return false;
    }
    let queue = |(used, name, kind, normal): &(String, String, u8, String)| {
        let for_commands = name.trim_start_matches('/').starts_with("temporal-sys/worker-commands/");
        match (used.as_str(), kind) {
            ("named", _) => name.is_empty() || fits("task_queues", name),
            ("shutdown", _) => name.is_empty() || fits("task_queues", name) || for_commands,
            ("sticky", _) => name.is_empty() || is_sticky(name),
            ("workflow", 2) => is_sticky(name) && fits("task_queues", normal),
            ("nexus", 3) => for_commands,
            (_, 0 | 1) => fits("task_queues", name),
            _ => false,
        }
    };
    let names_queue = method.limits != "required" || request.queues.iter().any(|(_, name, ..)| !name.is_empty());
    // An empty workflow type is inherited.
    let fits_type = |name: &String| name.is_empty() || fits("workflow_types", name);
    // Only a limit on schedule ids can bound the workflows on which a schedule acts.
    let names_ids = match method.ids.as_str() {
        "never" => false,
        "required" => !named("workflow_ids").is_empty(),
        "schedule" => limited("schedule_ids"),
        "schedule-action" => limited("schedule_ids") && !named("workflow_ids").is_empty(),
        _ => true,
    };
    let names_schedule = match method.schedules.as_str() {
        "never" => false,
        "required" => !named("schedule_ids").is_empty(),
        _ => true,
    };
    let messages = [("signals", "signal"), ("queries", "query"), ("updates", "update")];
    (!limited("task_queues") || names_queue && request.queues.iter().all(queue))
        && (!limited("workflow_types") || named("workflow_types").iter().all(fits_type))
        && (!limited("nexus_endpoints") || all_fit("nexus_endpoints"))
        && (!limited("workflow_ids") || names_ids && !request.has_standalone_task && all_fit("workflow_ids"))
        && (!limited("schedule_ids") || names_schedule && all_fit("schedule_ids"))
        && messages.iter().all(|(list, effect)| {
            !limited(list) || (!call.has_effect(effect) || !named(list).is_empty()) && all_fit(list)
        })
}

/// Whether a name ends with a UUID in a form that SDKs use for sticky queues: `host:8-4-4-4-12` or `identity-32`.
fn is_sticky(name: &str) -> bool {
    let shape: String = name.chars().map(|letter| if letter.is_ascii_hexdigit() { 'x' } else { letter }).collect();
    let hex = |lengths: &[usize]| lengths.iter().map(|length| "x".repeat(*length)).collect::<Vec<_>>().join("-");
    let ends = |end: String| shape.ends_with(&end) && shape.len() > end.len();
    ends(format!(":{}", hex(&[8, 4, 4, 4, 12]))) || ends(format!("-{}", hex(&[32])))
}
