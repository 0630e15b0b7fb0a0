//! Which grants give an effect, or cover a method.

use temporal_auth::config::Config;
use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::grant::{Grant, GrantScope, SYSTEM};
use temporal_auth::temporal::{EffectSet, MethodRef, Scope};
use temporal_auth::time::Timestamp;

use crate::analysis::calls::{self, CallOption, shown_name};
use crate::analysis::denied::{self, Reached};
use crate::analysis::gives::{self, Reach};

/// What somebody wants to do.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Effect(EffectSet),
    Method(MethodRef),
}

/// A call that does it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WantedCall {
    pub(super) method: MethodRef,
    /// What its request must say. `None` if every call of the method does it.
    pub(super) option: Option<CallOption>,
}

/// A grant that gives it, or a part of it.
#[derive(Debug)]
pub(super) struct Holder<'a> {
    pub(super) grant: &'a Grant,
    /// By which patterns. Empty for a grant that does not name its namespaces.
    pub(super) reaches: Vec<Reach>,
    /// The permissions that give it, if a permissions claim does.
    pub(super) permissions: Vec<String>,
    /// The effects that the grant gives, of those that are wanted.
    pub(super) effects: EffectSet,
    /// The calls that it covers, of those that do it.
    pub(super) calls: Vec<WantedCall>,
    pub(super) is_in_force: bool,
    /// The denials that reach its holders.
    pub(super) denials: Vec<(&'a Denial, Reached)>,
}

impl Wanted {
    /// All its effects.
    pub(super) fn effects(&self) -> EffectSet {
        match self {
            Self::Effect(effect) => *effect,
            Self::Method(method) => method.effects,
        }
    }

    /// The calls that do it.
    pub(super) fn calls(&self, config: &Config) -> Vec<WantedCall> {
        let effect = match self {
            Self::Effect(effect) => *effect,
            Self::Method(method) => return vec![WantedCall { method: method.clone(), option: None }],
        };
        let mut found = Vec::new();
        for method in calls::methods(config) {
            if method.effects.covers(effect) {
                found.push(WantedCall { method, option: None });
                continue;
            }
            // An operation of a newer server does not read the cluster.
            let is_known = |option: &CallOption| !option.is_newer || effect != EffectSet::CLUSTER_READ;
            let options = calls::options(&method).into_iter();
            let options = options.filter(|option| option.effects.covers(effect) && is_known(option));
            found.extend(options.map(|option| WantedCall { method: method.clone(), option: Some(option) }));
        }
        found
    }
}

/// The calls as texts name them: each method once, with what its requests must say.
pub(super) fn listed(calls: &[WantedCall]) -> Vec<String> {
    let by_method = calls.chunk_by(|one, other| one.method == other.method);
    let text = |calls: &[WantedCall]| {
        let options: Vec<_> = calls.iter().filter_map(|call| Some(call.option.as_ref()?.text.as_str())).collect();
        let name = calls.first().map_or("", |call| shown_name(&call.method));
        if options.is_empty() { name.to_owned() } else { format!("{name} with {}", options.join(" or ")) }
    };
    by_method.map(text).collect()
}

impl WantedCall {
    /// Whether it acts in a namespace.
    pub(super) fn is_in_namespace(&self) -> bool {
        self.method.scope == Scope::Namespace
    }
}

/// The grants that give it in this namespace, or in the cluster.
pub(super) fn holders<'a>(
    config: &'a Config,
    wanted: &Wanted,
    namespace: Option<&str>,
    now: Timestamp,
) -> Vec<Holder<'a>> {
    let calls = wanted.calls(config);
    config.policy.grants.iter().filter_map(|grant| holder(config, grant, wanted, &calls, namespace, now)).collect()
}

fn holder<'a>(
    config: &'a Config,
    grant: &'a Grant,
    wanted: &Wanted,
    calls: &[WantedCall],
    namespace: Option<&str>,
    now: Timestamp,
) -> Option<Holder<'a>> {
    let reaches = match (&grant.gives, namespace) {
        (GrantScope::Namespaces(_, patterns), Some(namespace)) => gives::reaches(grant, patterns, namespace),
        _ => Vec::new(),
    };
    // Under parity, nothing is asked of a command into another namespace but its own.
    let is_elsewhere =
        |call: &WantedCall| config.policy.parity && call.option.as_ref().is_some_and(|option| option.elsewhere);
    let is_there = !matches!(grant.gives, GrantScope::Namespaces(..)) || !reaches.is_empty();
    let mut covered = EffectSet::NONE;
    let (mut covered_calls, mut permissions) = (Vec::<WantedCall>::new(), Vec::new());
    for given in gives::roles(grant) {
        for call in calls.iter().filter(|call| is_there || is_elsewhere(call)) {
            let own = gives::covered(config, grant, &given, &call.method, call.option.as_ref())
                .intersection(wanted.effects());
            if own.is_empty() {
                continue;
            }
            covered = covered.with(own);
            if !covered_calls.contains(call) {
                covered_calls.push(call.clone());
            }
            let scopes = [namespace.filter(|_| call.is_in_namespace()), Some(SYSTEM)];
            for scope in scopes.into_iter().flatten() {
                permissions.extend(
                    given.word.map(|word| format!("{scope}:{word}")).filter(|text| !permissions.contains(text)),
                );
            }
        }
    }
    // A call about something of Temporal's own has this effect as well, in any namespace.
    let is_admin = |given: &gives::GivenRole| {
        let admin =
            |method: &MethodRef| gives::covered(config, grant, given, method, None).covers(EffectSet::CLUSTER_ADMIN);
        calls::methods(config).iter().any(admin)
    };
    let is_asked = matches!(wanted, Wanted::Effect(EffectSet::CLUSTER_ADMIN)) && covered.is_empty() && is_there;
    if is_asked && gives::roles(grant).iter().any(is_admin) {
        covered = EffectSet::CLUSTER_ADMIN;
    }
    let is_in_force = gives::is_in_force(grant, now);
    let denials = denials(config, wanted, calls, namespace);
    let denials =
        denials.into_iter().map(|denial| (denial, denied::reached(denial, grant, denies_every(denial, wanted))));
    let denials = denials.filter(|(_, reached)| *reached != Reached::None).collect();
    let (effects, calls) = (covered, covered_calls);
    (!effects.is_empty()).then_some(Holder { grant, reaches, permissions, effects, calls, is_in_force, denials })
}

/// Whether the denial denies every call that does it.
fn denies_every(denial: &Denial, wanted: &Wanted) -> bool {
    match (wanted, &denial.operations) {
        (_, None) => true,
        (Wanted::Effect(effect), Some(denied)) => denied.effects.covers(*effect),
        (Wanted::Method(method), Some(_)) => denied::concerns(denial, method.effects, [&**method]),
    }
}

/// The denials that deny it to somebody in this namespace, or in the cluster.
pub(super) fn denials<'a>(
    config: &'a Config,
    wanted: &Wanted,
    calls: &[WantedCall],
    namespace: Option<&str>,
) -> Vec<&'a Denial> {
    let concerned = |denial: &&Denial| {
        denied::concerns(denial, wanted.effects(), calls.iter().map(|call| &*call.method))
            && denied::applies_in(denial, namespace)
    };
    config.policy.denials.iter().map(|denial| &**denial).filter(concerned).collect()
}
