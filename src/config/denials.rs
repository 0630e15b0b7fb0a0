//! Reads `denials`.

use std::collections::HashSet;
use std::rc::Rc;

use super::fields::{DENIAL_CONDITIONS, names};
use super::grants::{RULE_NAME, limits, rule_name};
use super::issuers::KnownIssuer;
use super::node::Node;
use super::patterns;
use super::policy::{EffectOrMethod, effect_or_method};
use super::problem::{Conflict, Duplicate, EmptyRule, ProblemKind};
use super::who::{RuleContext, who};
use crate::policy::denial::{Denial, DeniedOperations};
use crate::policy::grant::Grant;
use crate::policy::limits::Limits;
use crate::temporal::{Catalogue, EffectSet};

/// The effects that a worker's commands can have.
const COMMANDS: EffectSet = EffectSet::START.with(EffectSet::SIGNAL).with(EffectSet::CANCEL).with(EffectSet::NEXUS);

pub(super) fn denials(
    node: &Node<'_>,
    issuers: &[KnownIssuer],
    grants: &[Grant],
    catalogue: &Catalogue,
) -> Option<Vec<Rc<Denial>>> {
    let mut denials: Vec<Rc<Denial>> = Vec::new();
    let mut names: HashSet<_> = grants.iter().map(|grant| Rc::clone(&grant.name)).collect();
    for node in node.list()? {
        if let Some(denial) = denial(&node, issuers, catalogue) {
            if !names.insert(Rc::clone(&denial.name)) {
                node.member("name").problem::<()>(ProblemKind::Duplicate(Duplicate::RuleName));
            }
            denials.push(Rc::new(denial));
        }
    }
    Some(denials)
}

fn denial(node: &Node<'_>, issuers: &[KnownIssuer], catalogue: &Catalogue) -> Option<Denial> {
    let members = node.members(&[names::DENIAL])?;
    let name = members.require("name", RULE_NAME).and_then(|node| rule_name(&node));
    let callers =
        |name: &str, context| members.get(name).map_or(Some(None), |node| who(&node, issuers, context).map(Some));
    let (who, unless) = (callers("who", RuleContext::Denial), callers("unless", RuleContext::Unless));
    let operations = members.get("effects").map_or(Some(None), |node| operations(&node, catalogue).map(Some));
    let namespaces = members.get("namespaces").map_or(Some(None), |node| patterns::globs(&node).map(Some));
    let outside = members.get("outside").map_or(Some(None), |node| outside(&node).map(Some));
    let flag = |name: &str| members.get(name).map_or(Some(false), |node| node.flag());
    let (commands, shadow) = (flag("commands"), flag("shadow"));
    if let (Some(Some(operations)), Some(true), Some(node)) = (&operations, commands, members.get("commands"))
        && !operations.effects.intersects(COMMANDS)
    {
        node.conflict::<()>(Conflict::CommandsWithoutTheirEffects { commands: COMMANDS });
    }
    if DENIAL_CONDITIONS.iter().all(|name| members.get(name).is_none()) {
        return node.problem(ProblemKind::NoneOf { choices: &[DENIAL_CONDITIONS], empty: EmptyRule::Everything });
    }
    Some(Denial {
        name: name?.into(),
        who: who?,
        unless: unless?,
        operations: operations?,
        namespaces: namespaces?,
        outside: outside?,
        commands: commands?,
        shadow: shadow?,
    })
}

fn outside(node: &Node<'_>) -> Option<Limits> {
    let members = node.members(&[names::LIMIT])?;
    let limits = limits(&members, &|node| patterns::matcher(node, false))?;
    if limits.is_empty() {
        node.problem(ProblemKind::NoneOf { choices: &[names::LIMIT], empty: EmptyRule::Nothing })
    } else {
        Some(limits)
    }
}

fn operations(node: &Node<'_>, catalogue: &Catalogue) -> Option<DeniedOperations> {
    let mut operations = DeniedOperations::default();
    for node in node.non_empty_list()? {
        match effect_or_method(&node, catalogue)? {
            EffectOrMethod::Effect(effect) => operations.effects = operations.effects.with(effect),
            EffectOrMethod::Method(path) => operations.methods.push(path),
        }
    }
    Some(operations)
}
