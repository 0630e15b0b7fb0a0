//! Signatures checked by the host: Envoy's foreign function `verify_signature` takes 35 µs for what takes more than a
//! millisecond in WebAssembly. Only its verdict is taken; what a token must say besides is decided here.
//!
//! Source: `source/extensions/common/wasm/foreign.cc` and `ext/verify_signature.proto` of Envoy.

use serde_json::Value;

use crate::crypto::{Algorithm, PublicKey};
use crate::keys::jwk::Key;
use crate::token::jose::Unverified;
use crate::wire::json;
use crate::wire::protobuf::write_field;

/// The name of the host's function.
const FUNCTION: &str = "verify_signature";
/// `VerifySignatureResult {result: true}`. With anything else the signature is not good.
const GOOD: &[u8] = &[0x08, 0x01];
/// A token of each algorithm and the keys to them, made for this purpose: the private keys are gone.
const SAMPLES: &str = include_str!("host_verifier_samples.json");

/// The host's functions beside those of proxy-wasm.
pub trait Foreign {
    /// Calls the function of that name; none if the host has no such function, or refuses the arguments.
    fn call(&self, function: &str, arguments: &[u8]) -> Option<Vec<u8>>;
}

/// A host without any.
impl Foreign for () {
    fn call(&self, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// Which algorithms the host can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Native {
    algorithms: Vec<Algorithm>,
}

impl Native {
    /// Finds out what this host can do: an algorithm counts if its sample is accepted, and refused with any part
    /// changed.
    #[must_use]
    pub fn probe(host: &dyn Foreign) -> Self {
        let samples = json::parse(SAMPLES.as_bytes()).unwrap_or_default();
        let list = samples.as_array().map(Vec::as_slice).unwrap_or_default();
        Self { algorithms: list.iter().filter_map(|sample| probe(host, sample)).collect() }
    }

