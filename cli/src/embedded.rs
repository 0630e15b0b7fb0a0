//! Configurations that a file contains as JSON in a string, with their positions in the file.

use std::rc::Rc;

use serde_json::Value;

use crate::report::Diagnostic;
use crate::source::{Source, Span};
use crate::yaml::{self, NodeKind, Style, YamlNode};

/// The tree of the JSON in a scalar. The span is the whole string's, if positions in the JSON cannot be mapped to the file.
pub(crate) fn json(source: &Source, node: &YamlNode) -> Result<(Rc<YamlNode>, Option<Span>), Diagnostic> {
    let NodeKind::Scalar(text, style) = &node.kind else {
        return Err(Diagnostic::error("expected a string with the filter's configuration as JSON", node.at));
    };
    let invalid =
        |why: String| Diagnostic::error(format!("expected the filter's configuration as JSON: {why}"), node.at);
    let value: Value = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    // If everything except the JSON is blanked, positions are those of the file.
    let blanked = blanked(source, node.at, *style);
    if let Some(blanked) =
        blanked.filter(|blanked| serde_json::from_str::<Value>(blanked).is_ok_and(|read| read == value))
        && let Some(tree) = yaml::documents(&blanked)?.into_iter().next()
    {
        return Ok((tree, None));
    }
    let tree = yaml::documents(text).map_err(|error| Diagnostic { at: node.at, ..error })?.into_iter().next();
    tree.map(|tree| (tree, Some(node.at))).ok_or_else(|| invalid("the string is empty".to_owned()))
}

/// The file with everything except the content of a scalar blanked. `None` if the scalar has escapes or folded lines.
fn blanked(source: &Source, at: Span, style: Style) -> Option<String> {
    let skipped = at.line.checked_sub(1)?;
    let count = at.end_line.checked_sub(skipped)?;
    let mut blanked = "\n".repeat(skipped);
    match style {
        Style::Literal => {
            // The parser ends the block where the next node begins.
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

    fn position(text: &str) -> Result<(usize, usize), String> {
        let source = Source { name: "f".into(), text: text.into() };
        let documents = yaml::documents(text).unwrap();
        let (tree, shown_at) = json(&source, documents[0].value("v").unwrap()).map_err(|wrong| wrong.text)?;
        let at = shown_at.unwrap_or(tree.value("a").unwrap().at);
        Ok((at.line, at.column))
    }

    #[test]
    fn positions_are_those_of_the_file() {
        assert_eq!(position("v: |\n  {\"b\": 1,\n   \"a\": 2}\nw: 1\n"), Ok((3, 9)));
        assert_eq!(position("v: |\n  {\"a\": 2}\n"), Ok((2, 9)));
        assert_eq!(position("v: '{\"a\": 2}'\n"), Ok((1, 11)));
    }

    #[test]
    fn errors_in_escaped_strings_point_at_the_whole_string() {
        assert_eq!(position("v: \"{\\\"a\\\": 2}\"\n"), Ok((1, 4)));
        assert_eq!(position("v: >\n  {\"a\":\n  2}\n"), Ok((2, 3)));
    }

    #[test]
    fn strings_without_json_are_errors() {
        for text in ["v: '{a: 1}'\n", "v: ''\n", "v: {a: 1}\n", "v: '{\"a\": 1'\n"] {
            assert!(position(text).unwrap_err().contains("as JSON"), "{text}");
        }
    }
}
