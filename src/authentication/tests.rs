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

impl Foreign for Vm {
    fn call(&self, _: &str, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

impl Platform for Vm {
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

fn engine(table: &Rc<Table>) -> Engine {
    engine_with(table, config("readers"))
}

fn engine_with(table: &Rc<Table>, config: Config) -> Engine {
    Engine::on(Box::new(Vm { table: Rc::clone(table), clock: Cell::default() }), config)
}

fn fetch(engine: &mut Engine, now: Timestamp, keys: &Value) {
    engine.sync(now);
    let gets = engine.poll(now);
    assert_eq!(gets.len(), 1, "one fetch is due");
    assert_eq!(
        engine.answer(0, Some((b"200", keys.to_string().as_bytes())), now.saturating_add(Duration::from_millis(1))),
        Next::Loaded
    );
}

fn verify(engine: &mut Engine, token: &str, connection: u64, now: Timestamp) -> &'static str {
    if engine.recall(token.as_bytes(), HERE, now).is_some() {
        return "known";
    }
    match engine.authenticate(Cold { token: token.as_bytes(), origin: HERE, connection, arrived: now }, now) {
        Authentication::Principal(_) => "good",
        Authentication::Refused(_) => "refused",
        Authentication::Needs(_) => "waits",
        Authentication::OverBudget => "over budget",
    }
}

#[test]
fn a_flood_of_bad_tokens_is_not_looked_at_and_known_tokens_never_pay() {
    let mut engine = engine(&Rc::default());
    fetch(&mut engine, NOW, &key_set("k", 1));
    let good = token("k", 1, "alice");
    assert_eq!(verify(&mut engine, &good, 1, after(1)), "good");
    let mut looked_at = 0;
    for n in 0..1000 {
        match verify(&mut engine, &token("k", 9, &n.to_string()), 1, after(2)) {
            "refused" => looked_at += 1,
            other => assert_eq!(other, "over budget"),
        }
    }
    assert!((1..20).contains(&looked_at), "{looked_at}");
    assert_eq!(verify(&mut engine, &good, 1, after(2)), "known");
    let new = token("k", 1, "bob");
    assert_eq!(verify(&mut engine, &new, 1, after(2)), "over budget");
    assert_eq!(verify(&mut engine, &new, 2, after(2)), "good", "over another connection");
    assert_eq!(verify(&mut engine, &token("k", 9, "x"), 1, after(5_000)), "refused", "after a while");
}

#[test]
fn who_lets_tokens_wait_and_goes_away_pays_for_them_as_for_bad_ones() {
    let mut engine = engine(&Rc::default());
    fetch(&mut engine, NOW, &key_set("k", 1));
    let mut waited = 0;
    for n in 0..1000 {
        let token = token("unknown", 9, &n.to_string());
        let cold = Cold { token: token.as_bytes(), origin: HERE, connection: 1, arrived: after(2) };
        match engine.authenticate(cold, after(2)) {
            Authentication::Needs(needed) => {
                engine.abandon(1, &needed, after(2));
                waited += 1;
            }
            other => assert!(matches!(other, Authentication::OverBudget), "{other:?}"),
        }
    }
    assert!((1..20).contains(&waited), "{waited}");
    assert_eq!(verify(&mut engine, &token("k", 1, "bob"), 2, after(2)), "good", "over another connection");
    // Its twin: who stays does not.
    for n in 0..100 {
        assert_eq!(verify(&mut engine, &token("unknown", 9, &n.to_string()), 3, after(2)), "waits");
    }
}

#[test]
fn keys_of_one_vm_are_every_vms_and_so_is_their_end() {
    let table = Rc::default();
    let (mut one, mut other) = (engine(&table), engine(&table));
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
fn a_new_configuration_has_the_keys_but_not_the_callers() {
    let table = Rc::default();
    let mut old = engine(&table);
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
fn what_is_withdrawn_is_published_again_by_those_who_have_it() {
    let table = Rc::default();
    let mut one = engine(&table);
    fetch(&mut one, NOW, &key_set("k", 1));
    engine(&table).withdraw();
    let mut new = engine(&table);
    new.sync(after(2));
    assert_eq!(verify(&mut new, &token("k", 1, "a"), 1, after(2)), "waits");
    one.sync(after(3));
    new.sync(after(4));
    assert_eq!(verify(&mut new, &token("k", 1, "a"), 1, after(4)), "good");
}
