//! `who` and `unless`: whom a rule means.

use std::rc::Rc;

use super::issuers::Named;
use super::node::Node;
use super::patterns;
use crate::identity::{ClaimSet, Kind};
use crate::policy::who::Who;

/// A grant must say whose tokens it takes, and may capture; a denial is not bound to an issuer.
pub(super) fn who(node: &Node<'_>, issuers: &[Named], for_grant: bool) -> Option<Who> {
    let members = node.members(&["issuer", "claims", "kind", "subject"], &["peer"])?;
    if members.iter().next().is_none() && !for_grant {
        return node.wrong("at least one of issuer, kind, subject and claims; leave it out to mean everybody");
    }
    let issuer_node = match members.get("issuer") {
        None if !for_grant => Some(None),
        None => members.miss("issuer", "the name of an issuer"),
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
    let subject = members.get("subject").map_or(Some(Vec::new()), |node| patterns::matchers(&node, for_grant));
    let claims = members.get("claims").map_or(Some(ClaimSet::default()), |node| patterns::claims(&node, for_grant));
    Some(Who { issuers: named?, kind: kind?, subject: subject?, claims: claims? })
}

fn issuer(node: &Node<'_>, issuers: &[Named]) -> Option<Rc<str>> {
    let name = node.text()?;
    let names: Vec<_> = issuers.iter().map(|issuer| &*issuer.name).collect();
    let found = issuers.iter().find(|issuer| *issuer.name == *name).map(|issuer| Rc::clone(&issuer.name));
    found.or_else(|| node.wrong(format!("an issuer: one of {}", names.join(", "))))
}
