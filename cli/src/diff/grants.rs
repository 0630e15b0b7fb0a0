//! What grants of one configuration give that no grant of another gives to the same callers.

use std::rc::Rc;

use temporal_auth::config::Config;
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::grant::{Grant, GrantScope, PermissionsFormat};
use temporal_auth::policy::limits::Limits;
use temporal_auth::policy::role::Role;
use temporal_auth::temporal::{EffectSet, Limit, Method, MethodRef, Scope};
use temporal_auth::time::Timestamp;

use super::{Gain, GainSort};
use crate::analysis::calls::{may_call_back, methods, possible, shown_name};
use crate::analysis::gives::{self, GivenRole};
use crate::analysis::who::{Alternative, Way, numbered, ways};
use crate::analysis::words::{self, plain};
use crate::patterns::containment::{Part, contains, parts};

/// A place in which a grant gives its role.
enum Place<'a> {
    System,
    Namespaces(&'a Pattern),
    Permissions(&'a Grant),
}

/// An old grant that gives its role to all callers of an alternative, everywhere in a place.
struct Coverer<'a> {
    grant: &'a Grant,
    roles: Vec<GivenRole>,
}

/// What is left of a role in one place, by method.
struct Left {
    method: MethodRef,
    effects: EffectSet,
    /// What is left for requests that register a callback into Temporal itself.
    with_callback: EffectSet,
}

pub(super) fn gains(old: &Config, new: &Config, now: Timestamp) -> Vec<Gain> {
    let methods = methods(new);
    let known: Vec<_> = methods.iter().map(|method| same_method(old, method)).collect();
    let mut gains = Vec::new();
    for grant in new.policy.grants.iter().filter(|grant| gives::is_in_force(grant, now)) {
        let comparison = Comparison { old, new, now, methods: &methods, known: &known, grant };
        for gain in comparison.gains() {
            if !gains.contains(&gain) {
                gains.push(gain);
            }
        }
    }
    gains
}

/// The same method of another configuration, if it is defined in the same way.
fn same_method(config: &Config, method: &MethodRef) -> Option<MethodRef> {
    let found = methods(config).into_iter().find(|known| known == method)?;
    let facts = |method: &Method| (method.scope, method.access, method.effects, method.namespace_field);
    (facts(&found) == facts(method)).then_some(found)
}

struct Comparison<'a> {
    old: &'a Config,
    new: &'a Config,
    now: Timestamp,
    methods: &'a [MethodRef],
    /// The same methods in the old configuration.
    known: &'a [Option<MethodRef>],
    /// A grant of the new configuration.
    grant: &'a Grant,
}

