//! Patterns over names: literal unless they say `*` or `{name}`. Never a regular expression.

pub mod collation;
mod matching;
mod parse;

use std::fmt;

pub use parse::PatternError;

/// A pattern of a policy.
///
/// `*` matches any text of at least one character; in a denial it also matches the empty text. `{name}` matches at
/// least one character and never `:`, because the captured text is inserted elsewhere. `\*`, `\{`, `\}` and `\\` are
/// literal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<PatternPart>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PatternPart {
    Literal(String),
    Star,
    Capture(String),
}

/// The text that all values matched by a pattern have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LiteralPrefix<'a> {
    /// The whole value.
    Whole(&'a str),
    /// The start of the value.
    Start(&'a str),
}

/// The text that a capture matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The capture's name.
    pub name: String,
    pub value: String,
}

impl Pattern {
    /// The names of the captures.
    pub fn captures(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            PatternPart::Capture(name) => Some(name.as_str()),
            _ => None,
        })
    }

    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            PatternPart::Literal(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The literal that the pattern is or starts with; `None` if it starts with `*` or a capture.
    #[must_use]
    pub fn literal_prefix(&self) -> Option<LiteralPrefix<'_>> {
        match self.parts.as_slice() {
            [PatternPart::Literal(text)] => Some(LiteralPrefix::Whole(text)),
            [PatternPart::Literal(text), ..] => Some(LiteralPrefix::Start(text)),
            _ => None,
        }
    }

    /// Whether the pattern can be matched against a value. It may have one capture, but then no `*`, so that it matches
    /// in only one way.
    #[must_use]
    pub fn is_matcher(&self) -> bool {
        let captures = self.captures().count();
        captures == 0 || (captures == 1 && !self.parts.contains(&PatternPart::Star))
    }

    /// Whether the pattern is `*` alone.
    #[must_use]
    pub fn is_star(&self) -> bool {
        matches!(self.parts.as_slice(), [PatternPart::Star])
    }

    /// The pattern with each capture replaced by its binding, as a literal; `None` if a capture has no binding.
    #[must_use]
    pub fn bind(&self, bindings: &[Binding]) -> Option<Self> {
        let parts = self.parts.iter().map(|part| match part {
            PatternPart::Capture(name) => bindings
                .iter()
                .find(|binding| binding.name == *name)
                .map(|binding| PatternPart::Literal(binding.value.clone())),
            other => Some(other.clone()),
        });
        // Adjacent literals become one text, so that the pattern matches in only one way.
        let mut joined: Vec<PatternPart> = Vec::new();
        for part in parts {
            match (joined.last_mut(), part?) {
                (Some(PatternPart::Literal(text)), PatternPart::Literal(more)) => text.push_str(&more),
                (_, part) => joined.push(part),
            }
        }
        Some(Self { parts: joined })
    }

    /// Its size in memory, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        let of_part = |part: &PatternPart| match part {
            PatternPart::Literal(text) | PatternPart::Capture(text) => {
                size_of::<PatternPart>().saturating_add(text.len())
            }
            PatternPart::Star => size_of::<PatternPart>(),
        };
        self.parts.iter().map(of_part).fold(size_of::<Self>(), usize::saturating_add)
    }

    /// A pattern that matches this text alone.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { parts: vec![PatternPart::Literal(text.to_owned())] }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                PatternPart::Literal(text) => {
                    f.write_str(&text.replace('\\', "\\\\").replace('*', "\\*").replace('{', "\\{"))?
                }
                PatternPart::Star => f.write_str("*")?,
                PatternPart::Capture(name) => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
