//! JSON in a string of a file, with places in that file.

use std::rc::Rc;

use serde_json::Value;

use crate::report::Diagnostic;
use crate::source::{Source, Span};
use crate::yaml::{self, Kind, Node, Style};

/// The tree of the JSON in a scalar, and the place of everything in it where single places cannot be told.
pub(crate) fn json(source: &Source, node: &Node) -> Result<(Rc<Node>, Option<Span>), Diagnostic> {
    let Kind::Scalar(text, style) = &node.kind else {
        return Err(Diagnostic::error("found no string, expected the filter's configuration as JSON in one", node.at));
    };
    let expected = |why: String| {
        Diagnostic::error(
            format!("found a string that is not JSON ({why}), expected the filter's configuration as JSON"),
            node.at,
        )
    };
    let meant: Value = serde_json::from_str(text).map_err(|error| expected(error.to_string()))?;
    // The file with everything blank but the JSON: places in it are places in the file.
    let blanked = blanked(source, node.at, *style);
    if let Some(blanked) =
        blanked.filter(|blanked| serde_json::from_str::<Value>(blanked).is_ok_and(|read| read == meant))
        && let Some(tree) = yaml::documents(&blanked)?.into_iter().next()
    {
        return Ok((tree, None));
    }
    let tree = yaml::documents(text).map_err(|error| Diagnostic { at: node.at, ..error })?.into_iter().next();
    tree.map(|tree| (tree, Some(node.at))).ok_or_else(|| expected("nothing".to_owned()))
}

fn blanked(source: &Source, at: Span, style: Style) -> Option<String> {
    let skipped = at.line.checked_sub(1)?;
    let count = at.end_line.checked_sub(skipped)?;
    let mut blanked = "\n".repeat(skipped);
    match style {
        Style::Literal => {
            // The block ends where the next thing begins.
            let count = if at.end_line > at.line { count.checked_sub(1)? } else { count };
            for line in source.text.lines().skip(skipped).take(count) {
                blanked.push_str(line);
                blanked.push('\n');
            }
        }
        Style::Quoted if at.line == at.end_line => {
            let length = at.end_column.checked_sub(at.column)?.checked_sub(2)?;
            blanked.push_str(&" ".repeat(at.column));
            blanked.extend(source.text.lines().nth(skipped)?.chars().skip(at.column).take(length));
        }
        _ => return None,
    }
    Some(blanked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<(usize, usize), String> {
        let source = Source { name: "f".into(), text: text.into() };
        let documents = yaml::documents(text).unwrap();
        let (tree, shown_at) = json(&source, documents[0].value("v").unwrap()).map_err(|wrong| wrong.text)?;
        let at = shown_at.unwrap_or(tree.value("a").unwrap().at);
        Ok((at.line, at.column))
    }

    #[test]
    fn places_are_the_files() {
        assert_eq!(place("v: |\n  {\"b\": 1,\n   \"a\": 2}\nw: 1\n"), Ok((3, 9)));
        assert_eq!(place("v: |\n  {\"a\": 2}\n"), Ok((2, 9)));
        assert_eq!(place("v: '{\"a\": 2}'\n"), Ok((1, 11)));
    }

    #[test]
    fn where_they_cannot_be_told_the_string_is_shown() {
        assert_eq!(place("v: \"{\\\"a\\\": 2}\"\n"), Ok((1, 4)));
        assert_eq!(place("v: >\n  {\"a\":\n  2}\n"), Ok((2, 3)));
    }

    #[test]
    fn what_is_not_json() {
        for text in ["v: '{a: 1}'\n", "v: ''\n", "v: {a: 1}\n", "v: '{\"a\": 1'\n"] {
            assert!(place(text).unwrap_err().contains("as JSON"), "{text}");
        }
    }
}
