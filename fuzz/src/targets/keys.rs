//! Hostile key sets: parsing them and verifying with their keys does not panic, and does not exceed libFuzzer's
//! timeout.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use temporal_auth::crypto::Algorithm;
use temporal_auth::keys::{KeyMatch, KeySet};
use temporal_auth::token::jose::KidRule;

/// A key of these numbers, so that mutation need not produce base64. `on_curve` computes the second coordinate of a
/// point from the first, because mutation would not find it.
fn jwk(kind: u8, on_curve: bool, first: &[u8], second: &[u8]) -> Value {
    let point = match kind % 4 {
        1 if on_curve => p256::ecdsa::VerifyingKey::from_sec1_bytes(&[&[2], first].concat())
            .map(|key| key.to_sec1_point(false).as_bytes().to_vec()),
        2 if on_curve => p384::ecdsa::VerifyingKey::from_sec1_bytes(&[&[2], first].concat())
            .map(|key| key.to_sec1_point(false).as_bytes().to_vec()),
        _ => Ok(Vec::new()),
    };
    let point = point.unwrap_or_default();
    let second = point.get(1 + first.len()..).unwrap_or(second);
    let [first, second] = [first, second].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    match kind % 4 {
        0 => json!({"kid": "k", "kty": "RSA", "n": first, "e": second}),
        1 => json!({"kid": "k", "kty": "EC", "crv": "P-256", "x": first, "y": second}),
        2 => json!({"kid": "k", "kty": "EC", "crv": "P-384", "x": first, "y": second}),
        _ => json!({"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": first}),
    }
}

/// The first bytes, at most `length`, and the rest.
fn split(bytes: &[u8], length: usize) -> (&[u8], &[u8]) {
    bytes.split_at(length.min(bytes.len()))
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(([mode, kind, second, signature], data)) = data.split_first_chunk::<4>() else { return };
    // At most 1020 bytes, which is more than a signature of 4096 bits has.
    let (signature, data) = split(data, usize::from(*signature) * 4);
    let kid_rule = if mode & 4 == 4 { KidRule::Optional } else { KidRule::Required };
    let set = if mode & 1 == 0 {
        KeySet::parse(data, kid_rule)
    } else {
        let (second, first) = split(data, usize::from(*second));
        KeySet::parse(json!({"keys": [jwk(*kind, mode & 2 == 2, first, second)]}).to_string().as_bytes(), kid_rule)
    };
    let Ok(set) = set else { return };
    for (_, algorithm) in Algorithm::ALL {
        for kid in [Some("k"), None] {
            let KeyMatch::Candidates(keys) = set.find(kid, algorithm) else { continue };
            assert!(kid_rule == KidRule::Optional || kid.is_some());
            for key in keys {
                assert!(!key.verify(algorithm, b"signed", signature), "a signature that nobody made");
                assert!(set.contains(&key.jwk));
            }
        }
    }
}
