//! What a request names that limits may speak of: task queues, workflow types, Nexus endpoints.

/// How many names of each sort are remembered of a request. One with more fits no limit.
const MAX_NAMES: usize = 64;
/// How long all of them may be together, in bytes: a call holds them until it is whole, and a caller may begin many.
const MAX_BYTES: usize = 16 << 10;

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
        if !self.overflow && !self.queues.contains(&queue) && self.takes(self.queues.len(), queue.size()) {
            self.queues.push(queue);
        }
    }

    /// Remembers a workflow type.
    pub(super) fn workflow_type(&mut self, name: &str) {
        if !self.workflow_types.iter().any(|known| known == name) && self.takes(self.workflow_types.len(), name.len()) {
            self.workflow_types.push(name.to_owned());
        }
    }

    /// Remembers a Nexus endpoint.
    pub(super) fn endpoint(&mut self, name: &str) {
        if !self.endpoints.iter().any(|known| known == name) && self.takes(self.endpoints.len(), name.len()) {
            self.endpoints.push(name.to_owned());
        }
    }

    /// Whether there is room for one more of that length, beside so many of its sort.
    fn takes(&mut self, count: usize, length: usize) -> bool {
        let queues = self.queues.iter().map(Queue::size);
        let sizes = queues.chain(self.workflow_types.iter().chain(&self.endpoints).map(String::len));
        self.overflow |= count >= MAX_NAMES || sizes.fold(length, usize::saturating_add) > MAX_BYTES;
        !self.overflow
    }
}

impl Queue {
    fn size(&self) -> usize {
        self.name.len().saturating_add(self.normal_name.len())
    }
}