impl Comparison<'_> {
    fn gains(&self) -> Vec<Gain> {
        let who = &self.grant.who;
        let Some(alternatives) = Alternative::of(who) else {
            // Too many to look at each: the same grant must have been there.
            let is_same = self.old.policy.grants.iter().any(|grant| is_written_alike(grant, self.grant));
            let all = |given: GivenRole| {
                self.gain(words::callers(who), "everywhere".to_owned(), &self.left(&given, &[], true))
            };
            return if is_same { Vec::new() } else { gives::roles(self.grant).into_iter().filter_map(all).collect() };
        };
        let mut gains: Vec<Gain> = Vec::new();
        for alternative in &alternatives {
            for place in self.places() {
                if let Place::Namespaces(pattern) = place
                    && numbered(pattern, &alternative.captures()).is_none()
                {
                    // This alternative does not bind the pattern's captures.
                    continue;
                }
                let coverers = self.coverers(alternative, &place);
                for given in gives::roles(self.grant) {
                    let in_cluster = !matches!(place, Place::Namespaces(_));
                    let left = self.left(&given, &coverers, in_cluster);
                    let callers = words::callers(&alternative.to_who());
                    let word = given.word.map(|word| format!("{word} in a permissions claim"));
                    let shown = match &place {
                        Place::System => words::EVERYWHERE.to_owned(),
                        Place::Namespaces(pattern) => format!("namespaces {:?}", pattern.to_string()),
                        Place::Permissions(_) => format!("wherever the claim says {}", word.unwrap_or_default()),
                    };
                    gains.extend(self.gain(callers, shown, &left));
                }
            }
        }
        merged(gains)
    }

    fn places(&self) -> Vec<Place<'_>> {
        match &self.grant.gives {
            GrantScope::System(_) => vec![Place::System],
            GrantScope::Namespaces(_, patterns) => patterns.iter().map(Place::Namespaces).collect(),
            GrantScope::Permissions(..) => vec![Place::Permissions(self.grant)],
        }
    }

    /// The old grants that reach all of the place for all callers of the alternative, within all limits.
    fn coverers(&self, alternative: &Alternative<'_>, place: &Place<'_>) -> Vec<Coverer<'_>> {
        let lasts = |grant: &&Grant| {
            let ends_first = |until: &_| {
                grant.until.as_ref().is_none_or(|known: &temporal_auth::policy::expiry::Expiry| *until <= known.at())
            };
            gives::is_in_force(grant, self.now)
                && match &self.grant.until {
                    None => grant.until.is_none(),
                    Some(until) => ends_first(&until.at()),
                }
        };
        let names = alternative.captures();
        let covers = |grant: &&Grant| {
            ways(&grant.who, alternative)
                .iter()
                .any(|way| reaches(grant, way, place, &names) && allows(&grant.limits, way, &self.grant.limits, &names))
        };
        let found = self.old.policy.grants.iter().filter(lasts).filter(covers);
        found.map(|grant| Coverer { grant, roles: gives::roles(grant) }).collect()
    }

    /// What the role gives and the old grants do not.
    fn left(&self, given: &GivenRole, coverers: &[Coverer<'_>], in_cluster: bool) -> Vec<Left> {
        let mut left = Vec::new();
        for (method, known) in self.methods.iter().zip(self.known) {
            let possible = possible(method);
            let all = self.effects(self.new, self.grant, &given.role, method, in_cluster).intersection(possible);
            if all.is_empty() {
                continue;
            }
            let covered = |needs_callback: bool| {
                let Some(known) = known else { return EffectSet::NONE };
                let mut covered = EffectSet::NONE;
                for Coverer { grant, roles } in coverers {
                    let is_system = matches!(grant.gives, GrantScope::System(_));
                    let same_word = |role: &&GivenRole| role.word.is_none() || role.word == given.word;
                    for role in roles.iter().filter(same_word) {
                        if needs_callback && !is_system && !grant.may_call_back {
                            continue;
                        }
                        covered =
                            covered.with(self.effects(self.old, grant, &role.role, known, is_system || in_cluster));
                    }
                }
                covered
            };
            let effects = all.without(covered(false));
            let may_call_back = self.grant.may_call_back && may_call_back(method) && !in_system(self.grant);
            let with_callback = if may_call_back { all.without(covered(true)) } else { EffectSet::NONE };
            // Under parity, whoever may call a method may use all its options.
            let widened =
                |left: EffectSet| if self.new.policy.parity && !left.is_empty() { left.with(possible) } else { left };
            if !effects.is_empty() || !with_callback.is_empty() {
                left.push(Left {
                    method: method.clone(),
                    effects: widened(effects),
                    with_callback: widened(with_callback),
                });
            }
        }
        left
    }

    /// The effects of a method that a grant of this role covers, if the request is within its limits.
    fn effects(
        &self,
        config: &Config,
        grant: &Grant,
        role: &Rc<Role>,
        method: &MethodRef,
        in_cluster: bool,
    ) -> EffectSet {
        let registers = method.name() == "RegisterNamespace" && method.scope == Scope::Namespace;
        let may_register = in_system(grant) || grant.may_register || config.policy.parity;
        if (method.scope == Scope::Cluster && !in_cluster) || (registers && !may_register) {
            return EffectSet::NONE;
        }
        config.policy.effects_of_role(role, method)
    }

    fn gain(&self, who: String, place: String, left: &[Left]) -> Option<Gain> {
        let effects = left.iter().fold(EffectSet::NONE, |all, left| all.with(left.effects).with(left.with_callback));
        if effects.is_empty() {
            return None;
        }
        let by = format!("grant {}", plain(&self.grant.name));
        Some(Gain { sort: GainSort::Grant, by, who, place, what: self.described(left), effects })
    }

    /// The effects that are left for all calls that may have them, and the single methods.
    fn described(&self, left: &[Left]) -> String {
        let left_of = |method: &MethodRef| {
            left.iter().find(|left| left.method == *method).map_or(EffectSet::NONE, |left| left.effects)
        };
        let mut whole = EffectSet::NONE;
        for name in EffectSet::ADMIN.names() {
            let Some(effect) = EffectSet::named(name) else { continue };
            // Every method that has the effect by itself.
            let mut having = self.methods.iter().filter(|method| method.effects.covers(effect)).peekable();
            let relevant =
                |method: &&MethodRef| !self.effects(self.new, self.grant, &self.any_role(), method, true).is_empty();
            if having.peek().is_some() && having.filter(relevant).all(|method| left_of(method).covers(effect)) {
                whole = whole.with(effect);
            }
        }
        let single = left.iter().filter(|left| !whole.covers(left.effects.intersection(left.method.effects)));
        let single: Vec<_> = single.map(|left| shown_name(&left.method).to_owned()).collect();
        let options =
            left.iter().fold(EffectSet::NONE, |all, left| all.with(left.effects.without(left.method.effects)));
        let options = options.without(whole);
        let mut words: Vec<String> = whole.names().map(str::to_owned).collect();
        words.extend(single);
        if words.is_empty() && !options.is_empty() {
            words.push(format!("{options} by options of requests"));
        }
        if words.is_empty() {
            words.push("callbacks into Temporal itself".to_owned());
        }
        words.join(", ")
    }

    /// A role that has everything.
    fn any_role(&self) -> Rc<Role> {
        Rc::new(Role { name: "".into(), effects: EffectSet::ADMIN, plus: Vec::new(), minus: Vec::new() })
    }
}

