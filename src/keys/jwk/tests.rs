use super::*;
use crate::keys::test_keys::{certified, ed25519, p256, p384, rsa, with};
use serde_json::json;

fn parse(jwk: &Value) -> Result<Key, UnusableKey> {
    Key::parse(jwk.as_object().unwrap())
}

#[test]
fn restrictions_in_a_jwk_are_respected() {
    use UnusableKey as U;
    let key = |name: &str, value: Value| parse(&with(ed25519(), name, value)).unwrap_err();
    assert_eq!(key("use", json!("enc")), U::NotForSignatures("\"enc\"".into()));
    assert_eq!(key("use", json!("x509-svid")), U::NotForSignatures("\"x509-svid\"".into()));
    assert_eq!(key("use", json!(1)), U::NotForSignatures("1".into()));
    assert_eq!(key("key_ops", json!(["sign"])), U::NotForVerifying);
    assert_eq!(key("key_ops", json!("verify")), U::NotForVerifying);
    assert_eq!(key("alg", json!("ES256")), U::AlgorithmMismatch);
    assert_eq!(key("alg", json!("RSA-OAEP")), U::UnsupportedAlgorithm("\"RSA-OAEP\"".into()));
    assert_eq!(key("crv", json!("X25519")), U::UnsupportedType("OKP".into(), Some("X25519".into())));
    assert_eq!(key("x", json!("AAAA")), U::Invalid);
    assert_eq!(key("x", json!("++++")), U::NotBase64Url("x"));
    assert_eq!(key("x", json!(7)), U::NotBase64Url("x"));
    assert_eq!(key("d", json!("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI")), U::Private);
    assert_eq!(key("oth", json!([{}])), U::Private);
    let other = |jwk: Value| parse(&jwk).unwrap_err();
    assert_eq!(other(with(p256(), "x", json!("AAAA"))), U::Invalid);
    assert_eq!(other(with(p256(), "y", p256()["x"].clone())), U::Invalid);
    assert_eq!(other(json!({"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"})), U::RsaSize(24));
    assert_eq!(other(json!({"kty": "RSA", "kid": "r", "n": "", "e": ""})), U::MissingMember("n"));
    assert_eq!(other(json!({"kty": "oct", "kid": "o", "k": "c2VjcmV0"})), U::Symmetric);
    assert_eq!(other(json!({"kid": "o"})), U::MissingMember("kty"));
    for fit in [
        with(p256(), "use", json!("sig")),
        with(p256(), "use", json!("jwt-svid")),
        with(p256(), "key_ops", json!(["verify"])),
        with(p256(), "alg", json!("ES256")),
        with(ed25519(), "alg", json!("Ed25519")),
        with(ed25519(), "alg", json!("EdDSA")),
    ] {
        assert!(parse(&fit).is_ok(), "{fit}");
    }
}

#[test]
fn members_that_say_nothing_count_as_absent() {
    for nothing in [json!(null), json!(""), json!([])] {
        for name in ["use", "alg", "key_ops", "x5c", "d", "p", "q", "dp", "dq", "qi", "oth"] {
            let jwk = with(ed25519(), name, nothing.clone());
            assert!(parse(&jwk).is_ok(), "{jwk}");
        }
        assert!(parse(&with(ed25519(), "kid", nothing)).unwrap().kid().is_none());
    }
}

#[test]
fn numbers_are_read_as_libraries_write_them() {
    for (jwk, length) in [(p256(), 32), (p384(), 48)] {
        for name in ["x", "y"] {
            let exact = decode(jwk[name].as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(exact.len(), length);
            let encoded = |bytes: &[u8]| with(jwk.clone(), name, json!(encode(bytes)));
            let long = encoded(&[&[0][..], &exact].concat());
            assert_eq!(parse(&long).unwrap().public().der(), parse(&jwk).unwrap().public().der());
            assert!(parse(&encoded(&[&[1][..], &exact].concat())).is_err(), "a larger number");
            assert!(parse(&encoded(&exact[1..])).is_err(), "another number");
        }
    }
    let short = json!({"kty": "EC", "crv": "P-256", "kid": "s", "x": SHORT_X, "y": SHORT_Y});
    let full = [vec![0; 32 - decode(SHORT_X.as_bytes()).unwrap().len()], decode(SHORT_X.as_bytes()).unwrap()].concat();
    assert!(decode(SHORT_X.as_bytes()).unwrap().len() < 32);
    let full = with(short.clone(), "x", json!(encode(&full)));
    assert_eq!(parse(&short).unwrap().public().der(), parse(&full).unwrap().public().der());
    let padded = with(rsa(), "n", json!(format!("{}==", rsa()["n"].as_str().unwrap())));
    assert_eq!(parse(&padded).unwrap().public().der(), parse(&rsa()).unwrap().public().der());
    assert!(parse(&with(rsa(), "n", json!(format!("{},,", rsa()["n"].as_str().unwrap())))).is_err());
}

/// The point that is 379 times the generator of P-256: its x begins with a zero byte, which is left out.
const SHORT_X: &str = "VUOJSvPQDtfXQKvb11yWsGh3t4fbX3Dup4uQqNfACg";
const SHORT_Y: &str = "u0yFo9jqKe-q-iRAaRLdhNWxTcMr9lbvbGvVil2UP5I";

#[test]
fn a_certificate_alone_holds_the_key() {
    for (kty, crv, number) in
        [("RSA", None, "n"), ("EC", Some("P-256"), "x"), ("EC", Some("P-384"), "x"), ("OKP", Some("Ed25519"), "x")]
    {
        let jwk = certified(kty, crv);
        assert!(parse(&jwk).is_ok(), "{jwk}");
        assert!(parse(&with(jwk.clone(), number, json!(""))).is_ok());
        assert_eq!(parse(&with(jwk.clone(), "x5c", json!(null))).unwrap_err(), UnusableKey::MissingMember(number));
        for bad in [json!(["AAAA"]), json!(["!"]), json!([7]), json!("AAAA"), json!({})] {
            assert_eq!(parse(&with(jwk.clone(), "x5c", bad)).unwrap_err(), UnusableKey::InvalidCertificate);
        }
    }
    let other = with(certified("EC", Some("P-256")), "crv", json!("P-384"));
    assert_eq!(parse(&other).unwrap_err(), UnusableKey::InvalidCertificate);
    let mut without_type = certified("RSA", None);
    without_type.as_object_mut().unwrap().remove("kty");
    assert!(parse(&without_type).is_ok());
    // The numbers count, whatever the certificate says.
    let both = with(p256(), "x5c", certified("RSA", None)["x5c"].clone());
    assert_eq!(parse(&both).unwrap().public().der(), parse(&p256()).unwrap().public().der());
}

fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}
