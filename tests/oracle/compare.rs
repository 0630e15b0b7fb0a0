//! What this library reads from a request, held against what Temporal's own types find in it.

use std::collections::{BTreeMap, BTreeSet};

use temporal_auth::temporal::{EffectSet, Limit, SystemReason, Target};

use crate::case::Case;
use crate::facts::{Found, MAX_NAMESPACES};
use crate::pattern::is_temporals_namespace;

/// Whether the two must find the same. Temporal takes the last of two equal fields, or of two arms of a `oneof`; this
/// library reads both, and so may find more. A wrong length can turn the bytes after it into such fields.
pub fn is_exact(case: &Case) -> bool {
    !case.made.iter().any(|made| made.starts_with("twice") || made.starts_with("two of") || made == "wrong length")
}

/// Where they differ, for people.
pub fn differences(case: &Case, target: &Target) -> Vec<String> {
    let found = Found::of(&case.facts, &target.namespace, target.method.request);
    let exactly = is_exact(case) && !found.is_refused_there;
    // Of a map, Temporal keeps one entry for each key. The filter reads all entries.
    let in_map = target.method.name().contains("DeploymentVersion");
    let mut wrong: Vec<String> = Vec::new();
    // An operation that is not read is outside of every limit, whatever it names.
    if !target.names.has_unread_operation {
        let complete = Limit::ALL.into_iter().filter(|limit| !target.names.is_incomplete(*limit));
        // A token that the server does not read may name more to us.
        let more = |limit| limit == Limit::WorkflowIds && !found.read || limit == Limit::NexusEndpoints && in_map;
        wrong.extend(complete.filter_map(|limit| names(&found, limit, target, exactly && !more(limit))));
        wrong.extend(newer(&found, target, exactly && !in_map));
    }
    wrong.extend(effects(&found, target, exactly));
    let reads = EffectSet::READER.covers(target.method.effects);
    let is_system = target.effects_by_namespace().any(|(name, _)| is_temporals_namespace(name));
    let internal = !reads && (found.internal || is_system);
    let anything = internal && !EffectSet::WORKER.covers(target.method.effects);
    let own = matches!(target.needs_system, Some(SystemReason::Internal(_)));
    let flags = [
        ("Temporal's own", own, internal),
        ("anything", target.may_have_any_effect, anything),
        ("calls back", target.registers_callback, found.calls_back),
        (
            "unseen",
            target.may_reach_any_namespace,
            found.is_unseen() || target.namespace.is_empty() || anything && is_system,
        ),
        ("attaches", target.names.attaches_to_running, found.attaches),
        ("standalone", target.names.has_standalone_task, found.standalone),
        ("not read", target.names.has_unread_operation, found.refused),
    ];
    for (what, ours, theirs) in flags {
        // Never less than Temporal finds; more only where it does not read, or we do not.
        if theirs && !ours || ours && !theirs && exactly && found.read && !is_odd(case, what) && !in_map {
            wrong.push(format!("{what}: {ours}, not {theirs}"));
        }
    }
    wrong
}

/// What it does: everywhere, as a worker's commands, and in each other namespace.
fn effects(found: &Found, target: &Target, exactly: bool) -> Vec<String> {
    let elsewhere: BTreeMap<_, _> = target.effects_by_namespace().skip(1).collect();
    let ours = target.effects_by_namespace().fold(target.commands, |all, (_, effects)| all.with(effects));
    let there = found.elsewhere.values().fold(EffectSet::NONE, |all, effects| all.with(*effects));
    let theirs = target.method.effects.with(found.options).with(found.commands).with(there);
    // The rest is ours alone: what is Temporal's own, and a batch of nothing that is known.
    let beyond = match target.method.name() {
        _ if found.refused || target.names.has_unread_operation => EffectSet::ADMIN,
        "StartBatchOperation" => EffectSet::WRITER.with(EffectSet::CLUSTER_ADMIN),
        _ => EffectSet::CLUSTER_ADMIN,
    };
    // Of more namespaces than are remembered, some count as the request's own.
    let too_many = found.elsewhere.len() > MAX_NAMESPACES;
    let pairs = [("effects", ours, theirs), ("commands", target.commands, found.commands)];
    let differ = pairs.into_iter().filter_map(|(what, ours, theirs)| {
        let (ours, theirs) = (ours.without(beyond), theirs.without(beyond));
        let agree = if exactly && !too_many { ours == theirs } else { ours.covers(theirs) };
        (!agree).then(|| format!("{what}: {ours}, not {theirs}"))
    });

    let places = found.elsewhere.iter().filter_map(|(place, effects)| {
        let ours = elsewhere.get(place.as_str()).copied().unwrap_or_default();
        (!ours.covers(*effects) && !too_many && !target.names.has_unread_operation)
            .then(|| format!("in {place:?}: {ours}, not {effects}"))
    });
    differ.chain(places).collect()
}

/// Where the names of this sort differ, of which none may be missing.
fn names(found: &Found, limit: Limit, target: &Target, exactly: bool) -> Option<String> {
    let queues = target.names.queues.iter().map(|queue| &queue.name).filter(|_| limit == Limit::TaskQueues);
    let ours: BTreeSet<_> = target.names.of(limit).iter().chain(queues).filter(|name| !name.is_empty()).collect();
    let theirs = found.names.get(limit.name()).into_iter().flatten();
    let theirs: BTreeSet<_> = theirs.filter(|name| !name.is_empty()).collect();
    let agree = if exactly { ours == theirs } else { ours.is_superset(&theirs) };
    (!agree).then(|| format!("{}: {ours:?}, not {theirs:?}", limit.name()))
}

/// How much we count as newer where it should be another number. Entries of maps lose it in Temporal's decoder.
fn newer(found: &Found, target: &Target, exactly: bool) -> Option<String> {
    let (ours, theirs) = (target.newer.count, found.newer);
    let in_map = target.newer.first.iter().any(|part| part.message.ends_with("Entry"));
    let agree = if exactly && !in_map { ours == theirs } else { ours >= theirs };
    (!agree).then(|| format!("{ours} parts are newer, not {theirs}: {:?}", target.newer.first))
}

/// Whether a command has its fields in an order, or its input two encodings, with which we do not take it for an operation that
/// a workflow may start.
fn is_odd(case: &Case, what: &str) -> bool {
    ["Temporal's own", "not read"].contains(&what) && case.made.iter().any(|made| made.starts_with("another "))
}
