//! Where a value is within a configuration.

use std::fmt;

use serde_json::Value;

/// The steps from the top level to a value, written as in `grants[2].who.claims["a/b"]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(pub Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Member(String),
    Index(usize),
}

impl Path {
    /// The path of a member of this value.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        self.then(Step::Member(name.to_owned()))
    }

    /// The path of an element of this list.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if self.0.is_empty() {
            return f.write_str("(top level)");
        }
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Member(name) if name.is_empty() || !name.bytes().all(is_plain) => {
                    write!(f, "[{}]", Value::from(name.as_str()))?;
                }
                Step::Member(name) => {
                    f.write_str(if depth == 0 { "" } else { "." })?;
                    f.write_str(name)?;
                }
            }
        }
        Ok(())
    }
}
