//! Limits: which names a grant covers, or a denial spares.
//!
//! Task tokens are plain protobuf and can be forged: limits bound what is named, the namespace is what isolates.

use crate::pattern::{Binding, Pattern};
use crate::temporal::names::{Names, Queue, Use};
use crate::temporal::{EffectSet, Ids, Limit, LimitSet, Limited, Method, Scope, Target};

/// `TaskQueueKind` of the API (`enums/v1/task_queue.proto`).
const UNSPECIFIED: i32 = 0;
const NORMAL: i32 = 1;
const STICKY: i32 = 2;
const WORKER_COMMANDS: i32 = 3;

/// How queues of commands to a worker begin in SDKs, with or without the slash.
const COMMANDS: &str = "temporal-sys/worker-commands/";

/// Where a call has effects.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// In its own namespace.
    Own(EffectSet),
    /// In another.
    Elsewhere(EffectSet),
}

/// Names that are inside, by the sort of limit; of a sort without a list all are.
#[derive(Debug, Clone, Default)]
pub struct Limits([Option<Vec<Pattern>>; Limit::ALL.len()]);

impl Limits {
    /// Limits as this function gives them for each sort.
    pub fn from_fn(list: impl FnMut(Limit) -> Option<Vec<Pattern>>) -> Self {
        Self(Limit::ALL.map(list))
    }

    /// The names that are inside, if names of this sort are limited.
    #[must_use]
    pub fn of(&self, limit: Limit) -> Option<&[Pattern]> {
        self.0.get(limit as usize)?.as_deref()
    }

    /// Whether they limit nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// The sorts of names that they limit.
    #[must_use]
    pub fn sorts(&self) -> LimitSet {
        Limit::ALL.into_iter().filter(|limit| self.of(*limit).is_some()).fold(LimitSet::NONE, LimitSet::with)
    }

    /// How many patterns they have.
    #[must_use]
    pub fn patterns(&self) -> usize {
        self.0.iter().flatten().map(Vec::len).fold(0, usize::saturating_add)
    }

    /// The limits with what captures took in their place. A pattern with a capture that took nothing is left out.
    #[must_use]
    pub fn bind(&self, bindings: &[Binding]) -> Self {
        Self::from_fn(|limit| {
            self.of(limit).map(|list| list.iter().filter_map(|pattern| pattern.bind(bindings)).collect())
        })
    }

    /// Why a call is outside, if it is: what it does in one place, with these effects there. Each limit speaks of its own
    /// names only, and all of them must be met.
    #[must_use]
    pub fn refuse(&self, target: &Target, place: Place) -> Option<String> {
        let (method, names) = (&*target.method, &target.names);
        if method.scope == Scope::Cluster && method.limited == Limited::Untold {
            return Some("what it touches is not read".to_owned());
        }
        if names.unread {
            return Some("what an operation of Temporal's own names is not read".to_owned());
        }
        if let Some(limit) =
            Limit::ALL.into_iter().find(|limit| self.of(*limit).is_some() && names.is_incomplete(*limit))
        {
            return Some(format!("it names more {} than are compared", limit.name().replace('_', " ")));
        }
        self.refuse_by_id(target, place)
            .or_else(|| self.refuse_queues(method, names))
            .or_else(|| self.refuse_types_and_endpoints(names))
            .or_else(|| self.refuse_workflow_ids(method, names))
            .or_else(|| self.refuse_schedule_ids(method, names))
            .or_else(|| self.refuse_messages(target))
    }

    /// Under limits on queues and types: what is known by its id alone.
    fn refuse_by_id(&self, target: &Target, place: Place) -> Option<String> {
        self.of(Limit::TaskQueues).or(self.of(Limit::WorkflowTypes))?;
        // A command starts what it names, and does all else to what is known by id.
        let by_id = match place {
            Place::Own(effects) => effects.without(target.method.effects).covers(EffectSet::TERMINATE),
            Place::Elsewhere(effects) => !EffectSet::START.covers(effects),
        };
        if target.method.limited == Limited::Untold {
            return Some("what it touches is known by id, or not at all".to_owned());
        }
        (by_id || target.names.attaches).then(|| "what it changes besides is known by id".to_owned())
    }

    fn refuse_queues(&self, method: &Method, names: &Names) -> Option<String> {
        let inside = self.of(Limit::TaskQueues)?;
        if method.limited == Limited::Named && names.queues.iter().all(|queue| queue.name.is_empty()) {
            return Some("it names no task queue".to_owned());
        }
        let outside = names.queues.iter().find(|queue| !fits(queue, inside))?;
        Some(format!("task queue {:?} is outside", outside.name))
    }

