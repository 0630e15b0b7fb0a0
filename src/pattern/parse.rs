//! The syntax of patterns.

use std::fmt;

use super::{Pattern, PatternPart};

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternError {
    /// A backslash before a character that needs none, or at the end.
    Escape,
    /// A brace that does not start a capture.
    Capture,
    /// Two of `*` and captures stand side by side, so where one ends would be open.
    NothingBetween,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Escape => "`\\` before `*`, `{`, `}` or `\\` only",
            Self::Capture => "a capture `{name}` of letters, digits and `_`",
            Self::NothingBetween => "something literal between `*` and captures",
        })
    }
}

impl Pattern {
    /// # Errors
    /// The text is not a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parts: Vec<PatternPart> = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            let part = match char {
                '\\' => match chars.next() {
                    Some(escaped @ ('*' | '{' | '}' | '\\')) => {
                        literal.push(escaped);
                        continue;
                    }
                    _ => return Err(PatternError::Escape),
                },
                '*' => PatternPart::Star,
                '{' => match chars.as_str().split_once('}') {
                    Some((name, rest)) if is_name(name) => {
                        chars = rest.chars();
                        PatternPart::Capture(name.to_owned())
                    }
                    _ => return Err(PatternError::Capture),
                },
                other => {
                    literal.push(other);
                    continue;
                }
            };
            if !literal.is_empty() {
                parts.push(PatternPart::Literal(std::mem::take(&mut literal)));
            } else if !matches!(parts.last(), None | Some(PatternPart::Literal(_))) {
                return Err(PatternError::NothingBetween);
            }
            parts.push(part);
        }
        if !literal.is_empty() {
            parts.push(PatternPart::Literal(literal));
        }
        Ok(Self { parts })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
