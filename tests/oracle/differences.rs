//! Compares what this library reads from a request with what Temporal's own types find in it.

use std::collections::{BTreeMap, BTreeSet};

use temporal_auth::temporal::{EffectSet, Limit, SystemReason, Target};

use crate::case::OracleCase;
use crate::facts::{MAX_NAMESPACES, TemporalFacts};
use crate::pattern::is_temporals_namespace;

/// Whether this library must find exactly what Temporal finds. Temporal takes the last of two equal fields, or of two arms of a
/// `oneof`; this library reads both, so it may find more. A wrong length can turn the bytes after it into such fields.
pub fn is_exact(case: &OracleCase) -> bool {
    !case.made.iter().any(|made| made.starts_with("twice") || made.starts_with("two of") || made == "wrong length")
}

/// The differences, as text.
pub fn differences(case: &OracleCase, target: &Target) -> Vec<String> {
    let facts = TemporalFacts::of(&case.facts, &target.namespace, target.method.request);
    let exactly = is_exact(case) && !facts.is_refused_by_temporal;
    // Temporal keeps one entry of a map for each key. The filter reads all entries.
    let has_map = target.method.name().contains("DeploymentVersion");
    let mut differences: Vec<String> = Vec::new();
    // If an operation was not read, the request is outside of every limit, whatever it names.
    if !target.names.has_unread_operation {
        let complete = Limit::ALL.into_iter().filter(|limit| !target.names.is_incomplete(*limit));
        // This library may find names in a token that the server cannot read.
        let more = |limit| {
            limit == Limit::WorkflowIds && !facts.is_token_readable || limit == Limit::NexusEndpoints && has_map
        };
        differences.extend(complete.filter_map(|limit| names(&facts, limit, target, exactly && !more(limit))));
        differences.extend(newer(&facts, target, exactly && !has_map));
    }
    differences.extend(effects(&facts, target, exactly));
    let reads = EffectSet::READER.covers(target.method.effects);
    let is_system = target.effects_by_namespace().any(|(name, _)| is_temporals_namespace(name));
    let internal = !reads && (facts.is_internal || is_system);
    let may_have_any_effect = internal && !EffectSet::WORKER.covers(target.method.effects);
    let needs_system = matches!(target.needs_system, Some(SystemReason::Internal(_)));
    let flags = [
        ("Temporal's own", needs_system, internal),
        ("any effect", target.may_have_any_effect, may_have_any_effect),
        ("registers a callback", target.registers_callback, facts.registers_callback),
        (
            "any namespace",
            target.may_reach_any_namespace,
            facts.may_reach_any_namespace() || target.namespace.is_empty() || may_have_any_effect && is_system,
        ),
        ("attaches to a running workflow", target.names.attaches_to_running, facts.attaches_to_running),
        ("standalone activity", target.names.has_standalone_task, facts.has_standalone_task),
        ("unread operation", target.names.has_unread_operation, facts.has_refused_operation),
    ];
    for (what, ours, theirs) in flags {
        // This library must not find less than Temporal. It may find more if one of the two does not read a part.
        if theirs && !ours
            || ours
                && !theirs
                && exactly
                && facts.is_token_readable
                && !reads_command_differently(case, what)
                && !has_map
        {
            differences.push(format!("{what}: {ours}, not {theirs}"));
        }
    }
    differences
}

/// The differences in the effects: in all namespaces together, of a worker's commands, and in each other namespace.
fn effects(facts: &TemporalFacts, target: &Target, exactly: bool) -> Vec<String> {
    let elsewhere: BTreeMap<_, _> = target.effects_by_namespace().skip(1).collect();
    let ours = target.effects_by_namespace().fold(target.commands, |all, (_, effects)| all.with(effects));
    let there = facts.elsewhere.values().fold(EffectSet::NONE, |all, effects| all.with(*effects));
    let theirs = target.method.effects.with(facts.options).with(facts.commands).with(there);
    // Only this library finds these effects: those of Temporal's own, and of a batch whose operation is unknown.
    let beyond = match target.method.name() {
        _ if facts.has_refused_operation || target.names.has_unread_operation => EffectSet::ADMIN,
        "StartBatchOperation" => EffectSet::WRITER.with(EffectSet::CLUSTER_ADMIN),
        _ => EffectSet::CLUSTER_ADMIN,
    };
    // If there are more namespaces than are remembered, the effects in the others count as effects in the request's own.
    // Those in an arm of a `oneof` that another arm replaces are remembered, too.
    let has_replaced = || elsewhere.keys().any(|namespace| !facts.elsewhere.contains_key(*namespace));
    let too_many = facts.elsewhere.len() > MAX_NAMESPACES || (elsewhere.len() >= MAX_NAMESPACES && has_replaced());
    let pairs = [("effects", ours, theirs), ("commands", target.commands, facts.commands)];
    let differ = pairs.into_iter().filter_map(|(what, ours, theirs)| {
        let (ours, theirs) = (ours.without(beyond), theirs.without(beyond));
        let agree = if exactly && !too_many { ours == theirs } else { ours.covers(theirs) };
        (!agree).then(|| format!("{what}: {ours}, not {theirs}"))
    });

    let in_namespaces = facts.elsewhere.iter().filter_map(|(namespace, effects)| {
        let ours = elsewhere.get(namespace.as_str()).copied().unwrap_or_default();
        (!ours.covers(*effects) && !too_many && !target.names.has_unread_operation)
            .then(|| format!("in {namespace:?}: {ours}, not {effects}"))
    });
    differ.chain(in_namespaces).collect()
}

/// The difference in the names that this limit compares. No name may be missing.
fn names(facts: &TemporalFacts, limit: Limit, target: &Target, exactly: bool) -> Option<String> {
    let queues = target.names.queues.iter().map(|queue| &queue.name).filter(|_| limit == Limit::TaskQueues);
    let ours: BTreeSet<_> = target.names.of(limit).iter().chain(queues).filter(|name| !name.is_empty()).collect();
    let theirs = facts.names.get(limit.name()).into_iter().flatten();
    let theirs: BTreeSet<_> = theirs.filter(|name| !name.is_empty()).collect();
    let agree = if exactly { ours == theirs } else { ours.is_superset(&theirs) };
    (!agree).then(|| format!("{}: {ours:?}, not {theirs:?}", limit.name()))
}

/// The difference in the number of newer parts. Temporal's decoder drops the unknown fields of map entries.
fn newer(facts: &TemporalFacts, target: &Target, exactly: bool) -> Option<String> {
    let (ours, theirs) = (target.newer.count, facts.newer);
    let in_map = target.newer.first.iter().any(|part| part.message.ends_with("Entry"));
    let agree = if exactly && !in_map { ours == theirs } else { ours >= theirs };
    (!agree).then(|| format!("{ours} parts are newer, not {theirs}: {:?}", target.newer.first))
}

/// Whether a command has its fields in an unusual order, or two encodings of its input. This library then does not recognize
/// an operation that a workflow may start.
fn reads_command_differently(case: &OracleCase, what: &str) -> bool {
    ["Temporal's own", "unread operation"].contains(&what) && case.made.iter().any(|made| made.starts_with("another "))
}
