//! The status table: what a caller is told. The reason stays in the log.

mod details;

use std::borrow::Cow;

use crate::temporal::method::SERVICES;
use crate::wire::DecodeError;

/// Why a request does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// No good token. Refreshable, so never confused with a denial.
    Unauthenticated,
    /// The token is good and the policy says no; why, where clients may know.
    Denied(Option<String>),
    /// It cannot be said yet: retried by every SDK, whereas 7 or 16 ends workers.
    Unavailable,
    /// A compression that is not read here: SDKs fall back to none.
    Encoding(String),
    /// Temporal would not decode it, or would not answer it, or it could be read in two ways.
    Malformed(DecodeError),
    /// A message over Temporal's limit.
    TooLarge,
    /// Nothing that the server has: what an older server says.
    UnknownMethod(String),
    /// AdminService, reflection and health watching while they are closed.
    Closed,
}

/// What Temporal says to who may not.
const DENIED: &str = "Request unauthorized.";

/// How much of a request's path an answer repeats.
const MAX_PATH: usize = 200;

impl Answer {
    /// The HTTP status for callers that do not speak gRPC.
    #[must_use]
    pub fn http_status(&self) -> u32 {
        match self {
            Self::Unauthenticated => 401,
            Self::Denied(_) | Self::Closed => 403,
            Self::Unavailable => 503,
            Self::Encoding(_) => 415,
            Self::Malformed(_) => 400,
            Self::TooLarge => 413,
            Self::UnknownMethod(_) => 404,
        }
    }

    /// The gRPC status.
    #[must_use]
    pub fn grpc_status(&self) -> u32 {
        match self {
            Self::Unauthenticated => 16,
            Self::Denied(_) | Self::Closed => 7,
            Self::Unavailable => 14,
            Self::Encoding(_) | Self::UnknownMethod(_) => 12,
            Self::Malformed(_) => 3,
            Self::TooLarge => 8,
        }
    }

    /// What the caller reads.
    #[must_use]
    pub fn message(&self) -> Cow<'static, str> {
        match self {
            Self::Unauthenticated => "Request unauthenticated.".into(),
            Self::Denied(_) | Self::Closed => DENIED.into(),
            Self::Unavailable => "The token cannot be verified yet; try again.".into(),
            Self::Encoding(name) => format!("grpc-encoding {name} is not supported").into(),
            Self::Malformed(why) => format!("Malformed request: {why}.").into(),
            Self::TooLarge => "grpc: received message larger than max (4194304)".into(),
            Self::UnknownMethod(path) => match path.strip_prefix('/').and_then(|path| path.rsplit_once('/')) {
                Some((service, method)) if SERVICES.contains(&service) => {
                    format!("unknown method {method} for service {service}").into()
                }
                Some((service, _)) => format!("unknown service {service}").into(),
                None => format!("malformed method name: {path:?}").into(),
            },
        }
    }

    /// Headers beside the status.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, Cow<'static, str>)> {
        let denied = |reason| vec![("grpc-status-details-bin", details::denied(DENIED, reason))];
        match self {
            Self::Unauthenticated => vec![("www-authenticate", "Bearer".into())],
            Self::Denied(reason) => denied(reason.as_deref()),
            Self::Closed => denied(None),
            _ => Vec::new(),
        }
    }

    /// Whether `mode: shadow` lets the call go on all the same.
    #[must_use]
    pub fn is_spared_in_shadow(&self) -> bool {
        matches!(self, Self::Unauthenticated | Self::Denied(_) | Self::Closed | Self::Unavailable)
    }

    /// A bounded word for metrics and Envoy's response code details.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unauthenticated => Reason::Unauthenticated,
            Self::Denied(_) => Reason::Permission,
            Self::Unavailable => Reason::Unavailable,
            Self::Encoding(_) => Reason::Encoding,
            Self::Malformed(_) => Reason::Malformed,
            Self::TooLarge => Reason::TooLarge,
            Self::UnknownMethod(_) => Reason::UnknownMethod,
            Self::Closed => Reason::Closed,
        }
    }

    /// [`Answer::UnknownMethod`] for this path.
    #[must_use]
    pub fn unknown_method(path: &[u8]) -> Self {
        Self::UnknownMethod(shown(path))
    }

    /// [`Answer::Encoding`] for this value of the header.
    #[must_use]
    pub fn encoding(value: &[u8]) -> Self {
        Self::Encoding(format!("{:?}", shown(value)))
    }
}

/// As much of the request's bytes as an answer or a log repeats.
#[must_use]
pub fn clipped(bytes: &[u8]) -> &[u8] {
    bytes.get(..MAX_PATH).unwrap_or(bytes)
}

/// Bytes of the request for an answer or a log: text of bounded length.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(clipped(bytes)).into_owned()
}

/// Why requests are refused, as counters tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is that of the answer of its name")]
pub enum Reason {
    Unauthenticated,
    Permission,
    Unavailable,
    Encoding,
    Malformed,
    TooLarge,
    UnknownMethod,
    Closed,
}

impl Reason {
    /// Its name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unauthenticated => "unauthenticated",
            Self::Permission => "permission",
            Self::Unavailable => "unavailable",
            Self::Encoding => "encoding",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::UnknownMethod => "unknown_method",
            Self::Closed => "closed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_are_answered_as_grpc_go_does() {
        let text = |path: &[u8]| Answer::unknown_method(path).message().into_owned();
        assert_eq!(text(b"/pkg.Service/Method"), "unknown service pkg.Service");
        assert_eq!(text(b"/grpc.health.v1.Health/Look"), "unknown method Look for service grpc.health.v1.Health");
        assert_eq!(text(b"Method"), "malformed method name: \"Method\"");
        assert!(text(&[0xff; 5000]).len() < 1000);
    }

    #[test]
    fn compression_answers_have_the_words_that_sdks_look_for() {
        assert!(Answer::encoding(b"zstd").message().contains("grpc-encoding"));
    }
}
