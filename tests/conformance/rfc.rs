//! The examples of the RFCs.

use serde_json::{Value, json};
use temporal_auth::crypto::Algorithm;
use temporal_auth::keys::{KeyMatch, KeySet};

use super::{decode, key_set, verify};

fn read() -> Value {
    serde_json::from_str(&std::fs::read_to_string(common::repository("tests/conformance/data/rfc.json")).unwrap())
        .unwrap()
}

/// Examples have keys without a `kid`; no key of an issuer is without.
fn named(jwk: &Value) -> Result<KeySet, String> {
    let mut jwk = jwk.clone();
    if jwk.get("kid").is_none() {
        jwk["kid"] = json!("k");
    }
    key_set(&[&jwk])
}

#[test]
fn tokens() {
    let (mut accepted, mut refused) = (0, 0);
    for case in read()["tokens"].as_array().unwrap() {
        let source = &case["source"];
        let (keys, token) = (named(&case["jwk"]), case["token"].as_str().unwrap());
        let verdict = verify(&keys, token);
        let Some(why) = case.get("refused") else {
            assert_eq!(verdict, Ok(()), "{source}");
            accepted += 1;
            continue;
        };
        let refusal = verdict.expect_err(&source.to_string());
        assert!(refusal.contains(why.as_str().unwrap()), "{source}: {refusal}");
        refused += 1;
    }
    println!("RFC 7515, 7520, 8037: {accepted} tokens accepted, {refused} refused for what they state");
    assert_eq!((accepted, refused), (2, 15));
}

/// What is refused for the want of a `kid` is a good signature all the same, and nothing near it is.
#[test]
fn signatures() {
    let mut verified = 0;
    for case in read()["tokens"].as_array().unwrap() {
        let (source, jwk) = (&case["source"], &case["jwk"]);
        let (signed, signature) = case["token"].as_str().unwrap().rsplit_once('.').unwrap();
        let Ok(keys) = named(jwk) else { continue };
        let header: Value = serde_json::from_slice(&decode(signed.split_once('.').unwrap().0)).unwrap();
        let algorithm = Algorithm::named(header["alg"].as_str().unwrap()).unwrap();
        let KeyMatch::Candidates(keys) = keys.find(jwk["kid"].as_str().or(Some("k")), algorithm) else {
            panic!("{source}")
        };
        let key = &keys[0];
        let signature = decode(signature);
        assert!(key.verify(algorithm, signed.as_bytes(), &signature), "{source}");
        for (place, bit) in (0..signature.len()).zip((0..8).cycle()) {
            let mut bad = signature.clone();
            bad[place] ^= 1 << bit;
            assert!(!key.verify(algorithm, signed.as_bytes(), &bad), "{source}: byte {place}");
        }
        assert!(!key.verify(algorithm, &signed.as_bytes()[1..], &signature), "{source}");
        verified += 1;
    }
    println!("RFC 7515, 7520, 8037: {verified} signatures verified");
    assert_eq!(verified, 6);
}

#[test]
fn keys() {
    for case in read()["keys"].as_array().unwrap() {
        let keys = named(&case["jwk"]);
        assert_eq!(keys.is_ok(), case["parses"].as_bool().unwrap(), "{}: {keys:?}", case["source"]);
    }
}
