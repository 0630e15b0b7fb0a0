//! Limits: the names that a grant covers, or that a denial exempts.
//!
//! Task tokens are plain protobuf and can be forged: limits bound what a request names, but only the namespace isolates.

mod miss;
mod queues;

use std::borrow::Cow;

pub use miss::LimitMiss;

use crate::pattern::{Binding, Pattern};
use crate::temporal::names::RequestNames;
use crate::temporal::{EffectSet, Limit, LimitRule, LimitSet, Method, Scope, Target, WorkflowIdRule};
use queues::fits;

/// How a call relates to a namespace in which it has effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamespaceRole {
    /// The request's own namespace.
    Own,
    /// Another namespace that the request names.
    Foreign,
}

/// The allowed names for each limit. `None` allows any name.
#[derive(Debug, Clone, Default)]
pub struct Limits([Option<Vec<Pattern>>; Limit::ALL.len()]);

impl Limits {
    /// The limits that `list` returns.
    pub fn from_fn(list: impl FnMut(Limit) -> Option<Vec<Pattern>>) -> Self {
        Self(Limit::ALL.map(list))
    }

    /// The names that this limit allows. `None` if it allows any name.
    #[must_use]
    pub fn of(&self, limit: Limit) -> Option<&[Pattern]> {
        self.0.get(limit as usize)?.as_deref()
    }

    /// Whether every name is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The limits that do not allow every name.
    pub fn limited(&self) -> LimitSet {
        Limit::ALL.into_iter().filter(|limit| self.of(*limit).is_some()).fold(LimitSet::NONE, LimitSet::with)
    }

    /// How many patterns a name may be compared with.
    pub fn pattern_count(&self) -> usize {
        self.0.iter().flatten().map(Vec::len).fold(0, usize::saturating_add)
    }

    /// Their size in memory, in bytes.
    pub fn size(&self) -> usize {
        self.0.iter().flatten().flatten().map(Pattern::size).fold(size_of::<Self>(), usize::saturating_add)
    }

    /// Replaces captures by their values. A pattern with an unbound capture is left out.
    pub fn bind(&self, bindings: &[Binding]) -> Self {
        Self::from_fn(|limit| {
            self.of(limit).map(|list| list.iter().filter_map(|pattern| pattern.bind(bindings)).collect())
        })
    }

