//! The caller's certificate, as the proxy in front names it: `x-forwarded-client-cert`. Source: Envoy's documentation of
//! that header (`config.core` → HTTP header manipulation).

/// The identity in the header: that of its last element, which the nearest proxy wrote. Its first URI SAN, else its first
/// DNS SAN, else its subject.
#[must_use]
pub fn forwarded(header: &str) -> Option<String> {
    let element = split(header, ',')?.pop()?;
    let pairs: Vec<_> = split(element, ';')?.into_iter().filter_map(|pair| pair.trim().split_once('=')).collect();
    let first = |key: &str| {
        let (_, value) = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?;
        unquoted(value).filter(|value| !value.is_empty())
    };
    first("uri").or_else(|| first("dns")).or_else(|| first("subject"))
}

/// Splits where the separator is not inside quotes; none if a quote does not end.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(|char| {
        let plain = !escaped;
        escaped = plain && quoted && char == '\\';
        quoted ^= plain && char == '"';
        !quoted && char == separator
    });
    let parts = parts.collect();
    (!quoted).then_some(parts)
}

/// A value without its quotes and escapes; none where they are not in order.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else {
        return (!value.contains(['"', '\\'])).then(|| value.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let mut plain = String::new();
    let mut chars = inner.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => plain.push(chars.next()?),
            '"' => return None,
            other => plain.push(other),
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_then_dns_then_subject() {
        let forwarded = |header: &str| forwarded(header);
        let all = r#"By=spiffe://a/x;Hash=00;Subject="CN=w,O=\"co\"";URI=spiffe://td/ns/a/sa/w;DNS=w.a"#;
        assert_eq!(forwarded(all).as_deref(), Some("spiffe://td/ns/a/sa/w"));
        assert_eq!(forwarded("Hash=00;DNS=w.a;DNS=x.a").as_deref(), Some("w.a"));
        assert_eq!(forwarded(r#"Hash=0;Subject="CN=w,O=\"co\"""#).as_deref(), Some(r#"CN=w,O="co""#));
        assert_eq!(forwarded("URI=;DNS=w").as_deref(), Some("w"));
    }

    #[test]
    fn the_last_element_is_the_nearest_proxys() {
        assert_eq!(forwarded("URI=spiffe://forged,Hash=1;URI=spiffe://real").as_deref(), Some("spiffe://real"));
        assert_eq!(forwarded(r#"Subject="a,URI=spiffe://forged";Hash=1"#).as_deref(), Some("a,URI=spiffe://forged"));
        assert_eq!(forwarded("URI=spiffe://x,"), None);
    }

    #[test]
    fn what_names_nobody() {
        for header in ["", "Hash=1", "By=spiffe://a", r#"Subject="open"#, r#"URI="a"b""#, r#"URI=a"b"#, "uri"] {
            assert_eq!(forwarded(header), None, "{header}");
        }
    }
}
