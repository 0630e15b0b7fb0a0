//! Finds the one bearer token of a request (RFC 6750 §2.1).

use super::Refusal;

/// No token is longer, in bytes: Envoy takes no more than 60 KiB of headers unless it is told to.
const MAX_TOKEN: usize = 64 << 10;

/// Collects the token while the headers go by.
#[derive(Debug, Default)]
pub struct Bearer<'a> {
    found: Option<(usize, &'a [u8])>,
    refusal: Option<&'static str>,
}

impl<'a> Bearer<'a> {
    /// Looks at a header. `names` are those that may carry a token, in lower case.
    pub fn header(&mut self, names: &[String], name: &[u8], value: &'a [u8]) {
        let Some(place) = names.iter().position(|known| known.as_bytes() == name) else { return };
        if value.is_empty() {
            return;
        }
        if self.found.replace((place, value)).is_some() {
            self.refusal = Some("more than one token");
        }
    }

    /// The token and the name of its header; none if there is none. What it consists of is for [`check`] to say.
    ///
    /// # Errors
    /// There is more than one, or something that is no bearer token.
    pub fn token<'n>(self, names: &'n [String]) -> Result<Option<(&'n str, &'a [u8])>, Refusal> {
        if let Some(refusal) = self.refusal {
            return Err(refusal.into());
        }
        let Some((place, value)) = self.found else { return Ok(None) };
        let name = names.get(place).map_or("", String::as_str);
        let token = match value.split_first_chunk::<7>() {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => token,
            // Other headers carry the token with or without a scheme.
            _ if name != "authorization" => value,
            _ => return Err("no bearer token in the Authorization header".into()),
        };
        if token.len() > MAX_TOKEN {
            return Err("a token of more than 64 KiB".into());
        }
        Ok(Some((name, token)))
    }
}

/// Whether a JWT could be spelled so. Costs more than to find one that was verified before, which need not be asked.
///
/// # Errors
/// It could not.
pub fn check(token: &[u8]) -> Result<(), Refusal> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !token.is_empty() && token.iter().all(is_token) {
        return Ok(());
    }
    // Envoy joins several Authorization headers so.
    Err(if token.contains(&b',') { "more than one token" } else { "characters that no JWT has" }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token<'a>(headers: &[(&'a [u8], &'a [u8])]) -> Result<Option<&'a [u8]>, Refusal> {
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
    fn one_token_in_any_case_of_the_scheme() {
        assert_eq!(token(&[(b"authorization", b"Bearer a.b-_c")]).unwrap(), Some(&b"a.b-_c"[..]));
        assert_eq!(token(&[(b"authorization", b"bEARER a")]).unwrap(), Some(&b"a"[..]));
        assert_eq!(token(&[(b"x-token", b"a.b.c")]).unwrap(), Some(&b"a.b.c"[..]));
        assert_eq!(token(&[(b"x-token", b"Bearer a.b.c")]).unwrap(), Some(&b"a.b.c"[..]));
    }

    #[test]
    fn none_is_not_an_error() {
        assert_eq!(token(&[(b"other", b"Bearer a")]), Ok(None));
        assert_eq!(token(&[(b"authorization", b"")]), Ok(None));
    }

    #[test]
    fn anything_else_is() {
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
        let of = |length: usize| [b"Bearer ".to_vec(), vec![b'a'; length]].concat();
        assert!(token(&[(b"authorization", &of(MAX_TOKEN))]).is_ok());
        assert!(token(&[(b"authorization", &of(MAX_TOKEN + 1))]).is_err());
        for byte in 0..=u8::MAX {
            let is_token = byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            assert_eq!(token(&[(b"authorization", &[b"Bearer a", &[byte][..]].concat())]).is_ok(), is_token, "{byte}");
        }
        assert!(token(&[(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")]).is_err());
        assert!(token(&[(b"authorization", b"Bearer a"), (b"x-token", b"a")]).is_err());
    }
}
