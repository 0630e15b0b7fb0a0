//! The names in a request that limits may compare: task queues, workflow types, ids, signals and others.

/// The longest name or id that is read, in bytes: Temporal's limit (`limit.maxIDLength`).
pub(super) const MAX_NAME: u64 = 1000;
/// How many names are remembered for each limit. A request with more names fits no such limit.
const MAX_NAMES: usize = 64;
/// How many workflow ids are remembered. An answer of a worker may name many, because each child has its own. A workflow may
/// have two thousand pending children (server: `limit.numPendingChildExecutions.error`).
const MAX_IDS: usize = 2048;
/// How long the names for one limit may be in total, in bytes: a call holds them until its message is complete, and a caller
/// may start many calls.
const MAX_BYTES: usize = 16 << 10;
/// How long the workflow ids may be in total, in bytes.
const MAX_ID_BYTES: usize = 128 << 10;

/// A limit of the policy, by the sort of names that it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Task queues.
    TaskQueues,
    /// Workflow types.
    WorkflowTypes,
    /// Nexus endpoints.
    NexusEndpoints,
    /// Workflow ids.
    WorkflowIds,
    /// Schedule ids.
    ScheduleIds,
    /// Signals, by name.
    Signals,
    /// Queries, by type.
    Queries,
    /// Updates, by name.
    Updates,
}

impl Limit {
    /// Every limit, in the order of the numbers.
    pub const ALL: [Self; 8] = [
        Self::TaskQueues,
        Self::WorkflowTypes,
        Self::NexusEndpoints,
        Self::WorkflowIds,
        Self::ScheduleIds,
        Self::Signals,
        Self::Queries,
        Self::Updates,
    ];

    /// The name in policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TaskQueues => "task_queues",
            Self::WorkflowTypes => "workflow_types",
            Self::NexusEndpoints => "nexus_endpoints",
            Self::WorkflowIds => "workflow_ids",
            Self::ScheduleIds => "schedule_ids",
            Self::Signals => "signals",
            Self::Queries => "queries",
            Self::Updates => "updates",
        }
    }

    /// What one name of this sort is called in texts.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::TaskQueues => "task queue",
            Self::WorkflowTypes => "workflow type",
            Self::NexusEndpoints => "Nexus endpoint",
            Self::WorkflowIds => "workflow id",
            Self::ScheduleIds => "schedule id",
            Self::Signals => "signal",
            Self::Queries => "query",
            Self::Updates => "update",
        }
    }

    /// Whether names of this sort may be Temporal's own, so that they matter without limits.
    pub(super) fn may_be_internal(self) -> bool {
        !matches!(self, Self::ScheduleIds | Self::Signals | Self::Queries | Self::Updates)
    }

    /// How many names of this sort are remembered, and their total length in bytes.
    fn capacity(self) -> (usize, usize) {
        if self == Self::WorkflowIds { (MAX_IDS, MAX_ID_BYTES) } else { (MAX_NAMES, MAX_BYTES) }
    }
}

/// A set of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitSet(u8);

impl LimitSet {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(u8::MAX);

    #[must_use]
    pub fn with(self, limit: Limit) -> Self {
        Self(self.0 | 1u8.checked_shl(limit as u32).unwrap_or_default())
    }

    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub fn has(self, limit: Limit) -> bool {
        self.with(limit) == self
    }
}

/// The names in a request that limits compare. Each name is listed once, except that a workflow id is only compared with the
/// one before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestNames {
    /// The limits for which names are remembered.
    collected: LimitSet,
    pub queues: Vec<TaskQueue>,
    /// All other names, by the limit that compares them.
    others: [Vec<String>; Limit::ALL.len()],
    /// The total length of the names, by limit.
    bytes: [usize; Limit::ALL.len()],
    /// The limits for which there were more names than are remembered.
    incomplete: LimitSet,
    /// Whether the request attaches to an execution that is already running, whatever it names.
    pub attaches_to_running: bool,
    /// Whether the request answers a task of a standalone activity, which has no workflow, whatever it names.
    pub has_standalone_task: bool,
    /// Whether the request starts an operation at Temporal's own Nexus endpoint that was not read, and that may name anything.
    pub has_unread_operation: bool,
}

/// A task queue as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskQueue {
    pub used: QueueUse,
    /// The server goes by the name alone.
    pub name: String,
    /// `TaskQueueKind` (API: `enums/v1/task_queue.proto`). The caller claims it; it does not identify the queue.
    pub kind: i32,
    /// The queue that a sticky queue belongs to, as the caller claims.
    pub normal_name: String,
}

