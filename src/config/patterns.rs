//! Reads patterns and claim sets.

use super::node::Node;
use super::problem::Expected;
use crate::identity::claims::whole;
use crate::identity::{ClaimName, ClaimSet};
use crate::pattern::Pattern;
use crate::wire::json::Json;

/// One pattern or a list of patterns, matched against values.
#[inline(never)]
pub(super) fn matchers(node: &Node<'_>, captures: bool) -> Option<Vec<Pattern>> {
    let nodes = node.one_or_more()?;
    let patterns: Vec<_> = nodes.iter().filter_map(|node| matcher(node, captures)).collect();
    (patterns.len() == nodes.len()).then_some(patterns)
}

#[inline(never)]
pub(super) fn matcher(node: &Node<'_>, captures: bool) -> Option<Pattern> {
    // Claims that are numbers or booleans match by their JSON text, so a pattern may be a number or a boolean.
    match node.value() {
        Json::Bool(yes) => return Some(Pattern::literal(if *yes { "true" } else { "false" })),
        // The pattern is the same whether the configuration came as JSON or as a Struct, which has only doubles.
        Json::Number(number) => match whole(number) {
            Some(whole) => return Some(Pattern::literal(&whole.to_string())),
            None if number.as_f64().is_some_and(|float| float.fract() != 0.0) => {
                return Some(Pattern::literal(&number.to_string()));
            }
            None => return node.invalid(Expected::ExactNumber),
        },
        _ => {}
    }
    let pattern = pattern(node)?;
    if !captures && pattern.captures().next().is_some() {
        return node.invalid(Expected::NoCapture);
    }
    if !pattern.is_matcher() {
        return node.invalid(Expected::SingleCapture);
    }
    Some(pattern)
}

/// A list of patterns without captures, matched against names.
#[inline(never)]
pub(super) fn globs(node: &Node<'_>) -> Option<Vec<Pattern>> {
    let nodes = node.non_empty_list()?;
    let patterns: Vec<_> = nodes.iter().filter_map(|node| matcher(node, false)).collect();
    (patterns.len() == nodes.len()).then_some(patterns)
}

/// A pattern of any form.
#[inline(never)]
pub(super) fn pattern(node: &Node<'_>) -> Option<Pattern> {
    Pattern::parse(node.text()?).map_or_else(|why| node.invalid(Expected::Pattern(why)), Some)
}

/// A claim set: claims by name, each with one pattern or a list of patterns.
#[inline(never)]
pub(super) fn claims(node: &Node<'_>, captures: bool) -> Option<ClaimSet> {
    let members = node.any_members()?;
    let claims: Vec<_> =
        members.iter().filter_map(|(name, node)| Some((claim(name, &node)?, matchers(&node, captures)?))).collect();
    if members.iter().next().is_none() {
        return node.invalid(Expected::Claims);
    }
    (claims.len() == members.iter().count()).then_some(ClaimSet(claims))
}

/// The name of a claim, or the JSON pointer to it.
#[inline(never)]
pub(super) fn claim(name: &str, node: &Node<'_>) -> Option<ClaimName> {
    if name.is_empty() || name == "/" { node.invalid(Expected::ClaimName) } else { Some(ClaimName::new(name)) }
}
