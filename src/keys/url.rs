//! URLs of identity providers, split as a request to a named cluster needs them.

use std::fmt;

/// An absolute http or https URL without a user and a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Whether the scheme is https.
    pub https: bool,
    /// The host and the port, if there is one.
    pub authority: String,
    /// The path, at least `/`, with the query if there is one.
    pub path: String,
}

impl Url {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (https, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return None,
        };
        let (authority, path) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len()))?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        let is_valid = !authority.is_empty()
            && authority.bytes().all(is_host)
            && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        is_valid.then(|| Self { https, authority: authority.to_owned(), path })
    }

    /// The URL of the discovery document of the issuer with this URL (OpenID Connect Discovery 1.0 §4.1).
    #[must_use]
    pub fn discovery(&self) -> Self {
        let path = format!("{}/.well-known/openid-configuration", self.path.trim_end_matches('/'));
        Self { path, ..self.clone() }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_and_malformed_urls_are_refused() {
        let url = Url::parse("https://idp.example.com:8443/realms/x?y=1").unwrap();
        assert_eq!(
            (url.https, url.authority.as_str(), url.path.as_str()),
            (true, "idp.example.com:8443", "/realms/x?y=1")
        );
        assert_eq!(Url::parse("http://h").unwrap().path, "/");
        assert_eq!(
            Url::parse("https://h/").unwrap().discovery().to_string(),
            "https://h/.well-known/openid-configuration"
        );
        assert_eq!(Url::parse("https://h/r/x").unwrap().discovery().path, "/r/x/.well-known/openid-configuration");
        for bad in [
            "",
            "h",
            "ftp://h/",
            "https://",
            "https:///p",
            "https://u@h/",
            "https://h/a b",
            "https://h/#f",
            "https://h/\r\nx",
        ] {
            assert!(Url::parse(bad).is_none(), "{bad}");
        }
    }
}
