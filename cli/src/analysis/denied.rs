//! What a denial takes from the holders of a grant.

use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::grant::{Grant, GrantScope};
use temporal_auth::temporal::{EffectSet, Method};

use super::who::{Alternative, any_shared, denies_all_of, is_for_all_of, may_share};
use crate::patterns::overlap::PatternReading;

/// How many of a grant's holders a denial denies something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    None,
    /// Some of them, or some of their calls: nobody can tell without a token and a request.
    Some,
    All,
}

/// Whether the denial denies calls with some of these effects, or calls of one of these methods.
pub(crate) fn concerns<'a>(denial: &Denial, effects: EffectSet, methods: impl IntoIterator<Item = &'a Method>) -> bool {
    denial.operations.as_ref().is_none_or(|denied| {
        let mut methods = methods.into_iter();
        denied.effects.intersects(effects) || methods.any(|method| names(denial, method))
    })
}

/// Whether the denial names the method, rather than an effect.
fn names(denial: &Denial, method: &Method) -> bool {
    denial.operations.as_ref().is_some_and(|denied| denied.methods.iter().any(|path| **path == *method.path))
}

/// Whether the denial applies in this namespace, or, without a namespace, in the cluster.
pub(crate) fn applies_in(denial: &Denial, namespace: Option<&str>) -> bool {
    match (&denial.namespaces, namespace) {
        (None, _) => true,
        (Some(patterns), Some(namespace)) => patterns.iter().any(|pattern| pattern.could_match(namespace)),
        // A call that changes the cluster may reach every namespace.
        (Some(_), None) => true,
    }
}

/// Whom among the holders of a grant the denial reaches with the calls that it denies. `denies_every_call` says whether these
/// are all calls that matter, wherever the denial applies.
pub(crate) fn reached(denial: &Denial, grant: &Grant, denies_every_call: bool) -> Reached {
    if denial.unless.as_ref().is_some_and(|unless| is_for_all_of(unless, &grant.who)) {
        return Reached::None;
    }
    if denial.who.as_ref().is_some_and(|who| !may_share(who, &grant.who)) {
        return Reached::None;
    }
    let is_everyone = || {
        let alternatives = Alternative::of(&grant.who);
        let denies = |one: &Alternative<'_>| denies_all_of(denial.who.as_ref(), one, PatternReading::Narrow);
        alternatives.is_some_and(|all| all.iter().all(denies))
    };
    let is_all = denies_every_call && !denial.shadow && denial.outside.is_none() && denial.unless.is_none();
    if is_all && is_everyone() { Reached::All } else { Reached::Some }
}

/// Whether the denial may apply to a holder of the grant in one of the grant's namespaces. `false` is certain.
pub(crate) fn may_reach(denial: &Denial, grant: &Grant) -> bool {
    let shared_namespace = match (&denial.namespaces, &grant.gives) {
        (Some(denied), GrantScope::Namespaces(_, given)) => any_shared(denied, given),
        _ => true,
    };
    shared_namespace && reached(denial, grant, false) != Reached::None
}
