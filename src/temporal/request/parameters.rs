//! Reads a request from the path and the query, for routes without a body. Source: `runtime/query.go` of grpc-gateway.

use super::super::http::Parameters;
use super::super::schema::{Shape, WatchedField};
use super::RequestScan;
use super::named::{NamedField, Value, enum_number, number_of};
use crate::wire::DecodeError;
use crate::wire::http::HttpFault;
use crate::wire::protobuf::Handler;

/// Parameters that say how the answer is written.
const ABOUT_THE_ANSWER: [&str; 2] = ["pretty", "noPayloadShorthand"];

/// A value for the field with a dotted name.
#[derive(Debug, Clone, Copy)]
struct Assignment<'a> {
    name: &'a str,
    value: &'a str,
    is_from_path: bool,
}

pub(super) fn read(scan: &mut RequestScan, parameters: &Parameters) -> Result<(), DecodeError> {
    let query = parameters.query.iter().filter(|(name, _)| !ABOUT_THE_ANSWER.contains(&name.as_str()));
    let query: Vec<_> = query.map(|(name, value)| Assignment { name, value, is_from_path: false }).collect();
    // The server reads such a name as the key of a map.
    if query.iter().any(|assignment| assignment.name.contains(['[', ']'])) {
        return Err(HttpFault::QueryKey.into());
    }
    let path = parameters.path.iter().map(|(name, value)| Assignment { name, value, is_from_path: true });
    assign(scan, path.chain(query).collect())
}

/// Sets fields of the innermost message.
fn assign(scan: &mut RequestScan, mut assignments: Vec<Assignment<'_>>) -> Result<(), DecodeError> {
    while let Some(first) = assignments.first() {
        let field = scan.named(head(first.name));
        if matches!(field, NamedField::Unknown) {
            scan.note_unknown();
            assignments.remove(0);
            continue;
        }
        let (same, rest): (Vec<_>, _) =
            assignments.into_iter().partition(|other| scan.named(head(other.name)).is(field));
        assignments = rest;
        set(scan, field, same)?;
    }
    Ok(())
}

/// Sets one field of the innermost message from everything that names it or a field within it.
fn set(scan: &mut RequestScan, field: NamedField, assignments: Vec<Assignment<'_>>) -> Result<(), DecodeError> {
    let has_value = |assignment: &Assignment<'_>| !assignment.name.contains('.');
    match (field, assignments.as_slice()) {
        (NamedField::OwnNamespace, [only]) if has_value(only) => scan.put_own_namespace(only.value),
        (NamedField::OwnNamespace, [_]) => Err(HttpFault::Parameter.into()),
        (NamedField::OwnNamespace, _) => Err(HttpFault::DuplicateParameter.into()),
        // What the path names must not be named again, even if no decision depends on it. Other fields may be lists.
        (NamedField::Other(_), many) if many.iter().filter(|one| has_value(one)).count() > 1 => {
            let is_in_path = many.iter().any(|one| has_value(one) && one.is_from_path);
            if is_in_path { Err(HttpFault::DuplicateParameter.into()) } else { Ok(()) }
        }
        (NamedField::Other(_) | NamedField::Unknown, _) => Ok(()),
        (NamedField::Watched(_, watched), many) => {
            if let Shape::Message(_) = watched.meaning.shape() {
                return message(scan, watched, many);
            }
            match many {
                [] => Ok(()),
                many if !many.iter().all(has_value) => Err(HttpFault::Parameter.into()),
                [_, _, ..] if !watched.repeated => Err(HttpFault::DuplicateParameter.into()),
                many => many.iter().try_for_each(|assignment| value(scan, watched, assignment.value)),
            }
        }
    }
}

fn message(scan: &mut RequestScan, watched: &WatchedField, fields: &[Assignment<'_>]) -> Result<(), DecodeError> {
    let inside = fields.iter().map(|field| field.name.split_once('.').map(|(_, name)| Assignment { name, ..*field }));
    // The server sets neither a message as a whole nor a field of a repeated one.
    let inside: Option<Vec<_>> = inside.collect();
    let inside = inside.filter(|_| !watched.repeated).ok_or(HttpFault::Parameter)?;
    if scan.enter(watched.number)? {
        assign(scan, inside)?;
        scan.end_message();
    }
    Ok(())
}

fn value(scan: &mut RequestScan, watched: &WatchedField, text: &str) -> Result<(), DecodeError> {
    let value = match watched.meaning.shape() {
        Shape::Text => Some(Value::Text(text)),
        Shape::Bytes => return scan.put_base64(watched.number, text),
        Shape::Flag => flag(text).map(|flag| Value::Number(u64::from(flag))),
        Shape::Enum(names) if text.starts_with(|first: char| first.is_ascii_digit()) => {
            let number = text.parse().ok().filter(|number| names.values.iter().any(|(_, known)| known == number));
            number.map(number_of)
        }
        Shape::Enum(names) => enum_number(names, text),
        Shape::Message(_) | Shape::Presence => None,
    };
    scan.put(watched.number, value.ok_or(HttpFault::Parameter)?)
}

/// A boolean as Go's `strconv.ParseBool` reads it.
fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn head(name: &str) -> &str {
    name.split_once('.').map_or(name, |(head, _)| head)
}
