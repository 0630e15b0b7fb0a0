//! From the path of a problem to its place in the file.

use temporal_auth::config::{Path, Step};

use super::{Node, NodeKind};
use crate::source::Span;

/// Where a path leads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// The value, or the nearest thing to it that is there.
    pub(crate) value: Span,
    /// The name it has as a member.
    pub(crate) name: Option<Span>,
}

/// The path of a member whose name may be anything, as the library writes it.
pub(crate) fn member(path: &str, name: &str) -> String {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    match (path, plain && !name.is_empty()) {
        ("", true) => name.to_owned(),
        (path, true) => format!("{path}.{name}"),
        (path, false) => format!("{path}[{}]", serde_json::Value::from(name)),
    }
}

/// A path that a lint wrote, or nothing if it is not one.
pub(crate) fn parse(path: &str) -> Path {
    steps(path).map(Path).unwrap_or_default()
}

fn steps(mut path: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !path.is_empty() {
        if let Some(rest) = path.strip_prefix('[') {
            if rest.starts_with('"') {
                // A JSON string; what follows it is told by where it ends.
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                steps.push(Step::Member(values.next()?.ok()?));
                path = rest.get(values.byte_offset()..)?.strip_prefix(']')?;
            } else {
                let (number, rest) = rest.split_once(']')?;
                steps.push(Step::Index(number.parse().ok()?));
                path = rest;
            }
        } else {
            let rest = path.strip_prefix('.').unwrap_or(path);
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (name, rest) = rest.split_at_checked(end)?;
            steps.push(Step::Member(name.to_owned()));
            path = rest;
        }
    }
    Some(steps)
}

/// Where a path leads, from a value that has this name.
pub(crate) fn find(root: &Node, name: Option<Span>, path: &Path) -> Place {
    let (mut node, mut name) = (root, name);
    for step in &path.0 {
        let next = match (&node.kind, step) {
            (NodeKind::Map(_), Step::Member(step)) => {
                node.get(step).map(|member| (&member.value, Some(member.name.at)))
            }
            (NodeKind::List(list), Step::Index(index)) => list.get(*index).map(|node| (node, None)),
            _ => None,
        };
        // A member that is missing is shown where it would be: in this one.
        let Some((below, named)) = next else { break };
        (node, name) = (below, named);
    }
    Place { value: node.at, name }
}

impl Place {
    /// What to point at when the value is wrong: itself, if it fits a line, else its name.
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

    #[test]
    fn paths_as_the_library_writes_them() {
        let name = |name: &str| Step::Member(name.to_owned());
        assert_eq!(steps(""), Some(vec![]));
        assert_eq!(steps("a-b.c"), Some(vec![name("a-b"), name("c")]));
        assert_eq!(
            steps("grants[2].who[\"a.b]\\\"[\"].x[0]"),
            Some(vec![name("grants"), Step::Index(2), name("who"), name("a.b]\"["), name("x"), Step::Index(0)])
        );
        assert_eq!(steps(&member(&member("", "a b"), "c")), Some(vec![name("a b"), name("c")]));
        assert_eq!((member("a", ""), member("a", "b-1")), ("a[\"\"]".to_owned(), "a.b-1".to_owned()));
        for bad in ["a[", "a[x]", "a[\"x]"] {
            assert_eq!(steps(bad), None, "{bad}");
        }
    }

    fn pointed(path: &str) -> (usize, usize) {
        let text = "a:\n- b: x\n  c:\n    d: 1\n- {e: [1, 2], \"f/g\": y}\nh:\n";
        let documents = super::super::documents(text).unwrap();
        let span = find(&documents[0], None, &parse(path)).pointed();
        (span.line, span.column)
    }

    #[test]
    fn a_value_is_shown_itself_or_by_its_name() {
        assert_eq!(pointed("a[0].b"), (2, 6), "a scalar");
        assert_eq!(pointed("a[0].c"), (3, 3), "a block");
        assert_eq!(pointed("a[1].e"), (5, 7), "a list in one line");
        assert_eq!(pointed("a[1].e[1]"), (5, 11));
        assert_eq!(pointed("a[1][\"f/g\"]"), (5, 22));
        assert_eq!(pointed("h"), (6, 1), "nothing");
    }

    #[test]
    fn what_is_missing_is_shown_by_what_it_is_missing_in() {
        assert_eq!(pointed("a[0].c.nothing"), (3, 3));
        assert_eq!(pointed("a[0].nothing"), (2, 3));
        assert_eq!(pointed("nothing"), (1, 1));
        assert_eq!(pointed("a[7]"), (1, 1));
    }
}