/// What a request uses a task queue for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueUse {
    /// Something runs there, or the queue is inspected.
    #[default]
    Named,
    /// It is the sticky queue of a worker that shuts down.
    Sticky,
    /// It is the queue of a worker that shuts down. The queue of commands to the worker is also accepted.
    Shutdown,
    /// The request polls workflow tasks, or says where the next ones go. A worker's sticky queue is also accepted.
    WorkflowPoll,
    /// The request polls activity tasks.
    ActivityPoll,
    /// The request polls Nexus tasks. The queue of commands to the worker is also accepted.
    NexusPoll,
}

impl RequestNames {
    /// The names that this limit compares. Task queues have a list of their own.
    #[must_use]
    pub fn of(&self, limit: Limit) -> &[String] {
        self.others.get(limit as usize).map_or(&[], Vec::as_slice)
    }

    /// An empty list, to which the names that these limits compare are added.
    pub(crate) fn collecting(limits: LimitSet) -> Self {
        Self { collected: limits, ..Self::default() }
    }

    /// The limits for which names are remembered.
    pub(crate) fn collected(&self) -> LimitSet {
        self.collected
    }

    /// The same names, of which there were more than are remembered for these limits.
    pub(crate) fn incomplete_for(self, limits: LimitSet) -> Self {
        Self { incomplete: limits, ..self }
    }

    /// Whether there were more names for this limit than are remembered.
    #[must_use]
    pub fn is_incomplete(&self, limit: Limit) -> bool {
        self.incomplete.has(limit)
    }

    pub(crate) fn add_queue(&mut self, queue: TaskQueue) {
        let limit = Limit::TaskQueues;
        if self.collects(limit) && !self.queues.contains(&queue) && self.reserve(limit, self.queues.len(), queue.size())
        {
            self.queues.push(queue);
        }
    }

    pub(crate) fn add(&mut self, limit: Limit, name: &str) {
        if !self.collects(limit) {
            return;
        }
        let known = self.of(limit);
        let is_known = match limit {
            Limit::WorkflowIds => known.last().is_some_and(|last| last == name),
            _ => known.iter().any(|known| known == name),
        };
        if !is_known
            && self.reserve(limit, known.len(), name.len())
            && let Some(list) = self.others.get_mut(limit as usize)
        {
            list.push(name.to_owned());
        }
    }

    /// The size of the names in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let queues = self.queues.len().saturating_mul(size_of::<TaskQueue>());
        let others = self.others.iter().map(|names| names.len().saturating_mul(size_of::<String>()));
        others.chain(self.bytes).fold(queues, usize::saturating_add)
    }

    /// How many bytes of known names a name for this limit is compared with, at most.
    pub(super) fn lookups(&self, limit: Limit) -> usize {
        match limit {
            // Each is compared with the one before it alone.
            Limit::WorkflowIds => self.of(limit).last().map_or(0, String::len),
            _ => {
                let names = self.of(limit).len().saturating_add(self.queues.len());
                let bytes = self.bytes.get(limit as usize).copied().unwrap_or_default();
                bytes.saturating_add(names.saturating_mul(8))
            }
        }
    }

    /// How many comparisons it takes to match each name with one pattern.
    #[must_use]
    pub fn comparisons(&self) -> usize {
        let count = self.others.iter().map(Vec::len).fold(self.queues.len(), usize::saturating_add);
        self.bytes.iter().map(|bytes| bytes / 32).fold(count, usize::saturating_add)
    }

    /// Adds the names of a request that is inside this request.
    pub(super) fn extend(&mut self, other: Self) {
        other.queues.into_iter().for_each(|queue| self.add_queue(queue));
        for (limit, names) in Limit::ALL.into_iter().zip(&other.others) {
            names.iter().for_each(|name| self.add(limit, name));
        }
        self.incomplete = self.incomplete.union(other.incomplete);
        self.attaches_to_running |= other.attaches_to_running;
        self.has_standalone_task |= other.has_standalone_task;
        self.has_unread_operation |= other.has_unread_operation;
    }

    fn collects(&self, limit: Limit) -> bool {
        self.collected.has(limit) && !self.incomplete.has(limit)
    }

    /// Reserves room for a name of `length` bytes, after `count` other names; `false` when there is none left.
    fn reserve(&mut self, limit: Limit, count: usize, length: usize) -> bool {
        let (max_count, max_bytes) = limit.capacity();
        let Some(bytes) = self.bytes.get_mut(limit as usize) else { return false };
        let sum = bytes.saturating_add(length);
        if count >= max_count || sum > max_bytes {
            self.incomplete = self.incomplete.with(limit);
            return false;
        }
        *bytes = sum;
        true
    }
}

impl TaskQueue {
    /// The size of its names in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.name.len().saturating_add(self.normal_name.len())
    }
}
