//! What a request names that limits may compare: task queues, workflow types, ids, signals and the like.

/// The longest name or id that is read, in bytes: Temporal's limit (`limit.maxIDLength`).
pub(super) const MAX_NAME: u64 = 1000;
/// How many names of each sort are remembered. A request with more matches no limit of that sort.
const MAX_NAMES: usize = 64;
/// The same for workflow ids, of which one answer of a worker may name many: each child has its own. A workflow may have
/// two thousand pending children (server: `limit.numPendingChildExecutions.error`).
const MAX_IDS: usize = 2048;
/// How long all names of one sort may be together, in bytes: a call holds them until its message is complete, and a
/// caller may start many calls.
const MAX_BYTES: usize = 16 << 10;
/// The same for workflow ids.
const MAX_ID_BYTES: usize = 128 << 10;

/// A sort of limit, by what it compares.
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
    /// All of them, in the order of their numbers.
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

    /// Its name in policies.
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

    /// The word for one name of this sort, in texts.
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

    /// Whether only limits need names of this sort, because none of them is Temporal's own.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, Self::ScheduleIds | Self::Signals | Self::Queries | Self::Updates)
    }

    /// How many names of this sort are remembered, and their total length in bytes.
    fn most(self) -> (usize, usize) {
        if self == Self::WorkflowIds { (MAX_IDS, MAX_ID_BYTES) } else { (MAX_NAMES, MAX_BYTES) }
    }
}

/// Sorts of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitSet(u8);

impl LimitSet {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(u8::MAX);

    #[must_use]
    pub fn with(self, limit: Limit) -> Self {
        Self(self.0 | 1u8.checked_shl(limit as u32).unwrap_or_default())
    }

    /// Both sets together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the sort is in the set.
    #[must_use]
    pub fn has(self, limit: Limit) -> bool {
        self.with(limit) == self
    }
}

/// What a request names, each name once, except workflow ids, of which only neighbours are compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// The sorts of names that are remembered.
    wanted: LimitSet,
    pub queues: Vec<Queue>,
    /// All other names, by the sort of limit that compares them.
    others: [Vec<String>; Limit::ALL.len()],
    /// The total length of the names of each sort.
    bytes: [usize; Limit::ALL.len()],
    /// Sorts with more names than are remembered.
    overflow: LimitSet,
    /// Whether it changes an execution that is already running, whatever it names.
    pub attaches: bool,
    /// Whether it answers a task of a standalone activity, which has no workflow, whatever it names.
    pub standalone: bool,
    /// Whether it has a part that may name things and is not read.
    pub unread: bool,
}

/// A task queue as a request names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    /// Where the request names it, which decides what counts.
    pub used: Use,
    /// The server goes by the name alone.
    pub name: String,
    /// `TaskQueueKind` (API: `enums/v1/task_queue.proto`). The caller claims it; it does not identify the queue.
    pub kind: i32,
    /// The queue that a sticky one belongs to, as the caller claims.
    pub normal_name: String,
}

/// Where a request names a task queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Use {
    /// As the queue where something runs, or that is inspected.
    #[default]
    Named,
    /// As the sticky queue of a worker that is shut down.
    Sticky,
    /// As the queue of a worker that is shut down. The queue of commands to the worker is also accepted.
    Shutdown,
    /// To poll workflow tasks, or as the queue for the next ones. A worker's sticky queue is also accepted.
    WorkflowPoll,
    /// To poll activity tasks.
    ActivityPoll,
    /// To poll Nexus tasks. The queue of commands to the worker is also accepted.
    NexusPoll,
}

impl Names {
    /// The names of one sort. Task queues have a list of their own.
    #[must_use]
    pub fn of(&self, limit: Limit) -> &[String] {
        self.others.get(limit as usize).map_or(&[], Vec::as_slice)
    }

    /// No names yet; those of these sorts will be remembered.
    pub(super) fn wanting(wanted: LimitSet) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// The sorts of names that are remembered.
    pub(super) fn wanted(&self) -> LimitSet {
        self.wanted
    }

    /// Whether there were more names of a sort than are remembered.
    #[must_use]
    pub fn is_incomplete(&self, limit: Limit) -> bool {
        self.overflow.has(limit)
    }

    pub(super) fn queue(&mut self, queue: Queue) {
        let limit = Limit::TaskQueues;
        if self.remembers(limit) && !self.queues.contains(&queue) && self.takes(limit, self.queues.len(), queue.size())
        {
            self.queues.push(queue);
        }
    }

    pub(crate) fn name(&mut self, limit: Limit, name: &str) {
        if !self.remembers(limit) {
            return;
        }
        let known = self.of(limit);
        let is_known = match limit {
            Limit::WorkflowIds => known.last().is_some_and(|last| last == name),
            _ => known.iter().any(|known| known == name),
        };
        if !is_known
            && self.takes(limit, known.len(), name.len())
            && let Some(list) = self.others.get_mut(limit as usize)
        {
            list.push(name.to_owned());
        }
    }

    /// Adds what a request within this one names.
    pub(super) fn extend(&mut self, other: Self) {
        other.queues.into_iter().for_each(|queue| self.queue(queue));
        for (limit, names) in Limit::ALL.into_iter().zip(&other.others) {
            names.iter().for_each(|name| self.name(limit, name));
        }
        self.overflow = self.overflow.and(other.overflow);
        self.attaches |= other.attaches;
        self.standalone |= other.standalone;
        self.unread |= other.unread;
    }

    fn remembers(&self, limit: Limit) -> bool {
        self.wanted.has(limit) && !self.overflow.has(limit)
    }

    /// Reserves room for a name of `length` bytes; false when a limit is reached.
    fn takes(&mut self, limit: Limit, count: usize, length: usize) -> bool {
        let (most, most_bytes) = limit.most();
        let Some(bytes) = self.bytes.get_mut(limit as usize) else { return false };
        let sum = bytes.saturating_add(length);
        if count >= most || sum > most_bytes {
            self.overflow = self.overflow.with(limit);
            return false;
        }
        *bytes = sum;
        true
    }
}

impl Queue {
    fn size(&self) -> usize {
        self.name.len().saturating_add(self.normal_name.len())
    }
}
