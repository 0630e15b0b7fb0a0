//! Wycheproof's signatures are tested in `tests/conformance`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// Keys of many sizes, whose moduli and encodings begin at each bit of a byte, with signatures of `signed` that OpenSSL has
/// made.
const KEYS: &str = include_str!("odd_sizes.json");
const SIGNED: &[u8] = b"signed";

struct TestKey {
    modulus: Vec<u8>,
    key: RsaKey,
    signatures: BTreeMap<String, Vec<u8>>,
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn test_keys() -> Vec<TestKey> {
    let rows: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(KEYS).unwrap();
    rows.into_iter()
        .map(|mut row| {
            let bits = row.remove("bits").unwrap().as_u64().unwrap();
            let modulus = decode(row.remove("n").unwrap().as_str().unwrap());
            let key = RsaKey::new(&modulus, &EXPONENT).unwrap();
            assert_eq!(key.0.bit_length(), usize::try_from(bits).unwrap());
            let signatures = row.into_iter().map(|(name, value)| (name, decode(value.as_str().unwrap()))).collect();
            TestKey { modulus, key, signatures }
        })
        .collect()
}

/// The names of all algorithms by which the key made the signature.
fn accepted(key: &RsaKey, signed: &[u8], signature: &[u8]) -> Vec<&'static str> {
    let algorithms = [
        ("RS256", Padding::Pkcs1, Hash::Sha256),
        ("RS384", Padding::Pkcs1, Hash::Sha384),
        ("RS512", Padding::Pkcs1, Hash::Sha512),
        ("PS256", Padding::Pss, Hash::Sha256),
        ("PS384", Padding::Pss, Hash::Sha384),
        ("PS512", Padding::Pss, Hash::Sha512),
    ];
    let passes = |(_, padding, hash): &(_, _, _)| key.verify(*padding, *hash, signed, signature);
    algorithms.into_iter().filter(passes).map(|(name, _, _)| name).collect()
}

#[test]
fn each_size_of_key_accepts_its_signatures_for_one_algorithm() {
    for TestKey { key, signatures, .. } in test_keys() {
        for (name, signature) in signatures {
            let expected = if name.contains(' ') { vec![] } else { vec![name.as_str()] };
            assert_eq!(accepted(&key, SIGNED, &signature), expected, "{name} of {} bits", key.0.bit_length());
            assert!(accepted(&key, b"signec", &signature).is_empty());
        }
    }
}

#[test]
fn a_changed_signature_is_refused() {
    for TestKey { modulus, key, signatures } in test_keys().into_iter().take(7) {
        for name in ["RS256", "PS256"] {
            let good = &signatures[name];
            for place in (0..good.len()).step_by(17).chain([good.len() - 1]) {
                let mut bad = good.clone();
                bad[place] ^= 1;
                assert!(accepted(&key, SIGNED, &bad).is_empty(), "{name} with byte {place} changed");
            }
            let length = good.len();
            for bad in [
                good[1..].to_vec(),
                good[..length - 1].to_vec(),
                [&[0], &good[..]].concat(),
                [&good[..], &[0]].concat(),
                vec![0; length],
                [vec![0; length - 1], vec![1]].concat(),
                vec![0xff; length],
                modulus.clone(),
                Vec::new(),
            ] {
                assert!(accepted(&key, SIGNED, &bad).is_empty(), "{bad:?}");
            }
        }
    }
}

#[test]
fn a_signature_plus_the_modulus_is_refused() {
    let mut tried = 0;
    for TestKey { modulus, key, signatures } in test_keys() {
        for name in ["RS256", "PS256"] {
            let mut sum = signatures[name].clone();
            let mut carry = 0;
            for (byte, other) in sum.iter_mut().zip(&modulus).rev() {
                let total = u32::from(*byte) + u32::from(*other) + carry;
                *byte = u8::try_from(total & 0xff).unwrap();
                carry = total >> 8;
            }
            // Where the sum needs no further byte, the power is the same, and only the size of the number tells.
            if carry == 0 {
                assert!(accepted(&key, SIGNED, &sum).is_empty());
                tried += 1;
            }
        }
    }
    assert!(tried > 5, "{tried}");
}

