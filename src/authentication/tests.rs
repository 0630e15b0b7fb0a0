use super::*;
use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Value, json};

use crate::keys::shared::tests::FakeSharedData;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// This many milliseconds after [`NOW`].
fn after(millis: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_millis(millis))
}

const HERE: Origin<'_> = Origin { header: "authorization", peer: None };

/// A host whose clock advances by 1.3 ms each time that it is read.
struct FakeHost {
    data: Rc<FakeSharedData>,
    clock: Cell<Duration>,
}

impl SharedData for FakeHost {
    fn load(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        self.data.load(name)
    }
    fn store(&self, name: &str, value: &[u8], cas: u32) -> bool {
        self.data.store(name, value, cas)
    }
}

impl ForeignFunctions for FakeHost {
    fn call(&self, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl HostServices for FakeHost {
    fn clock(&self) -> Duration {
        self.clock.set(self.clock.get() + Duration::from_micros(1_300));
        self.clock.get()
    }
}

fn pair(seed: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([seed; 32]))
}

fn key_set(kid: &str, seed: u8) -> Value {
    json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": URL_SAFE_NO_PAD.encode(*pair(seed).pk)}]})
}

fn token(kid: &str, seed: u8, subject: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "https://idp/", "sub": subject, "exp": NOW.as_millis() / 1000 + 3600});
    let signed = format!("{}.{}", part(json!({"alg": "EdDSA", "kid": kid})), part(claims));
    let signature = pair(seed).sk.sign(&signed, None);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(*signature))
}

fn config(name: &str) -> Config {
    let issuer = json!({"issuer": "https://idp/", "audiences": "any", "keys": {"jwks_uri": "https://idp/keys", "cluster": "idp"}});
    let grants = json!([{"name": name, "who": {"issuer": "corp"}, "role": "reader", "namespaces": ["*"]}]);
    let text = json!({"version": 1, "issuers": {"corp": issuer}, "grants": grants}).to_string();
    Config::parse(text.as_bytes()).unwrap()
}

fn authenticator(data: &Rc<FakeSharedData>) -> Authenticator {
    authenticator_with(data, config("readers"))
}

fn authenticator_with(data: &Rc<FakeSharedData>, config: Config) -> Authenticator {
    Authenticator::new(Rc::new(FakeHost { data: Rc::clone(data), clock: Cell::default() }), Rc::new(config))
}

fn fetch(authenticator: &mut Authenticator, now: Timestamp, keys: &Value) {
    authenticator.sync(now);
    let requests = authenticator.poll(now);
    assert_eq!(requests.len(), 1, "one fetch is due");
    let response = keys.to_string();
    let progress =
        authenticator.on_response(0, Ok((b"200", response.as_bytes())), now.saturating_add(Duration::from_millis(1)));
    assert!(matches!(progress, FetchProgress::Loaded), "{progress:?}");
}

fn verify(authenticator: &mut Authenticator, token: &str, connection: u64, now: Timestamp) -> &'static str {
    if authenticator.recall(token.as_bytes(), HERE, now).is_some() {
        return "known";
    }
    match authenticator.authenticate(
        UnverifiedToken { token: token.as_bytes(), origin: HERE, connection, arrived: now, awaited: None },
        now,
    ) {
        Authentication::Principal(_) => "good",
        Authentication::Refused(_) => "refused",
        Authentication::AwaitsKey(_) => "waits",
        Authentication::OverBudget => "over budget",
    }
}

#[test]
fn a_flood_of_bad_tokens_is_bounded_and_cached_tokens_are_never_charged() {
    let mut authenticator = authenticator(&Rc::default());
    fetch(&mut authenticator, NOW, &key_set("k", 1));
    let good = token("k", 1, "alice");
    assert_eq!(verify(&mut authenticator, &good, 1, after(1)), "good");
    let mut verified = 0;
    for n in 0..1000 {
        match verify(&mut authenticator, &token("k", 9, &n.to_string()), 1, after(2)) {
            "waits" => verified += 1,
            other => assert_eq!(other, "over budget"),
        }
    }
    assert!((1..20).contains(&verified), "{verified}");
    assert_eq!(verify(&mut authenticator, &good, 1, after(2)), "known");
    let new = token("k", 1, "bob");
    assert_eq!(verify(&mut authenticator, &new, 1, after(2)), "over budget");
    assert_eq!(verify(&mut authenticator, &new, 2, after(2)), "good", "over another connection");
    assert_eq!(verify(&mut authenticator, &token("k", 9, "x"), 1, after(5_000)), "waits", "after a while");
}

