//! Why an HTTP request is refused.

use std::fmt;

/// Why an HTTP request is refused before any policy is evaluated: the server would not decode it, or two readers could read it
/// differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFault {
    /// A byte that is not visible ASCII, or that means something else to other readers.
    PathByte,
    PathEscape,
    /// An empty segment, or one of dots.
    PathSegment,
    /// An id that older servers take for a word of another route.
    WordOfOlderServers,
    QueryEscape,
    QuerySeparator,
    QueryKey,
    TooManyParameters,
    /// Several parameters, or a parameter and the path, name the same field.
    DuplicateParameter,
    /// The value of a parameter does not fit its field.
    Parameter,
    MethodOverride,
    Upgrade,
    Form,
    BodyNotExpected,
    ContentLength,
    Trailers,
    /// The body is not one JSON object.
    Json,
    /// The value of a member does not fit its field.
    JsonValue,
    DuplicateMember,
    /// More members than any message has fields.
    TooManyMembers,
    /// Two members of which a message may have only one.
    SecondArm,
    /// The body names a field that the path also names, differently.
    PathContradicted,
    Base64,
}

impl fmt::Display for HttpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PathByte => "a character in the path that is not allowed there",
            Self::PathEscape => "a percent escape in the path that is not allowed there",
            Self::PathSegment => "an empty or dotted segment in the path",
            Self::WordOfOlderServers => "an id that older servers take for an operation",
            Self::QueryEscape => "a broken percent escape in the query",
            Self::QuerySeparator => "a semicolon in the query",
            Self::QueryKey => "a bracket in the name of a query parameter",
            Self::TooManyParameters => "too many query parameters",
            Self::DuplicateParameter => "a field named twice by the path or the query",
            Self::Parameter => "a query parameter whose value does not fit its field",
            Self::MethodOverride => "x-http-method-override is not supported",
            Self::Upgrade => "an upgrade to another protocol is not supported",
            Self::Form => "form bodies are not supported",
            Self::BodyNotExpected => "a body on a route that has none",
            Self::ContentLength => "a content-length that is not a number",
            Self::Trailers => "trailers after an HTTP body",
            Self::Json => "the body is not exactly one JSON object",
            Self::JsonValue => "a JSON value that does not fit its field",
            Self::DuplicateMember => "a field given twice in JSON",
            Self::TooManyMembers => "too many fields in JSON",
            Self::SecondArm => "two JSON members of which only one may be set",
            Self::PathContradicted => "the body contradicts the path",
            Self::Base64 => "text that is not base64",
        })
    }
}
