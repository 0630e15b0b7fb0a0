//! Requests to identity providers.

use std::time::Duration;

use super::url::Url;

/// A GET request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    pub cluster: String,
    pub url: Url,
    pub timeout: Duration,
}
