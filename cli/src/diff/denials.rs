//! What denials of one configuration deny that no denial of another denies to the same callers.

use temporal_auth::config::Config;
use temporal_auth::pattern::collation::is_variant;
use temporal_auth::pattern::{LiteralPrefix, Pattern};
use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::grant::{Grant, GrantScope};
use temporal_auth::temporal::EffectSet;
use temporal_auth::time::Timestamp;

use super::grants::allows;
use super::{Gain, GainSort};
use crate::analysis::gives;
use crate::analysis::who::{Alternative, denies_all_of, is_for_all_of, may_share};
use crate::analysis::words::{self, plain};
use crate::patterns::containment::{contains_read, matcher};
use crate::patterns::overlap::PatternReading;

/// The effects that a worker's commands have.
const COMMANDS: EffectSet = EffectSet::START.with(EffectSet::SIGNAL).with(EffectSet::CANCEL).with(EffectSet::NEXUS);

/// One thing that a denial denies.
#[derive(Debug, Clone, Copy)]
enum Denied<'a> {
    Everything,
    Effect(EffectSet),
    /// The path of a method.
    Method(&'a str),
}

pub(super) fn gains(old: &Config, new: &Config, now: Timestamp) -> Vec<Gain> {
    let enforced = old.policy.denials.iter().filter(|denial| !denial.shadow);
    enforced.flat_map(|denial| gains_without(denial, new, now)).collect()
}

/// What may be gained because the new configuration does not deny it.
fn gains_without(denial: &Denial, new: &Config, now: Timestamp) -> Vec<Gain> {
    let alternatives = match &denial.who {
        None => vec![None],
        Some(who) => match Alternative::of(who) {
            Some(all) => all.into_iter().map(Some).collect(),
            // Too many to look at each: only a denial for everybody covers them.
            None => vec![None],
        },
    };
    let places: Vec<_> = denial.namespaces.as_ref().map_or(vec![None], |list| list.iter().map(Some).collect());
    let mut gains: Vec<Gain> = Vec::new();
    for alternative in &alternatives {
        for place in &places {
            let missing = operations(denial).into_iter().filter(|operation| {
                let mut others = new.policy.denials.iter().filter(|other| !other.shadow);
                !others.any(|other| covers(other, denial, alternative.as_ref(), *operation, *place, new))
            });
            let missing: Vec<_> = missing.collect();
            let effects = given(&missing, denial, alternative.as_ref(), *place, new, now);
            if missing.is_empty() || effects.is_empty() {
                continue;
            }
            let mut who = alternative.as_ref().map_or("everybody".to_owned(), |one| words::callers(&one.to_who()));
            if let Some(unless) = &denial.unless {
                who.push_str(&format!(", except {}", words::callers(unless)));
            }
            let what: Vec<_> = missing.iter().map(|operation| operation.text(denial)).collect();
            gains.push(Gain {
                sort: GainSort::Denial,
                by: format!("denial {}", plain(&denial.name)),
                who,
                place: place
                    .map_or(words::EVERYWHERE.to_owned(), |pattern| format!("namespaces {:?}", pattern.to_string())),
                what: what.join(", "),
                effects,
            });
        }
    }
    gains
}

impl Denied<'_> {
    fn text(self, denial: &Denial) -> String {
        match self {
            Self::Everything => "every effect".to_owned(),
            Self::Effect(effect) if denial.commands && COMMANDS.covers(effect) => {
                format!("{effect}, also by answers of workers")
            }
            Self::Effect(effect) => effect.to_string(),
            Self::Method(path) => path.rsplit('/').next().unwrap_or_default().to_owned(),
        }
    }
}

fn operations(denial: &Denial) -> Vec<Denied<'_>> {
    let Some(denied) = &denial.operations else { return vec![Denied::Everything] };
    let effects = denied.effects.names().filter_map(EffectSet::named).map(Denied::Effect);
    effects.chain(denied.methods.iter().map(|path| Denied::Method(path))).collect()
}

