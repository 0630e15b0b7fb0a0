//! The texts of a claim's value.

use std::borrow::Cow;

use serde_json::Value;

/// The texts in a claim's value. A string is split at spaces if `split` is true.
pub(crate) fn texts(value: &Value, split: bool) -> Vec<Cow<'_, str>> {
    match value {
        Value::String(text) if split => text.split(' ').filter(|word| !word.is_empty()).map(Cow::Borrowed).collect(),
        Value::Array(values) => values.iter().filter_map(text).collect(),
        other => text(other).into_iter().collect(),
    }
}

pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(yes) => Some(Cow::Borrowed(if *yes { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
