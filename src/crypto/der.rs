//! Writes keys and signatures in DER, the form that verifiers outside of JOSE expect. Written by hand, because the
//! libraries' code for it would be a twentieth of the module.

use std::borrow::Cow;

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;
/// The AlgorithmIdentifier of rsaEncryption (RFC 3279 §2.3.1).
pub(super) const RSA_ENCRYPTION: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// The AlgorithmIdentifier of ecPublicKey on secp256r1 (RFC 5480 §2.1).
pub(super) const P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
/// The AlgorithmIdentifier of ecPublicKey on secp384r1 (RFC 5480 §2.1).
pub(super) const P384: &[u8] =
    &[0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// The AlgorithmIdentifier of Ed25519 (RFC 8410 §3).
pub(super) const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// The SubjectPublicKeyInfo of an RSA key (RFC 8017 §A.1.1).
pub(super) fn rsa_key(modulus: &[u8], exponent: &[u8]) -> Box<[u8]> {
    public_key(RSA_ENCRYPTION, &tagged(SEQUENCE, &[&integer(modulus), &integer(exponent)]))
}

/// A SubjectPublicKeyInfo (RFC 5280 §4.1).
pub(super) fn public_key(algorithm: &[u8], public: &[u8]) -> Box<[u8]> {
    tagged(SEQUENCE, &[algorithm, &tagged(BIT_STRING, &[&[0], public])]).into()
}

/// The Ecdsa-Sig-Value (RFC 3279 §2.2.3) of a signature in JOSE's form: r and s, of the same length (RFC 7518 §3.4).
pub(super) fn ecdsa_signature(signature: &[u8]) -> Cow<'static, [u8]> {
    let (r, s) = signature.split_at(signature.len() / 2);
    tagged(SEQUENCE, &[&integer(r), &integer(s)]).into()
}

/// An INTEGER from a non-negative number, big-endian.
fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    // A number that would look negative gets a leading zero. So does an empty number.
    let sign: &[u8] = if number.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    tagged(INTEGER, &[sign, number])
}

/// A value with its tag and its length.
fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let mut bytes = vec![tag];
    if content.len() >= 0x80 {
        bytes.push(u8::try_from(length.len()).unwrap_or_default() | 0x80);
        bytes.extend_from_slice(length);
    } else {
        bytes.push(length.first().copied().unwrap_or_default());
    }
    bytes.extend(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    use jwt_simple::algorithms::{ES256KeyPair, ES384KeyPair, RS256PublicKey, RSAPublicKeyLike};

    #[test]
    fn keys_are_written_as_the_libraries_write_them() {
        for modulus in [[0x80 | 1; 256].to_vec(), [0x7f; 512].to_vec(), [&[0, 0xff][..], &[0xff; 383]].concat()] {
            let key = RS256PublicKey::from_components(&modulus, &[1, 0, 1]).unwrap();
            assert_eq!(*rsa_key(&modulus, &[0, 1, 0, 1]), key.public_key().to_der().unwrap()[..]);
        }
        let p256_key = ES256KeyPair::generate();
        let public = p256_key.public_key();
        let public = jwt_simple::algorithms::ECDSAP256PublicKeyLike::public_key(&public);
        assert_eq!(*public_key(P256, &public.to_bytes_uncompressed()), public.to_der().unwrap()[..]);
        let p384_key = ES384KeyPair::generate();
        let public = p384_key.public_key();
        let public = jwt_simple::algorithms::ECDSAP384PublicKeyLike::public_key(&public);
        assert_eq!(*public_key(P384, &public.to_bytes_uncompressed()), public.to_der().unwrap()[..]);
    }

    #[test]
    fn signatures_are_written_as_the_libraries_write_them() {
        let r_and_s: [[u8; 64]; 4] = [
            [0x7f; 64],
            [0x80; 64],
            std::array::from_fn(|index| if index % 32 < 30 { 0 } else { 0x80 }),
            std::array::from_fn(|index| if index % 32 == 31 { 1 } else { 0 }),
        ];
        for signature in r_and_s {
            let library = p256::ecdsa::Signature::from_slice(&signature).unwrap();
            assert_eq!(*ecdsa_signature(&signature), *library.to_der().as_bytes());
        }
        for byte in [1, 0x90] {
            let library = p384::ecdsa::Signature::from_slice(&[byte; 96]).unwrap();
            assert_eq!(*ecdsa_signature(&[byte; 96]), *library.to_der().as_bytes());
        }
    }

    #[test]
    fn an_empty_number_is_zero() {
        assert_eq!(integer(&[]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
    }

    #[test]
    fn long_values_have_a_length_of_several_bytes() {
        assert_eq!(tagged(0x30, &[&[7; 0x1234]])[..4], [0x30, 0x82, 0x12, 0x34]);
    }
}
