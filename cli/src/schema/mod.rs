//! `temporal-auth schema`: the JSON Schema of configurations, for editors and pipelines. It is built from the library's
//! table of fields, and accepts everything that the filter accepts; only `check` knows most rules between fields.

#[cfg(test)]
mod generated;
mod names;
mod parts;
mod rules;
mod shape;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};
use temporal_auth::config::fields::{Absent, OBJECTS, Object};
use temporal_auth::temporal::{EffectSet, MethodRef};

use parts::{add, either, reference, text, words};
use shape::Shapes;

/// The schema as it is printed.
pub(crate) fn text_of_schema() -> Result<String, String> {
    let mut text = serde_json::to_string_pretty(&schema()?).map_err(|error| error.to_string())?;
    text.push('\n');
    Ok(text)
}

/// The schema of a configuration.
pub(crate) fn schema() -> Result<Value, String> {
    let methods = names::methods()?;
    let shapes = Shapes::new(&methods);
    let mut definitions = words_of_policies(&methods);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of temporal-auth",
    });
    for object in OBJECTS {
        match (object_schema(object, &shapes), object.name) {
            (Value::Object(root), "") => {
                root.into_iter().for_each(|(keyword, value)| add(&mut schema, &keyword, value))
            }
            (definition, name) => drop(definitions.insert(name.to_owned(), definition)),
        }
    }
    add(&mut schema, "$defs", Value::Object(definitions));
    Ok(schema)
}

/// An object with the fields of the table and no others.
fn object_schema(object: &Object, shapes: &Shapes) -> Value {
    let fields = || object.fields.iter().copied().flatten();
    let properties: Map<String, Value> = fields()
        .map(|field| {
            let mut schema = shapes.schema(field.shape, object.name);
            add(&mut schema, "description", json!(field.about));
            (field.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<_> = fields().filter(|field| field.absent == Absent::Required).map(|field| field.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        add(&mut schema, "required", json!(required));
    }
    rules::add_rules(object.name, &mut schema);
    schema
}

/// Definitions for the words that policies use.
fn words_of_policies(methods: &[(String, MethodRef)]) -> Map<String, Value> {
    let method_names: Vec<_> = methods.iter().map(|(name, _)| name.as_str()).collect();
    let effects: Vec<_> = EffectSet::ADMIN.names().collect();
    let added_method = text(Some(r"^(/?[A-Za-z0-9._]+/[A-Za-z0-9._]+|[A-Z][A-Za-z0-9._]*)$"));
    let definitions = [
        ("effect", words(&effects)),
        // Its bare name or its path; it may also be one of the configuration's own `methods`.
        ("method-name", either(&[words(&method_names), added_method])),
        ("effect-or-method", either(&[reference("effect"), reference("method-name")])),
        ("built-in-role", words(&names::roles())),
        ("algorithm", words(&names::algorithms())),
    ];
    definitions.into_iter().map(|(name, definition)| (name.to_owned(), definition)).collect()
}
