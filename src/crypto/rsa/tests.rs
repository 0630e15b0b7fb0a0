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
