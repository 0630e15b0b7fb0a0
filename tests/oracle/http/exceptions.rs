//! The requests that Temporal's gateway reads and this library refuses, each with its reason. docs/parity.md lists them for
//! operators.

use serde::de::IgnoredAny;
use temporal_auth::report::Rejection;
use temporal_auth::wire::DecodeError;
use temporal_auth::wire::http::HttpFault;

use super::case::HttpCase;
use crate::exceptions::exceptions;

exceptions! {
    // No client writes these, and proxies and servers read them differently.
    PathByte: "a byte that is not visible ASCII, a backslash or a `#` in the path",
    /// The server decodes the path before it splits it.
    PathEscape: "an escaped slash, backslash or control character in the path, or a path that is not UTF-8",
    PathSegment: "an escaped segment of dots in the path",
    AbsoluteForm: "a target in absolute form",
    /// Where a method has no field that the path does not name, the gateway reads no query and ignores what is wrong with it.
    Query: "a query that is not UTF-8, or is broken where none is read",
    /// The gateway reads such a name as the key of a map.
    QueryKey: "a bracket in the name of a parameter",
    /// The gateway ignores what the path names, and takes two names of one field in a random order.
    DuplicateParameter: "a parameter for a field of the path, or by both names",
    Parameter: "a parameter in an odd form, such as the number of an enum's value with zeros before it",
    BodyNotExpected: "a body on a route without one",
    MethodOverride: "X-HTTP-Method-Override",
    Form: "the content type of a form",
    /// The server ignores the header.
    ContentEncoding: "a compressed body",
    AfterBody: "something after the JSON of a body",
    /// Integers in other forms, and names of enums in the forms of old versions.
    JsonValue: "a number or a name of an enum in an odd form",
    /// The gateway takes the path's.
    PathContradicted: "a body that contradicts the path",
    Base64: "line breaks in base64",
}

impl Exception {
    /// The exception for a request that Temporal reads and this library rejects.
    pub fn of(rejection: &Rejection, case: &HttpCase) -> Option<Self> {
        Some(match rejection {
            Rejection::ContentEncoding(_) => Self::ContentEncoding,
            // A form may call a route that has another verb.
            Rejection::UnknownRoute if case.has_header("content-type", FORM) => Self::Form,
            Rejection::UnknownMethod(_) if !case.target.starts_with(b"/") => Self::AbsoluteForm,
            Rejection::Request(DecodeError::NotUtf8) if has_more_after_its_json(&case.body) => Self::AfterBody,
            Rejection::Request(DecodeError::Http(fault)) => match fault {
                HttpFault::PathSegment if !case.target.starts_with(b"/") => Self::AbsoluteForm,
                HttpFault::PathByte => Self::PathByte,
                HttpFault::PathEscape => Self::PathEscape,
                HttpFault::PathSegment => Self::PathSegment,
                HttpFault::QueryEscape | HttpFault::QuerySeparator => Self::Query,
                HttpFault::QueryKey => Self::QueryKey,
                HttpFault::DuplicateParameter => Self::DuplicateParameter,
                HttpFault::Parameter => Self::Parameter,
                HttpFault::BodyNotExpected => Self::BodyNotExpected,
                HttpFault::MethodOverride => Self::MethodOverride,
                HttpFault::Form => Self::Form,
                HttpFault::Json if has_more_after_its_json(&case.body) => Self::AfterBody,
                HttpFault::JsonValue => Self::JsonValue,
                HttpFault::PathContradicted => Self::PathContradicted,
                HttpFault::Base64 => Self::Base64,
                _ => return None,
            },
            _ => return None,
        })
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a body begins with a JSON value and does not end with it.
fn has_more_after_its_json(body: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    values.next().is_some_and(|first| first.is_ok()) && values.next().is_some()
}
