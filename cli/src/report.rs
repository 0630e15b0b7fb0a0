//! What a command has to say about a file: errors and warnings, in the order of their places.

use std::fmt::Write as _;

use crate::source::{Source, Span};

/// How much a thing matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// It is wrong.
    Error,
    /// It works, and may not be meant.
    Warning,
    /// It is worth a look. Told in one line, after all else.
    Note,
}

/// One thing that is wrong, or that may be.
#[derive(Debug, Clone)]
pub(crate) struct Diagnostic {
    /// How much it matters.
    pub(crate) severity: Severity,
    /// What it is, with the path of the field.
    pub(crate) text: String,
    /// Where.
    pub(crate) at: Span,
    /// What would be better.
    pub(crate) help: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub(crate) fn error(text: impl Into<String>, at: Span) -> Self {
        Self { severity: Severity::Error, text: text.into(), at, help: None }
    }

    pub(crate) fn warning(text: impl Into<String>, at: Span, help: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into(), at, help: Some(help.into()) }
    }

    pub(crate) fn note(text: impl Into<String>, at: Span) -> Self {
        Self { severity: Severity::Note, text: text.into(), at, help: None }
    }

    /// How it is printed.
    pub(crate) fn show(&self, source: &Source) -> String {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => {
                return format!("note: {}:{}:{}: {}\n", source.name, self.at.line, self.at.column, self.text);
            }
        };
        let mut shown = format!("{word}: {}\n{}", self.text, source.show(self.at));
        if let Some(help) = &self.help {
            let gutter = " ".repeat(self.at.line.to_string().len());
            let _ = writeln!(shown, "{gutter} = {help}");
        }
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

/// All of them, as they stand in the file, notes last, and how many there are.
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
