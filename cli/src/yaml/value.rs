//! The JSON that a YAML tree stands for, and everything in it that could be read in two ways.

use std::fmt;

use serde_json::{Map, Value};

use super::scalar::{self, Ambiguity, Dialect};
use super::{Node, NodeKind, Style, path};
use crate::report::Diagnostic;
use crate::source::Span;

/// Why the value at a path could be read in two ways.
#[derive(Debug, PartialEq, Eq)]
enum Problem<'a> {
    Tag,
    Word {
        text: &'a str,
        why: Ambiguity,
    },
    /// The name of a member is a list or an object.
    CompositeKey,
    MergeKey,
    DuplicateKey {
        first_line: usize,
    },
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag => out.write_str("readers of YAML differ about tags: write the value without one"),
            Self::Word { text, why } => write!(out, "`{text}` is {why}"),
            Self::CompositeKey => out.write_str("expected a string as a key, found a list or an object"),
            Self::MergeKey => out.write_str("not every reader of YAML merges `<<`: write the members out"),
            Self::DuplicateKey { first_line } => write!(out, "duplicate key, first defined on line {first_line}"),
        }
    }
}

/// The value of a tree, as far as it is certain. Adds a diagnostic for each ambiguity.
pub(crate) fn value(node: &Node, dialect: Dialect, ambiguities: &mut Vec<Diagnostic>) -> Value {
    value_at("", node, dialect, ambiguities)
}

fn value_at(path: &str, node: &Node, dialect: Dialect, ambiguities: &mut Vec<Diagnostic>) -> Value {
    if node.tagged {
        ambiguities.push(diagnostic(path, &Problem::Tag, node.at));
    }
    match &node.kind {
        NodeKind::Scalar(text, style) => scalar::value(text, *style, dialect).unwrap_or_else(|why| {
            ambiguities.push(diagnostic(path, &Problem::Word { text, why }, node.at));
            scalar::likely_value(text)
        }),
        NodeKind::List(list) => {
            let elements = list.iter().enumerate();
            elements.map(|(index, node)| value_at(&format!("{path}[{index}]"), node, dialect, ambiguities)).collect()
        }
        NodeKind::Map(members) => {
            let mut read: Map<String, Value> = Map::new();
            for member in members {
                let NodeKind::Scalar(name, style) = &member.name.kind else {
                    ambiguities.push(diagnostic(path, &Problem::CompositeKey, member.name.at));
                    continue;
                };
                let (path, at) = (path::member(path, name), member.name.at);
                if name == "<<" && *style == Style::Plain {
                    ambiguities.push(diagnostic(&path, &Problem::MergeKey, at));
                } else if read.contains_key(name) {
                    let first_line = node.get(name).map_or(0, |first| first.name.at.line);
                    ambiguities.push(diagnostic(&path, &Problem::DuplicateKey { first_line }, at));
                } else {
                    read.insert(name.clone(), value_at(&path, &member.value, dialect, ambiguities));
                }
            }
            Value::Object(read)
        }
    }
}

fn diagnostic(path: &str, problem: &Problem<'_>, at: Span) -> Diagnostic {
    let path = if path.is_empty() { "(top level)" } else { path };
    Diagnostic::error(format!("{path}: {problem}"), at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> (Value, Vec<String>) {
        let documents = super::super::documents(text).unwrap();
        let mut ambiguities = Vec::new();
        let value = value(&documents[0], Dialect::Yaml, &mut ambiguities);
        (
            value,
            ambiguities.iter().map(|wrong| format!("{}:{} {}", wrong.at.line, wrong.at.column, wrong.text)).collect(),
        )
    }

    #[test]
    fn anchors_and_quotes_are_resolved() {
        let (value, wrong) = read("a: &x [1, \"2\", true]\nb: {c: *x, \"d\": }\n");
        assert_eq!(value, json!({"a": [1, "2", true], "b": {"c": [1, "2", true], "d": null}}));
        assert_eq!(wrong, [""; 0]);
    }

    #[test]
    fn all_ambiguities_are_reported_at_once() {
        let (_, wrong) = read("a: 1\na: 2\nb: !!str 5\nc: [on]\nd: {<<: {x: 1}}\n[e]: 1\n");
        for expected in [
            "2:1 a: duplicate key, first defined on line 1",
            "3:4 b: readers of YAML differ about tags",
            "4:5 c[0]: `on` is ambiguous in YAML: quote it",
            "5:5 d[\"<<\"]: not every reader of YAML merges `<<`",
            "6:1 (top level): expected a string as a key",
        ] {
            assert!(wrong.iter().any(|wrong| wrong.starts_with(expected)), "{expected}: {wrong:#?}");
        }
        assert_eq!(wrong.len(), 5);
    }
}
