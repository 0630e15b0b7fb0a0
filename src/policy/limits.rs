//! Limits: which task queues, workflow types and Nexus endpoints a grant covers, or a denial spares.
//!
//! Task tokens are plain protobuf and can be forged: limits bound what is named, the namespace is what isolates.

use super::pattern::{Binding, Pattern};
use crate::temporal::names::{Queue, Use};
use crate::temporal::{EffectSet, Limited, Scope, Target};

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

/// Names that are inside; of what is none here, all are.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Task queues.
    pub task_queues: Option<Vec<Pattern>>,
    /// Workflow types.
    pub workflow_types: Option<Vec<Pattern>>,
    /// Nexus endpoints.
    pub nexus_endpoints: Option<Vec<Pattern>>,
}

impl Limits {
    /// Whether they limit nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.task_queues.is_none() && self.workflow_types.is_none() && self.nexus_endpoints.is_none()
    }

    /// How many patterns they have.
    #[must_use]
    pub fn patterns(&self) -> usize {
        let lists = [&self.task_queues, &self.workflow_types, &self.nexus_endpoints];
        lists.into_iter().flatten().map(Vec::len).fold(0, usize::saturating_add)
    }

    /// The limits with what captures took in their place. A pattern with a capture that took nothing is left out.
    #[must_use]
    pub fn bind(&self, bindings: &[Binding]) -> Self {
        let bind = |list: &Option<Vec<Pattern>>| {
            list.as_ref().map(|list| list.iter().filter_map(|pattern| pattern.bind(bindings)).collect())
        };
        Self {
            task_queues: bind(&self.task_queues),
            workflow_types: bind(&self.workflow_types),
            nexus_endpoints: bind(&self.nexus_endpoints),
        }
    }

    /// Why a call is outside, if it is: what it does in one place, with these effects there.
    #[must_use]
    pub fn refuse(&self, target: &Target, place: Place) -> Option<String> {
        let (method, names) = (&target.method, &target.names);
        if method.scope == Scope::Cluster && method.limited == Limited::Untold {
            return Some("what it touches is not read".to_owned());
        }
        if names.overflow {
            return Some("it names more than is compared".to_owned());
        }
        if self.task_queues.is_some() || self.workflow_types.is_some() {
            // A command starts what it names, and does all else to what is known by id.
            let by_id = match place {
                Place::Own(effects) => effects.without(method.effects).covers(EffectSet::TERMINATE),
                Place::Elsewhere(effects) => !EffectSet::START.covers(effects),
            };
            if method.limited == Limited::Untold {
                return Some("what it touches is known by id, or not at all".to_owned());
            }
            if by_id || names.attaches {
                return Some("what it changes besides is known by id".to_owned());
            }
        }
        if let Some(inside) = &self.task_queues {
            if method.limited == Limited::Named && names.queues.iter().all(|queue| queue.name.is_empty()) {
                return Some("it names no task queue".to_owned());
            }
            if let Some(queue) = names.queues.iter().find(|queue| !fits(queue, inside)) {
                return Some(format!("task queue {:?} is outside", queue.name));
            }
        }
        // An empty type is inherited where Temporal inherits it, and refused by Temporal elsewhere.
        let foreign = |inside: &[Pattern], name: &str| !name.is_empty() && !is_inside(inside, name);
        if let Some(inside) = &self.workflow_types
            && let Some(name) = names.workflow_types.iter().find(|name| foreign(inside, name))
        {
            return Some(format!("workflow type {name:?} is outside"));
        }
        if let Some(inside) = &self.nexus_endpoints
            && let Some(name) = names.endpoints.iter().find(|name| !is_inside(inside, name))
        {
            return Some(format!("Nexus endpoint {name:?} is outside"));
        }
        None
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
        (Use::WorkflowPoll, STICKY) => is_sticky(name) && is_inside(inside, normal_name),
        (Use::NexusPoll, WORKER_COMMANDS) => name.strip_prefix('/').unwrap_or(name).starts_with(COMMANDS),
        (Use::WorkflowPoll | Use::ActivityPoll | Use::NexusPoll, UNSPECIFIED | NORMAL) => is_inside(inside, name),
        (Use::WorkflowPoll | Use::ActivityPoll | Use::NexusPoll, _) => false,
    }
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
mod tests {
    use super::*;
    use crate::temporal::{Catalogue, RequestReader};

    const UUID: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

    fn limits() -> Limits {
        Limits { task_queues: Some(vec![Pattern::parse("team-a-*").unwrap()]), ..Limits::default() }
    }

    fn queue(used: Use, name: &str, kind: i32, normal_name: &str) -> Queue {
        Queue { used, name: name.into(), kind, normal_name: normal_name.into() }
    }

    fn refuse(limits: &Limits, target: &Target) -> Option<String> {
        limits.refuse(target, Place::Own(target.effects))
    }

    fn target(method: &str, queues: Vec<Queue>) -> Target {
        let mut target = RequestReader::new(Catalogue::default().named(method).unwrap(), true).finish().unwrap();
        target.names.queues = queues;
        target
    }

