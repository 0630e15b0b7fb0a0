//! Keys and key sets (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::crypto::Algorithm;
use crate::crypto::public_key::PublicKey;
use crate::crypto::roca;
use crate::token::jose::decode;
use crate::wire::json;

/// No provider has more; each costs arithmetic when it is parsed.
const MAX_KEYS: usize = 100;
/// No key set is larger, in bytes.
pub const MAX_DOCUMENT: usize = 512 << 10;
/// What only the signer may know of a key (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// One key of an issuer.
#[derive(Debug)]
pub struct Key {
    /// The whole JWK, as JSON.
    pub jwk: Rc<[u8]>,
    kid: String,
    algorithm: Option<Algorithm>,
    public: PublicKey,
}

/// The keys of an issuer that can verify tokens.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Rc<Key>>,
}

/// What a key set has for a token.
#[derive(Debug, Clone)]
pub enum Found {
    /// Its key.
    Key(Rc<Key>),
    /// A key of that `kid`, but for other algorithms.
    Unfit,
    /// No key of that `kid`.
    Nothing,
}

impl Key {
    /// Parses a key that verifies signatures.
    ///
    /// # Errors
    /// What keeps it from that.
    pub fn parse(jwk: &Map<String, Value>) -> Result<Self, &'static str> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| {
            text(name).and_then(|value| decode(value.as_bytes())).ok_or("a member that is missing or not base64url")
        };
        let kid = text("kid").ok_or("no kid")?;
        if jwk.get("use").is_some_and(|used| used.as_str() != Some("sig")) {
            return Err("not for signatures by its use");
        }
        if let Some(operations) = jwk.get("key_ops") {
            let verifies = |list: &Vec<Value>| list.iter().any(|operation| operation.as_str() == Some("verify"));
            if !operations.as_array().is_some_and(verifies) {
                return Err("not for verifying by its key_ops");
            }
        }
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return Err("a private key: whoever can read it can sign");
        }
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => Some(name.as_str().and_then(Algorithm::named).ok_or("an algorithm that is not supported")?),
        };
        let public = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => {
                let modulus = bytes("n")?;
                let public = PublicKey::rsa(&modulus, &bytes("e")?);
                if public.is_some() && roca::is_weak(&modulus) {
                    return Err("a modulus that can be factored (CVE-2017-15361)");
                }
                public
            }
            (Some("EC"), Some("P-256")) => PublicKey::p256(&bytes("x")?, &bytes("y")?),
            (Some("EC"), Some("P-384")) => PublicKey::p384(&bytes("x")?, &bytes("y")?),
            (Some("OKP"), Some("Ed25519")) => PublicKey::ed25519(&bytes("x")?),
            _ => return Err("a kty or crv that is not supported"),
        };
        let public = public.ok_or("no valid key of its type and of a supported size")?;
        if algorithm.is_some_and(|algorithm| !public.fits(algorithm)) {
            return Err("an alg that its type does not fit");
        }
        let json = serde_json::to_vec(jwk).map_err(|_| "no JSON")?;
        Ok(Self { jwk: json.into(), kid: kid.to_owned(), algorithm, public })
    }

    /// Whether the signature is this key's for these bytes.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        self.fits(algorithm) && self.public.verify(algorithm, signed, signature)
    }

    /// The key itself.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Whether the key, and what it says of itself, allow this algorithm.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|only| only == algorithm) && self.public.fits(algorithm)
    }
}

impl KeySet {
    /// Parses a key set. Keys that cannot verify a token are left out: providers publish others beside them.
    ///
    /// # Errors
    /// It is no key set, too large, or has no key that can verify a token.
    pub fn parse(document: &[u8]) -> Result<Self, String> {
        if document.len() > MAX_DOCUMENT {
            return Err(format!("a key set of {} bytes", document.len()));
        }
        Self::from_json(&json::parse_object(document)?)
    }

    /// The key set in a JSON object.
    ///
    /// # Errors
    /// As [`KeySet::parse`].
    pub fn from_json(document: &Map<String, Value>) -> Result<Self, String> {
        let Some(Value::Array(list)) = document.get("keys") else { return Err("no list `keys`".to_owned()) };
        if list.len() > MAX_KEYS {
            return Err(format!("{} keys; at most {MAX_KEYS} are taken", list.len()));
        }
        let mut left_out = String::new();
        let mut keys = Vec::new();
        for (place, jwk) in list.iter().enumerate() {
            match jwk.as_object().ok_or("not an object").and_then(Key::parse) {
                Ok(key) => keys.push(Rc::new(key)),
                Err(why) => left_out.push_str(&format!("; keys[{place}]: {why}")),
            }
        }
        if keys.is_empty() { Err(format!("no key that can verify a token{left_out}")) } else { Ok(Self { keys }) }
    }

