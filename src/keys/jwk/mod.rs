//! Keys and key sets (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use std::rc::Rc;

use serde_json::{Map, Value};

use super::error::{KeySetError, UnusableKey};
use crate::crypto::Algorithm;
use crate::crypto::public_key::PublicKey;
use crate::crypto::roca;
use crate::token::jose::decode;
use crate::wire::json;

/// More keys than any provider has. Parsing a key costs arithmetic.
pub(super) const MAX_KEYS: usize = 100;
/// In bytes, and larger than any provider's key set or discovery document.
pub const MAX_DOCUMENT: usize = 512 << 10;
/// Members that only the signer may know (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2).
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

/// The result of looking for a `kid` and an algorithm in a key set.
#[derive(Debug, Clone)]
pub enum KeyMatch {
    Found(Rc<Key>),
    /// The set has this `kid`, but for other algorithms.
    WrongAlgorithm,
    None,
}

impl Key {
    /// # Errors
    /// The key cannot verify tokens.
    pub fn parse(jwk: &Map<String, Value>) -> Result<Self, UnusableKey> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes =
            |name| text(name).and_then(|value| decode(value.as_bytes())).ok_or(UnusableKey::MissingMember(name));
        let kid = text("kid").ok_or(UnusableKey::MissingKid)?;
        if jwk.get("use").is_some_and(|used| used.as_str() != Some("sig")) {
            return Err(UnusableKey::NotForSignatures);
        }
        if let Some(operations) = jwk.get("key_ops") {
            let verifies = |list: &Vec<Value>| list.iter().any(|operation| operation.as_str() == Some("verify"));
            if !operations.as_array().is_some_and(verifies) {
                return Err(UnusableKey::NotForVerifying);
            }
        }
        if PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return Err(UnusableKey::Private);
        }
        let algorithm = match jwk.get("alg") {
            None => None,
            Some(name) => Some(name.as_str().and_then(Algorithm::named).ok_or(UnusableKey::UnsupportedAlgorithm)?),
        };
        let public = match (text("kty"), text("crv")) {
            (Some("RSA"), _) => {
                let modulus = bytes("n")?;
                let public = PublicKey::rsa(&modulus, &bytes("e")?);
                if public.is_some() && roca::is_weak(&modulus) {
                    return Err(UnusableKey::WeakModulus);
                }
                public
            }
            (Some("EC"), Some("P-256")) => PublicKey::p256(&bytes("x")?, &bytes("y")?),
            (Some("EC"), Some("P-384")) => PublicKey::p384(&bytes("x")?, &bytes("y")?),
            (Some("OKP"), Some("Ed25519")) => PublicKey::ed25519(&bytes("x")?),
            _ => return Err(UnusableKey::UnsupportedType),
        };
        let public = public.ok_or(UnusableKey::Invalid)?;
        if algorithm.is_some_and(|algorithm| !public.fits(algorithm)) {
            return Err(UnusableKey::AlgorithmMismatch);
        }
        let json = serde_json::to_vec(jwk).map_err(|_| UnusableKey::Invalid)?;
        Ok(Self { jwk: json.into(), kid: kid.to_owned(), algorithm, public })
    }

    /// Whether this key made the signature of these bytes.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        self.fits(algorithm) && self.public.verify(algorithm, signed, signature)
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Whether the key's type and its `alg` allow this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|only| only == algorithm) && self.public.fits(algorithm)
    }
}

impl KeySet {
    /// Skips keys that cannot verify tokens, because providers publish other keys too.
    ///
    /// # Errors
    /// The document is not a key set, is too large, or has no key that can verify tokens.
    pub fn parse(document: &[u8]) -> Result<Self, KeySetError> {
        if document.len() > MAX_DOCUMENT {
            return Err(KeySetError::TooLarge(document.len()));
        }
        Self::from_json(&json::parse_object(document).map_err(KeySetError::Json)?)
    }

    /// # Errors
    /// As [`KeySet::parse`].
    pub fn from_json(document: &Map<String, Value>) -> Result<Self, KeySetError> {
        let Some(Value::Array(list)) = document.get("keys") else { return Err(KeySetError::MissingKeys) };
        if list.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys(list.len()));
        }
        let mut unusable = Vec::new();
        let mut keys = Vec::new();
        for (index, jwk) in list.iter().enumerate() {
            match jwk.as_object().ok_or(UnusableKey::NotAnObject).and_then(Key::parse) {
                Ok(key) => keys.push(Rc::new(key)),
                Err(why) => unusable.push((index, why)),
            }
        }
        if keys.is_empty() { Err(KeySetError::NoUsableKey(unusable)) } else { Ok(Self { keys }) }
    }

    /// The key for a token with this `kid` and algorithm. Keys of different types may share a `kid` (RFC 7517 §4.5).
    #[must_use]
    pub fn find(&self, kid: &str, algorithm: Algorithm) -> KeyMatch {
        let mut found = KeyMatch::None;
        for key in self.keys.iter().filter(|key| key.kid == kid) {
            if key.fits(algorithm) {
                return KeyMatch::Found(Rc::clone(key));
            }
            found = KeyMatch::WrongAlgorithm;
        }
        found
    }

    /// Whether the set has exactly this JWK.
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

    fn parse(keys: Value) -> Result<KeySet, KeySetError> {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn the_examples_of_the_rfcs_verify() {
        let set = parse(json!([ed25519(), p256()])).unwrap();
        let verify = |kid: &str, algorithm, token: &str| {
            let (signed, signature) = token.rsplit_once('.').unwrap();
            let KeyMatch::Found(key) = set.find(kid, algorithm) else { panic!("no key") };
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
    fn restrictions_in_a_jwk_are_respected() {
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
            assert!(parse(json!([unfit, p256()])).is_ok(), "an unusable key does not spoil the set");
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
        assert!(matches!(set.find("e", Algorithm::EdDsa), KeyMatch::Found(_)));
        assert!(matches!(set.find("e", Algorithm::Es256), KeyMatch::Found(_)));
        assert!(matches!(set.find("e", Algorithm::Rs256), KeyMatch::WrongAlgorithm));
        assert!(matches!(set.find("x", Algorithm::EdDsa), KeyMatch::None));
    }

    #[test]
    fn malformed_and_oversized_key_sets_are_refused() {
        for bad in
            [&b"{}"[..], b"[]", b"", b"<html>", br#"{"keys":{}}"#, br#"{"keys":[]}"#, br#"{"keys":[],"keys":[]}"#]
        {
            assert!(KeySet::parse(bad).is_err());
        }
        assert!(parse(Value::Array(vec![ed25519(); MAX_KEYS + 1])).is_err());
    }
}
