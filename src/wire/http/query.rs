//! The query of a request.

use super::HttpFault;
use super::path::hex;

/// How many parameters are read.
const MAX_PARAMETERS: usize = 100;

/// The names and values of a query, decoded as Go's `url.ParseQuery` decodes them.
///
/// # Errors
/// Two readers could read the query differently.
pub fn pairs(query: &[u8]) -> Result<Vec<(String, String)>, HttpFault> {
    // Some readers take it for a separator; Go refuses it.
    if query.contains(&b';') {
        return Err(HttpFault::QuerySeparator);
    }
    let parts = || query.split(|byte| *byte == b'&').filter(|part| !part.is_empty());
    if parts().count() > MAX_PARAMETERS {
        return Err(HttpFault::TooManyParameters);
    }
    parts()
        .map(|part| {
            let mut sides = part.splitn(2, |byte| *byte == b'=');
            Ok((unescape(sides.next().unwrap_or_default())?, unescape(sides.next().unwrap_or_default())?))
        })
        .collect()
}

fn unescape(part: &[u8]) -> Result<String, HttpFault> {
    let mut text = Vec::with_capacity(part.len());
    let mut rest = part;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => text.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_first_chunk::<2>().ok_or(HttpFault::QueryEscape)?;
                rest = after;
                text.push(hex(*digits).ok_or(HttpFault::QueryEscape)?);
            }
            _ => text.push(byte),
        }
    }
    String::from_utf8(text).map_err(|_| HttpFault::QueryEscape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Vec<(String, String)> {
        pairs(query.as_bytes()).unwrap()
    }

    #[test]
    fn names_and_values_are_decoded() {
        let expected = [("a", "1"), ("b.c", "x y"), ("d", ""), ("", "e"), ("f", "=&"), ("a", "2")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(read("a=1&b%2Ec=x+y&d&&=e&f=%3D%26&%61=2"), expected);
        assert_eq!(read(""), []);
    }

    #[test]
    fn anything_ambiguous_is_refused() {
        assert_eq!(pairs(b"a=1;b=2"), Err(HttpFault::QuerySeparator));
        for query in [&b"a=%"[..], b"a=%2", b"%zz=1", b"a=%ff", b"a=\xff"] {
            assert_eq!(pairs(query), Err(HttpFault::QueryEscape));
        }
        assert_eq!(pairs("a&".repeat(101).as_bytes()), Err(HttpFault::TooManyParameters));
        assert_eq!(pairs("a&".repeat(100).as_bytes()).unwrap().len(), 100);
    }
}
