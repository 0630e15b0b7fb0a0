//! `x-forwarded-client-cert`, by which the proxy in front describes the caller's certificate. Source: Envoy's documentation of
//! that header (`config.core` → HTTP header manipulation).

/// The header cannot be read, or can be read in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadableHeader;

/// What Envoy's formatters write for a value that does not exist, as a waypoint does for a caller without a certificate.
const NOTHING: &str = "-";

/// The peer's name in the last element of the header, which the nearest proxy wrote: the first URI SAN, else the first DNS SAN,
/// else the subject. `None` if the element has none of these.
///
/// # Errors
/// The header as a whole is malformed. The caller may have written the elements before the last, and an unclosed quote in
/// them would make text of the caller's certificate look like an element.
pub fn peer_name(header: &[u8]) -> Result<Option<String>, UnreadableHeader> {
    let header = std::str::from_utf8(header).map_err(|_| UnreadableHeader)?;
    let mut rest = Some(header);
    let mut pairs = Vec::new();
    while let Some(text) = rest {
        let (pair, end, next) = pair(text).ok_or(UnreadableHeader)?;
        pairs.push(pair);
        match end {
            Some(',') => pairs.clear(),
            Some(_) => {}
            None => break,
        }
        rest = Some(next);
    }
    let first = |key: &str| {
        let named = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        named.map(|(_, value)| value.clone()).filter(|value| !value.is_empty() && value != NOTHING)
    };
    Ok(first("uri").or_else(|| first("dns")).or_else(|| first("subject")))
}

/// A pair `key=value`, the separator after it, and the rest of the text.
fn pair(text: &str) -> Option<((&str, String), Option<char>, &str)> {
    let (key, text) = text.split_once('=')?;
    let key = key.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (value, text) = match text.strip_prefix('"') {
        Some(text) => quoted(text)?,
        None => {
            let (value, rest) = text.split_at_checked(text.find([',', ';']).unwrap_or(text.len()))?;
            (!value.contains(['"', '\\'])).then_some((value.trim_end().to_owned(), rest))?
        }
    };
    let mut rest = text.trim_start().chars();
    match rest.next() {
        end @ (None | Some(',' | ';')) => Some(((key, value), end, rest.as_str())),
        Some(_) => None,
    }
}

/// A value up to its closing quote, without escapes, and the text after the quote.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(header: &str) -> Option<String> {
        peer_name(header.as_bytes()).unwrap()
    }

    #[test]
    fn uri_then_dns_then_subject() {
        let all = r#"By=spiffe://a/x;Hash=00;Subject="CN=w,O=\"co\"";URI=spiffe://td/ns/a/sa/w;DNS=w.a"#;
        assert_eq!(named(all).as_deref(), Some("spiffe://td/ns/a/sa/w"));
        assert_eq!(named("Hash=00;DNS=w.a;DNS=x.a").as_deref(), Some("w.a"));
        assert_eq!(named(r#"Hash=0;Subject="CN=w,O=\"co\"""#).as_deref(), Some(r#"CN=w,O="co""#));
        assert_eq!(named("URI=;DNS=w").as_deref(), Some("w"));
        assert_eq!(named("URI=-;DNS=w").as_deref(), Some("w"));
        assert_eq!(named(r#"Hash=0; URI="spiffe://a/w" ; DNS=w"#).as_deref(), Some("spiffe://a/w"));
    }

    #[test]
    fn the_last_element_is_the_nearest_proxys() {
        assert_eq!(named("URI=spiffe://forged,Hash=1;URI=spiffe://real").as_deref(), Some("spiffe://real"));
        assert_eq!(named(r#"Subject="a,URI=spiffe://forged";Hash=1"#).as_deref(), Some("a,URI=spiffe://forged"));
        assert_eq!(named("URI=spiffe://a, Hash=1;URI=spiffe://b").as_deref(), Some("spiffe://b"));
    }

    #[test]
    fn an_element_may_have_no_name() {
        for header in
            ["Hash=1", "By=spiffe://a", "URI=spiffe://x,Hash=1", "URI=", "URI=-", "By=-;URI=-;DNS=-", r#"Subject="""#]
        {
            assert_eq!(named(header), None, "{header}");
        }
    }

    #[test]
    fn headers_that_can_be_read_in_two_ways_are_refused() {
        for header in [
            "",
            "uri",
            "URI=spiffe://x,",
            ",URI=spiffe://x",
            "URI=spiffe://x;",
            "=x",
            r#"Subject="open"#,
            r#"URI="a"b""#,
            r#"URI=a"b"#,
            r#"URI=a\b"#,
            "U RI=a",
            // A quote in the caller's own element, which would hide or replace the nearest proxy's element.
            r#"X=",By=spiffe://front;Hash=1;Subject="CN=cli";URI=spiffe://cli"#,
            r#"URI=spiffe://admin;X=",By=spiffe://front;Hash=1;Subject="O=\"a\"";URI=spiffe://cli"#,
            r#"URI=spiffe://admin;X="\",By=spiffe://front;Hash=1;Subject="CN=a\"b,O=c\"d";URI=spiffe://cli"#,
        ] {
            assert_eq!(peer_name(header.as_bytes()), Err(UnreadableHeader), "{header}");
        }
        assert_eq!(peer_name(b"URI=\xff"), Err(UnreadableHeader));
    }
}
