//! How answers are written, for each of the surfaces that callers use.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{Answer, Code, details};

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As gRPC; callers that do not speak gRPC get a text.
    #[default]
    Grpc,
    /// As errors of Temporal's HTTP API.
    Api(ApiStyle),
    /// As failures of Nexus.
    Nexus,
}

/// How the caller wants JSON to be written. Source: `service/frontend/http_api_server.go`, `protojson_marshaler.go`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ApiStyle {
    pub pretty: bool,
    pub without_shorthand: bool,
}

impl ApiStyle {
    /// The style that a media type asks for. `None` if the server does not know it.
    #[must_use]
    pub fn of(media_type: &[u8]) -> Option<Self> {
        let styles = [(false, false), (true, false), (false, true), (true, true)];
        let styles = styles.map(|(pretty, without_shorthand)| Self { pretty, without_shorthand });
        styles.into_iter().find(|style| style.content_type().as_bytes() == media_type)
    }

    /// The content type of the server's answers. The first is odd, but it is the server's.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match (self.pretty, self.without_shorthand) {
            (false, false) => "*",
            (true, false) => "application/json+pretty",
            (false, true) => "application/json+no-payload-shorthand",
            (true, true) => "application/json+pretty+no-payload-shorthand",
        }
    }
}

impl Form {
    /// The content type of an answer. `None` if the host sets it.
    pub(super) fn content_type(self) -> Option<&'static str> {
        match self {
            Self::Grpc => None,
            Self::Api(style) => Some(style.content_type()),
            Self::Nexus => Some("application/json"),
        }
    }

    /// The body of an answer. `detail` is the explanation of a denial, or the namespace that is not found.
    pub(super) fn body<'a>(self, answer: Answer, message: &'a str, detail: Option<&str>) -> Cow<'a, str> {
        match self {
            Self::Grpc => message.into(),
            Self::Api(style) => api_error(style, answer, message, detail).into(),
            Self::Nexus => nexus_failure(answer, detail).into(),
        }
    }
}

/// A `google.rpc.Status` in JSON, with its members in the server's order.
fn api_error(style: ApiStyle, answer: Answer, message: &str, detail: Option<&str>) -> String {
    let code = match answer {
        // The code of the server for a path without a route.
        Answer::UnknownMethod => Code::NotFound,
        answer => answer.row().code,
    };
    let code = code.number();
    let failure = match answer {
        Answer::Denied | Answer::Closed => Some((details::PERMISSION_DENIED, "reason")),
        Answer::NamespaceNotFound => Some((details::NAMESPACE_NOT_FOUND, "namespace")),
        _ => None,
    };
    let details = failure.map(|(url, field)| (Value::from(url), detail.map(|detail| (field, Value::from(detail)))));
    let message = Value::from(message);
    let (newline, indent, space) = if style.pretty { ("\n", "  ", " ") } else { ("", "", "") };
    let mut text = format!("{{{newline}{indent}\"code\":{space}{code},{newline}{indent}\"message\":{space}{message}");
    if let Some((kind, detail)) = details {
        let i = indent;
        text.push_str(&format!(
            ",{newline}{i}\"details\":{space}[{newline}{i}{i}{{{newline}{i}{i}{i}\"@type\":{space}{kind}"
        ));
        if let Some((field, detail)) = detail {
            text.push_str(&format!(",{newline}{i}{i}{i}\"{field}\":{space}{detail}"));
        }
        text.push_str(&format!("{newline}{i}{i}}}{newline}{i}]"));
    }
    text.push_str(newline);
    text.push('}');
    text
}

/// A failure as the server writes it for a Nexus caller. Source: `common/nexus/nexusrpc/failure_converter.go`.
fn nexus_failure(answer: Answer, detail: Option<&str>) -> String {
    let (kind, message) = answer.row().nexus;
    let message = detail.map_or(Cow::from(message), |detail| format!("{message}: {detail}").into());
    let details = json!({"type": kind});
    format!(
        "{{\"message\":{},\"metadata\":{{\"type\":\"nexus.HandlerError\"}},\"details\":{details}}}",
        Value::from(&*message)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DENIED: &str = r#"{"code":7,"message":"Request unauthorized.","details":[{"@type":"type.googleapis.com/temporal.api.errordetails.v1.PermissionDeniedFailure"}]}"#;

    #[test]
    fn a_denial_has_the_bytes_of_the_server() {
        let body = |style, reason| Form::Api(style).body(Answer::Denied, "Request unauthorized.", reason).into_owned();
        assert_eq!(body(ApiStyle::default(), None), DENIED);
        let pretty = ApiStyle { pretty: true, without_shorthand: false };
        let lines = [
            "{",
            r#"  "code": 7,"#,
            r#"  "message": "Request unauthorized.","#,
            r#"  "details": ["#,
            "    {",
            r#"      "@type": "type.googleapis.com/temporal.api.errordetails.v1.PermissionDeniedFailure""#,
            "    }",
            "  ]",
            "}",
        ];
        assert_eq!(body(pretty, None), lines.join("\n"));
        let explained: Value = serde_json::from_str(&body(ApiStyle::default(), Some("\"x\""))).unwrap();
        assert_eq!(explained["details"][0]["reason"], "\"x\"");
    }

    #[test]
    fn a_hidden_namespace_has_the_bytes_of_the_server() {
        let body =
            Form::Api(ApiStyle::default()).body(Answer::NamespaceNotFound, "Namespace a is not found.", Some("a"));
        let failure =
            r#"{"@type":"type.googleapis.com/temporal.api.errordetails.v1.NamespaceNotFoundFailure","namespace":"a"}"#;
        assert_eq!(body, format!(r#"{{"code":5,"message":"Namespace a is not found.","details":[{failure}]}}"#));
    }

    #[test]
    fn other_errors_have_no_details() {
        let body = Form::Api(ApiStyle::default()).body(Answer::UnknownMethod, "Not \"Found\"", None);
        assert_eq!(body, r#"{"code":5,"message":"Not \"Found\""}"#);
    }

    #[test]
    fn nexus_callers_get_a_failure() {
        let body = Form::Nexus.body(Answer::Denied, "", None);
        assert_eq!(
            body,
            r#"{"message":"permission denied","metadata":{"type":"nexus.HandlerError"},"details":{"type":"UNAUTHORIZED"}}"#
        );
    }

    #[test]
    fn media_types_choose_the_style() {
        for style in [(false, false), (true, false), (false, true), (true, true)] {
            let style = ApiStyle { pretty: style.0, without_shorthand: style.1 };
            assert_eq!(ApiStyle::of(style.content_type().as_bytes()), Some(style));
        }
        assert_eq!(ApiStyle::of(b"application/json"), None);
    }
}
