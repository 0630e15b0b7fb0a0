//! `grants`.

use std::collections::HashSet;
use std::rc::Rc;

use super::issuers::Named;
use super::node::{Members, Node};
use super::patterns;
use super::policy::Roles;
use super::who::{Place, who};
use regex_lite::Regex;

use crate::pattern::Pattern;
use crate::policy::grant::{Gives, Grant, Reading};
use crate::policy::limits::Limits;
use crate::policy::until::Until;
use crate::policy::who::Who;
use crate::temporal::Limit;

pub(super) fn grants(node: &Node<'_>, roles: &Roles, issuers: &[Named], parity: bool) -> Option<Vec<Grant>> {
    let nodes = node.list()?;
    let mut grants: Vec<Grant> = Vec::with_capacity(nodes.len());
    let mut names = HashSet::with_capacity(nodes.len());
    for node in nodes {
        if let Some(grant) = grant(&node, roles, issuers, parity) {
            if !names.insert(Rc::clone(&grant.name)) {
                node.member("name").wrong::<()>("a name that no other grant has");
            }
            grants.push(grant);
        }
    }
    Some(grants)
}

fn grant(node: &Node<'_>, roles: &Roles, issuers: &[Named], parity: bool) -> Option<Grant> {
    let others = [
        "name",
        "who",
        "role",
        "system",
        "namespaces",
        "permissions_claim",
        "permissions_regex",
        "may_register",
        "may_call_back",
        "until",
        "shadow",
    ];
    let known: Vec<_> = others.into_iter().chain(Limit::ALL.map(Limit::name)).collect();
    let members = node.members(&known)?;
    let name = members.require("name", "a name, which verdicts give as their rule").and_then(|node| rule_name(&node));
    let who = members
        .require("who", "whom it is for: {issuer: …} or {peer: …}")
        .and_then(|node| who(&node, issuers, Place::Grant));
    let flag = |name: &str| members.get(name).map_or(Some(false), |node| node.flag());
    let (may_register, may_call_back, shadow) = (flag("may_register"), flag("may_call_back"), flag("shadow"));
    let until = members.get("until").map_or(Some(None), |node| until(&node).map(Some));
    let gives = gives(&members, roles, who.as_ref(), parity);
    let limits = limits(&members, &|node| bound(node, who.as_ref()));
    Some(Grant {
        name: name?.into(),
        who: who?,
        gives: gives?,
        limits: limits?,
        may_register: may_register?,
        may_call_back: may_call_back?,
        until: until?,
        shadow: shadow?,
    })
}

fn gives(members: &Members<'_>, roles: &Roles, who: Option<&Who>, parity: bool) -> Option<Gives> {
    let reaches = ["system", "namespaces", "permissions_claim"];
    if reaches.iter().filter(|name| members.get(name).is_some()).count() != 1 {
        return members.node().wrong("exactly one of system, namespaces and permissions_claim");
    }
    if let Some(node) = members.get("permissions_claim") {
        if let Some(role) = members.get("role") {
            return role.wrong("no role beside permissions_claim: the claim names it");
        }
        let reading = reading(members.get("permissions_regex").as_ref(), parity);
        let claim = patterns::claim(node.text()?, &node);
        return Some(Gives::Permissions(claim?, reading?));
    }
    if let Some(node) = members.get("permissions_regex") {
        return node.wrong("no permissions_regex without permissions_claim");
    }
    let node = members.require("role", "a role")?;
    let role = node.text().and_then(|name| {
        let names = || roles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        roles.get(name).cloned().or_else(|| node.wrong(format!("a role: one of {}", names())))
    });
    if let Some(node) = members.get("system") {
        return if node.flag()? { role.map(Gives::System) } else { node.wrong("true") };
    }
    let nodes = members.get("namespaces")?.some()?;
    let namespaces: Vec<_> = nodes.iter().filter_map(|node| bound(node, who)).collect();
    (namespaces.len() == nodes.len()).then_some(())?;
    Some(Gives::Namespaces(role?, namespaces))
}

/// The name of a grant or a denial.
pub(super) fn rule_name<'a>(node: &Node<'a>) -> Option<&'a str> {
    match node.text()? {
        "anonymous" | "authenticated" | "default-deny" => node.wrong("a name that verdicts do not have already"),
        name => Some(name),
    }
}

/// How upstream would read a permissions claim, where that is asked for.
fn reading(node: Option<&Node<'_>>, parity: bool) -> Option<Reading> {
    let Some(node) = node else { return Some(if parity { Reading::Upstream(None) } else { Reading::Any }) };
    if !parity {
        return node.wrong("no permissions_regex without `parity: upstream`");
    }
    match Regex::new(node.text()?) {
        Ok(regex)
            if ["namespace", "role"].iter().all(|group| regex.capture_names().flatten().any(|name| name == *group)) =>
        {
            Some(Reading::Upstream(Some(regex)))
        }
        Ok(_) => node.wrong("the named groups `namespace` and `role`: (?P<namespace>…), (?P<role>…)"),
        Err(why) => node.wrong(format!("a regular expression ({why})")),
    }
}

/// A pattern for names, whose captures `who` binds.
fn bound(node: &Node<'_>, who: Option<&Who>) -> Option<Pattern> {
    let pattern = patterns::pattern(node)?;
    let Some(who) = who else { return Some(pattern) };
    for name in pattern.captures() {
        // A capture in one of several alternatives may be left unbound, and then gives nothing.
        let patterns =
            who.claims.0.iter().flat_map(|(_, patterns)| patterns).chain(&who.subject).chain(who.peer.iter().flatten());
        if !patterns.flat_map(Pattern::captures).any(|bound| bound == name) {
            return node.wrong(format!("a capture that `who` binds; {{{name}}} is in none of its claims"));
        }
    }
    Some(pattern)
}

fn until(node: &Node<'_>) -> Option<Until> {
    const EXPECTED: &str = "a date and time in quotes, as \"2026-12-24T18:00:00Z\" or \"2026-12-24T19:00:00+01:00\"";
    node.value().as_str().and_then(Until::parse).or_else(|| node.wrong(EXPECTED))
}

/// The members that limit to names.
#[inline(never)]
pub(super) fn limits(members: &Members<'_>, pattern: &dyn Fn(&Node<'_>) -> Option<Pattern>) -> Option<Limits> {
    let mut complete = true;
    let limits = Limits::from_fn(|limit| {
        let node = members.get(limit.name())?;
        let nodes = node.some().unwrap_or_default();
        let patterns: Vec<_> = nodes.iter().filter_map(pattern).collect();
        complete &= !nodes.is_empty() && patterns.len() == nodes.len();
        Some(patterns)
    });
    complete.then_some(limits)
}
