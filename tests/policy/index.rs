//! The index leaves nobody out: what it finds for a caller is what a look at every rule finds, in the same order; and what
//! grants read into a caller, denials do, too.

use temporal_auth::config::Config;
use temporal_auth::identity::wide::WideClaims;
use temporal_auth::identity::{Identity, Kind};
use temporal_auth::policy::index::{CallerRule, Rules};

use crate::draw;
use crate::generate;
use crate::random::Random;
use serde_json::{Value, json};

const CALLERS: usize = 20;

/// Rules of several configurations under the names of one: many, with the same words in all their conditions.
fn crowd(random: &mut Random) -> Value {
    let keys = common::key_set();
    let mut config = generate::config(random, &keys);
    for kind in ["grants", "denials"] {
        let mut rules = Vec::new();
        for _ in 0..12 {
            let other = generate::config(random, &keys);
            rules.extend(other[kind].as_array().into_iter().flatten().cloned());
        }
        for (place, rule) in rules.iter_mut().enumerate() {
            // Roles and captures are another's; only whom a rule means counts here.
            let who = rule["who"].take();
            *rule = json!({"name": format!("{kind}-{place}"), "effects": ["start"]});
            if kind == "grants" {
                *rule = json!({"name": rule["name"], "role": "reader", "namespaces": ["a"]});
            }
            if !who.is_null() {
                rule["who"] = who;
            }
        }
        config[kind] = json!(rules);
    }
    config
}

fn caller(random: &mut Random, config: &Config) -> Identity {
    let identity = crate::identity(config, &draw::caller(random));
    let kinds = [None, Some(Kind::Human), Some(Kind::Service), Some(Kind::Doubtful)];
    Identity { kind: if identity.issuer.is_some() { *random.pick(&kinds) } else { None }, ..identity }
}

/// How many rules mean the caller, and how many the index looked at.
fn compare<R: CallerRule>(rules: &Rules<R>, identity: &Identity) -> (usize, usize) {
    let wide = WideClaims::new(&identity.claims);
    let means = |rule: &&R| {
        rule.who().is_none_or(|who| {
            if R::WIDE { who.matches_widely(identity, &wide).is_some() } else { who.matches(identity) }
        })
    };
    let place = |rule: &R| rules.iter().position(|other| std::ptr::eq(other, rule)).unwrap();
    let expected: Vec<_> = rules.iter().filter(means).map(place).collect();
    let found: Vec<_> = rules.candidates(identity, &wide).filter(means).map(place).collect();
    assert_eq!(found, expected, "{identity:?}");
    (found.len(), rules.candidates(identity, &wide).count())
}

/// How many rules mean the caller only as denials read claims.
fn wider<R: CallerRule>(rules: &Rules<R>, identity: &Identity) -> usize {
    let claims = WideClaims::new(&identity.claims);
    let whos = rules.iter().filter_map(CallerRule::who);
    let wider = whos.filter(|who| {
        let (narrow, wide) = (who.matches(identity), who.matches_widely(identity, &claims));
        assert!(wide.is_some() || !narrow, "meant by a grant's reading alone: {who:?}\n{identity:?}");
        let exactly = wide.as_ref().is_some_and(Vec::is_empty);
        assert!(!narrow || exactly, "a reading is given that is not needed: {wide:?} {who:?}\n{identity:?}");
        wide.is_some() && !narrow
    });
    wider.count()
}

#[test]
fn the_index_finds_what_a_look_at_every_rule_finds() {
    let (mut all, mut looked_at, mut meant, mut widely) = (0, 0, 0, 0);
    for (mut random, _) in crate::configs(60) {
        let config = crate::parse(&crowd(&mut random));
        for _ in 0..CALLERS {
            let identity = caller(&mut random, &config);
            let (grants, denials) =
                (compare(&config.policy.grants, &identity), compare(&config.policy.denials, &identity));
            widely += wider(&config.policy.grants, &identity) + wider(&config.policy.denials, &identity);
            all += config.policy.grants.len() + config.policy.denials.len();
            looked_at += grants.1 + denials.1;
            meant += grants.0 + denials.0;
        }
    }
    println!("{all} rules, {looked_at} looked at, {meant} mean the caller, {widely} only widely");
    assert!(meant > 1000 && looked_at * 2 < all, "{all} rules, {looked_at} looked at, {meant} mean the caller");
    assert!(widely > 500, "only {widely} mean a caller by the wide reading alone: too few to tell much");
}