/// Whether a new denial denies all of this.
fn covers(
    other: &Denial,
    denial: &Denial,
    alternative: Option<&Alternative<'_>>,
    operation: Denied<'_>,
    place: Option<&Pattern>,
    new: &Config,
) -> bool {
    let callers = match (&other.who, alternative) {
        (None, _) => true,
        (Some(who), Some(alternative)) => denies_all_of(Some(who), alternative, PatternReading::Wide),
        (Some(_), None) => false,
    };
    let exempt = match (&other.unless, &denial.unless) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(other), Some(unless)) => is_for_all_of(unless, other),
    };
    let operations = match (&other.operations, operation) {
        (None, _) => true,
        (Some(_), Denied::Everything) => false,
        (Some(denied), Denied::Effect(effect)) => {
            denied.effects.covers(effect) && (!denial.commands || !COMMANDS.covers(effect) || other.commands)
        }
        (Some(denied), Denied::Method(path)) => {
            let effects = new.catalogue.named(path).map_or(EffectSet::NONE, |method| method.effects);
            denied.methods.iter().any(|known| **known == *path) || denied.effects.intersects(effects)
        }
    };
    let places = match (&other.namespaces, place) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(patterns), Some(place)) => patterns.iter().any(|pattern| is_everywhere_in(pattern, place)),
    };
    let limits = match (&other.outside, &denial.outside) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(other), Some(outside)) => allows(outside, &Vec::new(), other, &[]),
    };
    callers && exempt && operations && places && limits
}

/// Whether the wide pattern denies in every namespace in which the narrow one denies.
fn is_everywhere_in(wide: &Pattern, narrow: &Pattern) -> bool {
    // Trailing spaces and letters beyond ASCII are compared in ways of their own.
    let is_plain = |pattern: &Pattern| pattern.literals().all(|text| text.is_ascii() && !text.ends_with(' '));
    let read = |pattern| (matcher(pattern), PatternReading::Wide);
    let ((wide_parts, reading), (narrow_parts, _)) = (read(wide), read(narrow));
    wide == narrow
        || (is_plain(wide) && is_plain(narrow) && contains_read((&wide_parts, reading), (&narrow_parts, reading)))
}

/// The effects that the new configuration may then give to somebody.
fn given(
    missing: &[Denied<'_>],
    denial: &Denial,
    alternative: Option<&Alternative<'_>>,
    place: Option<&Pattern>,
    new: &Config,
    now: Timestamp,
) -> EffectSet {
    let who = alternative.map(Alternative::to_who);
    let shares = |grant: &&Grant| {
        gives::is_in_force(grant, now)
            && who.as_ref().is_none_or(|who| may_share(who, &grant.who))
            && !denial.unless.as_ref().is_some_and(|unless| is_for_all_of(unless, &grant.who))
            && place.is_none_or(|place| may_be_in(grant, place))
    };
    let mut effects = EffectSet::NONE;
    for grant in new.policy.grants.iter().filter(shares) {
        for given in gives::roles(grant) {
            let methods = given.role.plus.iter().filter_map(|path| new.catalogue.named(path));
            let mut all = methods.fold(given.role.effects, |all, method| all.with(method.effects));
            if new.policy.parity {
                all = all.with(EffectSet::ADMIN);
            }
            effects = effects.with(all);
            // To a denial, a call that touches something of Temporal's own has every effect.
            if given.is_system && all.covers(EffectSet::CLUSTER_ADMIN) && !missing.is_empty() {
                effects = effects.with(EffectSet::CLUSTER_ADMIN);
            }
        }
    }
    // A denial wins over the methods that are open to every good token, and removes entries from lists.
    let open = new.policy.authenticated.iter().filter_map(|path| new.catalogue.named(path));
    effects = open.fold(effects, |all, method| all.with(method.effects).with(EffectSet::DESCRIBE_NAMESPACE));
    let is_admin = effects.intersection(EffectSet::CLUSTER_ADMIN);
    let of = |operation: &Denied<'_>| match operation {
        Denied::Everything => EffectSet::ADMIN,
        Denied::Effect(effect) => *effect,
        Denied::Method(path) => new.catalogue.named(path).map_or(EffectSet::NONE, |method| method.effects),
    };
    let missing = missing.iter().map(of).fold(EffectSet::NONE, EffectSet::with);
    missing.intersection(effects).with(if missing.is_empty() { EffectSet::NONE } else { is_admin })
}

/// Whether a holder of the grant may make a call that a denial in this place matches. `false` is certain.
fn may_be_in(grant: &Grant, place: &Pattern) -> bool {
    let GrantScope::Namespaces(_, patterns) = &grant.gives else { return true };
    // A callback may reach any namespace, and a database may take a name that is not ASCII for any other.
    let may_match = |given: &Pattern| match given.literal_prefix() {
        Some(LiteralPrefix::Whole(name)) => place.could_match(name) || name.chars().any(is_variant),
        _ => true,
    };
    grant.may_call_back || patterns.iter().any(may_match)
}
