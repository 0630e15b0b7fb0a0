//! The JSON that a tree stands for, and what in it could be read in two ways.

use serde_json::{Map, Value};

use super::scalar::{self, Dialect};
use super::{Kind, Node, Style, path};
use crate::report::Diagnostic;
use crate::source::Span;

/// The value, as far as it can be said; what is wrong with it is added.
pub(crate) fn value(node: &Node, dialect: Dialect, wrong: &mut Vec<Diagnostic>) -> Value {
    below("", node, dialect, wrong)
}

fn below(path: &str, node: &Node, dialect: Dialect, wrong: &mut Vec<Diagnostic>) -> Value {
    let mut say = |found: &str, expected: &str, at: Span| wrong.push(problem(path, found, expected, at));
    if node.tagged {
        say("a tag", "the value alone: readers of YAML differ about tags", node.at);
    }
    match &node.kind {
        Kind::Scalar(text, style) => scalar::value(text, *style, dialect).unwrap_or_else(|expected| {
            say(text, expected, node.at);
            // What it most likely means, so that only one thing is said about it.
            match text.to_ascii_lowercase().as_str() {
                "y" | "yes" | "on" => Value::Bool(true),
                "n" | "no" | "off" => Value::Bool(false),
                _ => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())),
            }
        }),
        Kind::List(list) => Value::Array(
            list.iter()
                .enumerate()
                .map(|(place, node)| below(&format!("{path}[{place}]"), node, dialect, wrong))
                .collect(),
        ),
        Kind::Map(members) => {
            let mut read: Map<String, Value> = Map::new();
            for member in members {
                let Kind::Scalar(name, style) = &member.name.kind else {
                    wrong.push(problem(path, "a list or an object as a name", "a text", member.name.at));
                    continue;
                };
                let (path, at) = (path::member(path, name), member.name.at);
                if name == "<<" && *style == Style::Plain {
                    let expected = "the members themselves: not every reader of YAML merges them";
                    wrong.push(problem(&path, "<<", expected, at));
                } else if read.contains_key(name) {
                    let first = node.get(name).map_or(0, |first| first.name.at.line);
                    let expected = format!("it once: it stands in line {first} already");
                    wrong.push(problem(&path, &format!("{name} again"), &expected, at));
                } else {
                    read.insert(name.clone(), below(&path, &member.value, dialect, wrong));
                }
            }
            Value::Object(read)
        }
    }
}

fn problem(path: &str, found: &str, expected: &str, at: Span) -> Diagnostic {
    let path = if path.is_empty() { "(top level)" } else { path };
    Diagnostic::error(format!("{path}: found {found}, expected {expected}"), at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> (Value, Vec<String>) {
        let documents = super::super::documents(text).unwrap();
        let mut wrong = Vec::new();
        let value = value(&documents[0], Dialect::Yaml, &mut wrong);
        (value, wrong.iter().map(|wrong| format!("{}:{} {}", wrong.at.line, wrong.at.column, wrong.text)).collect())
    }

    #[test]
    fn trees_are_the_json_they_stand_for() {
        let (value, wrong) = read("a: &x [1, \"2\", true]\nb: {c: *x, \"d\": }\n");
        assert_eq!(value, json!({"a": [1, "2", true], "b": {"c": [1, "2", true], "d": null}}));
        assert_eq!(wrong, [""; 0]);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_told_all_at_once() {
        let (_, wrong) = read("a: 1\na: 2\nb: !!str 5\nc: [on]\nd: {<<: {x: 1}}\n[e]: 1\n");
        for expected in [
            "2:1 a: found a again",
            "3:4 b: found a tag",
            "4:5 c[0]: found on",
            "5:5 d[\"<<\"]: found <<",
            "6:1 (top level): found a list",
        ] {
            assert!(wrong.iter().any(|wrong| wrong.starts_with(expected)), "{expected}: {wrong:#?}");
        }
        assert_eq!(wrong.len(), 5);
    }
}
