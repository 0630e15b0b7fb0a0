//! Finds the bearer token of a request (RFC 6750 §2.1).

use super::TokenRefusal;
use super::jose::looks_like_jwt;

/// The longest token in bytes. By default, Envoy accepts at most 60 KiB of headers.
const MAX_TOKEN: usize = 64 << 10;

/// The headers that may carry a token, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenHeaders {
    names: Vec<String>,
    /// How many of them are in an order: of two such headers, the first counts.
    ordered: usize,
}

/// Looks for the token while the headers are read.
#[derive(Debug, Default)]
pub struct Bearer<'a> {
    /// The value that was found first, by the index of its header.
    first: Option<(usize, &'a [u8])>,
    /// Values of other headers.
    others: Vec<(usize, &'a [u8])>,
    /// Whether a header has two different values.
    has_several: bool,
}

impl TokenHeaders {
    /// Headers in this order, and others without an order.
    #[must_use]
    pub fn new(ordered: Vec<String>, others: impl IntoIterator<Item = String>) -> Self {
        let mut names = ordered;
        let ordered = names.len();
        for name in others {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Self { names, ordered }
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }
}

impl<'a> Bearer<'a> {
    /// Looks at a header.
    pub fn header(&mut self, headers: &TokenHeaders, name: &[u8], value: &'a [u8]) {
        let Some(index) = headers.names.iter().position(|known| known.as_bytes() == name) else { return };
        if value.is_empty() {
            return;
        }
        let found = (index, value);
        match self.first.iter().chain(&self.others).find(|(known, _)| *known == index) {
            Some(known) => self.has_several |= *known != found,
            None if self.first.is_none() => self.first = Some(found),
            None => self.others.push(found),
        }
    }

    /// The token and the name of its header; `None` if no header carries one. [`check`] looks at its characters.
    ///
    /// # Errors
    /// There are several tokens and no order of their headers, the token is too long, or the Authorization header has another
    /// scheme.
    pub fn token<'n>(&self, headers: &'n TokenHeaders) -> Result<Option<(&'n str, &'a [u8])>, TokenRefusal> {
        if self.has_several {
            return Err(TokenRefusal::SeveralTokens);
        }
        let Some(first) = self.first else { return Ok(None) };
        let (index, value) = if self.others.is_empty() { first } else { self.chosen(headers)? };
        let name = headers.names.get(index).map_or("", String::as_str);
        let token = match without_scheme(value) {
            Some(token) => token,
            // Other headers carry the token with or without a scheme.
            None if name != "authorization" => value,
            None => return Err(TokenRefusal::NotBearer),
        };
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::TooLong);
        }
        Ok(Some((name, token)))
    }

    /// The value that counts, of several headers: the first in the order that is a JWT. Without an order, only one may be.
    fn chosen(&self, headers: &TokenHeaders) -> Result<(usize, &'a [u8]), TokenRefusal> {
        let mut found: Vec<_> = self.first.iter().chain(&self.others).copied().collect();
        found.sort_unstable_by_key(|(index, _)| *index);
        let mut jwts = found.iter().filter(|(_, value)| has_jwt(value));
        let (first, second) = (jwts.next(), jwts.next());
        match (first.or_else(|| found.first()), second) {
            (Some(chosen), None) if first.is_some() => Ok(*chosen),
            (Some(chosen), _) if chosen.0 < headers.ordered => Ok(*chosen),
            _ => Err(TokenRefusal::SeveralTokens),
        }
    }
}

/// Whether a header's value is a JWT, with or without a scheme.
pub(super) fn has_jwt(value: &[u8]) -> bool {
    looks_like_jwt(once(without_scheme(value).unwrap_or(value)))
}

