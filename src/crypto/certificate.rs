//! The public key in an X.509 certificate (RFC 5280 §4.1). Nothing else in the certificate is checked, because the key set in
//! which it is published vouches for it.

use super::der;
use super::public_key::KeyMaterial;

const BIT_STRING: u8 = 0x03;
const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;
/// The tag of the version, which is optional.
const VERSION: u8 = 0xa0;

/// The public key in a certificate, in DER. `None` if the certificate cannot be read, or its key is of another type.
#[must_use]
pub fn key_material(certificate: &[u8]) -> Option<KeyMaterial> {
    let mut to_be_signed = Reader(Reader(certificate).expect(SEQUENCE)?).sequence()?;
    if to_be_signed.0.first() == Some(&VERSION) {
        to_be_signed.next()?;
    }
    to_be_signed.expect(INTEGER)?;
    // The signature's algorithm, the issuer, the validity and the subject.
    for _ in 0..4 {
        to_be_signed.expect(SEQUENCE)?;
    }
    let mut info = to_be_signed.sequence()?;
    let algorithm = info.whole()?;
    // A key has no unused bits.
    let key = info.expect(BIT_STRING)?.strip_prefix(&[0])?;
    match algorithm {
        der::RSA_ENCRYPTION => {
            let mut numbers = Reader(key).sequence()?;
            let (modulus, exponent) = (numbers.expect(INTEGER)?.to_vec(), numbers.expect(INTEGER)?.to_vec());
            Some(KeyMaterial::Rsa { modulus, exponent })
        }
        der::P256 => point(key).map(|(x, y)| KeyMaterial::P256 { x, y }),
        der::P384 => point(key).map(|(x, y)| KeyMaterial::P384 { x, y }),
        der::ED25519 => Some(KeyMaterial::Ed25519 { x: key.to_vec() }),
        _ => None,
    }
}

/// The coordinates of an uncompressed point (SEC 1 §2.3.3).
fn point(key: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let coordinates = key.strip_prefix(&[4])?;
    let (x, y) = coordinates.split_at(coordinates.len() / 2);
    Some((x.to_vec(), y.to_vec()))
}

/// Reads values in DER, one after the other.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The next value's tag, and its content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first.checked_sub(0x80) {
            None => (usize::from(*first), rest),
            // No certificate has 4 GiB.
            Some(size @ 1..=4) => {
                let (bytes, rest) = rest.split_at_checked(usize::from(size))?;
                (bytes.iter().fold(0usize, |length, byte| length.wrapping_shl(8) | usize::from(*byte)), rest)
            }
            Some(_) => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The content of the next value, which must have this tag.
    fn expect(&mut self, expected: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == expected).map(|(_, content)| content)
    }

    fn sequence(&mut self) -> Option<Self> {
        self.expect(SEQUENCE).map(Self)
    }

    /// The next value as a whole.
    fn whole(&mut self) -> Option<&'a [u8]> {
        let before = self.0;
        self.next()?;
        before.get(..before.len().saturating_sub(self.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::PublicKey;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    /// Certificates of OpenSSL, with their keys as SubjectPublicKeyInfo.
    fn samples() -> Vec<(String, Vec<u8>, Vec<u8>)> {
        let samples: Value = serde_json::from_str(include_str!("certificates.json")).unwrap();
        let bytes = |text: &Value| STANDARD.decode(text.as_str().unwrap()).unwrap();
        let sample = |sample: &Value| {
            (sample["type"].as_str().unwrap().to_owned(), bytes(&sample["certificate"]), bytes(&sample["public_key"]))
        };
        samples.as_array().unwrap().iter().map(sample).collect()
    }

    #[test]
    fn the_key_of_a_certificate_is_that_of_openssl() {
        for (name, certificate, public_key) in samples() {
            let material = key_material(&certificate);
            if name == "P-521" {
                assert_eq!(material, None);
                continue;
            }
            let key = PublicKey::new(&material.unwrap()).unwrap();
            assert_eq!(format!("{key:?}"), name);
            if let Some(der) = key.der() {
                assert_eq!(der, public_key);
            }
        }
    }

    #[test]
    fn a_certificate_that_is_cut_or_changed_is_no_other_key() {
        for (_, certificate, _) in samples() {
            for length in 0..certificate.len() {
                assert_eq!(key_material(&certificate[..length]), None, "{length}");
            }
            for index in 0..certificate.len() {
                let mut changed = certificate.clone();
                changed[index] ^= 0xff;
                // Whatever is read, nothing panics.
                let _ = key_material(&changed).and_then(|material| PublicKey::new(&material));
            }
        }
        for bytes in [&[][..], &[0x30], &[0x30, 0x80], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0xff, 1]] {
            assert_eq!(key_material(bytes), None);
        }
    }
}