fn in_system(grant: &Grant) -> bool {
    matches!(grant.gives, GrantScope::System(_))
}

/// Whether the old grant reaches the whole place, if its captures take what this way says.
fn reaches(grant: &Grant, way: &Way, place: &Place<'_>, names: &[&str]) -> bool {
    match (&grant.gives, place) {
        (GrantScope::System(_), _) => true,
        (GrantScope::Namespaces(_, wide), Place::Namespaces(narrow)) => {
            numbered(narrow, names).is_some_and(|narrow| any_contains(wide, way, &narrow))
        }
        (GrantScope::Permissions(claim, format), Place::Permissions(other)) => match &other.gives {
            GrantScope::Permissions(other, other_format) => claim == other && reads_alike(format, other_format),
            _ => false,
        },
        _ => false,
    }
}

fn reads_alike(one: &PermissionsFormat, other: &PermissionsFormat) -> bool {
    let regex = |format: &PermissionsFormat| format.regex.as_ref().map(|regex| regex.as_str().to_owned());
    one.as_upstream == other.as_upstream && regex(one) == regex(other)
}

fn any_contains(wide: &[Pattern], way: &Way, narrow: &[Part]) -> bool {
    let bound = |name: &str| way.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    wide.iter().filter_map(|pattern| parts(pattern, &bound)).any(|wide| contains(&wide, narrow))
}

/// Whether every call that is within the narrow limits is within the wide ones.
pub(super) fn allows(wide: &Limits, way: &Way, narrow: &Limits, names: &[&str]) -> bool {
    // Without schedule ids, a grant that is limited to workflow ids covers no schedule at all.
    let has_schedules = |limits: &Limits| limits.of(Limit::ScheduleIds).is_some();
    if wide.of(Limit::WorkflowIds).is_some() && !has_schedules(wide) && has_schedules(narrow) {
        return false;
    }
    Limit::ALL.into_iter().all(|limit| match (wide.of(limit), narrow.of(limit)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(wide), Some(narrow)) => {
            narrow.iter().filter_map(|pattern| numbered(pattern, names)).all(|narrow| any_contains(wide, way, &narrow))
        }
    })
}

/// Whether two grants are the same except for their names.
fn is_written_alike(one: &Grant, other: &Grant) -> bool {
    let all = |grant: &Grant| {
        format!(
            "{:?}",
            (
                &grant.who,
                &grant.gives,
                &grant.limits,
                grant.may_register,
                grant.may_call_back,
                &grant.until,
                grant.shadow
            )
        )
    };
    all(one) == all(other)
}

/// Gains that differ only in their callers, or only in their places, as one.
fn merged(gains: Vec<Gain>) -> Vec<Gain> {
    let mut by_place: Vec<Gain> = Vec::new();
    for gain in gains {
        let same = by_place
            .iter_mut()
            .find(|known| known.who == gain.who && known.what == gain.what && known.effects == gain.effects);
        match same {
            Some(known) if known.place == gain.place => {}
            Some(known) => known.place = format!("{}, {}", known.place, gain.place.trim_start_matches("namespaces ")),
            None => by_place.push(gain),
        }
    }
    let mut by_who: Vec<Gain> = Vec::new();
    for gain in by_place {
        let same = by_who
            .iter_mut()
            .find(|known| known.place == gain.place && known.what == gain.what && known.effects == gain.effects);
        match same {
            Some(known) if known.who == gain.who => {}
            Some(known) => known.who = format!("{}; {}", known.who, gain.who),
            None => by_who.push(gain),
        }
    }
    by_who
}
