//! What a request names that limits may speak of: task queues, workflow types, ids, signals and the like.

/// The longest name or id that is read, in bytes: Temporal's limit (`limit.maxIDLength`).
pub(super) const MAX_NAME: u64 = 1000;
/// How many names of each sort are remembered of a request. One with more fits no limit of that sort.
const MAX_NAMES: usize = 64;
/// The same of workflow ids, of which one answer of a worker may name many: each child has its own. A workflow may have two
/// thousand children pending (server: `limit.numPendingChildExecutions.error`).
const MAX_IDS: usize = 2048;
/// How long all of one sort may be together, in bytes: a call holds them until it is whole, and a caller may begin many.
const MAX_BYTES: usize = 16 << 10;
/// The same of workflow ids.
const MAX_ID_BYTES: usize = 128 << 10;

/// What a limit speaks of.
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
    /// All of them, each at the index that it is as a number.
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

    /// What policies call it.
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

    /// What one name of this sort is, for people.
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

    /// Whether limits alone ask for names of this sort: none of them is Temporal's own.
    pub(super) fn is_plain(self) -> bool {
        matches!(self, Self::ScheduleIds | Self::Signals | Self::Queries | Self::Updates)
    }

    /// How many names of this sort are remembered, and how long all of them may be together, in bytes.
    fn most(self) -> (usize, usize) {
        if self == Self::WorkflowIds { (MAX_IDS, MAX_ID_BYTES) } else { (MAX_NAMES, MAX_BYTES) }
    }
}

/// Sorts of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitSet(u8);

impl LimitSet {
    /// No sort at all.
    pub const NONE: Self = Self(0);
    /// Every sort.
    pub const ALL: Self = Self(u8::MAX);

    /// This set and one sort more.
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

/// What a request names, each name once; but for workflow ids, of which only neighbours are compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// The sorts of names that are remembered.
    wanted: LimitSet,
    /// Task queues, as they stand.
    pub queues: Vec<Queue>,
    /// All other names, by the sort of limit that compares them.
    others: [Vec<String>; Limit::ALL.len()],
    /// How long the names of each sort are together.
    bytes: [usize; Limit::ALL.len()],
    /// Sorts of which there were more than are remembered.
    overflow: LimitSet,
    /// Whether it changes an execution that runs already, whatever it names.
    pub attaches: bool,
    /// Whether it answers a task of a standalone activity, which has no workflow, whatever it names.
    pub standalone: bool,
    /// Whether it has a part that names things and is not read.
    pub unread: bool,
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
    /// As the queue of a worker that shuts down: that of commands to it is as good.
    Shutdown,
    /// To poll workflow tasks, or as the queue for the next ones: a worker's sticky queue is as good.
    WorkflowPoll,
    /// To poll activity tasks.
    ActivityPoll,
    /// To poll Nexus tasks: the queue of commands to the worker is as good.
    NexusPoll,
}

impl Names {
    /// The names of one sort; task queues are in a list of their own.
    #[must_use]
    pub fn of(&self, limit: Limit) -> &[String] {
        self.others.get(limit as usize).map_or(&[], Vec::as_slice)
    }

    /// Nothing yet, of the sorts that limits compare.
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

    /// Remembers a task queue.
    pub(super) fn queue(&mut self, queue: Queue) {
        let limit = Limit::TaskQueues;
        if self.remembers(limit) && !self.queues.contains(&queue) && self.takes(limit, self.queues.len(), queue.size())
        {
            self.queues.push(queue);
        }
    }

    /// Remembers a name.
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

    /// Remembers what a request inside of this one names.
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

    /// Whether there is room for one more of that length, beside so many of its sort.
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
