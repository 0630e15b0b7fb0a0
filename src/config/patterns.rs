//! Patterns and claim sets in the configuration.

use super::node::Node;
use crate::identity::{ClaimName, ClaimSet};
use crate::policy::pattern::Pattern;
use crate::wire::tree::Tree;

/// One pattern or a list of them, to be matched against values.
pub(super) fn matchers(node: &Node<'_>, captures: bool) -> Option<Vec<Pattern>> {
    let nodes = node.one_or_some()?;
    let patterns: Vec<_> = nodes.iter().filter_map(|node| matcher(node, captures)).collect();
    (patterns.len() == nodes.len()).then_some(patterns)
}

pub(super) fn matcher(node: &Node<'_>, captures: bool) -> Option<Pattern> {
    // Claims that are numbers or booleans match by their JSON text, so a policy may write them as such.
    if let value @ (Tree::Number(_) | Tree::Flag(_)) = node.value() {
        return Some(Pattern::literal(&value.to_json().to_string()));
    }
    let pattern = pattern(node)?;
    if !captures && pattern.captures().next().is_some() {
        return node.wrong("no capture here; write `\\{` for a brace");
    }
    if !pattern.is_matcher() {
        return node.wrong("at most one capture, and no `*` beside it");
    }
    Some(pattern)
}

/// A list of patterns without captures, to be matched against names.
pub(super) fn globs(node: &Node<'_>) -> Option<Vec<Pattern>> {
    let nodes = node.some()?;
    let patterns: Vec<_> = nodes.iter().filter_map(|node| matcher(node, false)).collect();
    (patterns.len() == nodes.len()).then_some(patterns)
}

/// A pattern of any form.
pub(super) fn pattern(node: &Node<'_>) -> Option<Pattern> {
    Pattern::parse(node.text()?).map_or_else(|why| node.wrong(why), Some)
}

/// Claims by name, each with a pattern or a list of them.
pub(super) fn claims(node: &Node<'_>, captures: bool) -> Option<ClaimSet> {
    let members = node.any_members()?;
    let claims: Vec<_> =
        members.iter().filter_map(|(name, node)| Some((claim(name, &node)?, matchers(&node, captures)?))).collect();
    if members.iter().next().is_none() {
        return node.wrong("at least one claim");
    }
    (claims.len() == members.iter().count()).then_some(ClaimSet(claims))
}

/// A claim's name.
pub(super) fn claim(name: &str, node: &Node<'_>) -> Option<ClaimName> {
    if name.is_empty() || name == "/" {
        node.wrong("the name of a claim, or a JSON pointer to it")
    } else {
        Some(ClaimName::new(name))
    }
}
