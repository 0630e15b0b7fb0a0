//! The syntax of patterns.

use super::{Pattern, PatternPart};

impl Pattern {
    /// # Errors
    /// The text is not a pattern. The error says what was expected instead.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
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
                    _ => return Err("`\\` before `*`, `{`, `}` or `\\` only"),
                },
                '*' => PatternPart::Star,
                '{' => match chars.as_str().split_once('}') {
                    Some((name, rest)) if is_name(name) => {
                        chars = rest.chars();
                        PatternPart::Capture(name.to_owned())
                    }
                    _ => return Err("a capture `{name}` of letters, digits and `_`"),
                },
                other => {
                    literal.push(other);
                    continue;
                }
            };
            if !literal.is_empty() {
                parts.push(PatternPart::Literal(std::mem::take(&mut literal)));
            } else if !matches!(parts.last(), None | Some(PatternPart::Literal(_))) {
                return Err("something literal between `*` and captures");
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
