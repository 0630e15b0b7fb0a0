//! From the path of a value to its location in the file.

use temporal_auth::config::{Path, Step};

use super::{NodeKind, YamlNode};
use crate::source::Span;

/// Where a path leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Location {
    /// The value, or the nearest existing value around it.
    pub(crate) value: Span,
    /// The name of the member that has this value.
    pub(crate) name: Option<Span>,
}

/// The path of a member of a member of …, from the top level.
pub(crate) fn members(names: &[&str]) -> Path {
    Path(names.iter().map(|name| Step::Member((*name).to_owned())).collect())
}

/// Locates a value by its path from a root, which may be a member's value itself and then has that member's name.
pub(crate) fn locate(root: &YamlNode, name: Option<Span>, path: &Path) -> Location {
    let (mut node, mut name) = (root, name);
    for step in &path.0 {
        let next = match (&node.kind, step) {
            (NodeKind::Map(_), Step::Member(step)) => {
                node.get(step).map(|member| (&member.value, Some(member.name.at)))
            }
            (NodeKind::List(list), Step::Index(index)) => list.get(*index).map(|node| (node, None)),
            _ => None,
        };
        // A missing member is shown at the object that lacks it.
        let Some((below, named)) = next else { break };
        (node, name) = (below, named);
    }
    Location { value: node.at, name }
}

impl Location {
    /// What to point at when the value is wrong: the value if it fits on its line, and otherwise its name.
    pub(crate) fn pointed(self) -> Span {
        let is_block_or_nothing = self.value.end_line != self.value.line || self.value.end_column <= self.value.column;
        match self.name {
            Some(name) if is_block_or_nothing || self.value.line != name.line => name,
            _ => self.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointed(path: &Path) -> (usize, usize) {
        let text = "a:\n- b: x\n  c:\n    d: 1\n- {e: [1, 2], \"f/g\": y}\nh:\n";
        let documents = super::super::documents(text).unwrap();
        let span = locate(&documents[0], None, path).pointed();
        (span.line, span.column)
    }

    fn element(index: usize) -> Path {
        members(&["a"]).index(index)
    }

    #[test]
    fn a_value_is_shown_itself_or_by_its_name() {
        assert_eq!(pointed(&element(0).member("b")), (2, 6), "a scalar");
        assert_eq!(pointed(&element(0).member("c")), (3, 3), "a block");
        assert_eq!(pointed(&element(1).member("e")), (5, 7), "a list on one line");
        assert_eq!(pointed(&element(1).member("e").index(1)), (5, 11));
        assert_eq!(pointed(&element(1).member("f/g")), (5, 22));
        assert_eq!(pointed(&members(&["h"])), (6, 1), "a name without a value");
    }

    #[test]
    fn a_missing_value_is_shown_at_the_object_that_lacks_it() {
        assert_eq!(pointed(&element(0).member("c").member("missing")), (3, 3));
        assert_eq!(pointed(&element(0).member("missing")), (2, 3));
        assert_eq!(pointed(&members(&["missing"])), (1, 1));
        assert_eq!(pointed(&element(7)), (1, 1));
    }
}
