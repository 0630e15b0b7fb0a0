//! How callers may bring something about without its effect: by what other calls lead to. What each call has as an effect is in
//! the table of methods; this is what Temporal and workers make of it.

use temporal_auth::config::Config;
use temporal_auth::temporal::EffectSet;
use temporal_auth::time::Timestamp;

use super::holders::{Holder, Wanted, holders, listed};

/// The answer that says what a workflow does next.
const ANSWER: &str = "RespondWorkflowTaskCompleted";

/// A way to bring about an effect.
struct KnownWay {
    to: EffectSet,
    by: By,
    /// What happens.
    text: &'static str,
}

#[derive(Clone, Copy)]
enum By {
    Effect(EffectSet),
    Method(&'static str),
}

const fn by_effect(to: EffectSet, by: EffectSet, text: &'static str) -> KnownWay {
    KnownWay { to, by: By::Effect(by), text }
}

const fn by_answer(to: EffectSet, text: &'static str) -> KnownWay {
    KnownWay { to, by: By::Method(ANSWER), text }
}

const KNOWN: [KnownWay; 20] = [
    by_answer(EffectSet::TERMINATE, "an answer to a workflow task completes, fails or cancels its workflow"),
    by_effect(EffectSet::TERMINATE, EffectSet::CANCEL, "a workflow that is asked to end usually does"),
    by_effect(
        EffectSet::TERMINATE,
        EffectSet::SIGNAL,
        "the workflow's code may end it, and Temporal ends a workflow whose history is full",
    ),
    by_effect(
        EffectSet::TERMINATE,
        EffectSet::UPDATE,
        "the workflow's code may end it, and Temporal ends a workflow whose history is full",
    ),
    by_effect(
        EffectSet::TERMINATE,
        EffectSet::START,
        "starts that attach to a running workflow fill its history, and Temporal ends a workflow whose history is full",
    ),
    by_effect(
        EffectSet::TERMINATE,
        EffectSet::SCHEDULE,
        "a trigger, a backfill or an unpause does what the schedule's own overlap policy says",
    ),
    by_effect(
        EffectSet::TERMINATE,
        EffectSet::OPTIONS,
        "an activity with a timeout that it cannot meet fails its workflow",
    ),
    by_effect(EffectSet::TERMINATE, EffectSet::PAUSE, "a workflow whose activities are paused runs into its timeout"),
    by_answer(EffectSet::CANCEL, "an answer cancels other workflows"),
    by_effect(
        EffectSet::CANCEL,
        EffectSet::SCHEDULE,
        "a trigger, a backfill or an unpause does what the schedule's own overlap policy says",
    ),
    by_answer(EffectSet::START, "an answer starts children, and continues its workflow as new"),
    by_effect(
        EffectSet::START,
        EffectSet::SCHEDULE,
        "a trigger, a backfill or an unpause runs the schedule's action, whoever set it",
    ),
    by_effect(EffectSet::START, EffectSet::SIGNAL, "the workflow's code may start children"),
    by_effect(EffectSet::START, EffectSet::UPDATE, "the workflow's code may start children"),
    by_effect(EffectSet::START, EffectSet::NEXUS, "the handler of an operation may start workflows"),
    by_answer(EffectSet::SIGNAL, "an answer signals other workflows"),
    by_effect(EffectSet::SIGNAL, EffectSet::NEXUS, "the handler of an operation may signal workflows"),
    by_answer(EffectSet::NEXUS, "an answer schedules Nexus operations"),
    by_effect(EffectSet::HISTORY, EffectSet::POLL, "the answer to a poll has the history of the workflow"),
    by_effect(
        EffectSet::DESCRIBE_NAMESPACE,
        EffectSet::CLUSTER_READ,
        "ListNamespaces shows the descriptions of namespaces",
    ),
];

/// A way around, with the grants that open it.
#[derive(Debug)]
pub(super) struct Way<'a> {
    /// The effect or the calls by which.
    pub(super) by: String,
    pub(super) text: String,
    pub(super) holders: Vec<Holder<'a>>,
}

/// Every known way to bring this about in the namespace, except by calls that have the effect. Ways that no grant opens are left
/// out.
pub(super) fn ways<'a>(config: &'a Config, wanted: &Wanted, namespace: Option<&str>, now: Timestamp) -> Vec<Way<'a>> {
    let mut found = Vec::new();
    if let Wanted::Method(method) = wanted {
        for name in method.effects.names() {
            let Some(effect) = EffectSet::named(name) else { continue };
            let others = Wanted::Effect(effect);
            let mut calls = others.calls(config);
            calls.retain(|call| call.method != *method);
            let mut holders = holders(config, &others, namespace, now);
            // Whoever has the method itself needs no way around it.
            holders.retain(|holder| holder.calls.iter().all(|call| call.method != *method));
            let text = format!("other calls have this effect: {}", listed(&calls).join(", "));
            found.push(Way { by: name.to_owned(), text, holders });
        }
    }
    let effects = wanted.effects();
    for KnownWay { to: _, by, text } in KNOWN.iter().filter(|way| effects.covers(way.to)) {
        let (by, opened) = match by {
            By::Effect(effect) => (effect.to_string(), Some(Wanted::Effect(*effect))),
            By::Method(name) => ((*name).to_owned(), config.catalogue.named(name).map(Wanted::Method)),
        };
        let holders = opened.map(|opened| holders(config, &opened, namespace, now)).unwrap_or_default();
        found.push(Way { by, text: (*text).to_owned(), holders });
    }
    found.retain(|way| way.holders.iter().any(|holder| holder.is_in_force));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_by_another_effect() {
        for way in &KNOWN {
            match way.by {
                By::Effect(effect) => assert!(!effect.covers(way.to), "{}", way.text),
                By::Method(name) => {
                    let method = temporal_auth::temporal::Catalogue::default().named(name).unwrap();
                    assert!(!method.effects.covers(way.to), "{}", way.text);
                }
            }
        }
    }
}
