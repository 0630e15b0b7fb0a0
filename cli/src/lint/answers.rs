//! Who may answer workflow tasks, and what answers do to workflows: they end, start, signal and cancel them.

use temporal_auth::config::Config;
use temporal_auth::policy::grant::{Grant, GrantScope};
use temporal_auth::policy::role::Role;
use temporal_auth::temporal::{Catalogue, EffectSet};
use temporal_auth::time::Timestamp;

/// The effects of answers to workflow tasks, each with the method of WorkflowService that has only this effect.
pub(super) const DONE_BY_ANSWERS: [(EffectSet, &str); 4] = [
    (EffectSet::TERMINATE, "TerminateWorkflowExecution"),
    (EffectSet::CANCEL, "RequestCancelWorkflowExecution"),
    (EffectSet::START, "StartWorkflowExecution"),
    (EffectSet::SIGNAL, "SignalWorkflowExecution"),
];

/// The effects in [`DONE_BY_ANSWERS`] that are in the set, or whose method is in the list of paths.
pub(super) fn done_by_answers(effects: EffectSet, methods: &[impl AsRef<str>]) -> EffectSet {
    let catalogue = Catalogue::default();
    let is_named = |name: &str| {
        catalogue.named(name).is_some_and(|known| methods.iter().any(|path| *path.as_ref() == *known.path))
    };
    let meant = DONE_BY_ANSWERS.iter().filter(|(effect, method)| effects.covers(*effect) || is_named(method));
    meant.fold(EffectSet::NONE, |all, (effect, _)| all.with(*effect))
}

/// Whether the role may answer workflow tasks.
pub(super) fn answers(role: &Role, config: &Config) -> bool {
    if config.policy.parity {
        // Under parity, a role counts as the greatest built-in role that it contains.
        return role.effects.covers(EffectSet::WRITER);
    }
    let answer = config.catalogue.named("RespondWorkflowTaskCompleted");
    answer.is_some_and(|method| role.effects_for(&method).covers(method.effects))
}

/// Whether holders of the grant may answer workflow tasks at this time, as far as the configuration shows.
pub(super) fn allows_answers(grant: &Grant, config: &Config, now: Timestamp) -> bool {
    let gives = match &grant.gives {
        GrantScope::System(role) | GrantScope::Namespaces(role, _) => answers(role, config),
        // The claim may contain `write` or `worker`.
        GrantScope::Permissions(..) => true,
    };
    gives && !grant.shadow && !grant.until.as_ref().is_some_and(|until| until.has_passed(now))
}
