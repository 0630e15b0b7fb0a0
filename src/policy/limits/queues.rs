//! Which task queues fit a limit. Workers also use queues whose names SDKs make up, and which no policy can list.

use super::is_allowed;
use crate::pattern::Pattern;
use crate::temporal::names::{QueueUse, TaskQueue};

/// `TaskQueueKind` of the API (`enums/v1/task_queue.proto`).
const UNSPECIFIED: i32 = 0;
const NORMAL: i32 = 1;
const STICKY: i32 = 2;
const WORKER_COMMANDS: i32 = 3;

/// The prefix that SDKs give the queue of commands to a worker, with or without a slash before it.
const COMMANDS_PREFIX: &str = "temporal-sys/worker-commands/";

/// Whether a limit that allows these names covers the queue. The server goes by the queue's name alone, so the kind and the
/// normal name count only if the name fits them.
pub(super) fn fits(queue: &TaskQueue, allowed: &[Pattern]) -> bool {
    let TaskQueue { used, name, kind, normal_name } = queue;
    match (used, *kind) {
        // Temporal inherits a queue without a name, or refuses the request.
        (QueueUse::Named, _) => name.is_empty() || is_allowed(allowed, name),
        (QueueUse::Sticky, _) => name.is_empty() || is_sticky(name),
        (QueueUse::Shutdown, _) => name.is_empty() || is_allowed(allowed, name) || is_for_commands(name),
        (QueueUse::WorkflowPoll, STICKY) => is_sticky(name) && is_allowed(allowed, normal_name),
        (QueueUse::NexusPoll, WORKER_COMMANDS) => is_for_commands(name),
        (QueueUse::WorkflowPoll | QueueUse::ActivityPoll | QueueUse::NexusPoll, UNSPECIFIED | NORMAL) => {
            is_allowed(allowed, name)
        }
        (QueueUse::WorkflowPoll | QueueUse::ActivityPoll | QueueUse::NexusPoll, _) => false,
    }
}

/// Whether an SDK would give this name to the queue of commands to a worker.
fn is_for_commands(name: &str) -> bool {
    name.strip_prefix('/').unwrap_or(name).starts_with(COMMANDS_PREFIX)
}

/// Whether an SDK would give this name to a sticky queue: any text that identifies the worker, and a UUID. The UUID follows a
/// colon and has hyphens (Go, Java), or follows a hyphen and has none (the SDKs on Core).
pub(super) fn is_sticky(name: &str) -> bool {
    let ends_in_uuid = |separator: char, lengths: &[usize]| {
        let Some((worker, uuid)) = name.rsplit_once(separator) else { return false };
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        !worker.is_empty() && uuid.split('-').map(str::len).eq(lengths.iter().copied()) && uuid.split('-').all(is_hex)
    };
    ends_in_uuid(':', &[8, 4, 4, 4, 12]) || ends_in_uuid('-', &[32])
}
