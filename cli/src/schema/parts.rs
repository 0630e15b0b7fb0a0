//! Schemas of common values, from which the schema is built.

use serde_json::{Value, json};

/// Adds a keyword to a schema.
pub(super) fn add(schema: &mut Value, keyword: &str, value: Value) {
    if let Some(keywords) = schema.as_object_mut() {
        keywords.insert(keyword.to_owned(), value);
    }
}

/// A definition by its name.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

pub(super) fn words(words: &[&str]) -> Value {
    json!({"enum": words})
}

pub(super) fn either(schemas: &[Value]) -> Value {
    json!({"anyOf": schemas})
}

pub(super) fn flag() -> Value {
    json!({"type": "boolean"})
}

/// A string that is not empty.
pub(super) fn text(pattern: Option<&str>) -> Value {
    match pattern {
        Some(pattern) => json!({"type": "string", "pattern": pattern}),
        None => json!({"type": "string", "minLength": 1}),
    }
}

pub(super) fn duration() -> Value {
    text(Some("^[0-9]+(ms|s|m|h)$"))
}

/// A date and time of RFC 3339.
pub(super) fn instant() -> Value {
    text(Some(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"))
}

pub(super) fn list(least: usize, items: Value) -> Value {
    let mut list = json!({"type": "array", "items": items});
    if least > 0 {
        add(&mut list, "minItems", json!(least));
    }
    list
}

pub(super) fn one_or_list(item: Value) -> Value {
    either(&[item.clone(), list(1, item)])
}

/// A schema for each field that requires it.
pub(super) fn any_of(fields: &[&str]) -> Value {
    fields.iter().map(|field| json!({"required": [field]})).collect()
}

/// Values by names of the operator's choice.
pub(super) fn map(least: usize, values: Value) -> Value {
    json!({"type": "object", "minProperties": least, "additionalProperties": values})
}

/// A character that stands for itself.
const LITERAL: &str = r"(?:[^*{\\]|\\[*{}\\])";
const CAPTURE: &str = r"\{[A-Za-z0-9_]+\}";

/// A pattern of any form.
pub(super) fn pattern() -> Value {
    written(&format!(r"^(?:{LITERAL}|(?:\*|{CAPTURE}){LITERAL})*(?:\*|{CAPTURE})?$"))
}

/// A pattern that is matched against a value, which may be a number or a boolean.
pub(super) fn matcher(captures: bool) -> Value {
    let glob = format!(r"(?:{LITERAL}|\*{LITERAL})*\*?");
    let pattern = if captures { format!("^(?:{glob}|{LITERAL}*{CAPTURE}{LITERAL}*)$") } else { format!("^{glob}$") };
    either(&[written(&pattern), json!({"type": ["number", "boolean"]})])
}

fn written(pattern: &str) -> Value {
    json!({"type": "string", "minLength": 1, "pattern": pattern})
}

/// Claims by name, each with a pattern or a list of them.
pub(super) fn claims(captures: bool) -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": claim_name(),
        "additionalProperties": one_or_list(matcher(captures)),
    })
}

/// A claim's name, or a JSON pointer to it.
pub(super) fn claim_name() -> Value {
    json!({"type": "string", "minLength": 1, "not": {"const": "/"}})
}
