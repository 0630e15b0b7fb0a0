use super::*;
use crate::keys::test_keys::{ed25519, p256, with};
use crate::token::jose::decode;
use serde_json::json;

fn parse(keys: Value) -> Result<KeySet, KeySetError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), KidRule::Required)
}

fn with_optional_kid(keys: Value) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), KidRule::Optional).unwrap()
}

/// How many keys may be meant.
fn candidates(set: &KeySet, kid: Option<&str>, algorithm: Algorithm) -> usize {
    match set.find(kid, algorithm) {
        KeyMatch::Candidates(keys) => keys.len(),
        KeyMatch::WrongAlgorithm | KeyMatch::Unusable(_) | KeyMatch::None => 0,
        KeyMatch::TooMany(count) => panic!("{count} keys"),
    }
}

#[test]
fn the_examples_of_the_rfcs_verify() {
    let set = parse(json!([ed25519(), p256()])).unwrap();
    let verify = |kid: &str, algorithm, token: &str| {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let KeyMatch::Candidates(keys) = set.find(Some(kid), algorithm) else { panic!("no key") };
        keys[0].verify(algorithm, signed.as_bytes(), &decode(signature.as_bytes()).unwrap())
    };
    let eddsa = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let es256 = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(verify("e", Algorithm::EdDsa, eddsa) && verify("p", Algorithm::Es256, es256));
    assert!(
        !verify("e", Algorithm::EdDsa, &eddsa.replace("RXh", "RXg"))
            && !verify("p", Algorithm::Es256, &es256.replace(".eyJpc3", ".eyJpc2"))
    );
}

#[test]
fn keys_are_found_by_kid_and_algorithm() {
    let set = parse(json!([ed25519(), with(p256(), "kid", json!("e")), p256()])).unwrap();
    assert_eq!(candidates(&set, Some("e"), Algorithm::EdDsa), 1);
    assert_eq!(candidates(&set, Some("e"), Algorithm::Es256), 1);
    assert!(matches!(set.find(Some("e"), Algorithm::Rs256), KeyMatch::WrongAlgorithm));
    assert!(matches!(set.find(Some("x"), Algorithm::EdDsa), KeyMatch::None));
    assert!(matches!(set.find(None, Algorithm::EdDsa), KeyMatch::None), "kid is required");
}

#[test]
fn all_keys_of_a_kid_may_be_meant() {
    let other = with(ed25519(), "x", json!("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"));
    let set = parse(json!([ed25519(), other, with(ed25519(), "kid", json!("f"))])).unwrap();
    assert_eq!(candidates(&set, Some("e"), Algorithm::EdDsa), 2);
}

#[test]
fn an_optional_kid_that_is_missing_means_any_key_of_the_algorithm() {
    let unnamed = with(ed25519(), "kid", json!(null));
    let set = with_optional_kid(json!([ed25519(), unnamed, p256()]));
    assert_eq!(candidates(&set, None, Algorithm::EdDsa), 2);
    assert_eq!(candidates(&set, Some("e"), Algorithm::EdDsa), 2, "the key without kid may be meant too");
    assert_eq!(candidates(&set, Some("other"), Algorithm::EdDsa), 1);
    assert_eq!(candidates(&set, Some("other"), Algorithm::Es256), 0);
    assert_eq!(candidates(&set, None, Algorithm::Es256), 1);
    let many = |count: usize| with_optional_kid(Value::Array(vec![ed25519(); count]));
    assert_eq!(candidates(&many(MAX_WITHOUT_KID), None, Algorithm::EdDsa), MAX_WITHOUT_KID);
    assert!(matches!(many(MAX_WITHOUT_KID + 1).find(None, Algorithm::EdDsa), KeyMatch::TooMany(5)));
    assert_eq!(candidates(&many(MAX_WITHOUT_KID + 1), Some("e"), Algorithm::EdDsa), 5);
}

