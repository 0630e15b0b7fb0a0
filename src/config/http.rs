//! Reads `http`.

use super::fields::names;
use super::node::Node;
use super::problem::Expected;

/// What is served on Temporal's HTTP port. Everything that is not is answered as if it did not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpConfig {
    /// The HTTP API.
    pub api: bool,
    /// Nexus operations and their callbacks.
    pub nexus: bool,
    /// The descriptions of the API, for everybody.
    pub openapi: bool,
    /// What precedes each path. Empty if nothing does.
    pub path_prefix: String,
}

pub(super) fn http(node: &Node<'_>) -> Option<HttpConfig> {
    let members = node.members(&[names::HTTP])?;
    let flag = |name: &str| members.get(name).map_or(Some(false), |node| node.flag());
    let (api, nexus, openapi) = (flag("api"), flag("nexus"), flag("openapi"));
    let path_prefix = members.get("path_prefix").map_or(Some(String::new()), |node| {
        let prefix = node.text()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
        let is_segment = |segment: &str| !segment.is_empty() && segment.bytes().all(is_plain);
        match prefix.strip_prefix('/') {
            Some(segments) if segments.split('/').all(is_segment) => Some(prefix.to_owned()),
            _ => node.invalid(Expected::PathPrefix),
        }
    });
    Some(HttpConfig { api: api?, nexus: nexus?, openapi: openapi?, path_prefix: path_prefix? })
}
