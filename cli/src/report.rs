//! What a command reports about a file: errors, warnings and notes, in the order of their positions.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::source::{Source, Span};

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// It is wrong.
    Error,
    /// It works, but is probably a mistake.
    Warning,
    /// It is worth a look. Printed on one line, after everything else.
    Note,
}

#[derive(Debug, Clone)]
pub(crate) struct Diagnostic {
    pub(crate) severity: Severity,
    /// The path of the field, and what is wrong with it.
    pub(crate) text: String,
    pub(crate) at: Span,
    /// What to do instead.
    pub(crate) help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(text: impl Into<String>, at: Span) -> Self {
        Self { severity: Severity::Error, text: text.into(), at, help: None }
    }

    pub(crate) fn warning(text: impl Into<String>, at: Span, help: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into(), at, help: Some(help.into()) }
    }

    pub(crate) fn note(text: impl Into<String>, at: Span) -> Self {
        Self { severity: Severity::Note, text: text.into(), at, help: None }
    }

    /// The text to print: errors and warnings show the line that they are about.
    pub(crate) fn show(&self, source: &Source) -> String {
        let Span { line, column, .. } = self.at;
        let (level, word) = match self.severity {
            Severity::Error => (Level::ERROR, "error"),
            Severity::Warning => (Level::WARNING, "warning"),
            Severity::Note => return format!("note: {}:{line}:{column}: {}\n", source.name, self.text),
        };
        let gutter = " ".repeat(line.to_string().len());
        let mut shown = format!("{word}: {}\n{gutter}--> {}:{line}:{column}\n", self.text, source.name);
        // The renderer gets only an excerpt of a long line, so it does not know the column.
        let Some((text, bytes)) = source.excerpt(self.at) else { return shown };
        let caret = AnnotationKind::Primary.span(bytes);
        let mut group = Group::with_level(level).element(Snippet::source(text).line_start(line).annotation(caret));
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        shown.push_str(&Renderer::plain().decor_style(DecorStyle::Ascii).render(&[group]));
        shown.push('\n');
        shown
    }
}

/// Adds diagnostics, except those of positions that already have one: where a value is ambiguous, nothing else is known.
pub(crate) fn add(diagnostics: &mut Vec<Diagnostic>, others: Vec<Diagnostic>) {
    let others: Vec<_> =
        others.into_iter().filter(|other| !diagnostics.iter().any(|known| known.at == other.at)).collect();
    diagnostics.extend(others);
}

/// How many diagnostics there are of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) notes: usize,
}

/// Renders diagnostics in the order of the file, notes last, and counts them.
pub(crate) fn show(diagnostics: &mut [Diagnostic], source: &Source) -> (String, Counts) {
    let is_note = |diagnostic: &Diagnostic| diagnostic.severity == Severity::Note;
    diagnostics
        .sort_by_key(|diagnostic| (is_note(diagnostic), diagnostic.at.line, diagnostic.at.column, diagnostic.severity));
    let mut shown = String::new();
    for diagnostic in diagnostics.iter() {
        shown.push_str(&diagnostic.show(source));
        if !is_note(diagnostic) {
            shown.push('\n');
        }
    }
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    (shown, Counts { errors, warnings, notes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, line: usize, column: usize, end_column: usize) -> String {
        let source = Source { name: "f".into(), text: text.into() };
        Diagnostic::error("wrong", Span { line, column, end_line: line, end_column }).show(&source)
    }

    #[test]
    fn carets_are_under_the_value() {
        assert_eq!(show("a: 1\nb: xy\n", 2, 4, 6), "error: wrong\n --> f:2:4\n  |\n2 | b: xy\n  |    ^^\n");
        assert_eq!(show("\tü: x", 1, 5, 6), "error: wrong\n --> f:1:5\n  |\n1 |     ü: x\n  |        ^\n");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(show("漢字: x", 1, 5, 6), "error: wrong\n --> f:1:5\n  |\n1 | 漢字: x\n  |       ^\n");
    }

    #[test]
    fn positions_beyond_the_text_are_still_named() {
        assert_eq!(show("a", 9, 1, 1), "error: wrong\n --> f:9:1\n");
        assert!(show("a", 1, 7, 9).contains("1 | a\n  |  ^\n"));
        assert!(show("", 1, 1, 1).contains(" --> f:1:1"));
    }

    #[test]
    fn long_lines_are_cut_around_the_value() {
        let text = format!("{}x{}", "a".repeat(1000), "b".repeat(1000));
        let shown = show(&text, 1, 1001, 1002);
        assert!(shown.lines().all(|line| line.len() < 200), "{shown}");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[3].chars().nth(lines[4].find('^').unwrap()), Some('x'), "{shown}");
    }

    #[test]
    fn help_follows_the_line() {
        let source = Source { name: "f".into(), text: "a: 1\n".into() };
        let shown = Diagnostic::warning("doubtful", Span::point(1, 4), "do this").show(&source);
        assert_eq!(shown, "warning: doubtful\n --> f:1:4\n  |\n1 | a: 1\n  |    ^\n  |\n  = help: do this\n");
    }

    #[test]
    fn a_note_is_one_line() {
        let source = Source { name: "f".into(), text: "a: 1\n".into() };
        assert_eq!(Diagnostic::note("look", Span::point(1, 4)).show(&source), "note: f:1:4: look\n");
    }

    #[test]
    fn a_file_cannot_move_the_cursor() {
        assert!(!show("a: \u{1b}[2J", 1, 1, 2).contains('\u{1b}'));
    }
}