    /// The key for a token with this `kid` and algorithm. Keys of different types may share a `kid` (RFC 7517 §4.5).
    #[must_use]
    pub fn find(&self, kid: &str, algorithm: Algorithm) -> Found {
        let mut found = Found::Nothing;
        for key in self.keys.iter().filter(|key| key.kid == kid) {
            if key.fits(algorithm) {
                return Found::Key(Rc::clone(key));
            }
            found = Found::Unfit;
        }
        found
    }

    /// Whether the set has exactly this key.
    #[must_use]
    pub fn contains(&self, jwk: &[u8]) -> bool {
        self.keys.iter().any(|key| *key.jwk == *jwk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// RFC 8037 appendix A.2.
    fn ed25519() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "kid": "e", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
    }

    /// RFC 7515 appendix A.3.
    fn p256() -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": "p", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    fn parse(keys: Value) -> Result<KeySet, String> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn the_vectors_of_the_rfcs_verify() {
        let set = parse(json!([ed25519(), p256()])).unwrap();
        let verify = |kid: &str, algorithm, token: &str| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let Found::Key(key) = set.find(kid, algorithm) else { panic!("no key") };
            key.verify(algorithm, signed.as_bytes(), &decode(signature.as_bytes()).unwrap())
        };
        let eddsa = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let es256 = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        assert!(verify("e", Algorithm::EdDsa, eddsa) && verify("p", Algorithm::Es256, es256));
        assert!(
            !verify("e", Algorithm::EdDsa, &eddsa.replace("RXh", "RXg"))
                && !verify("p", Algorithm::Es256, &es256.replace(".eyJpc3", ".eyJpc2"))
        );
    }

    #[test]
    fn a_keys_own_words_are_respected() {
        for unfit in [
            with(ed25519(), "use", json!("enc")),
            with(ed25519(), "use", json!(1)),
            with(ed25519(), "key_ops", json!(["sign"])),
            with(ed25519(), "key_ops", json!("verify")),
            with(ed25519(), "alg", json!("ES256")),
            with(ed25519(), "alg", json!("RSA-OAEP")),
            with(ed25519(), "kid", json!(null)),
            with(ed25519(), "crv", json!("X25519")),
            with(ed25519(), "x", json!("AAAA")),
            with(p256(), "x", json!("AAAA")),
            with(p256(), "y", p256()["x"].clone()),
            with(p256(), "d", json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")),
            json!({"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}),
            json!({"kty": "RSA", "kid": "r", "n": "", "e": ""}),
            json!({"kty": "oct", "kid": "o", "k": "c2VjcmV0"}),
            json!("key"),
        ] {
            assert!(parse(json!([unfit])).is_err(), "{unfit}");
            assert!(parse(json!([unfit, p256()])).is_ok(), "one bad key does not take the set with it");
        }
        for fit in [
            with(p256(), "use", json!("sig")),
            with(p256(), "key_ops", json!(["verify"])),
            with(p256(), "alg", json!("ES256")),
        ] {
            assert!(parse(json!([fit])).is_ok(), "{fit}");
        }
    }

    #[test]
    fn a_key_is_found_by_kid_and_algorithm() {
        let set = parse(json!([ed25519(), with(p256(), "kid", json!("e"))])).unwrap();
        assert!(matches!(set.find("e", Algorithm::EdDsa), Found::Key(_)));
        assert!(matches!(set.find("e", Algorithm::Es256), Found::Key(_)));
        assert!(matches!(set.find("e", Algorithm::Rs256), Found::Unfit));
        assert!(matches!(set.find("x", Algorithm::EdDsa), Found::Nothing));
    }

    #[test]
    fn what_is_no_key_set() {
        for bad in
            [&b"{}"[..], b"[]", b"", b"<html>", br#"{"keys":{}}"#, br#"{"keys":[]}"#, br#"{"keys":[],"keys":[]}"#]
        {
            assert!(KeySet::parse(bad).is_err());
        }
        assert!(parse(Value::Array(vec![ed25519(); MAX_KEYS + 1])).is_err());
    }
}
