//! Denials: what the policy takes away, even from admins of the whole cluster.

use std::rc::Rc;

use super::limits::{LimitMiss, Limits, NamespaceRole};
use super::reason::{DenialMatch, WideMatch};
use super::who::Who;
use crate::identity::Identity;
use crate::identity::wide::WideClaims;
use crate::pattern::Pattern;
use crate::temporal::list::DESCRIBE_NAMESPACE;
use crate::temporal::{EffectSet, Method, Scope, Target};

/// A denial of the policy. It matches a call if all of its conditions match.
#[derive(Debug)]
pub struct Denial {
    /// Its name, which verdicts give as their rule.
    pub name: Rc<str>,
    /// The callers to whom it applies. `None` if it applies to everybody.
    pub who: Option<Who>,
    /// The callers who are exempt.
    pub unless: Option<Who>,
    /// What it denies. `None` if it denies everything.
    pub operations: Option<DeniedOperations>,
    /// The namespaces in which it applies. `None` if it applies everywhere, including the cluster.
    pub namespaces: Option<Vec<Pattern>>,
    /// The limits that exempt calls: a call is exempt if a grant with these limits would cover it.
    pub outside: Option<Limits>,
    /// Whether it also applies to the effects of a worker's commands in the namespace of its answer.
    pub commands: bool,
    /// Whether it only reports what it would deny.
    pub shadow: bool,
}

/// The effects and single methods that a denial denies.
#[derive(Debug, Default)]
pub struct DeniedOperations {
    pub effects: EffectSet,
    /// The paths of the methods.
    pub methods: Vec<Rc<str>>,
}

/// A denial that applies to a caller.
#[derive(Debug)]
pub(super) struct ApplicableDenial {
    pub(super) denial: Rc<Denial>,
    /// How the caller's claims match only in the wide reading. `None` if a grant would also match the caller.
    wide: Option<Rc<WideMatch>>,
}

/// The part of a call that a denial matches.
#[derive(Debug)]
pub struct DeniedPart<'a> {
    effects: EffectSet,
    namespace: &'a str,
    outside: Option<LimitMiss<'a>>,
}

impl Denial {
    /// Whether the denial applies to this caller. `who` is read widely, `unless` narrowly.
    pub fn applies_to(&self, identity: &Identity, wide: &WideClaims<'_>) -> Option<WideMatch> {
        let readings = self.who.as_ref().map_or(Some(Vec::new()), |who| who.matches_widely(identity, wide))?;
        if self.unless.as_ref().is_some_and(|unless| unless.matches(identity)) {
            return None;
        }
        let asks_for_kind = self.who.as_ref().is_some_and(|who| who.kind.is_some());
        Some(WideMatch { readings, doubt: identity.doubt.clone().filter(|_| asks_for_kind) })
    }

    /// The first part of the call that the denial matches, whoever the caller is.
    pub fn matches<'a>(&self, target: &'a Target) -> Option<DeniedPart<'a>> {
        target.effects_by_namespace().enumerate().find_map(|(index, (namespace, effects))| {
            let role = if index == 0 { NamespaceRole::Own } else { NamespaceRole::Foreign };
            let all = if role == NamespaceRole::Own { effects.with(self.further_effects(target)) } else { effects };
            // A method acts in another namespace only by its effects there.
            let is_named = role == NamespaceRole::Own && self.denies_method(&target.method.path);
            if !(is_named || self.denies_any(all)) || !self.applies_in(target, namespace) {
                return None;
            }
            let outside = match &self.outside {
                Some(limits) => Some(limits.check(target, role, effects).err()?),
                None => None,
            };
            let effects = self.operations.as_ref().map_or(all, |denied| denied.effects.intersection(all));
            Some(DeniedPart { effects, namespace, outside })
        })
    }

    /// Whether the denial removes the entries of its namespaces from a list, so that the list itself need not be denied.
    pub(super) fn hides_entries(&self, list: &Method) -> bool {
        self.namespaces.is_some() && self.denies_describing() && !self.denies_method(&list.path)
    }

    /// Whether the denial denies DescribeNamespace, in some namespaces at least.
    pub(super) fn denies_describing(&self) -> bool {
        self.denies_any(EffectSet::DESCRIBE_NAMESPACE) || self.denies_method(DESCRIBE_NAMESPACE)
    }

    /// Whether the denial denies every call in this namespace.
    pub(super) fn denies_everything_in(&self, namespace: &str) -> bool {
        let is_everything = self.operations.is_none() && self.outside.is_none();
        let patterns = self.namespaces.as_deref();
        is_everything && patterns.is_none_or(|patterns| patterns.iter().any(|pattern| pattern.could_match(namespace)))
    }

    /// The effects in the request's own namespace that count only for denials.
    fn further_effects(&self, target: &Target) -> EffectSet {
        match (target.may_have_any_effect, self.commands) {
            (true, _) => EffectSet::ADMIN,
            // A worker's commands act in the namespace of its answer.
            (false, true) => target.commands,
            (false, false) => EffectSet::NONE,
        }
    }

    fn denies_method(&self, path: &str) -> bool {
        self.operations.as_ref().is_some_and(|denied| denied.methods.iter().any(|method| **method == *path))
    }

    fn denies_any(&self, effects: EffectSet) -> bool {
        self.operations.as_ref().is_none_or(|denied| denied.effects.intersects(effects))
    }

    fn applies_in(&self, target: &Target, namespace: &str) -> bool {
        let Some(patterns) = &self.namespaces else { return true };
        if target.may_reach_any_namespace {
            return true;
        }
        let in_namespace = target.method.scope == Scope::Namespace || !namespace.is_empty();
        in_namespace && patterns.iter().any(|pattern| pattern.could_match(namespace))
    }
}

impl ApplicableDenial {
    /// `None` if the denial does not apply to the caller.
    pub(super) fn new(denial: &Rc<Denial>, identity: &Identity, wide: &WideClaims<'_>) -> Option<Self> {
        let wide = denial.applies_to(identity, wide)?;
        let wide = (wide != WideMatch::default()).then(|| Rc::new(wide));
        Some(Self { denial: Rc::clone(denial), wide })
    }

    /// How the caller's claims match only in the wide reading. `None` if a grant would also match the caller.
    pub(super) fn wide(&self) -> Option<&WideMatch> {
        self.wide.as_deref()
    }

    /// `None` if the denial does not match the call.
    pub(super) fn matches(&self, target: &Target) -> Option<DenialMatch> {
        let DeniedPart { effects, namespace, outside } = self.denial.matches(target)?;
        Some(DenialMatch {
            denial: Rc::clone(&self.denial.name),
            method: target.method.clone(),
            effects,
            namespace: namespace.to_owned(),
            outside: outside.map(LimitMiss::into_owned),
            caller: self.wide.clone(),
        })
    }

    /// Its size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let wide = self.wide.as_ref().map_or(0, |wide| wide.size());
        wide.saturating_add(size_of::<Self>())
    }
}
