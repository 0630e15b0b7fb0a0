//! The server's version, as its answers say it.

use super::list::only_field;

/// The method whose answer says which version the server has.
pub const GET_SYSTEM_INFO: &str = "/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo";

/// A release of Temporal's server, without its patch level: patches add no methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion {
    pub major: u32,
    pub minor: u32,
}

impl ServerVersion {
    /// The server whose metadata of methods the table was made from: `data/temporal/api_metadata.tsv`.
    pub const OF_TABLE: Self = Self { major: 1, minor: 32 };

    /// `None` if the text does not begin with a version, as that of a development build may not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.strip_prefix('v').unwrap_or(text).split(['.', '-', '+']);
        Some(Self { major: numbers.next()?.parse().ok()?, minor: numbers.next()?.parse().ok()? })
    }
}

impl std::fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The version in an answer of GetSystemInfo. Source: GetSystemInfoResponse.
#[must_use]
pub fn server_version(message: &[u8]) -> Option<ServerVersion> {
    ServerVersion::parse(std::str::from_utf8(only_field(message, 1)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::protobuf::write_field;

    fn answer(version: &str) -> Vec<u8> {
        let mut message = Vec::new();
        write_field(&mut message, 1, version.as_bytes());
        message
    }

    #[test]
    fn releases_are_compared_by_number() {
        let read = |text: &str| server_version(&answer(text));
        assert_eq!(read("1.32.2"), Some(ServerVersion::OF_TABLE));
        assert!(
            read("1.9.0") < read("1.32.0") && read("1.33.0-153.1") > read("v1.32.9") && read("2.0.0") > read("1.99")
        );
        for other in ["", "dev", "1", "1.x", "-1.32", "99999999999.1"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(server_version(b"\xff"), None);
    }
}