    fn refuse_types_and_endpoints(&self, names: &Names) -> Option<String> {
        // An empty type is inherited where Temporal inherits it, and refused by Temporal elsewhere.
        let types =
            self.outside(Limit::WorkflowTypes, names.of(Limit::WorkflowTypes).iter().filter(|name| !name.is_empty()));
        types.or_else(|| self.outside(Limit::NexusEndpoints, names.of(Limit::NexusEndpoints)))
    }

    fn refuse_workflow_ids(&self, method: &Method, names: &Names) -> Option<String> {
        self.of(Limit::WorkflowIds)?;
        match method.ids {
            Ids::Untold => return Some("what it touches is not known by a workflow id that it names".to_owned()),
            Ids::Schedule | Ids::ScheduleAction if self.of(Limit::ScheduleIds).is_none() => {
                return Some("it touches a schedule, and there are no schedule_ids".to_owned());
            }
            Ids::Named | Ids::ScheduleAction if names.of(Limit::WorkflowIds).is_empty() => {
                return Some("it names no workflow id".to_owned());
            }
            _ => {}
        }
        if names.standalone {
            return Some("its task is a standalone activity's, which has no workflow".to_owned());
        }
        self.outside(Limit::WorkflowIds, names.of(Limit::WorkflowIds))
    }

    fn refuse_schedule_ids(&self, method: &Method, names: &Names) -> Option<String> {
        self.of(Limit::ScheduleIds)?;
        match method.schedules {
            Limited::Untold => return Some("it does not name the schedules that it touches".to_owned()),
            Limited::Named if names.of(Limit::ScheduleIds).is_empty() => {
                return Some("it names no schedule id".to_owned());
            }
            _ => {}
        }
        self.outside(Limit::ScheduleIds, names.of(Limit::ScheduleIds))
    }

    /// Signals, queries and updates, wherever the call has that effect.
    fn refuse_messages(&self, target: &Target) -> Option<String> {
        let places = target.places().map(|(_, effects)| effects);
        let effects = places.fold(target.commands, EffectSet::with);
        let kinds = [
            (Limit::Signals, EffectSet::SIGNAL),
            (Limit::Queries, EffectSet::QUERY),
            (Limit::Updates, EffectSet::UPDATE),
        ];
        kinds.into_iter().find_map(|(limit, effect)| {
            self.of(limit)?;
            if effects.covers(effect) && target.names.of(limit).is_empty() {
                return Some(format!("it does not name the {} that it sends", limit.noun()));
            }
            self.outside(limit, target.names.of(limit))
        })
    }

    /// The first of these names that is outside of a limit, if names of this sort are limited.
    fn outside<'a>(&self, limit: Limit, names: impl IntoIterator<Item = &'a String>) -> Option<String> {
        let inside = self.of(limit)?;
        let name = names.into_iter().find(|name| !is_inside(inside, name))?;
        Some(format!("{} {name:?} is outside", limit.noun()))
    }
}

fn is_inside(inside: &[Pattern], name: &str) -> bool {
    inside.iter().any(|pattern| pattern.matches(name).is_some())
}

/// The server reads the queue of that name whatever its kind and normal name say, so these count only where the name
/// could be nothing but what they say.
fn fits(queue: &Queue, inside: &[Pattern]) -> bool {
    let Queue { used, name, kind, normal_name } = queue;
    match (used, *kind) {
        // Without a name it is inherited, or refused by Temporal.
        (Use::Named, _) => name.is_empty() || is_inside(inside, name),
        (Use::Sticky, _) => name.is_empty() || is_sticky(name),
        (Use::Shutdown, _) => name.is_empty() || is_inside(inside, name) || is_for_commands(name),
        (Use::WorkflowPoll, STICKY) => is_sticky(name) && is_inside(inside, normal_name),
        (Use::NexusPoll, WORKER_COMMANDS) => is_for_commands(name),
        (Use::WorkflowPoll | Use::ActivityPoll | Use::NexusPoll, UNSPECIFIED | NORMAL) => is_inside(inside, name),
        (Use::WorkflowPoll | Use::ActivityPoll | Use::NexusPoll, _) => false,
    }
}

/// Whether SDKs make such names for the queue of commands to a worker.
fn is_for_commands(name: &str) -> bool {
    name.strip_prefix('/').unwrap_or(name).starts_with(COMMANDS)
}

/// Whether SDKs make such names for sticky queues: whatever identifies the worker, and a UUID; after a colon with its
/// hyphens (Go, Java), after a hyphen without (the SDKs on Core).
fn is_sticky(name: &str) -> bool {
    let ends = |joint: char, parts: &[usize]| {
        let Some((worker, uuid)) = name.rsplit_once(joint) else { return false };
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        !worker.is_empty() && uuid.split('-').map(str::len).eq(parts.iter().copied()) && uuid.split('-').all(is_hex)
    };
    ends(':', &[8, 4, 4, 4, 12]) || ends('-', &[32])
}

#[cfg(test)]
mod tests;
