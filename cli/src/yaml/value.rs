//! The JSON value of a YAML tree, and everything in it that could be read in two ways.

use std::fmt;

use serde_json::{Map, Value};
use temporal_auth::config::{Path, Step};

use super::scalar::{self, Ambiguity, Dialect};
use super::{NodeKind, Style, YamlNode};
use crate::report::Diagnostic;
use crate::source::Span;

/// Why the value at a path could be read in two ways.
#[derive(Debug, PartialEq, Eq)]
enum YamlProblem<'a> {
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

impl fmt::Display for YamlProblem<'_> {
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
pub(crate) fn value(node: &YamlNode, dialect: Dialect, ambiguities: &mut Vec<Diagnostic>) -> Value {
    ValueReader { path: Path::default(), dialect, ambiguities }.value(node)
}

struct ValueReader<'a> {
    /// The path of the value that is being read.
    path: Path,
    dialect: Dialect,
    ambiguities: &'a mut Vec<Diagnostic>,
}

impl ValueReader<'_> {
    fn value(&mut self, node: &YamlNode) -> Value {
        if node.tagged {
            self.report(&YamlProblem::Tag, node.at);
        }
        match &node.kind {
            NodeKind::Scalar(text, style) => scalar::value(text, *style, self.dialect).unwrap_or_else(|why| {
                self.report(&YamlProblem::Word { text, why }, node.at);
                scalar::likely_value(text)
            }),
            NodeKind::List(list) => {
                let elements = list.iter().enumerate();
                elements.map(|(index, node)| self.below(Step::Index(index), |reader| reader.value(node))).collect()
            }
            NodeKind::Map(members) => {
                let mut read = Map::new();
                for member in members {
                    let NodeKind::Scalar(name, style) = &member.name.kind else {
                        self.report(&YamlProblem::CompositeKey, member.name.at);
                        continue;
                    };
                    let is_plain = *style == Style::Plain;
                    self.below(Step::Member(name.clone()), |reader| {
                        if name == "<<" && is_plain {
                            reader.report(&YamlProblem::MergeKey, member.name.at);
                        } else if read.contains_key(name) {
                            let first_line = node.get(name).map_or(0, |first| first.name.at.line);
                            reader.report(&YamlProblem::DuplicateKey { first_line }, member.name.at);
                        } else {
                            read.insert(name.clone(), reader.value(&member.value));
                        }
                    });
                }
                Value::Object(read)
            }
        }
    }

    /// Reads something one step below the current path.
    fn below<T>(&mut self, step: Step, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.0.push(step);
        let value = read(self);
        self.path.0.pop();
        value
    }

    fn report(&mut self, problem: &YamlProblem<'_>, at: Span) {
        self.ambiguities.push(Diagnostic::error(format!("{}: {problem}", self.path), at));
    }
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