    /// Checks what a call does in one namespace, where it has these effects. Each limit applies only to names of its own sort,
    /// and the call must be within all limits.
    pub fn check<'a>(&self, target: &'a Target, role: NamespaceRole, effects: EffectSet) -> Result<(), LimitMiss<'a>> {
        let (method, names) = (&*target.method, &target.names);
        if method.scope == Scope::Cluster && method.queue_rule == LimitRule::NeverCovered {
            return Err(LimitMiss::RequestNotRead);
        }
        if names.has_unread_operation {
            return Err(LimitMiss::OperationNotRead);
        }
        let is_incomplete = |limit: &Limit| self.of(*limit).is_some() && names.is_incomplete(*limit);
        if let Some(limit) = Limit::ALL.into_iter().find(is_incomplete) {
            return Err(LimitMiss::TooMany(limit));
        }
        self.check_ids(target, role, effects)?;
        self.check_queues(method, names)?;
        // Temporal inherits an empty type where it can, and otherwise refuses the request.
        let types = names.of(Limit::WorkflowTypes).iter().filter(|name| !name.is_empty());
        self.check_names(Limit::WorkflowTypes, types)?;
        self.check_names(Limit::NexusEndpoints, names.of(Limit::NexusEndpoints))?;
        self.check_workflow_ids(method, names)?;
        self.check_schedule_ids(method, names)?;
        self.check_messages(target)
    }

    /// Limits on queues and types exclude calls that identify their target only by id.
    fn check_ids(&self, target: &Target, role: NamespaceRole, effects: EffectSet) -> Result<(), LimitMiss<'static>> {
        let limited = |limit: &Limit| self.of(*limit).is_some();
        let Some(limit) = [Limit::TaskQueues, Limit::WorkflowTypes].into_iter().find(limited) else { return Ok(()) };
        if target.method.queue_rule == LimitRule::NeverCovered {
            return Err(LimitMiss::Unknown(limit));
        }
        // A command that starts names the queue and the type; any other command identifies its target by id.
        let by_id = match role {
            NamespaceRole::Own => effects.without(target.method.effects).covers(EffectSet::TERMINATE),
            NamespaceRole::Foreign => !EffectSet::START.covers(effects),
        };
        if by_id || target.names.attaches_to_running { Err(LimitMiss::ChangesById) } else { Ok(()) }
    }

    fn check_queues<'a>(&self, method: &Method, names: &'a RequestNames) -> Result<(), LimitMiss<'a>> {
        let limit = Limit::TaskQueues;
        let Some(allowed) = self.of(limit) else { return Ok(()) };
        if method.queue_rule == LimitRule::RequiresName && names.queues.iter().all(|queue| queue.name.is_empty()) {
            return Err(LimitMiss::Unnamed(limit));
        }
        match names.queues.iter().find(|queue| !fits(queue, allowed)) {
            Some(queue) => Err(LimitMiss::Outside(limit, Cow::Borrowed(&queue.name))),
            None => Ok(()),
        }
    }

    fn check_workflow_ids<'a>(&self, method: &Method, names: &'a RequestNames) -> Result<(), LimitMiss<'a>> {
        let limit = Limit::WorkflowIds;
        if self.of(limit).is_none() {
            return Ok(());
        }
        match method.workflow_id_rule {
            WorkflowIdRule::NeverCovered => return Err(LimitMiss::Unknown(limit)),
            WorkflowIdRule::Schedule | WorkflowIdRule::ScheduleAction if self.of(Limit::ScheduleIds).is_none() => {
                return Err(LimitMiss::NeedsScheduleIds);
            }
            WorkflowIdRule::RequiresName | WorkflowIdRule::ScheduleAction if names.of(limit).is_empty() => {
                return Err(LimitMiss::Unnamed(limit));
            }
            _ => {}
        }
        if names.has_standalone_task {
            return Err(LimitMiss::StandaloneActivity);
        }
        self.check_names(limit, names.of(limit))
    }

    fn check_schedule_ids<'a>(&self, method: &Method, names: &'a RequestNames) -> Result<(), LimitMiss<'a>> {
        let limit = Limit::ScheduleIds;
        if self.of(limit).is_none() {
            return Ok(());
        }
        match method.schedule_rule {
            LimitRule::NeverCovered => Err(LimitMiss::Unknown(limit)),
            LimitRule::RequiresName if names.of(limit).is_empty() => Err(LimitMiss::Unnamed(limit)),
            _ => self.check_names(limit, names.of(limit)),
        }
    }

    /// Checks signals, queries and updates, if the call has their effect in any namespace.
    fn check_messages<'a>(&self, target: &'a Target) -> Result<(), LimitMiss<'a>> {
        let by_namespace = target.effects_by_namespace().map(|(_, effects)| effects);
        let effects = by_namespace.fold(target.commands, EffectSet::with);
        let limits = [
            (Limit::Signals, EffectSet::SIGNAL),
            (Limit::Queries, EffectSet::QUERY),
            (Limit::Updates, EffectSet::UPDATE),
        ];
        for (limit, effect) in limits {
            let names = target.names.of(limit);
            if self.of(limit).is_some() && effects.covers(effect) && names.is_empty() {
                return Err(LimitMiss::Unnamed(limit));
            }
            self.check_names(limit, names)?;
        }
        Ok(())
    }

    /// Checks that the limit, if it is set, allows all of these names.
    fn check_names<'a>(&self, limit: Limit, names: impl IntoIterator<Item = &'a String>) -> Result<(), LimitMiss<'a>> {
        let Some(allowed) = self.of(limit) else { return Ok(()) };
        match names.into_iter().find(|name| !is_allowed(allowed, name)) {
            Some(name) => Err(LimitMiss::Outside(limit, Cow::Borrowed(name))),
            None => Ok(()),
        }
    }
}

fn is_allowed(allowed: &[Pattern], name: &str) -> bool {
    allowed.iter().any(|pattern| pattern.matches(name).is_some())
}

#[cfg(test)]
mod tests;
