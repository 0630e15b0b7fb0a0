//! An answer with its message.

use std::borrow::Cow;

use super::form::Form;
use super::{Answer, Code, details};
use crate::temporal::method::SERVICES;

/// Temporal's message to a caller without permission.
const DENIED: &str = "Request unauthorized.";

/// The maximum number of bytes of a request that an answer or a log line repeats.
const MAX_SHOWN: usize = 200;

/// An [`Answer`] with its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    answer: Answer,
    message: Cow<'static, str>,
    /// What the failure in the details says: the rule and the reason of a denial, or the namespace that is not found. `None` if
    /// clients may not know it.
    detail: Option<String>,
    form: Form,
}

impl Reply {
    pub const UNAUTHENTICATED: Self = Self::plain(Answer::Unauthenticated, "Request unauthenticated.");
    pub const UNAVAILABLE: Self = Self::plain(Answer::Unavailable, "The token cannot be verified yet; try again.");
    pub const BUSY: Self = Self::plain(Answer::Unavailable, "Too many requests are held; try again.");
    pub const TOO_MUCH_WORK: Self =
        Self::plain(Answer::TooMuchWork, "Your requests take too much work; try again, or send smaller ones.");
    pub const ANSWERED_EARLY: Self =
        Self::plain(Answer::Unavailable, "The server answered before the request was complete.");
    /// The server's answer, which the caller may see only in part, cannot be reduced to that part.
    pub const UNREADABLE_ANSWER: Self =
        Self::plain(Answer::Unavailable, "The answer cannot be reduced to what you may see; try again.");
    pub const CLOSED: Self = Self::plain(Answer::Closed, DENIED);
    pub const TOO_LARGE: Self = Self::plain(Answer::TooLarge, "grpc: received message larger than max (4194304)");

    const fn plain(answer: Answer, message: &'static str) -> Self {
        Self { answer, message: Cow::Borrowed(message), detail: None, form: Form::Grpc }
    }

    fn with_text(answer: Answer, message: String) -> Self {
        Self { answer, message: message.into(), detail: None, form: Form::Grpc }
    }

    /// The same reply for callers of this surface.
    #[must_use]
    pub fn in_form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// `explanation` is the rule and the reason, or `None` if clients may not know them.
    pub fn denied(explanation: Option<String>) -> Self {
        Self { detail: explanation, ..Self::plain(Answer::Denied, DENIED) }
    }

    /// Temporal's answer to a request that names an unknown namespace, by name or by id. Source:
    /// `serviceerror.NewNamespaceNotFound` of the API.
    pub fn namespace_not_found(namespace: String) -> Self {
        let message = format!("Namespace {namespace} is not found.");
        Self { detail: Some(namespace), ..Self::with_text(Answer::NamespaceNotFound, message) }
    }

    /// SDKs fall back to no compression if an answer 12 contains the word `grpc-encoding`.
    pub fn encoding(value: &[u8]) -> Self {
        Self::with_text(Answer::Encoding, format!("grpc-encoding {:?} is not supported", shown(value)))
    }

    pub fn malformed(why: &impl std::fmt::Display) -> Self {
        Self::with_text(Answer::Malformed, format!("Malformed request: {why}."))
    }

    pub fn content_encoding(value: &[u8]) -> Self {
        Self::with_text(Answer::Encoding, format!("content-encoding {:?} is not supported", shown(value)))
    }

    /// A path on the HTTP port that leads nowhere, and why.
    pub fn not_found(why: &impl std::fmt::Display) -> Self {
        Self::with_text(Answer::UnknownMethod, format!("Not Found: {why}"))
    }

    /// The message is the one that grpc-go sends.
    pub fn unknown_method(path: &[u8]) -> Self {
        let path = shown(path);
        let message = match path.strip_prefix('/').and_then(|path| path.rsplit_once('/')) {
            Some((service, method)) if SERVICES.contains(&service) => {
                format!("unknown method {method} for service {service}")
            }
            Some((service, _)) => format!("unknown service {service}"),
            None => format!("malformed method name: {path:?}"),
        };
        Self::with_text(Answer::UnknownMethod, message)
    }

    pub fn answer(&self) -> Answer {
        self.answer
    }

    /// The gRPC status.
    pub fn code(&self) -> Code {
        self.answer.row().code
    }

    pub fn http_status(&self) -> u32 {
        self.answer.row().http_status
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// The body for callers that do not speak gRPC; gRPC callers get it as the message of the status.
    pub fn body(&self) -> Cow<'_, str> {
        self.form.body(self.answer, &self.message, self.detail.as_deref())
    }

    /// The headers that go with the status.
    pub fn headers(&self) -> Vec<(&'static str, Cow<'static, str>)> {
        let content_type = self.form.content_type().map(|value| ("content-type", value.into()));
        let detail = self.detail.as_deref();
        let details = match self.answer {
            Answer::Denied | Answer::Closed => details::denied(DENIED, detail),
            Answer::NamespaceNotFound => details::namespace_not_found(&self.message, detail.unwrap_or_default()).into(),
            _ => Cow::default(),
        };
        let own = match self.answer {
            Answer::Unauthenticated => Some(("www-authenticate", "Bearer".into())),
            _ if self.form == Form::Grpc && !details.is_empty() => Some(("grpc-status-details-bin", details)),
            _ => None,
        };
        content_type.into_iter().chain(own).collect()
    }
}

/// The part of a request's bytes that an answer or a log line repeats.
pub fn clipped(bytes: &[u8]) -> &[u8] {
    bytes.get(..MAX_SHOWN).unwrap_or(bytes)
}

/// A request's bytes as text of bounded length.
pub fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(clipped(bytes)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_have_the_messages_of_grpc_go() {
        let text = |path: &[u8]| Reply::unknown_method(path).message().to_owned();
        assert_eq!(text(b"/pkg.Service/Method"), "unknown service pkg.Service");
        assert_eq!(text(b"/grpc.health.v1.Health/Look"), "unknown method Look for service grpc.health.v1.Health");
        assert_eq!(text(b"Method"), "malformed method name: \"Method\"");
        assert!(text(&[0xff; 5000]).len() < 1000);
    }

    #[test]
    fn messages_name_the_limit_that_is_enforced() {
        use crate::wire::grpc::MAX_MESSAGE;
        assert!(Reply::TOO_LARGE.message().ends_with(&format!("({MAX_MESSAGE})")));
        assert!(crate::wire::DecodeError::TooLarge.to_string().ends_with(&format!("{} MiB", MAX_MESSAGE >> 20)));
    }

    #[test]
    fn unsupported_encodings_have_the_word_that_sdks_look_for() {
        assert!(Reply::encoding(b"zstd").message().contains("grpc-encoding"));
    }
}
