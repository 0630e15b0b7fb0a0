//! Verifies RSA signatures (RFC 8017 §8).
//!
//! Written by hand: where the host verifies no signatures of an algorithm, each new token costs one power, and general
//! libraries take several times as long for it.

mod modulus;

use sha2::{Digest, Sha256, Sha384, Sha512};

use self::modulus::Modulus;

/// How many bits a modulus may have.
const BITS: std::ops::RangeInclusive<usize> = 2048..=4096;
/// 65537, the exponent of all keys that are supported.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A public RSA key.
#[derive(Debug)]
pub(super) struct RsaKey(Modulus);

/// The hash function of a signature.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// How the hash is encoded in a signature.
#[derive(Debug, Clone, Copy)]
pub(super) enum Padding {
    /// EMSA-PKCS1-v1_5 (RFC 8017 §9.2).
    Pkcs1,
    /// EMSA-PSS (RFC 8017 §9.1), with a salt as long as the hash (RFC 7518 §3.5).
    Pss,
}

impl RsaKey {
    /// A key from its modulus and its exponent, both big-endian. `None` if they are not supported.
    pub(super) fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let modulus = modulus.get(modulus.iter().position(|byte| *byte != 0)?..)?;
        let exponent = exponent.get(exponent.iter().position(|byte| *byte != 0)?..)?;
        // Before anything is computed with it.
        if modulus.len() > BITS.end().div_ceil(8) || exponent != EXPONENT {
            return None;
        }
        let modulus = Modulus::new(modulus)?;
        BITS.contains(&modulus.bit_length()).then_some(Self(modulus))
    }

    /// The length of the key's signatures in bytes (RFC 8017 §8.2.2).
    pub(super) fn signature_length(&self) -> usize {
        self.0.byte_length()
    }

    /// Whether this key made the signature of these bytes.
    pub(super) fn verify(&self, padding: Padding, hash: Hash, signed: &[u8], signature: &[u8]) -> bool {
        if signature.len() != self.signature_length() {
            return false;
        }
        let Some(encoded) = self.0.power_65537(signature) else { return false };
        let digest = hash.of(&[signed]);
        match padding {
            Padding::Pkcs1 => is_pkcs1(hash, &digest, &encoded),
            Padding::Pss => is_pss(hash, &digest, &encoded, self.0.bit_length().saturating_sub(1)).unwrap_or(false),
        }
    }
}

impl Hash {
    fn of(self, parts: &[&[u8]]) -> Vec<u8> {
        fn hash<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
            parts.iter().fold(D::new(), |digest, part| digest.chain_update(part)).finalize().to_vec()
        }
        match self {
            Self::Sha256 => hash::<Sha256>(parts),
            Self::Sha384 => hash::<Sha384>(parts),
            Self::Sha512 => hash::<Sha512>(parts),
        }
    }

    /// The DER encoding of DigestInfo up to the hash (RFC 8017 §9.2, note 1).
    fn digest_info(self) -> [u8; 19] {
        let (identifier, length) = match self {
            Self::Sha256 => (1, 32),
            Self::Sha384 => (2, 48),
            Self::Sha512 => (3, 64),
        };
        let total = 17u8.wrapping_add(length);
        [0x30, total, 0x30, 13, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, identifier, 5, 0, 4, length]
    }
}

/// The only encoding of a hash by EMSA-PKCS1-v1_5. `None` if it does not fit.
fn pkcs1(hash: Hash, digest: &[u8], length: usize) -> Option<Vec<u8>> {
    let info = hash.digest_info();
    let filling = length.checked_sub(info.len())?.checked_sub(digest.len())?.checked_sub(3)?;
    Some([&[0, 1], &*vec![0xff; filling], &[0], &info, digest].concat())
}

/// Whether `encoded` is the encoding of the hash by EMSA-PKCS1-v1_5.
fn is_pkcs1(hash: Hash, digest: &[u8], encoded: &[u8]) -> bool {
    pkcs1(hash, digest, encoded.len()).is_some_and(|expected| encoded == expected)
}

/// Whether `encoded` is an encoding of the hash by EMSA-PSS in this many bits: EMSA-PSS-VERIFY of RFC 8017 §9.1.2.
fn is_pss(hash: Hash, digest: &[u8], encoded: &[u8], bits: usize) -> Option<bool> {
    // Where the modulus has one bit more than whole bytes, the encoding is a byte shorter than it.
    let (above, encoded) = encoded.split_at_checked(encoded.len().checked_sub(bits.div_ceil(8))?)?;
    let (masked, tail) = encoded.split_at_checked(encoded.len().checked_sub(digest.len())?.checked_sub(1)?)?;
    let (salted_digest, trailer) = tail.split_at_checked(digest.len())?;
    let unused_bits = u32::try_from(encoded.len().checked_mul(8)?.checked_sub(bits)?).ok()?;
    let used = 0xffu8.checked_shr(unused_bits)?;
    let first = masked.first()?;
    if above.iter().any(|byte| *byte != 0) || trailer != [0xbc] || first & !used != 0 {
        return Some(false);
    }
    let mut block: Vec<u8> = masked.iter().zip(mask(hash, salted_digest, masked.len())).map(|(a, b)| a ^ b).collect();
    *block.first_mut()? &= used;
    let (filling, salt) = block.split_at_checked(block.len().checked_sub(digest.len())?)?;
    let (one, zeros) = filling.split_last()?;
    let is_filling = *one == 1 && zeros.iter().all(|byte| *byte == 0);
    Some(is_filling && hash.of(&[&[0; 8], digest, salt]) == salted_digest)
}

/// MGF1 of RFC 8017 §B.2.1.
fn mask(hash: Hash, seed: &[u8], length: usize) -> impl Iterator<Item = u8> {
    (0u32..).flat_map(move |counter| hash.of(&[seed, &counter.to_be_bytes()])).take(length)
}

#[cfg(test)]
mod tests;
