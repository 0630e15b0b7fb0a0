//! A file's text, and the lines of it that messages show.

use std::fmt::Write as _;

/// How much of a long line is shown, in characters.
const WIDTH: usize = 140;

/// Where something begins and ends. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    /// The line it begins in.
    pub(crate) line: usize,
    /// The column it begins at.
    pub(crate) column: usize,
    /// The line it ends in.
    pub(crate) end_line: usize,
    /// The column after its last character.
    pub(crate) end_column: usize,
}

impl Span {
    /// The first character of a file, for what concerns all of it.
    pub(crate) const START: Self = Self { line: 1, column: 1, end_line: 1, end_column: 2 };

    /// One character.
    pub(crate) fn point(line: usize, column: usize) -> Self {
        Self { line, column, end_line: line, end_column: column.saturating_add(1) }
    }
}

/// A file.
#[derive(Debug)]
pub(crate) struct Source {
    /// What messages call it.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) text: String,
}

impl Source {
    /// `file:line:column`, the line, and a caret under what is meant.
    pub(crate) fn show(&self, span: Span) -> String {
        let number = span.line.to_string();
        let gutter = " ".repeat(number.len());
        let mut shown = format!("{gutter}--> {}:{}:{}\n", self.name, span.line, span.column);
        let Some(line) = self.text.lines().nth(span.line.saturating_sub(1)) else { return shown };
        let length = line.chars().count();
        let begin = span.column.saturating_sub(1).min(length);
        let end = if span.end_line == span.line { span.end_column.saturating_sub(1) } else { length };
        // A configuration may be one line: what is shown begins a little before the place that is meant.
        let skipped = if length > WIDTH { begin.saturating_sub(WIDTH / 2) } else { 0 };
        // Neither what a file has in it can move the cursor.
        let clean = |char: char| if char.is_control() && char != '\t' { '\u{fffd}' } else { char };
        let line: String = line.chars().skip(skipped).take(WIDTH).map(clean).collect();
        let indent: String = line
            .chars()
            .take(begin.saturating_sub(skipped))
            .map(|char| if char == '\t' { '\t' } else { ' ' })
            .collect();
        let room = line.chars().count().saturating_sub(begin.saturating_sub(skipped));
        let carets = "^".repeat(end.saturating_sub(begin).clamp(1, room.max(1)));
        let _ = write!(shown, "{gutter} |\n{number} | {line}\n{gutter} | {indent}{carets}\n");
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, line: usize, column: usize, end_column: usize) -> String {
        let source = Source { name: "f".into(), text: text.into() };
        source.show(Span { line, column, end_line: line, end_column })
    }

    #[test]
    fn the_caret_is_under_what_is_meant() {
        assert_eq!(show("a: 1\nb: xy\n", 2, 4, 6), " --> f:2:4\n  |\n2 | b: xy\n  |    ^^\n");
        assert_eq!(show("\tü: x", 1, 5, 6), " --> f:1:5\n  |\n1 | \tü: x\n  | \t   ^\n");
    }

    #[test]
    fn beyond_the_text_there_is_still_a_place() {
        assert_eq!(show("a", 9, 1, 1), " --> f:9:1\n");
        assert!(show("a", 1, 7, 9).contains("1 | a\n  |  ^\n"));
        assert!(show("", 1, 1, 1).starts_with(" --> f:1:1"));
    }

    #[test]
    fn of_a_long_line_only_a_part_is_shown() {
        let text = format!("{}x{}", "a".repeat(1000), "b".repeat(1000));
        let shown = show(&text, 1, 1001, 1002);
        assert!(shown.lines().all(|line| line.len() < 200));
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[2].chars().nth(lines[3].find('^').unwrap()), Some('x'));
    }

    #[test]
    fn a_file_cannot_move_the_cursor() {
        assert!(!show("a: \u{1b}[2J", 1, 1, 2).contains('\u{1b}'));
    }
}