#[test]
fn a_faulty_key_costs_no_other() {
    let good = p256().to_string();
    for (faulty, told) in [
        (r#"{"kid":"f","kid":"f"}"#, "keys[0]: a member given twice: \"kid\""),
        (r#"{"kid":"f","x":{"a":1,"a":1}}"#, "keys[0]: a member given twice: \"a\""),
        (r#""f""#, "keys[0]: not an object"),
        ("null", "keys[0]: not an object"),
        (r#"{"kid":"f","kty":"oct","k":"AA"}"#, "keys[0] (kid \"f\"): a symmetric key: anyone who can read it"),
        (
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "keys[0]: kid is missing",
        ),
        (
            r#"{"kid":7,"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            "keys[0]: kid is missing",
        ),
        (r#"{"kid":"f","kty":"RSA","e":"AQAB"}"#, "keys[0] (kid \"f\"): n is missing"),
    ] {
        let set = KeySet::parse(format!(r#"{{"keys":[{faulty},{good}]}}"#).as_bytes(), KidRule::Required).unwrap();
        assert_eq!((set.key_count(), candidates(&set, Some("p"), Algorithm::Es256)), (1, 1), "{faulty}");
        let shown = crate::keys::LeftOut(set.left_out()).to_string();
        assert!(shown.starts_with(told), "{shown}");
        assert!(KeySet::parse(format!(r#"{{"keys":[{faulty}]}}"#).as_bytes(), KidRule::Required).is_err());
    }
    let deep = format!(r#"{{"keys":[{}{},{good}]}}"#, "[".repeat(300), "]".repeat(300));
    assert_eq!(KeySet::parse(deep.as_bytes(), KidRule::Required).unwrap().key_count(), 1);
}

#[test]
fn a_token_of_a_key_that_was_left_out_learns_why() {
    let set = parse(json!([with(ed25519(), "use", json!("enc")), p256()])).unwrap();
    assert!(matches!(set.find(Some("e"), Algorithm::EdDsa), KeyMatch::Unusable(UnusableKey::NotForSignatures(_))));
    let set = parse(json!([with(ed25519(), "use", json!("enc")), ed25519()])).unwrap();
    assert_eq!(candidates(&set, Some("e"), Algorithm::EdDsa), 1);
}

#[test]
fn keys_without_kid_are_tried_only_if_they_are_few() {
    let without_kid = |mut key: Value| {
        key.as_object_mut().unwrap().remove("kid");
        key
    };
    let set = |count: usize| {
        let mut keys = vec![without_kid(ed25519()); count];
        keys.push(ed25519());
        KeySet::parse(json!({"keys": keys}).to_string().as_bytes(), KidRule::Optional).unwrap()
    };
    assert_eq!(candidates(&set(4), Some("invented"), Algorithm::EdDsa), 4);
    assert_eq!(candidates(&set(4), Some("e"), Algorithm::EdDsa), 5);
    assert!(matches!(set(5).find(Some("invented"), Algorithm::EdDsa), KeyMatch::None));
    assert_eq!(candidates(&set(5), Some("e"), Algorithm::EdDsa), 1, "the key of this kid");
    assert!(matches!(set(5).find(None, Algorithm::EdDsa), KeyMatch::TooMany(6)));
}

#[test]
fn a_list_of_many_keys_is_shown_in_part() {
    let keys = json!((0..20).map(|kid| json!({"kid": kid.to_string(), "kty": "oct"})).collect::<Vec<_>>());
    let told = parse(keys).unwrap_err().to_string();
    assert!(told.ends_with("; and 12 more") && told.len() < 1000, "{told}");
}

#[test]
fn a_spiffe_bundle_is_a_key_set() {
    let bundle = json!({
        "keys": [with(p256(), "use", json!("x509-svid")), with(ed25519(), "use", json!("jwt-svid"))],
        "spiffe_sequence": 7,
        "spiffe_refresh_hint": 300,
    });
    let set = KeySet::parse(bundle.to_string().as_bytes(), KidRule::Required).unwrap();
    assert_eq!((set.key_count(), candidates(&set, Some("e"), Algorithm::EdDsa)), (1, 1));
}

#[test]
fn sets_with_the_same_keys_are_the_same_in_any_order() {
    let (one, other) = (parse(json!([ed25519(), p256()])).unwrap(), parse(json!([p256(), ed25519()])).unwrap());
    assert!(one.has_keys_of(&other) && other.has_keys_of(&one));
    let less = parse(json!([p256()])).unwrap();
    assert!(!one.has_keys_of(&less) && !less.has_keys_of(&one));
}

#[test]
fn malformed_and_oversized_key_sets_are_refused() {
    for bad in [&b"{}"[..], b"[]", b"", b"<html>", br#"{"keys":{}}"#, br#"{"keys":[]}"#, br#"{"keys":[],"keys":[]}"#] {
        assert!(KeySet::parse(bad, KidRule::Required).is_err());
    }
    assert!(KeySet::parse(b"{\"keys\":[\"\xff\"]}", KidRule::Required).is_err());
    assert!(parse(Value::Array(vec![ed25519(); MAX_KEYS + 1])).is_err());
    let large = vec![b' '; MAX_DOCUMENT + 1];
    assert!(matches!(KeySet::parse(&large, KidRule::Required), Err(KeySetError::TooLarge(_))));
}
