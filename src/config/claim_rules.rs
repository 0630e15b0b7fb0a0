//! How an issuer's claims say who the caller is, and how they are read.

use super::fields::{EMAILS, SPLITS, names};
use super::node::{Node, ObjectNode};
use super::patterns;
use super::problem::{Duplicate, Expected, ProblemKind};
use crate::identity::{ClaimName, ClaimRules, ClaimShape, Split};

/// The `subject` of an issuer whose tokens do not say who the caller is.
pub(super) const NO_SUBJECT: &str = "none";

/// The claims that may say who the caller is: one, several, or `none`.
pub(super) fn subject(node: Option<&Node<'_>>) -> Option<Vec<ClaimName>> {
    let Some(node) = node else { return Some(vec![ClaimName::new("sub")]) };
    if node.value().as_str() == Some(NO_SUBJECT) {
        return Some(Vec::new());
    }
    let nodes = node.one_or_more()?;
    let claims: Vec<_> = nodes.iter().filter_map(subject_claim).collect();
    (claims.len() == nodes.len()).then_some(claims)
}

fn subject_claim(node: &Node<'_>) -> Option<ClaimName> {
    let claim = patterns::claim(node.text()?, node)?;
    if claim.reaches_into_lists() { node.invalid(Expected::SingleClaim) } else { Some(claim) }
}

/// The members `email` and `claims` of an issuer.
pub(super) fn claim_rules(members: &ObjectNode<'_>) -> Option<ClaimRules> {
    let trusts_email = members.get("email").map_or(Some(0), |node| node.word(EMAILS)).map(|index| index == 1);
    let shapes = match members.get("claims") {
        None => Some(Vec::new()),
        Some(node) => {
            let shapes = node.any_members()?;
            if shapes.iter().next().is_none() {
                return node.invalid(Expected::Claims);
            }
            let mut read: Vec<(ClaimName, ClaimShape)> = Vec::new();
            for (name, node) in shapes.iter() {
                let (Some(claim), Some(shape)) = (patterns::claim(name, &node), shape(name, &node)) else { continue };
                match read.iter().find(|(known, _)| known.means(&claim)) {
                    Some((known, _)) => {
                        let other = known.to_string();
                        node.problem::<()>(ProblemKind::Duplicate(Duplicate::Claim { other }));
                    }
                    None => read.push((claim, shape)),
                }
            }
            (read.len() == shapes.iter().count()).then_some(read)
        }
    };
    Some(ClaimRules { trusts_email: trusts_email?, shapes: shapes? })
}

fn shape(name: &str, node: &Node<'_>) -> Option<ClaimShape> {
    // One text is one value there, whatever an issuer says.
    if matches!(name, "sub" | "iss" | "/sub" | "/iss") {
        return node.invalid(Expected::ShapedClaim);
    }
    let members = node.members(&[names::CLAIM])?;
    let names = members.get("names").map_or(Some(false), |node| node.flag());
    let split = match members.get("split") {
        None => Some(None),
        Some(node) => node.word(SPLITS).map(|index| match SPLITS.get(index).and_then(|word| word.chars().next()) {
            Some(separator @ (',' | ';' | ' ')) => Some(Split::At(separator)),
            _ => Some(Split::Never),
        }),
    };
    Some(ClaimShape { names: names?, split: split? })
}
