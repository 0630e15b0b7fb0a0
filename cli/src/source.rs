//! The text of a file, and positions in it.

use std::ops::Range;

/// How many characters of a line are shown on each side of the beginning of a span, at most.
const MARGIN: usize = 300;

/// Where something begins and ends. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    /// The column after the last character.
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

#[derive(Debug)]
pub(crate) struct Source {
    /// What messages call the file.
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Source {
    /// The first line of a span, and the bytes of it that the span covers. Only the surroundings of the span if the line
    /// is long, since a configuration may be a single line. `None` if the file ends before the span.
    pub(crate) fn excerpt(&self, span: Span) -> Option<(&str, Range<usize>)> {
        let line = self.text.lines().nth(span.line.checked_sub(1)?)?;
        let byte = |column: usize| {
            let char = line.char_indices().nth(column.saturating_sub(1));
            char.map_or(line.len(), |(index, _)| index)
        };
        let begin = byte(span.column);
        let end = if span.end_line == span.line { byte(span.end_column) } else { line.len() };
        let (before, after) = line.split_at_checked(begin)?;
        let from = before.char_indices().nth_back(MARGIN).map_or(0, |(index, _)| index);
        let to = after.char_indices().nth(MARGIN).map_or(line.len(), |(index, _)| begin.saturating_add(index));
        let bytes = begin.saturating_sub(from)..end.clamp(begin, to).saturating_sub(from);
        Some((line.get(from..to)?, bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(text: &str, column: usize, end_column: usize) -> Option<(String, Range<usize>)> {
        let source = Source { name: "f".into(), text: text.into() };
        let (line, bytes) = source.excerpt(Span { line: 2, column, end_line: 2, end_column })?;
        Some((line.to_owned(), bytes))
    }

    #[test]
    fn columns_are_characters_and_ranges_are_bytes() {
        assert_eq!(excerpt("a\nü: x\n", 1, 2), Some(("ü: x".to_owned(), 0..2)));
        assert_eq!(excerpt("a\nü: x\n", 4, 5), Some(("ü: x".to_owned(), 4..5)));
    }

    #[test]
    fn positions_beyond_the_text_are_moved_to_its_end() {
        assert_eq!(excerpt("a\nb", 7, 9), Some(("b".to_owned(), 1..1)));
        assert_eq!(excerpt("a\n\n", 1, 1), Some((String::new(), 0..0)));
        assert_eq!(excerpt("a", 1, 1), None);
    }

    #[test]
    fn a_span_of_several_lines_ends_with_its_first() {
        let source = Source { name: "f".into(), text: "abc\nd\n".into() };
        let span = Span { line: 1, column: 2, end_line: 2, end_column: 2 };
        assert_eq!(source.excerpt(span), Some(("abc", 1..3)));
    }

    #[test]
    fn long_lines_are_cut_on_both_sides() {
        let text = format!("{}xyz{}", "ä".repeat(1000), "ö".repeat(1000));
        let source = Source { name: "f".into(), text };
        let span = Span { line: 1, column: 1001, end_line: 1, end_column: 1004 };
        let (line, bytes) = source.excerpt(span).unwrap();
        assert_eq!((line.chars().count(), &line[bytes]), (601, "xyz"));
        let (line, bytes) = source.excerpt(Span { end_column: 2000, ..span }).unwrap();
        assert_eq!(bytes.end, line.len());
    }
}
