//! What the body of a failed fetch looks like. Providers and proxies answer with many things that are no JSON, and the place at
//! which a parser stops says little about them.

use std::fmt;

use serde_json::Value;

use crate::wire::json;

/// How many bytes are looked at.
const MAX_LOOKED_AT: usize = 512;

/// A kind of body that is not the JSON which was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    Empty,
    Gzip,
    Utf16,
    /// UTF-8 with a byte order mark, which JSON must not have (RFC 8259 §8.1).
    ByteOrderMark,
    /// A page for people, such as a login page or an error page, or XML.
    Markup,
    Pem,
    /// An object whose members are certificates, such as Google's for its older clients.
    Certificates,
    /// A discovery document.
    Discovery,
}

impl BodyKind {
    /// The kind of this body; `None` if it is of another.
    #[must_use]
    pub fn of(body: &[u8]) -> Option<Self> {
        let is_in = |text: &[u8]| {
            body.get(..body.len().min(MAX_LOOKED_AT))
                .is_some_and(|start| start.windows(text.len()).any(|window| window == text))
        };
        match body {
            [0x1f, 0x8b, ..] => return Some(Self::Gzip),
            [0xef, 0xbb, 0xbf, ..] => return Some(Self::ByteOrderMark),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{', ..] | [b'{', 0, ..] => return Some(Self::Utf16),
            _ => {}
        }
        match body.trim_ascii_start() {
            [] => Some(Self::Empty),
            [b'<', ..] => Some(Self::Markup),
            [b'-', b'-', b'-', b'-', b'-', ..] => Some(Self::Pem),
            [b'{', ..] if is_in(b"-----BEGIN") => Some(Self::Certificates),
            [b'{', ..] if is_discovery(body) => Some(Self::Discovery),
            _ => None,
        }
    }
}

fn is_discovery(body: &[u8]) -> bool {
    let is_too_large = body.len() > super::MAX_DOCUMENT;
    !is_too_large
        && json::parse_object(body).is_ok_and(|document| document.get("jwks_uri").is_some_and(Value::is_string))
}

impl fmt::Display for BodyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the body is empty",
            Self::Gzip => "the body is compressed with gzip",
            Self::Utf16 => "the body is UTF-16, expected UTF-8",
            Self::ByteOrderMark => "the body begins with a byte order mark, which JSON must not have",
            Self::Markup => "the body is HTML or XML, expected JSON",
            Self::Pem => "the body is PEM, expected JSON",
            Self::Certificates => "the body holds certificates, expected a key set with the list `keys`",
            Self::Discovery => "the body is a discovery document, expected a key set: use `discovery: true`",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_body_is_told() {
        for (body, expected) in [
            (&b""[..], Some(BodyKind::Empty)),
            (b" \r\n", Some(BodyKind::Empty)),
            (&[0x1f, 0x8b, 8, 0], Some(BodyKind::Gzip)),
            (b"\xef\xbb\xbf{\"keys\":[]}", Some(BodyKind::ByteOrderMark)),
            (b"\xff\xfe{\0", Some(BodyKind::Utf16)),
            (b"{\0\"\0", Some(BodyKind::Utf16)),
            (b"\0{\0\"", Some(BodyKind::Utf16)),
            (b"<!DOCTYPE html><html>", Some(BodyKind::Markup)),
            (b"\n<html>", Some(BodyKind::Markup)),
            (b"-----BEGIN PUBLIC KEY-----\n", Some(BodyKind::Pem)),
            (b"{\"a1\": \"-----BEGIN CERTIFICATE-----\\n\"}", Some(BodyKind::Certificates)),
            (b"{\"issuer\": \"https://a\", \"jwks_uri\": \"https://a/keys\"}", Some(BodyKind::Discovery)),
            (b"{\"keys\": []}", None),
            (b"{\"jwks_uri\": 7}", None),
            (b"no", None),
            (b"[]", None),
        ] {
            assert_eq!(BodyKind::of(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }
}
