//! `who` and `unless`: whom a rule means.

use std::rc::Rc;

use super::issuers::Named;
use super::node::Node;
use super::patterns;
use crate::identity::{ClaimSet, Kind};
use crate::policy::who::Who;

/// Where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `who` of a grant: it must say whose tokens it takes, or which peers, and may capture.
    Grant,
    /// `who` of a denial, which is not bound to an issuer. A peer that it means cannot escape by a token.
    Denial,
    /// `unless` of a denial. A peer is spared without a token only, as a grant would mean it.
    Unless,
}

pub(super) fn who(node: &Node<'_>, issuers: &[Named], place: Place) -> Option<Who> {
    let members = node.members(&["issuer", "claims", "kind", "subject", "peer"])?;
    if members.iter().next().is_none() && place != Place::Grant {
        return node.wrong("at least one of issuer, kind, subject, claims and peer; leave it out to mean everybody");
    }
    let peer = members.get("peer");
    let issuer_node = match members.get("issuer") {
        None if place != Place::Grant || peer.is_some() => Some(None),
        None => members.miss("issuer", "the name of an issuer, or a `peer`"),
        Some(node) => node.one_or_some().map(Some),
    };
    let named: Option<Vec<Rc<str>>> =
        issuer_node.map(|nodes| nodes.unwrap_or_default().iter().filter_map(|node| issuer(node, issuers)).collect());
    let kind = match members.get("kind") {
        None => Some(None),
        Some(node) => match node.value().as_str() {
            Some("human") => Some(Some(Kind::Human)),
            Some("service") => Some(Some(Kind::Service)),
            _ => node.wrong("human or service"),
        },
    };
    if let (Some(node), Some(named)) = (members.get("kind"), &named) {
        let meant = |issuer: &&Named| named.is_empty() || named.contains(&issuer.name);
        for issuer in issuers.iter().filter(meant).filter(|issuer| !issuer.tells_kinds) {
            node.wrong::<()>(format!("service_when at issuer {}: without it nobody can tell", issuer.name));
        }
    }
    let bare = peer.is_some() && members.get("issuer").is_none();
    if bare && place != Place::Denial {
        for node in ["kind", "subject", "claims"].into_iter().filter_map(|name| members.get(name)) {
            node.wrong::<()>("nothing beside a peer without an issuer: it has no token");
        }
    }
    let captures = place == Place::Grant;
    let subject = members.get("subject").map_or(Some(Vec::new()), |node| patterns::matchers(&node, captures));
    let claims = members.get("claims").map_or(Some(ClaimSet::default()), |node| patterns::claims(&node, captures));
    let peer = peer.map_or(Some(None), |node| patterns::matchers(&node, captures).map(Some));
    let without_token = bare && place != Place::Denial;
    Some(Who { issuers: named?, kind: kind?, subject: subject?, claims: claims?, peer: peer?, without_token })
}

fn issuer(node: &Node<'_>, issuers: &[Named]) -> Option<Rc<str>> {
    let name = node.text()?;
    let names = || issuers.iter().map(|issuer| &*issuer.name).collect::<Vec<_>>().join(", ");
    let found = issuers.iter().find(|issuer| *issuer.name == *name).map(|issuer| Rc::clone(&issuer.name));
    found.or_else(|| node.wrong(format!("an issuer: one of {}", names())))
}