    /// The algorithms that the host does.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Whether the signature is this key's for these bytes. None if that is not for the host to say.
    #[must_use]
    pub fn verify(
        &self,
        host: &dyn Foreign,
        key: &PublicKey,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        if self.algorithms.contains(&algorithm) { ask(host, key, algorithm, signed, signature) } else { None }
    }
}

fn probe(host: &dyn Foreign, sample: &Value) -> Option<Algorithm> {
    let key = Key::parse(sample.get("key")?.as_object()?).ok()?;
    let token = sample.get("token")?.as_str()?;
    let Unverified { algorithm, signed, mut signature, .. } = Unverified::parse(token.as_bytes()).ok()?;
    let is_good = |signed: &[u8], signature: &[u8]| ask(host, key.public(), algorithm, signed, signature);
    let accepts = is_good(signed, &signature) == Some(true);
    let refuses_text = is_good(signed.split_last()?.1, &signature) == Some(false);
    *signature.last_mut()? ^= 1;
    let refuses_signature = is_good(signed, &signature) == Some(false);
    (accepts && refuses_text && refuses_signature).then_some(algorithm)
}

fn ask(host: &dyn Foreign, key: &PublicKey, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Option<bool> {
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => "sha256",
        Algorithm::Rs384 | Algorithm::Es384 => "sha384",
        Algorithm::Rs512 => "sha512",
        // The function knows no PSS padding and no Edwards curves.
        Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 | Algorithm::EdDsa => return None,
    };
    let der = key.der()?;
    if !key.fits(algorithm) {
        return Some(false);
    }
    let Some(signature) = key.der_signature(signature) else { return Some(false) };
    let mut arguments = Vec::with_capacity(signed.len().saturating_add(der.len()).saturating_add(640));
    for (number, value) in [(1, hash.as_bytes()), (2, der), (3, &*signature), (4, signed)] {
        write_field(&mut arguments, number, value);
    }
    host.call(FUNCTION, &arguments).map(|result| result == GOOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host that verifies with what this module has itself.
    struct Host {
        broken: Option<&'static str>,
    }

    impl Foreign for Host {
        fn call(&self, function: &str, arguments: &[u8]) -> Option<Vec<u8>> {
            assert_eq!(function, FUNCTION);
            let fields = read(arguments);
            let [(1, hash), (2, der), (3, signature), (4, text)] = &fields[..] else { panic!("{fields:?}") };
            let hash = std::str::from_utf8(hash).unwrap();
            if self.broken == Some(hash) {
                // It believes everything.
                return Some(GOOD.to_vec());
            }
            let good = verify(hash, der, signature, text);
            Some(if good { GOOD.to_vec() } else { [&[0x12, 3][..], b"bad"].concat() })
        }
    }

    fn read(mut message: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut fields = Vec::new();
        while let [tag, rest @ ..] = message {
            let (mut length, mut at) = (0usize, 0);
            loop {
                length |= usize::from(rest[at] & 0x7f) << (7 * at);
                at += 1;
                if rest[at - 1] < 0x80 {
                    break;
                }
            }
            fields.push((tag >> 3, rest[at..at + length].to_vec()));
            message = &rest[at + length..];
        }
        fields
    }

    fn verify(hash: &str, der: &[u8], signature: &[u8], text: &[u8]) -> bool {
        use jwt_simple::algorithms::{ECDSAP256PublicKeyLike, ECDSAP384PublicKeyLike, ES256PublicKey, ES384PublicKey};
        use p256::ecdsa::signature::Verifier as _;
        use superboring::{hash::MessageDigest, pkey::PKey, rsa::Rsa, sign::Verifier};
        if let Ok(key) = ES256PublicKey::from_der(der) {
            let signature = p256::ecdsa::Signature::from_der(signature);
            return hash == "sha256" && signature.is_ok_and(|s| key.public_key().as_ref().verify(text, &s).is_ok());
        }
        if let Ok(key) = ES384PublicKey::from_der(der) {
            let signature = p384::ecdsa::Signature::from_der(signature);
            return hash == "sha384" && signature.is_ok_and(|s| key.public_key().as_ref().verify(text, &s).is_ok());
        }
        let digest = match hash {
            "sha256" => MessageDigest::sha256(),
            "sha384" => MessageDigest::sha384(),
            _ => MessageDigest::sha512(),
        };
        let key = PKey::from_rsa(Rsa::public_key_from_der(der).unwrap()).unwrap();
        let mut verifier = Verifier::new(digest, &key).unwrap();
        verifier.set_rsa_padding(superboring::rsa::Padding::PKCS1).unwrap();
        verifier.update(text).unwrap();
        verifier.verify(signature).unwrap_or(false)
    }

    #[test]
    fn a_host_that_can_is_found_out() {
        let native = Native::probe(&Host { broken: None });
        assert_eq!(native.algorithms(), {
            use Algorithm::{Es256, Es384, Rs256, Rs384, Rs512};
            [Rs256, Rs384, Rs512, Es256, Es384]
        });
    }

    #[test]
    fn a_host_that_cannot_or_believes_everything_is_not_asked() {
        assert_eq!(Native::probe(&()), Native::default());
        let native = Native::probe(&Host { broken: Some("sha256") });
        assert_eq!(native.algorithms(), [Algorithm::Rs384, Algorithm::Rs512, Algorithm::Es384]);
    }

    #[test]
    fn both_verifiers_agree_on_the_samples_and_on_what_is_no_signature() {
        let host = Host { broken: None };
        let native = Native::probe(&host);
        for sample in serde_json::from_str::<Value>(SAMPLES).unwrap().as_array().unwrap() {
            let key = Key::parse(sample["key"].as_object().unwrap()).unwrap();
            let token = sample["token"].as_str().unwrap();
            let Unverified { algorithm, signed, signature, .. } = Unverified::parse(token.as_bytes()).unwrap();
            let both = |signature: &[u8]| {
                let here = key.public().verify(algorithm, signed, signature);
                assert_eq!(
                    native.verify(&host, key.public(), algorithm, signed, signature),
                    Some(here),
                    "{algorithm:?}"
                );
                here
            };
            assert!(both(&signature));
            let half = signature.len() / 2;
            for bad in [
                &[][..],
                &[0],
                &signature[1..],
                &[&signature[..], &[0]].concat(),
                &[&[0], &signature[..]].concat(),
                &vec![0; signature.len()],
                &vec![0xff; signature.len()],
                &[&vec![0; half], &signature[half..]].concat(),
            ] {
                assert!(!both(bad), "{algorithm:?} {bad:?}");
            }
        }
    }
}
