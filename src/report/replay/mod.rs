//! What a line of the decision log records, so that the decision can be made again by another policy.
//!
//! It is complete or it is not there: a decision is never guessed from a part of what it depends on.

mod decide;
mod read;
mod write;

pub use decide::CannotReplay;
pub use read::Recorded;
pub(crate) use write::record;

use crate::temporal::names::QueueUse;

/// Names of members and flags, for both directions.
mod words {
    pub(super) const TIME: &str = "time";
    pub(super) const CLAIMS_READ: &str = "reads";
    pub(super) const CLAIMS: &str = "claims";
    pub(super) const PEER: &str = "peer";
    pub(super) const EFFECTS: &str = "effects";
    pub(super) const NAMESPACE: &str = "namespace";
    pub(super) const COMMANDS: &str = "commands";
    pub(super) const NAMES: &str = "names";
    pub(super) const TOO_MANY: &str = "too_many";
    pub(super) const NEWER: &str = "newer";
    pub(super) const FACTS: &str = "facts";

    pub(super) const NOT_READ: &str = "not_read";
    pub(super) const NEEDS_SYSTEM: &str = "needs_system";
    pub(super) const ANY_EFFECT: &str = "any_effect";
    pub(super) const ANY_NAMESPACE: &str = "any_namespace";
    pub(super) const CALLBACK: &str = "callback";
    pub(super) const NAMESPACE_ID: &str = "namespace_id";
    pub(super) const ATTACHES: &str = "attaches_to_running";
    pub(super) const STANDALONE: &str = "standalone_task";
    pub(super) const UNREAD_OPERATION: &str = "unread_operation";

    pub(super) const NAME: &str = "name";
    pub(super) const USE: &str = "use";
    pub(super) const KIND: &str = "kind";
    pub(super) const NORMAL_NAME: &str = "normal_name";
}

/// The word for what a request uses a task queue for.
const QUEUE_USES: [(QueueUse, &str); 6] = [
    (QueueUse::Named, "named"),
    (QueueUse::Sticky, "sticky"),
    (QueueUse::Shutdown, "shutdown"),
    (QueueUse::WorkflowPoll, "workflow_poll"),
    (QueueUse::ActivityPoll, "activity_poll"),
    (QueueUse::NexusPoll, "nexus_poll"),
];

#[cfg(test)]
mod tests;
