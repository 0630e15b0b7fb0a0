//! Decodes a JWT. Nothing in it is believed yet (RFC 7515 §3.1, RFC 7519 §7.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{TokenPart, TokenRefusal};
use crate::crypto::Algorithm;
use crate::wire::json;

/// Whether the tokens and keys of an issuer need a `kid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KidRule {
    #[default]
    Required,
    Optional,
}

/// A JWS in compact form with any payload, decoded but not verified.
#[derive(Debug)]
pub struct Jws<'a> {
    pub algorithm: Algorithm,
    /// `None` if it is missing or empty.
    pub kid: Option<String>,
    pub typ: Option<String>,
    pub payload: Vec<u8>,
    /// The header and the payload as they were sent.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// # Errors
    /// The token is not in compact form, or its header asks for something that is not supported.
    pub fn parse(token: &'a [u8]) -> Result<Self, TokenRefusal> {
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            // A JWE has five parts (RFC 7516 §7.1).
            let is_encrypted = token.split(|byte| *byte == b'.').count() == 5 && looks_like_jose(token);
            return Err(if is_encrypted { TokenRefusal::Encrypted } else { TokenRefusal::Opaque });
        };
        let signed = token.get(..header.len().saturating_add(payload.len()).saturating_add(1)).unwrap_or_default();
        let bytes = |part, text: &[u8]| decode(text).ok_or(TokenRefusal::NotBase64Url(part));
        let header = object(TokenPart::Header, &bytes(TokenPart::Header, header)?)?;
        if header.contains_key("crit") {
            return Err(TokenRefusal::CriticalExtensions);
        }
        let text = |name| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(TokenRefusal::MemberNotText(name)),
        };
        let name = text("alg")?.ok_or(TokenRefusal::MissingMember("alg"))?;
        let algorithm = Algorithm::named(&name).ok_or_else(|| TokenRefusal::unsupported_algorithm(&name))?;
        Ok(Self {
            algorithm,
            kid: text("kid")?.filter(|kid| !kid.is_empty()),
            typ: text("typ")?,
            payload: bytes(TokenPart::Payload, payload)?,
            signed,
            signature: bytes(TokenPart::Signature, signature)?,
        })
    }
}

/// A JWT, decoded but not verified.
#[derive(Debug)]
pub struct ParsedToken<'a> {
    pub algorithm: Algorithm,
    /// `None` if it is missing or empty.
    pub kid: Option<String>,
    pub typ: Option<String>,
    pub claims: Map<String, Value>,
    /// The header and the payload as they were sent.
    pub signed: &'a [u8],
    pub signature: Vec<u8>,
}

impl<'a> ParsedToken<'a> {
    /// # Errors
    /// The token is not a JWS in compact form with claims, or its header asks for something that is not supported.
    pub fn parse(token: &'a [u8]) -> Result<Self, TokenRefusal> {
        let Jws { algorithm, kid, typ, payload, signed, signature } = Jws::parse(token)?;
        Ok(Self { algorithm, kid, typ, claims: object(TokenPart::Payload, &payload)?, signed, signature })
    }

    /// `iss`, which selects the rules and keys for checking the token.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }
}

/// Whether a text is a JWT, good or bad: three parts, the first of which is the start of a JSON object.
#[must_use]
pub fn looks_like_jwt(token: &[u8]) -> bool {
    token.split(|byte| *byte == b'.').count() == 3 && looks_like_jose(token)
}

/// Whether the text begins with a JOSE header.
fn looks_like_jose(token: &[u8]) -> bool {
    let header = token.split(|byte| *byte == b'.').next().unwrap_or_default();
    decode(header).is_some_and(|header| header.trim_ascii_start().starts_with(b"{"))
}

fn object(part: TokenPart, bytes: &[u8]) -> Result<Map<String, Value>, TokenRefusal> {
    json::parse_object(bytes).map_err(|error| TokenRefusal::InvalidJson(part, error))
}

/// Decodes base64url without padding and without spare bits, so that a token has only one spelling (RFC 7515 §2).
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    fn refusal(header: &str, payload: &str) -> String {
        ParsedToken::parse(token(header, payload).as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_token_is_decoded() {
        let text = token(r#"{"alg":"ES256","kid":"k","typ":"JWT","jku":"https://evil/"}"#, r#"{"iss":"i"}"#);
        let parts = ParsedToken::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (parts.algorithm, parts.kid.as_deref(), parts.typ.as_deref()),
            (Algorithm::Es256, Some("k"), Some("JWT"))
        );
        assert_eq!((parts.issuer(), parts.signature.len()), (Some("i"), 3));
        assert_eq!(parts.signed, text.rsplit_once('.').unwrap().0.as_bytes());
    }

    #[test]
    fn an_empty_kid_is_none() {
        for header in [r#"{"alg":"ES256"}"#, r#"{"alg":"ES256","kid":""}"#] {
            assert!(ParsedToken::parse(token(header, "{}").as_bytes()).unwrap().kid.is_none());
        }
    }

    #[test]
    fn unsupported_headers_are_refused() {
        for (header, why) in [
            (r#"{"kid":"k"}"#, "alg is missing"),
            (r#"{"alg":"none","kid":"k"}"#, "algorithm"),
            (r#"{"alg":"HS256","kid":"k"}"#, "algorithm"),
            (r#"{"alg":"es256","kid":"k"}"#, "algorithm"),
            (r#"{"alg":["ES256"],"kid":"k"}"#, "not a string"),
            (r#"{"alg":"ES256","kid":1}"#, "not a string"),
            (r#"{"alg":"ES256","kid":"k","crit":["b64"],"b64":false}"#, "crit"),
            (r#"{"alg":"ES256","kid":"k","crit":[]}"#, "crit"),
            (r#"{"alg":"ES256","kid":"k","alg":"ES256"}"#, "twice"),
            (r#"["ES256"]"#, "not a JSON object"),
        ] {
            assert!(refusal(header, "{}").contains(why), "{header}: {}", refusal(header, "{}"));
        }
        assert!(refusal(r#"{"alg":"ES256","kid":"k"}"#, r#"{"sub":"a","sub":"b"}"#).contains("twice"));
        assert!(refusal(r#"{"alg":"ES256","kid":"k"}"#, r#"{} {}"#).contains("payload"));
    }

    #[test]
    fn a_token_has_only_one_spelling() {
        let good = token(r#"{"alg":"ES256","kid":"k"}"#, "{}");
        assert!(ParsedToken::parse(good.as_bytes()).is_ok());
        for bad in [
            format!("{good}.AAAA"),
            good.replace(".AAAA", ""),
            format!("{good}="),
            good.replace("AAAA", "AAA/"),
            good.replace("AAAA", "AAAAAB"),
        ] {
            assert!(ParsedToken::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
