//! `x-forwarded-client-cert`: it is read as simple code reads it. Whatever a caller writes in front, only the element
//! of the nearest proxy counts, or the header is refused.

use temporal_auth::identity::xfcc::peer_name;

/// The header split at the separators outside of quotes; `None` if a quote does not end.
fn split(text: &str, separator: char) -> Option<Vec<String>> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for char in text.chars() {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if char == separator && !quoted => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(char);
    }
    (!quoted).then_some(parts)
}

/// The name and the value of a pair, without quotes and escapes.
fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let value = value.trim_end();
    let value = match value.strip_prefix('"') {
        None if value.contains(['"', '\\']) => return None,
        None => value.to_owned(),
        Some(rest) => {
            // The closing quote must be the last character.
            let (mut plain, mut chars) = (String::new(), rest.chars());
            loop {
                match chars.next()? {
                    '"' if chars.as_str().is_empty() => break plain,
                    '"' => return None,
                    '\\' => plain.push(chars.next()?),
                    char => plain.push(char),
                }
            }
        }
    };
    is_name(name.trim()).then(|| (name.trim().to_ascii_lowercase(), value))
}

fn naive(header: &str) -> Result<Option<String>, ()> {
    let elements = split(header, ',').ok_or(())?;
    let pairs = |element: &String| split(element, ';')?.iter().map(|text| pair(text)).collect::<Option<Vec<_>>>();
    let elements: Vec<_> = elements.iter().map(pairs).collect::<Option<_>>().ok_or(())?;
    let last = elements.last().ok_or(())?;
    let first = |name: &str| last.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Ok(["uri", "dns", "subject"].into_iter().find_map(|name| first(name).filter(|value| !value.is_empty())))
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some((mode, bytes)) = data.split_first() else { return };
    let read = peer_name(bytes).map_err(|_| ());
    let Ok(text) = std::str::from_utf8(bytes) else { return assert_eq!(read, Err(())) };
    assert_eq!(read, naive(text), "{text:?}");
    // A line feed separates the caller's own header from the subject of the certificate, which the proxy quotes.
    let (own, subject) = text.split_once('\n').unwrap_or((text, ""));
    let subject = subject.replace('\\', "\\\\").replace('"', "\\\"");
    let uri = if mode & 1 == 1 { ";URI=spiffe://cluster/caller" } else { "" };
    let element = format!("By=spiffe://cluster/front;Hash=0a;Subject=\"{subject}\"{uri}");
    let alone = peer_name(element.as_bytes());
    assert!(alone.is_ok(), "{element}");
    let both = peer_name(format!("{own},{element}").as_bytes());
    assert!(both.is_err() || both == alone, "{own:?} {element:?}: {both:?}");
}