#[test]
fn keys_are_limited() {
    let TestKey { modulus, .. } = test_keys().remove(0);
    let (mut small, mut even) = (modulus.clone(), modulus.clone());
    small[0] &= 0x7f;
    *even.last_mut().unwrap() &= 0xfe;
    let large = [&[1], &modulus[..], &modulus].concat();
    for refused in [&small, &even, &large, &Vec::new(), &vec![0; 256], &modulus[1..].to_vec()] {
        assert!(RsaKey::new(refused, &EXPONENT).is_none(), "{refused:?}");
    }
    for exponent in [&[][..], &[0], &[1], &[3], &[1, 0, 0], &[1, 0, 1, 0], &[1, 0, 2]] {
        assert!(RsaKey::new(&modulus, exponent).is_none(), "{exponent:?}");
    }
    // Leading zeros change no number.
    assert!(RsaKey::new(&[&[0, 0], &modulus[..]].concat(), &[0, 0, 1, 0, 1]).is_some());
}

const HASHES: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];

#[test]
fn every_byte_of_a_pkcs1_encoding_counts() {
    for hash in HASHES {
        let digest = hash.of(&[SIGNED]);
        let good = pkcs1(hash, &digest, 256).unwrap();
        assert!(is_pkcs1(hash, &digest, &good));
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert!(!is_pkcs1(hash, &digest, &bad), "byte {place}");
        }
        // Less filling, and the rest behind the hash (Bleichenbacher 2006), or more of it.
        let short = pkcs1(hash, &digest, 200).unwrap();
        assert!(!is_pkcs1(hash, &digest, &[&short[..], &[0; 56]].concat()));
        assert!(!is_pkcs1(hash, &digest, &[&[0; 56], &short[..]].concat()));
        assert!(!is_pkcs1(hash, &digest, &[]) && !is_pkcs1(hash, &digest, &digest));
    }
}

/// An encoding by EMSA-PSS in `bits` bits, with this data block before it is masked.
fn pss(hash: Hash, digest: &[u8], block: &[u8], salt: &[u8], bits: usize) -> Vec<u8> {
    let salted = hash.of(&[&[0; 8], digest, salt]);
    let mut masked: Vec<u8> = block.iter().zip(mask(hash, &salted, block.len())).map(|(a, b)| a ^ b).collect();
    masked[0] &= 0xff >> (bits.div_ceil(8) * 8 - bits);
    [&masked[..], &salted, &[0xbc]].concat()
}

#[test]
fn every_part_of_a_pss_encoding_counts() {
    for (hash, bits) in HASHES.into_iter().flat_map(|hash| [2047, 2048, 2044].map(|bits| (hash, bits))) {
        let digest = hash.of(&[SIGNED]);
        let length = usize::div_ceil(bits, 8);
        let block = |salt: &[u8]| {
            let filling = vec![0; length - digest.len() - salt.len() - 2];
            [&filling[..], &[1], salt].concat()
        };
        let salt = vec![7; digest.len()];
        let passes = |encoded: &[u8]| is_pss(hash, &digest, encoded, bits) == Some(true);
        let good = pss(hash, &digest, &block(&salt), &salt, bits);
        assert!(passes(&good) && passes(&[&[0], &good[..]].concat()), "a modulus may have a byte more");
        assert!(!passes(&[&[1], &good[..]].concat()));
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert!(!passes(&bad), "byte {place}");
        }
        if bits < length * 8 {
            let mut bad = good.clone();
            bad[0] |= 0x80;
            assert!(!passes(&bad), "a bit above the encoding");
        }
        for length in [0, 1, digest.len() - 1, digest.len() + 1] {
            let salt = vec![7; length];
            assert!(!passes(&pss(hash, &digest, &block(&salt), &salt, bits)), "a salt of {length} bytes");
        }
        let separator = length - digest.len() - digest.len() - 2;
        for (place, value) in [(1, 1), (separator - 1, 1), (separator, 0), (separator, 2), (separator, 0x81)] {
            let mut bad = block(&salt);
            bad[place] = value;
            assert!(!passes(&pss(hash, &digest, &bad, &salt, bits)), "{value} at {place}");
        }
        let mut trailer = good.clone();
        *trailer.last_mut().unwrap() = 0xcc;
        assert!(!passes(&trailer) && !passes(&[]) && !passes(&good[1..]));
    }
}