/// Verifies a token, which may have waited for a key.
fn authenticate(
    authenticator: &mut Authenticator,
    token: &str,
    awaited: Option<&AwaitedKey>,
    arrived: Timestamp,
    now: Timestamp,
) -> Authentication {
    let token = token.as_bytes();
    authenticator.authenticate(UnverifiedToken { token, origin: HERE, connection: 1, arrived, awaited }, now)
}

/// Verifies a token that arrives now and must wait for a key.
fn awaited_key(authenticator: &mut Authenticator, token: &str, now: Timestamp) -> AwaitedKey {
    match authenticate(authenticator, token, None, now, now) {
        Authentication::AwaitsKey(key) => key,
        other => panic!("it does not wait: {other:?}"),
    }
}

#[test]
fn a_token_of_a_replaced_key_is_good_after_the_next_fetch_and_is_charged_as_good() {
    let mut authenticator = authenticator(&Rc::default());
    fetch(&mut authenticator, NOW, &key_set("k", 1));
    let renewed: Vec<_> = (0..5).map(|n| token("k", 2, &n.to_string())).collect();
    let waiting: Vec<_> = renewed.iter().map(|token| awaited_key(&mut authenticator, token, after(1))).collect();
    assert!(waiting.iter().all(|key| !authenticator.is_settled(key, after(1), after(2))));
    let level = authenticator.budget.level(1);
    fetch(&mut authenticator, after(2_000), &key_set("k", 2));
    for (token, key) in renewed.iter().zip(&waiting) {
        assert!(authenticator.is_settled(key, after(1), after(2_001)));
        let settled = authenticate(&mut authenticator, token, Some(key), after(1), after(2_001));
        assert!(matches!(settled, Authentication::Principal(_)), "{settled:?}");
    }
    assert!(authenticator.budget.level(1) > level + 5 * 1_200, "what was charged for bad tokens is returned");
}

#[test]
fn a_forged_token_is_refused_by_the_next_set_and_from_then_on_at_once() {
    let mut authenticator = authenticator(&Rc::default());
    fetch(&mut authenticator, NOW, &key_set("k", 1));
    let forged = token("k", 2, "mallory");
    let key = awaited_key(&mut authenticator, &forged, after(1));
    fetch(&mut authenticator, after(2_000), &key_set("k", 1));
    assert!(authenticator.is_settled(&key, after(1), after(2_001)));
    let settled = authenticate(&mut authenticator, &forged, Some(&key), after(1), after(2_001));
    assert!(matches!(settled, Authentication::Refused(TokenRefusal::WrongSignature)), "{settled:?}");
    assert_eq!(verify(&mut authenticator, &forged, 1, after(3_000)), "refused", "at once");
    assert!(authenticator.poll(after(60_000)).is_empty(), "and without a fetch");
    assert_eq!(verify(&mut authenticator, &token("k", 2, "other"), 1, after(3_000)), "waits");
    // The issuer replaces the key: what was forged may be good now.
    fetch(&mut authenticator, after(60_000), &key_set("k", 2));
    assert_eq!(verify(&mut authenticator, &forged, 1, after(60_002)), "good");
}

#[test]
fn each_key_of_a_kid_is_tried() {
    let mut authenticator = authenticator(&Rc::default());
    let mut keys = key_set("k", 1);
    keys["keys"].as_array_mut().unwrap().extend(key_set("k", 2)["keys"].as_array().unwrap().clone());
    fetch(&mut authenticator, NOW, &keys);
    assert_eq!(verify(&mut authenticator, &token("k", 1, "alice"), 1, after(1)), "good");
    assert_eq!(verify(&mut authenticator, &token("k", 2, "bob"), 1, after(1)), "good");
    assert_eq!(verify(&mut authenticator, &token("k", 3, "mallory"), 1, after(1)), "waits");
}

