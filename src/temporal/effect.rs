//! Effects: what a call does to Temporal, whatever method, command, option or batch brings it about.

/// A set of effects. Roles are such sets, ordered by inclusion; a call is allowed when all of its effects are covered.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct EffectSet(u32);

macro_rules! effects {
    ($($bit:literal $constant:ident $name:literal $doc:literal;)*) => {
        impl EffectSet {
            $(#[doc = $doc] pub const $constant: Self = Self(1 << $bit);)*
        }
        /// Every effect with the name that policies use for it.
        const NAMES: &[(&str, EffectSet)] = &[$(($name, EffectSet::$constant)),*];
    };
}

effects! {
    0 DESCRIBE_NAMESPACE "describe-namespace" "DescribeNamespace, that method alone: every worker calls it at start.";
    1 READ "read" "Describe, list and count, and the long polls that only read.";
    2 HISTORY "history" "Read event histories.";
    3 QUERY "query" "Query a workflow.";
    4 START "start" "Start a workflow or a standalone activity.";
    5 SIGNAL "signal" "Signal a workflow.";
    6 UPDATE "update" "Send a workflow an update.";
    7 CANCEL "cancel" "Request cancellation.";
    8 TERMINATE "terminate" "Terminate an execution.";
    9 DELETE "delete" "Delete an execution.";
    10 RESET "reset" "Reset an execution.";
    11 PAUSE "pause" "Pause and unpause.";
    12 SCHEDULE "schedule" "Create, change, trigger or delete schedules.";
    13 BATCH "batch" "Start and stop batch operations.";
    14 OPTIONS "options" "Change the options of a running execution.";
    15 POLL "poll" "Poll for tasks, worker heartbeat and shutdown.";
    16 RESPOND "respond" "Answer tasks, activity heartbeat.";
    17 DEPLOY "deploy" "Worker versions, build ids, worker and queue configuration, workflow rules.";
    18 NEXUS "nexus" "Nexus operations and completion callbacks.";
    19 NAMESPACE "namespace" "Register, change, deprecate and delete namespaces.";
    20 SEARCH_ATTRIBUTES "search-attributes" "Add and remove search attributes.";
    21 CLUSTER_READ "cluster-read" "Read what belongs to the cluster: namespaces, its version, its features.";
    22 CLUSTER_ADMIN "cluster-admin" "Change the cluster: Nexus endpoints, remote clusters, AdminService.";
    23 COMPUTE "compute" "Hand the server a compute configuration, which it acts on.";
}

impl EffectSet {
    /// No effect at all.
    pub const NONE: Self = Self(0);

    /// What a worker does and nothing else. `history` is there because a worker pages it: a namespace-wide read of
    /// histories.
    pub const WORKER: Self = Self::POLL.with(Self::RESPOND).with(Self::HISTORY).with(Self::DESCRIBE_NAMESPACE);
    /// Temporal's `read`: every method with access ReadOnly.
    pub const READER: Self =
        Self::DESCRIBE_NAMESPACE.with(Self::READ).with(Self::HISTORY).with(Self::QUERY).with(Self::CLUSTER_READ);
    /// Temporal's `write`: every method with access ReadOnly or Write.
    pub const WRITER: Self = Self::READER
        .with(Self::WORKER)
        .with(Self::START)
        .with(Self::SIGNAL)
        .with(Self::UPDATE)
        .with(Self::CANCEL)
        .with(Self::TERMINATE)
        .with(Self::DELETE)
        .with(Self::RESET)
        .with(Self::PAUSE)
        .with(Self::SCHEDULE)
        .with(Self::BATCH)
        .with(Self::OPTIONS)
        .with(Self::DEPLOY)
        .with(Self::NEXUS);
    /// What a client of Temporal does and a worker does not: whoever may answer tasks may end, start and signal workflows.
    pub const CLIENT: Self = Self::WRITER.without(Self::POLL).without(Self::RESPOND).without(Self::DEPLOY);
    /// Temporal's `admin`: every method.
    pub const ADMIN: Self =
        Self::WRITER.with(Self::NAMESPACE).with(Self::SEARCH_ATTRIBUTES).with(Self::COMPUTE).with(Self::CLUSTER_ADMIN);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set less the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether every effect of `other` is in this set.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The effects that are in both sets.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether any effect of `other` is in this set.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        !self.both(other).is_empty()
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The single effect of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, effect)| *effect)
    }

    /// The names of the effects in the set, in the order of the documentation.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(_, effect)| self.covers(*effect)).map(|(name, _)| *name)
    }
}

impl std::fmt::Display for EffectSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.write_str(&names.join(", "))
    }
}

impl std::fmt::Debug for EffectSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lattice_is_ordered_as_documented() {
        assert!(EffectSet::WRITER.covers(EffectSet::WORKER) && !EffectSet::WORKER.covers(EffectSet::WRITER));
        assert!(EffectSet::WRITER.covers(EffectSet::READER) && !EffectSet::READER.covers(EffectSet::WRITER));
        assert!(EffectSet::ADMIN.covers(EffectSet::WRITER) && !EffectSet::WRITER.covers(EffectSet::ADMIN));
        assert!(!EffectSet::READER.covers(EffectSet::WORKER) && !EffectSet::WORKER.covers(EffectSet::READER));
        assert!(EffectSet::CLIENT.covers(EffectSet::READER) && !EffectSet::CLIENT.covers(EffectSet::WORKER));
    }

    #[test]
    fn a_writer_is_a_client_a_worker_and_a_deployer_and_answers_no_task_as_a_client() {
        let parts = EffectSet::CLIENT.with(EffectSet::WORKER).with(EffectSet::DEPLOY);
        assert_eq!(parts, EffectSet::WRITER);
        let worker = EffectSet::POLL.with(EffectSet::RESPOND).with(EffectSet::DEPLOY);
        assert!(!EffectSet::CLIENT.meets(worker) && !EffectSet::WRITER.meets(EffectSet::COMPUTE));
    }

    #[test]
    fn admin_has_every_effect_and_names_lead_back() {
        assert_eq!(EffectSet::ADMIN.names().count(), NAMES.len());
        for (name, effect) in NAMES {
            assert_eq!(EffectSet::named(name), Some(*effect));
        }
        assert_eq!(EffectSet::named("Terminate"), None);
    }
}