/// The value without the scheme `Bearer` (RFC 6750 §2.1). `None` if it has another scheme, or none.
fn without_scheme(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_first_chunk::<7>()?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

/// The token, if it is repeated: Envoy joins several headers of one name with commas. A cached token need not be looked at.
#[must_use]
pub fn once(token: &[u8]) -> &[u8] {
    let mut pieces = token.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let Some(first) = pieces.next() else { return token };
    let is_repeated = pieces.all(|piece| without_scheme(piece).unwrap_or(piece) == first);
    if is_repeated && first.len() < token.len() && token.contains(&b',') { first } else { token }
}

/// Checks that the token has only characters that a JWT can have. A cached token need not be checked, which would cost
/// more than finding it in the cache.
///
/// # Errors
/// The token has other characters, or is empty.
pub fn check(token: &[u8]) -> Result<(), TokenRefusal> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !token.is_empty() && token.iter().all(is_token) {
        return Ok(());
    }
    // Envoy joins several Authorization headers with commas.
    Err(if token.contains(&b',') { TokenRefusal::SeveralTokens } else { TokenRefusal::InvalidCharacters })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token_of<'a>(names: &TokenHeaders, headers: &[(&'a [u8], &'a [u8])]) -> Result<Option<&'a [u8]>, TokenRefusal> {
        let mut bearer = Bearer::default();
        for (name, value) in headers {
            bearer.header(names, name, value);
        }
        let found = bearer.token(names)?.map(|(_, token)| once(token));
        found.map_or(Ok(()), check)?;
        Ok(found)
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    fn token<'a>(headers: &[(&'a [u8], &'a [u8])]) -> Result<Option<&'a [u8]>, TokenRefusal> {
        token_of(&TokenHeaders::new(Vec::new(), names(&["authorization", "x-token"])), headers)
    }

    #[test]
    fn of_several_headers_the_first_jwt_in_the_order_counts() {
        const ONE: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.e30.AAAA";
        const TWO: &[u8] = b"eyJhbGciOiJFUzI1NiJ9.e30.BBBB";
        let bearer = |token: &[u8]| [b"Bearer ", token].concat();
        let (one, opaque) = (bearer(ONE), bearer(b"ya29.a0Af"));
        let both: [(&[u8], &[u8]); 2] = [(b"authorization", &one), (b"x-token", TWO)];
        let ordered = |list: &[&str]| TokenHeaders::new(names(list), names(&["authorization", "x-token"]));
        assert_eq!(token_of(&ordered(&["authorization", "x-token"]), &both).unwrap(), Some(ONE));
        assert_eq!(token_of(&ordered(&["x-token", "authorization"]), &both).unwrap(), Some(TWO));
        assert_eq!(token_of(&ordered(&["x-token"]), &both).unwrap(), Some(TWO), "the other has no order");
        assert!(matches!(token_of(&ordered(&[]), &both), Err(TokenRefusal::SeveralTokens)));
        // What is no JWT does not count beside a JWT, whatever the order; alone, it counts as before.
        let beside: [(&[u8], &[u8]); 2] = [(b"authorization", &opaque), (b"x-token", TWO)];
        for order in [&[][..], &["authorization", "x-token"], &["x-token"]] {
            assert_eq!(token_of(&ordered(order), &beside).unwrap(), Some(TWO), "{order:?}");
        }
        assert_eq!(token_of(&ordered(&[]), &[(b"authorization", b"Basic a"), (b"x-token", TWO)]).unwrap(), Some(TWO));
        assert_eq!(token(&[(b"authorization", &opaque)]).unwrap(), Some(&b"ya29.a0Af"[..]));
        assert!(token(&[(b"authorization", &opaque), (b"x-token", b"opaque")]).is_err());
    }

    #[test]
    fn a_token_may_be_repeated_but_not_replaced() {
        assert_eq!(
            token(&[(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")]).unwrap(),
            Some(&b"a"[..])
        );
        assert_eq!(token(&[(b"authorization", b"Bearer a,Bearer a")]).unwrap(), Some(&b"a"[..]));
        assert_eq!(token(&[(b"authorization", b"Bearer a, bearer a ,a")]).unwrap(), Some(&b"a"[..]));
        for other in
            [&b"Bearer a,Bearer b"[..], b"Bearer a,", b"Bearer ,a", b"Bearer a,Bearer a,Bearer b", b"Bearer a,,a"]
        {
            assert!(token(&[(b"authorization", other)]).is_err(), "{other:?}");
        }
        assert!(token(&[(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]).is_err());
        assert!(token(&[(b"x-token", b"a"), (b"x-token", b"b"), (b"x-token", b"a")]).is_err());
    }

    #[test]
    fn the_scheme_is_read_in_any_case() {
        assert_eq!(token(&[(b"authorization", b"Bearer a.b-_c")]).unwrap(), Some(&b"a.b-_c"[..]));
        assert_eq!(token(&[(b"authorization", b"bEARER a")]).unwrap(), Some(&b"a"[..]));
        assert_eq!(token(&[(b"x-token", b"a.b.c")]).unwrap(), Some(&b"a.b.c"[..]));
        assert_eq!(token(&[(b"x-token", b"Bearer a.b.c")]).unwrap(), Some(&b"a.b.c"[..]));
    }

    #[test]
    fn a_request_without_a_token_is_not_an_error() {
        assert!(matches!(token(&[(b"other", b"Bearer a")]), Ok(None)));
        assert!(matches!(token(&[(b"authorization", b"")]), Ok(None)));
    }

    #[test]
    fn malformed_and_repeated_tokens_are_refused() {
        for value in [
            &b"Bearer  a"[..],
            b"Bearer\ta",
            b"Bearer a ",
            b"Bearer ",
            b"Bearer",
            b"Basic a",
            b"a",
            b"Bearer a,Bearer b",
            b"Bearer \xff",
        ] {
            assert!(token(&[(b"authorization", value)]).is_err(), "{value:?}");
        }
        let with_length = |length: usize| [b"Bearer ".to_vec(), vec![b'a'; length]].concat();
        assert!(token(&[(b"authorization", &with_length(MAX_TOKEN))]).is_ok());
        assert!(token(&[(b"authorization", &with_length(MAX_TOKEN + 1))]).is_err());
        for byte in 0..=u8::MAX {
            let is_token = byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            assert_eq!(token(&[(b"authorization", &[b"Bearer a", &[byte][..]].concat())]).is_ok(), is_token, "{byte}");
        }
        assert!(token(&[(b"authorization", b"Bearer a"), (b"x-token", b"a")]).is_err());
    }
}