#[test]
fn a_key_that_comes_but_did_not_sign_is_awaited_on() {
    let data = Rc::default();
    let (mut first, mut other) = (authenticator(&data), authenticator(&data));
    fetch(&mut first, NOW, &key_set("k", 1));
    let forged = token("k", 2, "mallory");
    let key = awaited_key(&mut other, &forged, after(5));
    other.sync(after(6));
    assert!(other.is_settled(&key, after(5), after(6)));
    let settled = authenticate(&mut other, &forged, Some(&key), after(5), after(6));
    assert!(matches!(&settled, Authentication::AwaitsKey(key) if key.is_mismatch()), "{settled:?}");
}

#[test]
fn abandoned_waits_are_charged_like_bad_tokens() {
    let mut authenticator = authenticator(&Rc::default());
    fetch(&mut authenticator, NOW, &key_set("k", 1));
    let mut waited = 0;
    for n in 0..1000 {
        let token = token("unknown", 9, &n.to_string());
        let unverified =
            UnverifiedToken { token: token.as_bytes(), origin: HERE, connection: 1, arrived: after(2), awaited: None };
        match authenticator.authenticate(unverified, after(2)) {
            Authentication::AwaitsKey(key) => {
                authenticator.abandon(1, &key, after(2));
                waited += 1;
            }
            other => assert!(matches!(other, Authentication::OverBudget), "{other:?}"),
        }
    }
    assert!((1..20).contains(&waited), "{waited}");
    assert_eq!(verify(&mut authenticator, &token("k", 1, "bob"), 2, after(2)), "good", "over another connection");
    // The counterpart: a caller that keeps waiting is not charged.
    for n in 0..100 {
        assert_eq!(verify(&mut authenticator, &token("unknown", 9, &n.to_string()), 3, after(2)), "waits");
    }
}

#[test]
fn keys_and_their_expiry_are_shared_between_vms() {
    let data = Rc::default();
    let (mut first, mut other) = (authenticator(&data), authenticator(&data));
    fetch(&mut first, NOW, &key_set("k", 1));
    let good = token("k", 1, "alice");
    assert_eq!(verify(&mut other, &good, 1, after(1)), "waits");
    other.sync(after(2));
    assert!(other.poll(after(2)).is_empty());
    assert_eq!(verify(&mut other, &good, 1, after(2)), "good");
    fetch(&mut first, after(3_600_000), &key_set("l", 1));
    assert_eq!(verify(&mut other, &good, 1, after(3_600_000)), "known");
    other.sync(after(3_600_010));
    assert_eq!(verify(&mut other, &good, 1, after(3_600_010)), "waits", "until a newer key set proves that it is gone");
}

#[test]
fn a_new_configuration_inherits_keys_but_not_callers() {
    let data = Rc::default();
    let mut old = authenticator(&data);
    fetch(&mut old, NOW, &key_set("k", 1));
    let good = token("k", 1, "alice");
    assert_eq!((verify(&mut old, &good, 1, after(1)), verify(&mut old, &good, 1, after(1))), ("good", "known"));
    let mut new = authenticator_with(&data, config("others"));
    new.sync(after(2));
    assert_eq!(verify(&mut new, &good, 1, after(2)), "waits", "entries of another configuration do not count");
    new.inherit(&old);
    assert_eq!(verify(&mut new, &good, 1, after(2)), "good");
    // A VM that loads the new configuration later takes the keys over from this VM.
    new.sync(after(3));
    let mut late = authenticator_with(&data, config("others"));
    late.sync(after(4));
    assert_eq!(verify(&mut late, &good, 1, after(4)), "good");
}

#[test]
fn withdrawn_keys_are_published_again_by_vms_that_have_them() {
    let data = Rc::default();
    let mut first = authenticator(&data);
    fetch(&mut first, NOW, &key_set("k", 1));
    authenticator(&data).withdraw();
    let mut new = authenticator(&data);
    new.sync(after(2));
    assert_eq!(verify(&mut new, &token("k", 1, "a"), 1, after(2)), "waits");
    first.sync(after(3));
    new.sync(after(4));
    assert_eq!(verify(&mut new, &token("k", 1, "a"), 1, after(4)), "good");
}
