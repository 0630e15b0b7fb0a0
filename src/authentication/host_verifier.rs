//! Has the host verify signatures: Envoy's foreign function `verify_signature` takes a fraction of the time that WebAssembly
//! takes. The host only verifies the signature; everything else about a token is decided here.
//!
//! Source: `source/extensions/common/wasm/foreign.cc` and `ext/verify_signature.proto` of Envoy.

use serde_json::Value;

use crate::crypto::{Algorithm, PublicKey};
use crate::keys::jwk::Key;
use crate::token::jose::ParsedToken;
use crate::wire::json;
use crate::wire::protobuf::write_field;

/// The name of the host's function.
const FUNCTION: &str = "verify_signature";
/// `VerifySignatureResult {result: true}`. Any other result means that the signature is bad.
const GOOD: &[u8] = &[0x08, 0x01];
/// A token and its key for each algorithm, made for the probe. The private keys were not kept.
const SAMPLES: &str = include_str!("host_verifier_samples.json");

/// The host's foreign functions, which are not part of the proxy-wasm ABI.
pub trait ForeignFunctions {
    /// Calls a function; `None` if the host does not have it or refuses the arguments.
    fn call(&self, function: &str, arguments: &[u8]) -> Option<Vec<u8>>;
}

/// A host without foreign functions.
impl ForeignFunctions for () {
    fn call(&self, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// Verifies the signatures of the algorithms that the host supports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostVerifier {
    algorithms: Vec<Algorithm>,
}

impl HostVerifier {
    /// Finds out which algorithms the host supports: it must accept the algorithm's sample, and refuse the sample with
    /// a changed text or signature.
    #[must_use]
    pub fn probe(host: &dyn ForeignFunctions) -> Self {
        let samples = json::parse(SAMPLES.as_bytes()).unwrap_or_default();
        let list = samples.as_array().map(Vec::as_slice).unwrap_or_default();
        Self { algorithms: list.iter().filter_map(|sample| probe(host, sample)).collect() }
    }

    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Whether this key made the signature of these bytes; `None` if the host cannot verify it.
    #[must_use]
    pub fn verify(
        &self,
        host: &dyn ForeignFunctions,
        key: &PublicKey,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        if self.algorithms.contains(&algorithm) { ask(host, key, algorithm, signed, signature) } else { None }
    }
}

fn probe(host: &dyn ForeignFunctions, sample: &Value) -> Option<Algorithm> {
    let key = Key::parse(sample.get("key")?.as_object()?).ok()?;
    let token = sample.get("token")?.as_str()?;
    let ParsedToken { algorithm, signed, mut signature, .. } = ParsedToken::parse(token.as_bytes()).ok()?;
    let is_good = |signed: &[u8], signature: &[u8]| ask(host, key.public(), algorithm, signed, signature);
    let accepts = is_good(signed, &signature) == Some(true);
    let refuses_text = is_good(signed.split_last()?.1, &signature) == Some(false);
    *signature.last_mut()? ^= 1;
    let refuses_signature = is_good(signed, &signature) == Some(false);
    (accepts && refuses_text && refuses_signature).then_some(algorithm)
}

fn ask(
    host: &dyn ForeignFunctions,
    key: &PublicKey,
    algorithm: Algorithm,
    signed: &[u8],
    signature: &[u8],
) -> Option<bool> {
    let hash = match algorithm {
        Algorithm::Rs256 | Algorithm::Es256 => "sha256",
        Algorithm::Rs384 | Algorithm::Es384 => "sha384",
        Algorithm::Rs512 => "sha512",
        // The foreign function supports neither PSS padding nor Edwards curves.
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
    use crate::wire::protobuf::{FieldValue, RawField, fields};

    /// A host that verifies with the libraries that this crate uses. With the `broken` hash, it accepts anything.
    struct VerifyingHost {
        broken: Option<&'static str>,
    }

    impl ForeignFunctions for VerifyingHost {
        fn call(&self, function: &str, arguments: &[u8]) -> Option<Vec<u8>> {
            assert_eq!(function, FUNCTION);
            let fields: Vec<_> = fields(arguments)
                .map(|field| match field.unwrap() {
                    RawField { number, value: FieldValue::Bytes(bytes), .. } => (number, bytes),
                    other => panic!("{other:?}"),
                })
                .collect();
            let [(1, hash), (2, der), (3, signature), (4, text)] = fields[..] else { panic!("{fields:?}") };
            let hash = std::str::from_utf8(hash).unwrap();
            if self.broken == Some(hash) {
                return Some(GOOD.to_vec());
            }
            let good = verify(hash, der, signature, text);
            Some(if good { GOOD.to_vec() } else { [&[0x12, 3][..], b"bad"].concat() })
        }
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
    fn supported_algorithms_are_found() {
        let verifier = HostVerifier::probe(&VerifyingHost { broken: None });
        assert_eq!(verifier.algorithms(), {
            use Algorithm::{Es256, Es384, Rs256, Rs384, Rs512};
            [Rs256, Rs384, Rs512, Es256, Es384]
        });
    }

    #[test]
    fn a_host_that_lacks_the_function_or_accepts_anything_is_not_used() {
        assert_eq!(HostVerifier::probe(&()), HostVerifier::default());
        let verifier = HostVerifier::probe(&VerifyingHost { broken: Some("sha256") });
        assert_eq!(verifier.algorithms(), [Algorithm::Rs384, Algorithm::Rs512, Algorithm::Es384]);
    }

    #[test]
    fn both_verifiers_agree_on_samples_and_on_broken_signatures() {
        let host = VerifyingHost { broken: None };
        let verifier = HostVerifier::probe(&host);
        for sample in serde_json::from_str::<Value>(SAMPLES).unwrap().as_array().unwrap() {
            let key = Key::parse(sample["key"].as_object().unwrap()).unwrap();
            let token = sample["token"].as_str().unwrap();
            let ParsedToken { algorithm, signed, signature, .. } = ParsedToken::parse(token.as_bytes()).unwrap();
            let verify_with_both = |signature: &[u8]| {
                let expected = key.public().verify(algorithm, signed, signature);
                assert_eq!(
                    verifier.verify(&host, key.public(), algorithm, signed, signature),
                    Some(expected),
                    "{algorithm:?}"
                );
                expected
            };
            assert!(verify_with_both(&signature));
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
                assert!(!verify_with_both(bad), "{algorithm:?} {bad:?}");
            }
        }
    }
}
