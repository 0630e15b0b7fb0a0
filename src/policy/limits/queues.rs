//! Which task queues fit a limit. Workers also use queues that SDKs name for them, which no policy can list.

use super::is_allowed;
use crate::pattern::Pattern;
use crate::temporal::names::{Queue, Use};

/// `TaskQueueKind` of the API (`enums/v1/task_queue.proto`).
const UNSPECIFIED: i32 = 0;
const NORMAL: i32 = 1;
const STICKY: i32 = 2;
const WORKER_COMMANDS: i32 = 3;

/// How queues of commands to a worker begin in SDKs, with or without the slash.
const COMMANDS: &str = "temporal-sys/worker-commands/";

/// The server reads the queue of that name whatever its kind and normal name say, so these count only where the name
/// could be nothing but what they say.
pub(super) fn fits(queue: &Queue, allowed: &[Pattern]) -> bool {
    let Queue { used, name, kind, normal_name } = queue;
    match (used, *kind) {
        // Without a name it is inherited, or refused by Temporal.
        (Use::Named, _) => name.is_empty() || is_allowed(allowed, name),
        (Use::Sticky, _) => name.is_empty() || is_sticky(name),
        (Use::Shutdown, _) => name.is_empty() || is_allowed(allowed, name) || is_for_commands(name),
        (Use::WorkflowPoll, STICKY) => is_sticky(name) && is_allowed(allowed, normal_name),
        (Use::NexusPoll, WORKER_COMMANDS) => is_for_commands(name),
        (Use::WorkflowPoll | Use::ActivityPoll | Use::NexusPoll, UNSPECIFIED | NORMAL) => is_allowed(allowed, name),
        (Use::WorkflowPoll | Use::ActivityPoll | Use::NexusPoll, _) => false,
    }
}

/// Whether SDKs make such names for the queue of commands to a worker.
fn is_for_commands(name: &str) -> bool {
    name.strip_prefix('/').unwrap_or(name).starts_with(COMMANDS)
}

/// Whether SDKs make such names for sticky queues: whatever identifies the worker, and a UUID; after a colon with its
/// hyphens (Go, Java), after a hyphen without (the SDKs on Core).
pub(super) fn is_sticky(name: &str) -> bool {
    let ends = |joint: char, parts: &[usize]| {
        let Some((worker, uuid)) = name.rsplit_once(joint) else { return false };
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        !worker.is_empty() && uuid.split('-').map(str::len).eq(parts.iter().copied()) && uuid.split('-').all(is_hex)
    };
    ends(':', &[8, 4, 4, 4, 12]) || ends('-', &[32])
}
