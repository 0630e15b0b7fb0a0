//! Builds trees from the events of the YAML parser.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks};

use super::{Member, NodeKind, Style, YamlNode};
use crate::report::Diagnostic;
use crate::source::Span;

/// The module has the same bound.
const MAX_DEPTH: usize = 64;
/// More values than any configuration has: aliases of aliases multiply.
const MAX_SIZE: usize = 1_000_000;

/// A collection whose end has not been read.
struct OpenCollection {
    at: Span,
    anchor: usize,
    tagged: bool,
    map: bool,
    inside: Vec<Rc<YamlNode>>,
}

/// Parses the documents of a file.
pub(crate) fn documents(text: &str) -> Result<Vec<Rc<YamlNode>>, Diagnostic> {
    let mut documents = Vec::new();
    let mut anchors: HashMap<usize, Rc<YamlNode>> = HashMap::new();
    let mut open: Vec<OpenCollection> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, marks) = event.map_err(|error| {
            let mark = error.marker();
            let (line, column) = (mark.line(), mark.col().saturating_add(1));
            Diagnostic::error(format!("not YAML: {}", error.info()), Span::point(line, column))
        })?;
        let at = span(marks);
        let too_deep =
            || Diagnostic::error(format!("nested deeper than {MAX_DEPTH} levels, with aliases resolved"), at);
        if open.len() > MAX_DEPTH {
            return Err(too_deep());
        }
        let mut begin = |anchor, tagged, map| open.push(OpenCollection { at, anchor, tagged, map, inside: Vec::new() });
        let (anchor, node) = match event {
            Event::SequenceStart(anchor, tag) => {
                begin(anchor, tag.is_some(), false);
                continue;
            }
            Event::MappingStart(anchor, tag) => {
                begin(anchor, tag.is_some(), true);
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(collection) = open.pop() else { continue };
                (collection.anchor, Rc::new(close(collection, at)))
            }
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal => Style::Literal,
                    ScalarStyle::Folded => Style::Folded,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                };
                let kind = NodeKind::Scalar(text.into_owned(), style);
                (anchor, Rc::new(YamlNode { at, kind, tagged: tag.is_some(), size: 1, depth: 1 }))
            }
            Event::Alias(anchor) => match anchors.get(&anchor) {
                Some(node) => (0, Rc::clone(node)),
                None => return Err(Diagnostic::error("an alias inside the value that it refers to", at)),
            },
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                continue;
            }
        };
        if node.depth > MAX_DEPTH {
            return Err(too_deep());
        }
        if node.size > MAX_SIZE {
            return Err(Diagnostic::error(format!("more than {MAX_SIZE} values, with aliases resolved"), at));
        }
        if anchor != 0 {
            anchors.insert(anchor, Rc::clone(&node));
        }
        match open.last_mut() {
            Some(collection) => collection.inside.push(node),
            None => documents.push(node),
        }
    }
    Ok(documents)
}

fn close(open: OpenCollection, end: Span) -> YamlNode {
    let size = open.inside.iter().fold(1usize, |size, node| size.saturating_add(node.size));
    let depth = open.inside.iter().map(|node| node.depth).max().unwrap_or(0).saturating_add(1);
    let kind = if open.map {
        let mut inside = open.inside.into_iter();
        let mut members = Vec::new();
        while let (Some(name), Some(value)) = (inside.next(), inside.next()) {
            members.push(Member { name, value });
        }
        NodeKind::Map(members)
    } else {
        NodeKind::List(open.inside)
    };
    // The parser ends a block where the next node begins, so only its beginning is known.
    let flow = end.end_column > end.column;
    let at = if flow {
        Span { end_line: end.end_line, end_column: end.end_column, ..open.at }
    } else {
        Span::point(open.at.line, open.at.column)
    };
    YamlNode { at, kind, tagged: open.tagged, size, depth }
}

fn span(marks: Marks) -> Span {
    Span {
        line: marks.start.line(),
        column: marks.start.col().saturating_add(1),
        end_line: marks.end.line(),
        end_column: marks.end.col().saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(node: &YamlNode) -> (usize, usize, usize, usize) {
        (node.at.line, node.at.column, node.at.end_line, node.at.end_column)
    }

    #[test]
    fn every_value_knows_its_position() {
        let documents = documents("a: {b: [1, \"x y\"]}\nc:\n- d: e\n---\nf\n").unwrap();
        assert_eq!(documents.len(), 2);
        let b = documents[0].value("a").unwrap().get("b").unwrap();
        assert_eq!((at(&b.name), at(&b.value)), ((1, 5, 1, 6), (1, 8, 1, 18)));
        let NodeKind::List(list) = &b.value.kind else { panic!() };
        assert_eq!(at(&list[1]), (1, 12, 1, 17));
        assert_eq!(at(documents[0].value("c").unwrap()), (3, 3, 3, 4));
        assert_eq!(documents[1].text(), Some("f"));
    }

    #[test]
    fn an_alias_has_the_position_of_its_anchor() {
        let documents = documents("a: &x {b: 1}\nc: *x\n").unwrap();
        let c = documents[0].value("c").unwrap();
        assert_eq!((at(c), c.value("b").unwrap().text()), ((1, 4, 1, 13), Some("1")));
    }

    #[test]
    fn syntax_errors_have_a_position() {
        for (text, line) in [("a: [1, 2\nb: 3\n", 2), ("a: \"x\n", 1), ("a: 1\n b: 2\n", 2), ("a: *x\n", 1)] {
            let error = documents(text).unwrap_err();
            assert!(error.at.line >= line && error.at.line <= 3, "{text:?}: {error:?}");
        }
    }

    #[test]
    fn depth_and_aliases_are_bounded() {
        assert!(documents(&"[".repeat(5000)).is_err());
        assert!(documents(&format!("{}1{}", "[".repeat(60), "]".repeat(60))).is_ok());
        assert!(documents(&format!("{}1{}", "[".repeat(70), "]".repeat(70))).is_err());
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(documents(&text).unwrap_err().text.contains("values"));
        assert!(documents("a: &x [*x]").is_err());
        let deep = |levels: usize| format!("a: &a {0}1{1}\nb: {0}*a{1}\n", "[".repeat(levels), "]".repeat(levels));
        assert!(documents(&deep(20)).is_ok() && documents(&deep(40)).unwrap_err().text.contains("deeper"));
    }
}
