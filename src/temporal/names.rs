//! What a request names that limits may speak of: task queues, workflow types, Nexus endpoints.

/// How many names of a request are remembered. One with more fits no limit.
const MAX_NAMES: usize = 64;

/// What a request names, each name once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// Task queues, as they stand.
    pub queues: Vec<Queue>,
    /// Workflow types.
    pub workflow_types: Vec<String>,
    /// Nexus endpoints.
    pub endpoints: Vec<String>,
    /// Whether it changes an execution that runs already, whatever it names.
    pub attaches: bool,
    /// Whether there were more than are remembered.
    pub overflow: bool,
}

/// A task queue as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    /// Where it stands, which decides what counts.
    pub used: Use,
    /// Its name. The server goes by it alone.
    pub name: String,
    /// `TaskQueueKind` (API: `enums/v1/task_queue.proto`). Claimed by the caller: it is no part of which queue is meant.
    pub kind: i32,
    /// The queue of which a sticky one is part, so the caller claims.
    pub normal_name: String,
}

/// Where a request names a task queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Use {
    /// As the place where something runs, or is looked at.
    #[default]
    Named,
    /// As the sticky queue of a worker that shuts down.
    Sticky,
    /// To poll workflow tasks, or as the queue for the next ones: a worker's sticky queue is as good.
    WorkflowPoll,
    /// To poll activity tasks.
    ActivityPoll,
    /// To poll Nexus tasks: the queue of commands to the worker is as good.
    NexusPoll,
}

impl Names {
    /// Remembers a task queue.
    pub(super) fn queue(&mut self, queue: Queue) {
        if !self.queues.contains(&queue) {
            self.overflow |= !has_room(&self.queues);
            self.queues.extend(Some(queue).filter(|_| has_room(&self.queues)));
        }
    }

    /// Remembers a workflow type.
    pub(super) fn workflow_type(&mut self, name: &str) {
        self.overflow |= !remember(&mut self.workflow_types, name);
    }

    /// Remembers a Nexus endpoint.
    pub(super) fn endpoint(&mut self, name: &str) {
        self.overflow |= !remember(&mut self.endpoints, name);
    }
}

fn has_room<T>(list: &[T]) -> bool {
    list.len() < MAX_NAMES
}

/// Whether there was room for the name.
fn remember(list: &mut Vec<String>, name: &str) -> bool {
    if list.iter().any(|known| known == name) {
        return true;
    }
    let room = has_room(list);
    if room {
        list.push(name.to_owned());
    }
    room
}
