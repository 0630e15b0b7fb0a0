//! The index leaves nobody out: what it finds for a caller is what a look at every rule finds, in the same order.

use temporal_auth::config::Config;
use temporal_auth::identity::{Identity, Kind};
use temporal_auth::policy::index::{Means, Rules};

use crate::draw;
use crate::generate;
use crate::random::Random;
use serde_json::{Value, json};

const CALLERS: usize = 20;

/// Rules of several configurations under the names of one: many, with the same words in all their conditions.
fn crowd(random: &mut Random) -> Value {
    let keys = crate::common::key_set();
    let mut config = generate::config(random, &keys);
    let peers = ["spiffe://a/*", "spiffe://a/w", "{peer}", "*w", "spiffe://b/{team}", "CN=w"];
    for kind in ["grants", "denials"] {
        let mut rules = Vec::new();
        for _ in 0..12 {
            let other = generate::config(random, &keys);
            rules.extend(other[kind].as_array().into_iter().flatten().cloned());
        }
        for (place, rule) in rules.iter_mut().enumerate() {
            // Roles and captures are another's; only whom a rule means counts here.
            rule["name"] = json!(format!("{kind}-{place}"));
            if kind == "grants" {
                *rule = json!({"name": rule["name"], "who": rule["who"], "role": "reader", "namespaces": ["a"]});
                if random.percent(30) {
                    rule["who"]["peer"] = json!(random.pick(&peers));
                }
                if random.percent(10) {
                    rule["who"] = json!({"peer": random.pick(&peers)});
                }
            } else {
                *rule = json!({"name": rule["name"], "who": rule["who"], "effects": ["start"]});
                if rule["who"].is_null() {
                    rule.as_object_mut().unwrap().remove("who");
                }
            }
        }
        config[kind] = json!(rules);
    }
    config
}

fn caller(random: &mut Random, config: &Config) -> Identity {
    let (issuer, claims) = draw::caller(random);
    let peers = ["spiffe://a/w", "spiffe://a/", "spiffe://b/w", "CN=w", "w", "é"];
    let subject = claims["sub"].as_str().unwrap().to_owned();
    let peer = random.percent(60).then(|| (*random.pick(&peers)).into());
    if random.percent(20) {
        return Identity { issuer: None, subject, kind: None, claims: Default::default(), peer };
    }
    let issuer = config.issuers.iter().find(|known| *known.name == *issuer).map(|known| known.name.clone());
    let kind = *random.pick(&[None, Some(Kind::Human), Some(Kind::Service)]);
    Identity { issuer, subject, kind, claims, peer }
}

/// How many rules mean the caller, and how many the index looked at.
fn compare<R: Means>(rules: &Rules<R>, identity: &Identity) -> (usize, usize) {
    let means = |rule: &&R| rule.who().is_none_or(|who| who.means(identity));
    let place = |rule: &R| rules.iter().position(|other| std::ptr::eq(other, rule)).unwrap();
    let expected: Vec<_> = rules.iter().filter(means).map(place).collect();
    let found: Vec<_> = rules.about(identity).filter(means).map(place).collect();
    assert_eq!(found, expected, "{identity:?}");
    (found.len(), rules.about(identity).count())
}

#[test]
fn the_index_finds_what_a_look_at_every_rule_finds() {
    let (mut all, mut looked_at, mut meant) = (0, 0, 0);
    for (mut random, _) in crate::configs(60) {
        let config = crate::parse(&crowd(&mut random));
        for _ in 0..CALLERS {
            let identity = caller(&mut random, &config);
            let (grants, denials) =
                (compare(&config.policy.grants, &identity), compare(&config.policy.denials, &identity));
            all += config.policy.grants.len() + config.policy.denials.len();
            looked_at += grants.1 + denials.1;
            meant += grants.0 + denials.0;
        }
    }
    println!("{all} rules, {looked_at} looked at, {meant} mean the caller");
    assert!(meant > 1000 && looked_at * 2 < all, "{all} rules, {looked_at} looked at, {meant} mean the caller");
}
