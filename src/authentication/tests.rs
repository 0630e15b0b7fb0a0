use super::*;
use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Value, json};

use crate::keys::shared::tests::Table;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// That many milliseconds after [`NOW`].
fn after(millis: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_millis(millis))
}

const HERE: Origin<'_> = Origin { header: "authorization", peer: None };

/// A VM of a process, in which every token takes a while.
struct Vm {
    table: Rc<Table>,
    clock: Cell<Duration>,
}

impl SharedData for Vm {
    fn load(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        self.table.load(name)
    }
    fn store(&self, name: &str, value: &[u8], number: u32) -> bool {
        self.table.store(name, value, number)
    }
}

impl ForeignFunctions for Vm {
    fn call(&self, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl HostServices for Vm {
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

fn authenticator(table: &Rc<Table>) -> Authenticator {
    engine_with(table, config("readers"))
}

fn engine_with(table: &Rc<Table>, config: Config) -> Authenticator {
    Authenticator::new(Rc::new(Vm { table: Rc::clone(table), clock: Cell::default() }), Rc::new(config))
}

fn fetch(authenticator: &mut Authenticator, now: Timestamp, keys: &Value) {
    authenticator.sync(now);
    let requests = authenticator.poll(now);
    assert_eq!(requests.len(), 1, "one fetch is due");
    let response = keys.to_string();
    let progress =
        authenticator.on_response(0, Some((b"200", response.as_bytes())), now.saturating_add(Duration::from_millis(1)));
    assert!(matches!(progress, FetchProgress::Loaded), "{progress:?}");
}

fn verify(authenticator: &mut Authenticator, token: &str, connection: u64, now: Timestamp) -> &'static str {
    if authenticator.recall(token.as_bytes(), HERE, now).is_some() {
        return "known";
    }
    match authenticator
        .authenticate(UnverifiedToken { token: token.as_bytes(), origin: HERE, connection, arrived: now }, now)
    {
        Authentication::Principal(_) => "good",
        Authentication::Refused(_) => "refused",
        Authentication::AwaitsKey(_) => "waits",
        Authentication::OverBudget => "over budget",
    }
}

#[test]
fn a_flood_of_bad_tokens_is_bounded_and_known_tokens_never_pay() {
    let mut authenticator = authenticator(&Rc::default());
    fetch(&mut authenticator, NOW, &key_set("k", 1));
    let good = token("k", 1, "alice");
    assert_eq!(verify(&mut authenticator, &good, 1, after(1)), "good");
    let mut looked_at = 0;
    for n in 0..1000 {
        match verify(&mut authenticator, &token("k", 9, &n.to_string()), 1, after(2)) {
            "refused" => looked_at += 1,
            other => assert_eq!(other, "over budget"),
        }
    }
    assert!((1..20).contains(&looked_at), "{looked_at}");
    assert_eq!(verify(&mut authenticator, &good, 1, after(2)), "known");
    let new = token("k", 1, "bob");
    assert_eq!(verify(&mut authenticator, &new, 1, after(2)), "over budget");
    assert_eq!(verify(&mut authenticator, &new, 2, after(2)), "good", "over another connection");
    assert_eq!(verify(&mut authenticator, &token("k", 9, "x"), 1, after(5_000)), "refused", "after a while");
}

#[test]
fn abandoned_waits_are_charged_like_bad_tokens() {
    let mut authenticator = authenticator(&Rc::default());
    fetch(&mut authenticator, NOW, &key_set("k", 1));
    let mut waited = 0;
    for n in 0..1000 {
        let token = token("unknown", 9, &n.to_string());
        let unverified = UnverifiedToken { token: token.as_bytes(), origin: HERE, connection: 1, arrived: after(2) };
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
    // Its counterpart: a caller that keeps waiting does not pay.
    for n in 0..100 {
        assert_eq!(verify(&mut authenticator, &token("unknown", 9, &n.to_string()), 3, after(2)), "waits");
    }
}

#[test]
fn keys_and_their_expiry_are_shared_between_vms() {
    let table = Rc::default();
    let (mut one, mut other) = (authenticator(&table), authenticator(&table));
    fetch(&mut one, NOW, &key_set("k", 1));
    let good = token("k", 1, "alice");
    assert_eq!(verify(&mut other, &good, 1, after(1)), "waits");
    other.sync(after(2));
    assert!(other.poll(after(2)).is_empty());
    assert_eq!(verify(&mut other, &good, 1, after(2)), "good");
    fetch(&mut one, after(3_600_000), &key_set("l", 1));
    assert_eq!(verify(&mut other, &good, 1, after(3_600_000)), "known");
    other.sync(after(3_600_010));
    assert_eq!(verify(&mut other, &good, 1, after(3_600_010)), "waits", "for a set that may have it again");
}

#[test]
fn a_new_configuration_inherits_keys_but_not_callers() {
    let table = Rc::default();
    let mut old = authenticator(&table);
    fetch(&mut old, NOW, &key_set("k", 1));
    let good = token("k", 1, "alice");
    assert_eq!((verify(&mut old, &good, 1, after(1)), verify(&mut old, &good, 1, after(1))), ("good", "known"));
    let mut new = engine_with(&table, config("others"));
    new.sync(after(2));
    assert_eq!(verify(&mut new, &good, 1, after(2)), "waits", "what another configuration shares is not its own");
    new.inherit(&old);
    assert_eq!(verify(&mut new, &good, 1, after(2)), "good");
    // Another thread that is loaded with the new configuration has them from this one.
    new.sync(after(3));
    let mut late = engine_with(&table, config("others"));
    late.sync(after(4));
    assert_eq!(verify(&mut late, &good, 1, after(4)), "good");
}

#[test]
fn withdrawn_keys_are_published_again_by_vms_that_have_them() {
    let table = Rc::default();
    let mut one = authenticator(&table);
    fetch(&mut one, NOW, &key_set("k", 1));
    authenticator(&table).withdraw();
    let mut new = authenticator(&table);
    new.sync(after(2));
    assert_eq!(verify(&mut new, &token("k", 1, "a"), 1, after(2)), "waits");
    one.sync(after(3));
    new.sync(after(4));
    assert_eq!(verify(&mut new, &token("k", 1, "a"), 1, after(4)), "good");
}
