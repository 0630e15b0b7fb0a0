//! The path of a request.

use super::HttpFault;

/// The bytes, other than letters and digits, that a path has unescaped (RFC 3986 §3.3). If there is any other, Go's `EscapedPath`
/// escapes the decoded path anew, and an escaped slash then separates segments.
const PLAIN: &[u8] = b"-._~!$&'()*+,;=:@";

/// The segments of a path, each decoded once. Go's server decodes the whole path and then splits it, so an escaped slash would
/// separate segments there: such paths are refused, and every other path is read alike.
///
/// # Errors
/// Two readers could read the path differently.
pub fn segments(path: &[u8]) -> Result<Vec<String>, HttpFault> {
    let path = path.strip_prefix(b"/").ok_or(HttpFault::PathSegment)?;
    path.split(|byte| *byte == b'/')
        .map(|segment| {
            let text = unescape(segment)?;
            // Proxies and servers differ in what they do about these, and some read the second as a slash.
            if text.contains(['/', '\\']) {
                return Err(HttpFault::PathEscape);
            }
            Ok(text)
        })
        .collect()
}

/// A segment, decoded once.
///
/// # Errors
/// It is empty or consists of dots, has an escape that is broken or stands for a control character, or is not UTF-8.
pub fn unescape(segment: &[u8]) -> Result<String, HttpFault> {
    let mut text = Vec::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            let (digits, after) = rest.split_first_chunk::<2>().ok_or(HttpFault::PathEscape)?;
            rest = after;
            text.push(hex(*digits).filter(|byte| !byte.is_ascii_control()).ok_or(HttpFault::PathEscape)?);
        } else if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) {
            text.push(byte);
        } else {
            return Err(HttpFault::PathByte);
        }
    }
    match text.as_slice() {
        b"" | b"." | b".." => Err(HttpFault::PathSegment),
        _ => String::from_utf8(text).map_err(|_| HttpFault::PathEscape),
    }
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn hex([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        assert_eq!(segments(b"/api/v1/namespaces").unwrap(), ["api", "v1", "namespaces"]);
        assert_eq!(
            segments(b"/%61pi/%70ayroll/a%20b%25/%C3%A9+:;=@").unwrap(),
            ["api", "payroll", "a b%", "\u{e9}+:;=@"]
        );
        assert_eq!(segments(b"/%2561/%3F%23").unwrap(), ["%61", "?#"]);
    }

    #[test]
    fn paths_that_two_readers_could_split_differently_are_refused() {
        use HttpFault::{PathByte, PathEscape, PathSegment};
        for (path, fault) in [
            (&b""[..], PathSegment),
            (b"api", PathSegment),
            (b"/", PathSegment),
            (b"/a/", PathSegment),
            (b"//a", PathSegment),
            (b"/a//b", PathSegment),
            (b"/a/./b", PathSegment),
            (b"/a/../b", PathSegment),
            (b"/a/%2e%2E/b", PathSegment),
            (b"/a/.%2e", PathSegment),
            (b"/a%2Fb", PathEscape),
            (b"/a%2fb", PathEscape),
            (b"/a%5Cb", PathEscape),
            (b"/a%00", PathEscape),
            (b"/a%0a", PathEscape),
            (b"/a%7f", PathEscape),
            (b"/a%", PathEscape),
            (b"/a%2", PathEscape),
            (b"/a%zz", PathEscape),
            (b"/a%+1", PathEscape),
            (b"/a%ff", PathEscape),
            (b"/a\\b", PathByte),
            (b"/a#b", PathByte),
            (b"/a b", PathByte),
            (b"/a\tb", PathByte),
            (b"/\xc3\xa9", PathByte),
            (b"/a%2Fb/\"", PathEscape),
            (b"/a/\"", PathByte),
            (b"/a/{b}", PathByte),
            (b"/a/[b]", PathByte),
            (b"/a/<b>", PathByte),
            (b"/a/b|c", PathByte),
            (b"/a/b^c", PathByte),
        ] {
            assert_eq!(segments(path), Err(fault), "{}", String::from_utf8_lossy(path));
        }
    }
}