    #[test]
    fn the_name_decides_which_queue_is_polled() {
        let sticky = &format!("7@host-{}", UUID.replace('-', ""));
        let cases = [
            (Use::WorkflowPoll, "team-a-x", 1, "", true),
            (Use::WorkflowPoll, "team-a-x", 0, "", true),
            (Use::WorkflowPoll, "team-b-x", 1, "team-a-x", false),
            (Use::WorkflowPoll, "team-b-x", 2, "team-a-x", false),
            (Use::WorkflowPoll, sticky, 2, "team-a-x", true),
            (Use::WorkflowPoll, sticky, 2, "team-b-x", false),
            (Use::WorkflowPoll, sticky, 2, "", false),
            (Use::WorkflowPoll, sticky, 1, "team-a-x", false),
            (Use::WorkflowPoll, "", 1, "team-a-x", false),
            (Use::ActivityPoll, "team-a-x", 1, "", true),
            (Use::ActivityPoll, "team-a-x", 2, "team-a-x", false),
            (Use::ActivityPoll, "team-b-x", 2, "team-a-x", false),
            (Use::ActivityPoll, sticky, 2, "team-a-x", false),
            (Use::NexusPoll, "team-a-x", 1, "", true),
            (Use::NexusPoll, "/temporal-sys/worker-commands/n/k", 3, "", true),
            (Use::NexusPoll, "team-b-x", 3, "", false),
            (Use::NexusPoll, "team-b-x", 1, "", false),
            (Use::Named, "team-a-x", 0, "", true),
            (Use::Named, "", 0, "", true),
            (Use::Named, "team-b-x", 2, "team-a-x", false),
            (Use::Sticky, sticky, 0, "", true),
            (Use::Sticky, "team-b-x", 0, "", false),
        ];
        for (used, name, kind, normal_name, expected) in cases {
            let queue = queue(used, name, kind, normal_name);
            assert_eq!(fits(&queue, limits().task_queues.as_ref().unwrap()), expected, "{queue:?}");
        }
    }

    #[test]
    fn sticky_queues_are_named_by_sdks() {
        let plain = UUID.replace('-', "");
        for name in [format!("host:{UUID}"), format!("7@host-{plain}"), format!("7@a:b:{UUID}")] {
            assert!(is_sticky(&name), "{name}");
        }
        for name in
            [UUID, &plain, "payroll", "é", &format!("-{plain}"), &format!("payroll{plain}"), &format!("a:{UUID}x")]
        {
            assert!(!is_sticky(name), "{name}");
        }
    }

    #[test]
    fn what_is_known_by_id_is_outside_of_queues_and_types_but_not_of_endpoints() {
        let endpoints = Limits { nexus_endpoints: Some(vec![Pattern::literal("e")]), ..Limits::default() };
        for method in ["TerminateWorkflowExecution", "SignalWithStartWorkflowExecution", "ListWorkflowExecutions"] {
            assert!(refuse(&limits(), &target(method, vec![])).is_some(), "{method}");
            assert!(refuse(&endpoints, &target(method, vec![])).is_none(), "{method}");
        }
        for method in ["GetWorkflowExecutionHistory", "DescribeNamespace", "RespondActivityTaskCompleted"] {
            assert!(refuse(&limits(), &target(method, vec![])).is_none(), "{method}");
        }
        assert!(refuse(&limits(), &target("StartWorkflowExecution", vec![])).is_some(), "names none");
        let named = vec![queue(Use::Named, "team-a-x", 0, "")];
        let mut start = target("StartWorkflowExecution", named);
        assert!(refuse(&limits(), &start).is_none());
        start.effects = start.effects.with(EffectSet::TERMINATE);
        assert!(refuse(&limits(), &start).is_some(), "terminates another");
    }

    #[test]
    fn every_name_must_be_inside() {
        let of = |names: &[&str]| names.iter().map(|name| queue(Use::Named, name, 0, "")).collect();
        assert!(
            refuse(&limits(), &target("RespondWorkflowTaskCompleted", of(&["team-a-x", "team-a-y", ""]))).is_none()
        );
        assert!(refuse(&limits(), &target("RespondWorkflowTaskCompleted", of(&["team-a-x", "team-b-y"]))).is_some());
        let mut many = target("RespondWorkflowTaskCompleted", vec![]);
        many.names.overflow = true;
        assert!(refuse(&limits(), &many).is_some());
    }

    #[test]
    fn a_command_into_another_namespace_starts_what_it_names_and_nothing_else() {
        let answer = target("RespondWorkflowTaskCompleted", vec![queue(Use::Named, "team-a-x", 0, "")]);
        let elsewhere = |effects| limits().refuse(&answer, Place::Elsewhere(effects)).is_none();
        assert!(elsewhere(EffectSet::START));
        assert!(!elsewhere(EffectSet::SIGNAL) && !elsewhere(EffectSet::START.with(EffectSet::TERMINATE)));
    }

    #[test]
    fn a_start_that_attaches_to_what_runs_is_outside() {
        let mut start = target("StartWorkflowExecution", vec![queue(Use::Named, "team-a-x", 0, "")]);
        assert!(refuse(&limits(), &start).is_none());
        start.names.attaches = true;
        assert!(refuse(&limits(), &start).is_some());
    }

    #[test]
    fn admin_service_is_outside_of_every_limit() {
        let admin = Target::of(crate::temporal::MethodRef::Known(&crate::temporal::method::ADMIN_METHOD));
        assert!(refuse(&limits(), &admin).is_some());
        let endpoints = Limits { nexus_endpoints: Some(vec![Pattern::literal("e")]), ..Limits::default() };
        assert!(refuse(&endpoints, &admin).is_some());
    }
}
