//! `who` and `unless`: the callers to whom a rule applies.

use std::rc::Rc;

use super::fields::{KINDS, names};
use super::issuers::KnownIssuer;
use super::node::Node;
use super::patterns;
use super::problem::{Conflict, EmptyRule, NameSort, ProblemKind};
use crate::identity::{ClaimSet, Kind};
use crate::policy::who::Who;

/// The part of a rule that names callers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleContext {
    /// `who` of a grant: it must name issuers or peers, and may capture.
    Grant,
    /// `who` of a denial: it needs no issuer. A peer that it matches cannot escape by sending a token.
    Denial,
    /// `unless` of a denial. It exempts a peer only without a token, as a grant would match it.
    Unless,
}

pub(super) fn who(node: &Node<'_>, issuers: &[KnownIssuer], context: RuleContext) -> Option<Who> {
    let members = node.members(&[names::WHO])?;
    if members.iter().next().is_none() && context != RuleContext::Grant {
        let empty = if context == RuleContext::Unless { EmptyRule::Exemption } else { EmptyRule::Everybody };
        return node.problem(ProblemKind::NoneOf { choices: &[names::WHO], empty });
    }
    let peer = members.get("peer");
    let issuer_node = match members.get("issuer") {
        None if context != RuleContext::Grant || peer.is_some() => Some(None),
        None => members.missing("issuer", "the name of an issuer, or a `peer`"),
        Some(node) => node.one_or_more().map(Some),
    };
    let named: Option<Vec<Rc<str>>> =
        issuer_node.map(|nodes| nodes.unwrap_or_default().iter().filter_map(|node| issuer(node, issuers)).collect());
    let kind = match members.get("kind") {
        None => Some(None),
        Some(node) => node.word(KINDS).map(|index| Some(if index == 0 { Kind::Human } else { Kind::Service })),
    };
    if let (Some(node), Some(named)) = (members.get("kind"), &named) {
        let is_named = |issuer: &&KnownIssuer| named.is_empty() || named.contains(&issuer.name);
        for issuer in issuers.iter().filter(is_named).filter(|issuer| !issuer.has_kinds) {
            node.conflict::<()>(Conflict::KindWithoutServiceWhen { issuer: issuer.name.to_string() });
        }
    }
    if let (Some(node), Some(named)) = (members.get("subject"), &named) {
        let is_named = |issuer: &&KnownIssuer| named.is_empty() || named.contains(&issuer.name);
        for issuer in issuers.iter().filter(is_named).filter(|issuer| !issuer.has_subjects) {
            node.conflict::<()>(Conflict::SubjectOfNone { issuer: issuer.name.to_string() });
        }
    }
    let bare = peer.is_some() && members.get("issuer").is_none();
    if bare && context != RuleContext::Denial {
        for node in ["kind", "subject", "claims"].into_iter().filter_map(|name| members.get(name)) {
            node.conflict::<()>(Conflict::PeerHasNoToken);
        }
    }
    let captures = context == RuleContext::Grant;
    let subject = members.get("subject").map_or(Some(Vec::new()), |node| patterns::matchers(&node, captures));
    let claims = members.get("claims").map_or(Some(ClaimSet::default()), |node| patterns::claims(&node, captures));
    let peer = peer.map_or(Some(None), |node| patterns::matchers(&node, captures).map(Some));
    let without_token = bare && context != RuleContext::Denial;
    Some(Who { issuers: named?, kind: kind?, subject: subject?, claims: claims?, peer: peer?, without_token })
}

fn issuer(node: &Node<'_>, issuers: &[KnownIssuer]) -> Option<Rc<str>> {
    let name = node.text()?;
    let known = || issuers.iter().map(|issuer| issuer.name.to_string()).collect();
    let found = issuers.iter().find(|issuer| *issuer.name == *name).map(|issuer| Rc::clone(&issuer.name));
    found.or_else(|| node.unknown_name(NameSort::Issuer, known(), &[]))
}
