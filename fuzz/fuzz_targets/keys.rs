//! Hostile key sets: whatever is parsed and verified with, nothing panics, and libFuzzer's timeout is the limit.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use temporal_auth::keys::{Found, KeySet};
use temporal_auth::token::jose::Algorithm;

/// A key of these numbers, so that mutation need not write base64.
fn jwk(kind: u8, first: &[u8], second: &[u8]) -> Value {
    let [first, second] = [first, second].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
    match kind % 4 {
        0 => json!({"kid": "k", "kty": "RSA", "n": first, "e": second}),
        1 => json!({"kid": "k", "kty": "EC", "crv": "P-256", "x": first, "y": second}),
        2 => json!({"kid": "k", "kty": "EC", "crv": "P-384", "x": first, "y": second}),
        _ => json!({"kid": "k", "kty": "OKP", "crv": "Ed25519", "x": first}),
    }
}

/// The bytes up to a length, and the rest.
fn split(bytes: &[u8], length: usize) -> (&[u8], &[u8]) {
    bytes.split_at(length.min(bytes.len()))
}

fuzz_target!(|data: &[u8]| {
    let Some(([mode, kind, second, signature], data)) = data.split_first_chunk::<4>() else { return };
    let (signature, data) = split(data, usize::from(*signature) * 2);
    let set = if mode & 1 == 0 {
        KeySet::parse(data)
    } else {
        let (second, first) = split(data, usize::from(*second));
        KeySet::parse(json!({"keys": [jwk(*kind, first, second)]}).to_string().as_bytes())
    };
    let Ok(set) = set else { return };
    for (_, algorithm) in Algorithm::ALL {
        if let Found::Key(key) = set.find("k", algorithm) {
            let _ = key.verify(algorithm, b"signed", signature);
            assert!(set.contains(&key.jwk));
        }
    }
});
