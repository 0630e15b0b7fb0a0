//! A JWT taken apart, before anything of it is believed (RFC 7515 §3.1, RFC 7519 §7.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::Refusal;
use crate::crypto::Algorithm;
use crate::wire::json;

/// A JWS in compact form, taken apart and not yet verified. What it signs may be anything.
#[derive(Debug)]
pub struct Jws<'a> {
    /// `alg` of the header.
    pub algorithm: Algorithm,
    /// `kid` of the header.
    pub kid: String,
    /// `typ` of the header.
    pub typ: Option<String>,
    /// The payload.
    pub payload: Vec<u8>,
    /// What is signed.
    pub signed: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a JWS apart.
    ///
    /// # Errors
    /// It is not one in compact form, or its header asks for something that is not done here.
    pub fn parse(token: &'a [u8]) -> Result<Self, Refusal> {
        let mut parts = token.split(|byte| *byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err("not three parts".into());
        };
        let signed = token.get(..header.len().saturating_add(payload.len()).saturating_add(1)).unwrap_or_default();
        let bytes = |name: &str, part: &[u8]| decode(part).ok_or_else(|| format!("{name}: not base64url"));
        let header = object("header", &bytes("header", header)?)?;
        if header.contains_key("crit") {
            return Err("header: crit asks for extensions, and none is known here".into());
        }
        let text = |name: &str| match header.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("header: {name} is not a string")),
        };
        let algorithm = text("alg")?.ok_or("header: no alg")?;
        let algorithm = Algorithm::named(&algorithm).ok_or_else(|| format!("header: algorithm {algorithm:?}"))?;
        Ok(Self {
            algorithm,
            kid: text("kid")?.ok_or("header: no kid")?,
            typ: text("typ")?,
            payload: bytes("payload", payload)?,
            signed,
            signature: bytes("signature", signature)?,
        })
    }
}

/// A token's parts, decoded and not yet verified.
#[derive(Debug)]
pub struct Unverified<'a> {
    /// `alg` of the header.
    pub algorithm: Algorithm,
    /// `kid` of the header.
    pub kid: String,
    /// `typ` of the header.
    pub typ: Option<String>,
    /// The payload.
    pub claims: Map<String, Value>,
    /// What is signed.
    pub signed: &'a [u8],
    /// The signature.
    pub signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// It is not a JWS in compact form of claims, or its header asks for something that is not done here.
    pub fn parse(token: &'a [u8]) -> Result<Self, Refusal> {
        let Jws { algorithm, kid, typ, payload, signed, signature } = Jws::parse(token)?;
        Ok(Self { algorithm, kid, typ, claims: object("payload", &payload)?, signed, signature })
    }

    /// `iss`, which says whose rules and keys the token is held against.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }
}

fn object(name: &str, bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    json::parse_object(bytes).map_err(|error| format!("{name}: {error}").into())
}

/// Base64url without padding and without spare bits, so that a token has one spelling only (RFC 7515 §2).
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
        Unverified::parse(token(header, payload).as_bytes()).unwrap_err().into_owned()
    }

    #[test]
    fn a_token_comes_apart() {
        let text = token(r#"{"alg":"ES256","kid":"k","typ":"JWT","jku":"https://evil/"}"#, r#"{"iss":"i"}"#);
        let parts = Unverified::parse(text.as_bytes()).unwrap();
        assert_eq!((parts.algorithm, parts.kid.as_str(), parts.typ.as_deref()), (Algorithm::Es256, "k", Some("JWT")));
        assert_eq!((parts.issuer(), parts.signature.len()), (Some("i"), 3));
        assert_eq!(parts.signed, text.rsplit_once('.').unwrap().0.as_bytes());
    }

    #[test]
    fn headers_that_are_refused() {
        for (header, why) in [
            (r#"{"kid":"k"}"#, "no alg"),
            (r#"{"alg":"none","kid":"k"}"#, "algorithm"),
            (r#"{"alg":"HS256","kid":"k"}"#, "algorithm"),
            (r#"{"alg":"es256","kid":"k"}"#, "algorithm"),
            (r#"{"alg":["ES256"],"kid":"k"}"#, "not a string"),
            (r#"{"alg":"ES256"}"#, "no kid"),
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
    fn one_spelling_only() {
        let good = token(r#"{"alg":"ES256","kid":"k"}"#, "{}");
        assert!(Unverified::parse(good.as_bytes()).is_ok());
        for bad in [
            format!("{good}.AAAA"),
            good.replace(".AAAA", ""),
            format!("{good}="),
            good.replace("AAAA", "AAA/"),
            good.replace("AAAA", "AAAAAB"),
        ] {
            assert!(Unverified::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
