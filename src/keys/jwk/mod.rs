//! Keys (RFC 7517, RFC 7518 §6, RFC 8037 §2), as identity providers really publish them.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::crypto::certificate;
use crate::crypto::roca;
use crate::crypto::{Algorithm, KeyMaterial, PublicKey, UnusableKey};
use crate::token::jose::decode;

/// Members that only the signer may know (RFC 7518 §6.2.2 and §6.3.2, RFC 8037 §2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];
/// Values of `use` for keys that verify tokens. The second is that of SPIFFE (SPIFFE JWT-SVID §4.1).
const USES: [&str; 2] = ["sig", "jwt-svid"];
/// The sizes of RSA keys that [`PublicKey`] supports, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// One key of an issuer.
#[derive(Debug)]
pub struct Key {
    /// The whole JWK, as JSON.
    pub jwk: Rc<[u8]>,
    kid: Option<String>,
    algorithm: Option<Algorithm>,
    public: PublicKey,
}

impl Key {
    /// # Errors
    /// The key cannot verify tokens.
    pub fn parse(jwk: &Map<String, Value>) -> Result<Self, UnusableKey> {
        let members = Members(jwk);
        if PRIVATE.iter().any(|name| members.get(name).is_some()) {
            return Err(UnusableKey::Private);
        }
        if let Some(used) = members.get("use")
            && !used.as_str().is_some_and(|used| USES.contains(&used))
        {
            return Err(UnusableKey::not_for_signatures(used));
        }
        if let Some(operations) = members.get("key_ops") {
            let verifies = |list: &Vec<Value>| list.iter().any(|operation| operation.as_str() == Some("verify"));
            if !operations.as_array().is_some_and(verifies) {
                return Err(UnusableKey::NotForVerifying);
            }
        }
        let algorithm = match members.get("alg") {
            None => None,
            Some(name) => {
                Some(name.as_str().and_then(Algorithm::named).ok_or_else(|| UnusableKey::unsupported_algorithm(name))?)
            }
        };
        let material = members.material()?;
        if let KeyMaterial::Rsa { modulus, .. } = &material {
            let bits = bits(modulus);
            if !RSA_BITS.contains(&bits) {
                return Err(UnusableKey::RsaSize(bits));
            }
            if roca::is_weak(modulus) {
                return Err(UnusableKey::WeakModulus);
            }
        }
        let public = PublicKey::new(&material).ok_or(UnusableKey::Invalid)?;
        if algorithm.is_some_and(|algorithm| !public.fits(algorithm)) {
            return Err(UnusableKey::AlgorithmMismatch);
        }
        let json = serde_json::to_vec(jwk).map_err(|_| UnusableKey::Invalid)?;
        Ok(Self { jwk: json.into(), kid: members.kid().map(str::to_owned), algorithm, public })
    }

    /// The `kid` of a JWK, if it has one.
    pub(super) fn kid_of(jwk: &Map<String, Value>) -> Option<&str> {
        Members(jwk).kid()
    }

    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
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

/// The members of a JWK. A member that says nothing counts as absent: many serializers write all members of a key.
struct Members<'a>(&'a Map<String, Value>);

impl<'a> Members<'a> {
    fn get(&self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(values) => !values.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::Object(_) => true,
        })
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(Value::as_str)
    }

    fn kid(&self) -> Option<&'a str> {
        self.text("kid")
    }

    /// The bytes of a member in base64url. Some libraries add the padding.
    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, UnusableKey> {
        let text = self.get(name).ok_or(UnusableKey::MissingMember(name))?;
        let text = text.as_str().map(|text| text.trim_end_matches('='));
        text.and_then(|text| decode(text.as_bytes())).ok_or(UnusableKey::NotBase64Url(name))
    }

    fn material(&self) -> Result<KeyMaterial, UnusableKey> {
        let (kty, crv) = (self.text("kty"), self.text("crv"));
        let unsupported = || UnusableKey::unsupported_type(kty.unwrap_or_default(), crv);
        let number = match (kty, crv) {
            (Some("RSA"), _) => "n",
            (Some("EC"), None | Some("P-256" | "P-384")) | (Some("OKP"), None | Some("Ed25519")) => "x",
            (Some("oct"), _) => return Err(UnusableKey::Symmetric),
            (None, _) => "kty",
            (Some(_), _) => return Err(unsupported()),
        };
        if self.get(number).is_none() {
            return self.certified().unwrap_or(Err(UnusableKey::MissingMember(number)));
        }
        match (kty, crv) {
            (Some("RSA"), _) => Ok(KeyMaterial::Rsa { modulus: self.bytes("n")?, exponent: self.bytes("e")? }),
            (Some("EC"), Some("P-256")) => Ok(KeyMaterial::P256 { x: self.bytes("x")?, y: self.bytes("y")? }),
            (Some("EC"), Some("P-384")) => Ok(KeyMaterial::P384 { x: self.bytes("x")?, y: self.bytes("y")? }),
            (Some("OKP"), Some("Ed25519")) => Ok(KeyMaterial::Ed25519 { x: self.bytes("x")? }),
            _ => Err(unsupported()),
        }
    }

    /// The key in the first certificate (RFC 7517 §4.7). `None` if there is no certificate.
    fn certified(&self) -> Option<Result<KeyMaterial, UnusableKey>> {
        let chain = self.get("x5c")?;
        let first = chain.as_array().and_then(|chain| chain.first()).and_then(Value::as_str);
        let material = first.and_then(|text| STANDARD.decode(text).ok()).as_deref().and_then(certificate::key_material);
        Some(material.filter(|material| self.agrees(material)).ok_or(UnusableKey::InvalidCertificate))
    }

    /// Whether `kty` and `crv`, as far as they are there, are those of this key.
    fn agrees(&self, material: &KeyMaterial) -> bool {
        let (kty, crv) = match material {
            KeyMaterial::Rsa { .. } => ("RSA", None),
            KeyMaterial::P256 { .. } => ("EC", Some("P-256")),
            KeyMaterial::P384 { .. } => ("EC", Some("P-384")),
            KeyMaterial::Ed25519 { .. } => ("OKP", Some("Ed25519")),
        };
        self.text("kty").is_none_or(|text| text == kty) && self.text("crv").is_none_or(|text| Some(text) == crv)
    }
}

/// The size of a key with this modulus, in bits.
fn bits(modulus: &[u8]) -> usize {
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    modulus.len().saturating_sub(zeros).saturating_mul(8)
}

#[cfg(test)]
mod tests;
