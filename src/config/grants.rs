//! Reads `grants`.

use std::collections::HashSet;
use std::rc::Rc;

use super::fields::{GRANT_SCOPES, names};
use super::issuers::KnownIssuer;
use super::node::{Node, ObjectNode};
use super::patterns;
use super::policy::Roles;
use super::problem::{Conflict, Duplicate, Expected, NameSort, ProblemKind};
use super::who::{RuleContext, who};
use regex_lite::Regex;

use crate::pattern::Pattern;
use crate::policy::expiry::Expiry;
use crate::policy::grant::{Grant, GrantScope, PermissionsFormat};
use crate::policy::limits::Limits;
use crate::policy::who::Who;

pub(super) fn grants(node: &Node<'_>, roles: &Roles, issuers: &[KnownIssuer], parity: bool) -> Option<Vec<Grant>> {
    let nodes = node.list()?;
    let mut grants: Vec<Grant> = Vec::with_capacity(nodes.len());
    let mut names = HashSet::with_capacity(nodes.len());
    for node in nodes {
        if let Some(grant) = grant(&node, roles, issuers, parity) {
            if !names.insert(Rc::clone(&grant.name)) {
                node.member("name").problem::<()>(ProblemKind::Duplicate(Duplicate::RuleName));
            }
            grants.push(grant);
        }
    }
    Some(grants)
}

fn grant(node: &Node<'_>, roles: &Roles, issuers: &[KnownIssuer], parity: bool) -> Option<Grant> {
    let members = node.members(&[names::GRANT, names::LIMIT])?;
    let name = members.require("name", RULE_NAME).and_then(|node| rule_name(&node));
    let who =
        members.require("who", "`{issuer: …}` or `{peer: …}`").and_then(|node| who(&node, issuers, RuleContext::Grant));
    let flag = |name: &str| members.get(name).map_or(Some(false), |node| node.flag());
    let (may_register, may_call_back, shadow) = (flag("may_register"), flag("may_call_back"), flag("shadow"));
    let until = members.get("until").map_or(Some(None), |node| until(&node).map(Some));
    let scope = scope(&members, roles, who.as_ref(), parity);
    let limits = limits(&members, &|node| bound_pattern(node, who.as_ref()));
    Some(Grant {
        name: name?.into(),
        who: who?,
        gives: scope?,
        limits: limits?,
        may_register: may_register?,
        may_call_back: may_call_back?,
        until: until?,
        shadow: shadow?,
    })
}

fn scope(members: &ObjectNode<'_>, roles: &Roles, who: Option<&Who>, parity: bool) -> Option<GrantScope> {
    members.exactly_one_of(GRANT_SCOPES)?;
    if let Some(node) = members.get("permissions_claim") {
        if let Some(role) = members.get("role") {
            return role.conflict(Conflict::RoleWithPermissionsClaim);
        }
        let format = permissions_format(members.get("permissions_regex").as_ref(), parity);
        let claim = patterns::claim(node.text()?, &node);
        return Some(GrantScope::Permissions(claim?, format?));
    }
    if let Some(node) = members.get("permissions_regex") {
        return node.conflict(Conflict::RegexWithoutPermissionsClaim);
    }
    let node = members.require("role", "a role")?;
    let role = node.text().and_then(|name| {
        let known = || roles.keys().cloned().collect();
        roles.get(name).cloned().or_else(|| node.unknown_name(NameSort::Role, known(), &[]))
    });
    if let Some(node) = members.get("system") {
        return if node.flag()? { role.map(GrantScope::System) } else { node.invalid(Expected::True) };
    }
    let nodes = members.get("namespaces")?.non_empty_list()?;
    let namespaces: Vec<_> = nodes.iter().filter_map(|node| bound_pattern(node, who)).collect();
    (namespaces.len() == nodes.len()).then_some(())?;
    Some(GrantScope::Namespaces(role?, namespaces))
}

pub(super) const RULE_NAME: &str = "a name for verdicts and logs";

/// The name of a grant or a denial.
pub(super) fn rule_name<'a>(node: &Node<'a>) -> Option<&'a str> {
    match node.text()? {
        "anonymous" | "authenticated" | "default-deny" => node.invalid(Expected::UnreservedRuleName),
        name => Some(name),
    }
}

/// How the permissions claim is read: with `parity`, as Temporal's own claim mapper reads it.
fn permissions_format(node: Option<&Node<'_>>, parity: bool) -> Option<PermissionsFormat> {
    let Some(node) = node else {
        return Some(PermissionsFormat { as_upstream: parity, regex: None });
    };
    match Regex::new(node.text()?) {
        Ok(regex)
            if ["namespace", "role"].iter().all(|group| regex.capture_names().flatten().any(|name| name == *group)) =>
        {
            Some(PermissionsFormat { as_upstream: parity, regex: Some(regex) })
        }
        Ok(_) => node.invalid(Expected::RegexGroups),
        Err(why) => node.invalid(Expected::Regex { why: why.to_string() }),
    }
}

/// A pattern over names. `who` must bind its captures.
fn bound_pattern(node: &Node<'_>, who: Option<&Who>) -> Option<Pattern> {
    let pattern = patterns::pattern(node)?;
    let Some(who) = who else { return Some(pattern) };
    for name in pattern.captures() {
        // If only one of several alternatives has the capture, it can stay unbound. The pattern then gives nothing.
        let patterns =
            who.claims.0.iter().flat_map(|(_, patterns)| patterns).chain(&who.subject).chain(who.peer.iter().flatten());
        if !patterns.flat_map(Pattern::captures).any(|bound| bound == name) {
            return node.conflict(Conflict::UnboundCapture { name: name.to_owned() });
        }
    }
    Some(pattern)
}

fn until(node: &Node<'_>) -> Option<Expiry> {
    node.value().as_str().and_then(Expiry::parse).or_else(|| node.invalid(Expected::Instant))
}

/// The limits among the members.
#[inline(never)]
pub(super) fn limits(members: &ObjectNode<'_>, pattern: &dyn Fn(&Node<'_>) -> Option<Pattern>) -> Option<Limits> {
    let mut complete = true;
    let limits = Limits::from_fn(|limit| {
        let node = members.get(limit.name())?;
        let nodes = node.non_empty_list().unwrap_or_default();
        let patterns: Vec<_> = nodes.iter().filter_map(pattern).collect();
        complete &= !nodes.is_empty() && patterns.len() == nodes.len();
        Some(patterns)
    });
    complete.then_some(limits)
}
