//! Public keys and the verification of signatures: the only calls of cryptographic libraries.
//!
//! jwt-simple parses the keys on curves, whose points must be on their curve. The signature is then verified with the
//! library's key that jwt-simple exposes. RSA is in a room of its own.

use std::borrow::Cow;

use jwt_simple::algorithms::{
    ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey, Ed25519PublicKey,
    EdDSAPublicKeyLike,
};
use p256::ecdsa::signature::Verifier as _;

use super::Algorithm;
use super::der;
use super::rsa::{Hash, Padding, RsaKey};

/// The numbers of which a public key is made, big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyMaterial {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256 { x: Vec<u8>, y: Vec<u8> },
    P384 { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

/// A public key that can verify a token.
pub struct PublicKey {
    key: VerifyingKey,
    /// The key as SubjectPublicKeyInfo (RFC 5280 §4.1), for the verifiers of hosts; `None` if they do not support it.
    der: Option<Box<[u8]>>,
}

enum VerifyingKey {
    Rsa(RsaKey),
    P256(ES256PublicKey),
    P384(ES384PublicKey),
    Ed25519(Ed25519PublicKey),
}

impl PublicKey {
    /// The key of this material. `None` if it is not a key of its type, or its size is not supported.
    #[must_use]
    pub fn new(material: &KeyMaterial) -> Option<Self> {
        match material {
            KeyMaterial::Rsa { modulus, exponent } => Self::rsa(modulus, exponent),
            KeyMaterial::P256 { x, y } => Self::p256(x, y),
            KeyMaterial::P384 { x, y } => Self::p384(x, y),
            KeyMaterial::Ed25519 { x } => Self::ed25519(x),
        }
    }

    /// An RSA key from its modulus and its exponent, both big-endian.
    #[must_use]
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let key = VerifyingKey::Rsa(RsaKey::new(modulus, exponent)?);
        Some(Self { key, der: Some(der::rsa_key(modulus, exponent)) })
    }

    /// A key on P-256 from its coordinates.
    #[must_use]
    pub fn p256(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = point(x, y, 32)?;
        let key = VerifyingKey::P256(ES256PublicKey::from_bytes(&point).ok()?);
        Some(Self { key, der: Some(der::public_key(der::P256, &point)) })
    }

    /// A key on P-384 from its coordinates.
    #[must_use]
    pub fn p384(x: &[u8], y: &[u8]) -> Option<Self> {
        let point = point(x, y, 48)?;
        let key = VerifyingKey::P384(ES384PublicKey::from_bytes(&point).ok()?);
        Some(Self { key, der: Some(der::public_key(der::P384, &point)) })
    }

    #[must_use]
    pub fn ed25519(x: &[u8]) -> Option<Self> {
        Ed25519PublicKey::from_bytes(x).ok().map(|key| Self { key: VerifyingKey::Ed25519(key), der: None })
    }

    /// Whether keys of this type make signatures of this algorithm.
    #[must_use]
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        match self.key {
            VerifyingKey::Rsa(_) => {
                matches!(algorithm, A::Rs256 | A::Rs384 | A::Rs512 | A::Ps256 | A::Ps384 | A::Ps512)
            }
            VerifyingKey::P256(_) => algorithm == A::Es256,
            VerifyingKey::P384(_) => algorithm == A::Es384,
            VerifyingKey::Ed25519(_) => algorithm == A::EdDsa,
        }
    }

    /// The key as SubjectPublicKeyInfo, in DER.
    #[must_use]
    pub fn der(&self) -> Option<&[u8]> {
        self.der.as_deref()
    }

    /// A signature in the form that is used outside of JOSE, which is DER for elliptic curves (RFC 3279 §2.2.3); `None`
    /// if it cannot be a signature of this key.
    #[must_use]
    pub fn der_signature<'a>(&self, signature: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match &self.key {
            VerifyingKey::Rsa(key) => (signature.len() == key.signature_length()).then_some(Cow::Borrowed(signature)),
            // Parsed first, so that both verifiers refuse the same numbers.
            VerifyingKey::P256(_) => {
                p256::ecdsa::Signature::from_slice(signature).is_ok().then(|| der::ecdsa_signature(signature))
            }
            VerifyingKey::P384(_) => {
                p384::ecdsa::Signature::from_slice(signature).is_ok().then(|| der::ecdsa_signature(signature))
            }
            VerifyingKey::Ed25519(_) => None,
        }
    }

    /// Whether this key made the signature of these bytes.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match &self.key {
            VerifyingKey::Rsa(key) => verify_rsa(key, algorithm, signed, signature),
            VerifyingKey::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(signed, &signature).is_ok()),
            VerifyingKey::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(signed, &signature).is_ok()),
            VerifyingKey::Ed25519(key) => ed25519_compact::Signature::from_slice(signature)
                .is_ok_and(|signature| key.public_key().as_ref().verify(signed, &signature).is_ok()),
        }
    }
}

fn verify_rsa(key: &RsaKey, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
    use Algorithm as A;
    let (padding, hash) = match algorithm {
        A::Rs256 => (Padding::Pkcs1, Hash::Sha256),
        A::Rs384 => (Padding::Pkcs1, Hash::Sha384),
        A::Rs512 => (Padding::Pkcs1, Hash::Sha512),
        A::Ps256 => (Padding::Pss, Hash::Sha256),
        A::Ps384 => (Padding::Pss, Hash::Sha384),
        A::Ps512 => (Padding::Pss, Hash::Sha512),
        A::Es256 | A::Es384 | A::EdDsa => return false,
    };
    key.verify(padding, hash, signed, signature)
}

/// An uncompressed point (SEC 1 §2.3.3).
fn point(x: &[u8], y: &[u8], length: usize) -> Option<Vec<u8>> {
    Some([&[4][..], &coordinate(x, length)?, &coordinate(y, length)?].concat())
}

/// A coordinate in its full length, as a JWK must have it (RFC 7518 §6.2.1.2). Some issuers leave leading zeros out or add
/// one, as libraries for big numbers write them.
fn coordinate(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let (extra, digits) = number.split_at(number.len().saturating_sub(length));
    let missing = vec![0; length.saturating_sub(digits.len())];
    extra.iter().all(|byte| *byte == 0).then(|| [&missing, digits].concat())
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.key {
            VerifyingKey::Rsa(_) => "RSA",
            VerifyingKey::P256(_) => "P-256",
            VerifyingKey::P384(_) => "P-384",
            VerifyingKey::Ed25519(_) => "Ed25519",
        })
    }
}
