//! Headers that carry a token: reading a hostile header map does not panic, and the token is the one that simple code
//! finds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use temporal_auth::token::bearer::{self, Bearer, TokenHeaders};
use temporal_auth::wire::headers::{Headers, serialize};

/// Two headers that may carry a token, and one that may not.
const NAMES: [&str; 3] = ["authorization", "x-token", "x-other"];

/// Headers from a fuzzer's bytes. Each is the index of a name, a length and a value.
fn headers(mut data: &[u8]) -> Vec<(&'static [u8], &[u8])> {
    let mut headers = Vec::new();
    while let Some(([name, length], rest)) = data.split_first_chunk::<2>() {
        let (value, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        headers.push((NAMES[usize::from(*name) % 3].as_bytes(), value));
        data = rest;
    }
    headers
}

/// A text without the scheme, and once if it is repeated.
fn plain(value: &str) -> &str {
    let without = |text| {
        let text: &str = text;
        if text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer ")) { &text[7..] } else { text }
    };
    let token = without(value);
    let pieces: Vec<_> = token.split(',').map(|piece| piece.trim_matches(|c: char| c.is_ascii_whitespace())).collect();
    if pieces.len() > 1 && pieces[1..].iter().all(|piece| without(piece) == pieces[0]) { pieces[0] } else { token }
}

fn is_jwt(value: &str) -> bool {
    let parts: Vec<_> = plain(value).split('.').collect();
    let header = URL_SAFE_NO_PAD.decode(parts[0]).unwrap_or_default();
    parts.len() == 3 && header.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// The token that counts; `None` if no header carries one. `ordered` says that of two JWTs that of `authorization` counts.
///
/// # Errors
/// Several values could count, or the value is not a token.
fn naive(headers: &[(&[u8], &[u8])], ordered: bool) -> Result<Option<String>, ()> {
    let of = |name: &str| {
        let mut values: Vec<_> =
            headers.iter().filter(|(known, value)| *known == name.as_bytes() && !value.is_empty()).collect();
        values.dedup();
        values.iter().map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
    };
    let found = ["authorization", "x-token"].map(of);
    let (name, value) = match &found {
        [a, b] if a.len() > 1 || b.len() > 1 => return Err(()),
        [a, b] if a.is_empty() && b.is_empty() => return Ok(None),
        [a, b] if a.is_empty() => ("x-token", &b[0]),
        [a, b] if b.is_empty() => ("authorization", &a[0]),
        [a, b] => match (is_jwt(&a[0]), is_jwt(&b[0])) {
            (false, true) => ("x-token", &b[0]),
            (true, false) => ("authorization", &a[0]),
            _ if ordered => ("authorization", &a[0]),
            _ => return Err(()),
        },
    };
    let has_scheme = value.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    let token = plain(value);
    let is_token = !token.is_empty() && token.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if is_token && (has_scheme || name == "x-token") { Ok(Some(token.to_owned())) } else { Err(()) }
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some((mode, data)) = data.split_first() else { return };
    if mode & 1 == 1 {
        // A map that no host would send.
        let read: Vec<_> = Headers::new(data).iter().collect();
        assert!(read.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() <= data.len());
        return;
    }
    let headers = headers(data);
    let map = serialize(&headers);
    let (names, ordered) = (["authorization", "x-token"].map(str::to_owned).to_vec(), mode & 2 == 2);
    let names = if ordered { TokenHeaders::new(names, []) } else { TokenHeaders::new(Vec::new(), names) };
    let mut bearer = Bearer::default();
    for (index, (name, value)) in Headers::new(&map).iter().enumerate() {
        assert_eq!((name, value), headers[index]);
        bearer.header(&names, name, value);
    }
    let token = bearer.token(&names).and_then(|found| {
        let Some((_, token)) = found else { return Ok(None) };
        let token = bearer::once(token);
        bearer::check(token).map(|()| Some(String::from_utf8(token.to_vec()).unwrap()))
    });
    assert_eq!(token.map_err(|_| ()), naive(&headers, ordered));
}
