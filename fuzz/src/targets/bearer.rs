//! Headers that carry a token: reading a hostile header map does not panic, and the token is the one that simple code
//! finds.

use temporal_auth::token::bearer::{self, Bearer};
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

/// The token of the only header that carries one; `None` if no header does.
///
/// # Errors
/// Several headers carry a token, or the value is not a token.
fn naive(headers: &[(&[u8], &[u8])]) -> Result<Option<String>, ()> {
    let mut values = headers.iter().filter(|(name, value)| *name != b"x-other" && !value.is_empty());
    let Some((name, value)) = values.next() else { return Ok(None) };
    let text = std::str::from_utf8(value).map_err(|_| ())?;
    let is_scheme = text.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    let token = if is_scheme { &text[7..] } else { text };
    let is_token = !token.is_empty() && token.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if values.next().is_some() || !is_token || !(is_scheme || *name == b"x-token") {
        return Err(());
    }
    Ok(Some(token.to_owned()))
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
    let names = ["authorization".to_owned(), "x-token".to_owned()];
    let mut bearer = Bearer::default();
    for (index, (name, value)) in Headers::new(&map).iter().enumerate() {
        assert_eq!((name, value), headers[index]);
        bearer.header(&names, name, value);
    }
    let token = bearer.token(&names).and_then(|found| {
        let Some((_, token)) = found else { return Ok(None) };
        bearer::check(token).map(|()| Some(String::from_utf8(token.to_vec()).unwrap()))
    });
    assert_eq!(token.map_err(|_| ()), naive(&headers));
}
