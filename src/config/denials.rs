//! `denials`.

use std::collections::HashSet;
use std::rc::Rc;

use super::grants::{limits, rule_name};
use super::issuers::Named;
use super::node::Node;
use super::patterns;
use super::policy::{Part, effect_or_method};
use super::who::{Place, who};
use crate::policy::denial::{Denial, DeniedOperations};
use crate::policy::grant::Grant;
use crate::policy::limits::Limits;
use crate::temporal::{Catalogue, EffectSet, Limit};

/// What commands in a worker's answer may do to others, in the words of policies.
const COMMANDS: EffectSet = EffectSet::START.with(EffectSet::SIGNAL).with(EffectSet::CANCEL).with(EffectSet::NEXUS);

pub(super) fn denials(
    node: &Node<'_>,
    issuers: &[Named],
    grants: &[Grant],
    catalogue: &Catalogue,
) -> Option<Vec<Rc<Denial>>> {
    let mut denials: Vec<Rc<Denial>> = Vec::new();
    let mut names: HashSet<_> = grants.iter().map(|grant| Rc::clone(&grant.name)).collect();
    for node in node.list()? {
        if let Some(denial) = denial(&node, issuers, catalogue) {
            if !names.insert(Rc::clone(&denial.name)) {
                node.member("name").wrong::<()>("a name that no other grant or denial has");
            }
            denials.push(Rc::new(denial));
        }
    }
    Some(denials)
}

fn denial(node: &Node<'_>, issuers: &[Named], catalogue: &Catalogue) -> Option<Denial> {
    let members = node.members(&["name", "who", "unless", "effects", "namespaces", "outside", "commands", "shadow"])?;
    let name = members.require("name", "a name, which verdicts give as their rule").and_then(|node| rule_name(&node));
    let meant = |name: &str, place| members.get(name).map_or(Some(None), |node| who(&node, issuers, place).map(Some));
    let (who, unless) = (meant("who", Place::Denial), meant("unless", Place::Unless));
    let what = members.get("effects").map_or(Some(None), |node| what(&node, catalogue).map(Some));
    let namespaces = members.get("namespaces").map_or(Some(None), |node| patterns::globs(&node).map(Some));
    let outside = members.get("outside").map_or(Some(None), |node| outside(&node).map(Some));
    let flag = |name: &str| members.get(name).map_or(Some(false), |node| node.flag());
    let (commands, shadow) = (flag("commands"), flag("shadow"));
    if let (Some(Some(what)), Some(true), Some(node)) = (&what, commands, members.get("commands"))
        && !what.effects.meets(COMMANDS)
    {
        node.wrong::<()>(format!("commands beside an effect that commands have: {COMMANDS}"));
    }
    if ["who", "unless", "effects", "namespaces", "outside"].iter().all(|name| members.get(name).is_none()) {
        return node.wrong(
            "at least one of who, unless, effects, namespaces and outside: this denies everything to everybody",
        );
    }
    Some(Denial {
        name: name?.into(),
        who: who?,
        unless: unless?,
        operations: what?,
        namespaces: namespaces?,
        outside: outside?,
        commands: commands?,
        shadow: shadow?,
    })
}

fn outside(node: &Node<'_>) -> Option<Limits> {
    let members = node.members(&Limit::ALL.map(Limit::name))?;
    let limits = limits(&members, &|node| patterns::matcher(node, false))?;
    if limits.is_empty() {
        node.wrong(format!("at least one of {}", Limit::ALL.map(Limit::name).join(", ")))
    } else {
        Some(limits)
    }
}

fn what(node: &Node<'_>, catalogue: &Catalogue) -> Option<DeniedOperations> {
    let mut what = DeniedOperations::default();
    for node in node.some()? {
        match effect_or_method(&node, catalogue)? {
            Part::Effect(effect) => what.effects = what.effects.with(effect),
            Part::Method(path) => what.methods.push(path),
        }
    }
    Some(what)
}
