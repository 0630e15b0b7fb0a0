//! Finds the bearer token of a request (RFC 6750 §2.1).

use super::TokenRefusal;

/// The longest token in bytes. By default, Envoy accepts at most 60 KiB of headers.
const MAX_TOKEN: usize = 64 << 10;

/// Looks for the token while the headers are read.
#[derive(Debug, Default)]
pub struct Bearer<'a> {
    found: Option<(usize, &'a [u8])>,
    has_several: bool,
}

impl<'a> Bearer<'a> {
    /// Looks at a header. `names` are the headers that may carry a token, in lower case.
    pub fn header(&mut self, names: &[String], name: &[u8], value: &'a [u8]) {
        let Some(index) = names.iter().position(|known| known.as_bytes() == name) else { return };
        if value.is_empty() {
            return;
        }
        if self.found.replace((index, value)).is_some() {
            self.has_several = true;
        }
    }

    /// The token and the name of its header; `None` if no header carries one. [`check`] looks at its characters.
    ///
    /// # Errors
    /// There are several tokens, the token is too long, or the Authorization header has another scheme.
    pub fn token<'n>(self, names: &'n [String]) -> Result<Option<(&'n str, &'a [u8])>, TokenRefusal> {
        if self.has_several {
            return Err(TokenRefusal::SeveralTokens);
        }
        let Some((index, value)) = self.found else { return Ok(None) };
        let name = names.get(index).map_or("", String::as_str);
        let token = match value.split_first_chunk::<7>() {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
            // Other headers carry the token with or without a scheme.
            _ if name != "authorization" => value,
            _ => return Err(TokenRefusal::NotBearer),
        };
        if token.len() > MAX_TOKEN {
            return Err(TokenRefusal::TooLong);
        }
        Ok(Some((name, token)))
    }
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

    fn token<'a>(headers: &[(&'a [u8], &'a [u8])]) -> Result<Option<&'a [u8]>, TokenRefusal> {
        let names = ["authorization".to_owned(), "x-token".to_owned()];
        let mut bearer = Bearer::default();
        for (name, value) in headers {
            bearer.header(&names, name, value);
        }
        let found = bearer.token(&names)?.map(|(_, token)| token);
        found.map_or(Ok(()), check)?;
        Ok(found)
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
        assert!(token(&[(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")]).is_err());
        assert!(token(&[(b"authorization", b"Bearer a"), (b"x-token", b"a")]).is_err());
    }
}
