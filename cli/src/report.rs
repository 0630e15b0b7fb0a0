//! What a command has to say about a file: errors and warnings, in the order of their places.

use std::fmt::Write as _;

use crate::source::{Source, Span};

/// One thing that is wrong, or that may be.
#[derive(Debug, Clone)]
pub(crate) struct Diagnostic {
    /// Whether it is only a warning.
    pub(crate) warning: bool,
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
        Self { warning: false, text: text.into(), at, help: None }
    }

    /// How it is printed.
    pub(crate) fn show(&self, source: &Source) -> String {
        let word = if self.warning { "warning" } else { "error" };
        let mut shown = format!("{word}: {}\n{}", self.text, source.show(self.at));
        if let Some(help) = &self.help {
            let gutter = " ".repeat(self.at.line.to_string().len());
            let _ = writeln!(shown, "{gutter} = {help}");
        }
        shown
    }
}

/// Adds what is said of other places: of one that could be read in two ways nothing more is known.
pub(crate) fn add(doubts: &mut Vec<Diagnostic>, others: Vec<Diagnostic>) {
    let others: Vec<_> = others.into_iter().filter(|other| !doubts.iter().any(|doubt| doubt.at == other.at)).collect();
    doubts.extend(others);
}

/// All of them, as they stand in the file, and how many errors and warnings there are.
pub(crate) fn show(diagnostics: &mut [Diagnostic], source: &Source) -> (String, usize, usize) {
    diagnostics.sort_by_key(|diagnostic| (diagnostic.at.line, diagnostic.at.column, diagnostic.warning));
    let mut shown = String::new();
    for diagnostic in diagnostics.iter() {
        shown.push_str(&diagnostic.show(source));
        shown.push('\n');
    }
    let warnings = diagnostics.iter().filter(|diagnostic| diagnostic.warning).count();
    (shown, diagnostics.len().saturating_sub(warnings), warnings)
}
