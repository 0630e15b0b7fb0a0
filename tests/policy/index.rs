//! The index leaves no rule out: for a caller it finds the rules that a look at every rule finds, in the same order. And if
//! the narrow reading matches a caller, so does the wide reading.

use temporal_auth::config::Config;
use temporal_auth::identity::wide::WideClaims;
use temporal_auth::identity::{Identity, Kind};
use temporal_auth::policy::index::{CallerRule, Rules};

use crate::random::Random;
use crate::{random_callers, random_configs};
use serde_json::{Value, json};

const CALLERS: usize = 20;

/// A configuration with the rules of several. Their conditions have the same words.
fn config_with_many_rules(random: &mut Random) -> Value {
    let keys = common::key_set();
    let mut config = random_configs::config(random, &keys);
    for kind in ["grants", "denials"] {
        let mut rules = Vec::new();
        for _ in 0..12 {
            let other = random_configs::config(random, &keys);
            rules.extend(other[kind].as_array().into_iter().flatten().cloned());
        }
        for (index, rule) in rules.iter_mut().enumerate() {
            // The roles are those of another configuration. Only `who` matters here.
            let who = rule["who"].take();
            *rule = json!({"name": format!("{kind}-{index}"), "effects": ["start"]});
            if kind == "grants" {
                *rule = json!({"name": rule["name"], "role": "reader", "namespaces": ["a"]});
            }
            if !who.is_null() {
                rule["who"] = who;
            }
        }
        config[kind] = json!(rules);
    }
    random_configs::add_claim_rules(random, &mut config);
    add_members_of_objects(random, &mut config);
    config
}

/// The name of a claim in lists of objects, which the reference evaluator does not know, and texts in it.
const MEMBER: &str = "/orgs/*/name";
const MEMBERS: &[&str] = &["dev", "ops", "dev,ops", "ops;dev", "contractors", "dev, contractors"];

/// Adds conditions on a claim in lists of objects.
fn add_members_of_objects(random: &mut Random, config: &mut Value) {
    if random.percent(70) {
        let shape = json!({"names": random.percent(30), "split": *random.pick(&[",", ";", " ", "none"])});
        config["issuers"]["corp"]["claims"][MEMBER] = shape;
    }
    for kind in ["grants", "denials"] {
        for rule in config[kind].as_array_mut().unwrap() {
            let has_token = rule["who"].get("peer").is_none() && rule["who"].is_object();
            if has_token && random.percent(30) {
                rule["who"]["claims"][MEMBER] = json!(*random.pick(&["dev", "ops", "contractors", "contract*", "d*"]));
            }
        }
    }
}

fn caller(random: &mut Random, config: &Config) -> Identity {
    let mut caller = random_callers::caller(random);
    if caller["claims"].is_object() && random.percent(70) {
        let one = |random: &mut Random| json!({"name": *random.pick(MEMBERS), "id": random.below(9)});
        let orgs: Vec<_> = (0..1 + random.below(2)).map(|_| one(random)).collect();
        caller["claims"]["orgs"] = json!(orgs);
    }
    let identity = crate::identity(config, &caller);
    let kinds = [None, Some(Kind::Human), Some(Kind::Service), Some(Kind::Doubtful)];
    Identity { kind: if identity.issuer.is_some() { *random.pick(&kinds) } else { None }, ..identity }
}

/// How many rules match the caller, and how many the index looked at.
fn compare<R: CallerRule>(rules: &Rules<R>, identity: &Identity) -> (usize, usize) {
    let wide = WideClaims::new(identity.claims());
    let matches = |rule: &&R| {
        rule.who().is_none_or(|who| {
            if R::WIDE { who.matches_widely(identity, &wide).is_some() } else { who.matches(identity) }
        })
    };
    let index = |rule: &R| rules.iter().position(|other| std::ptr::eq(other, rule)).unwrap();
    let expected: Vec<_> = rules.iter().filter(matches).map(index).collect();
    let found: Vec<_> = rules.candidates(identity, &wide).filter(matches).map(index).collect();
    assert_eq!(found, expected, "{identity:?}");
    (found.len(), rules.candidates(identity, &wide).count())
}

/// How many rules match the caller only by the wide reading.
fn count_only_wide<R: CallerRule>(rules: &Rules<R>, identity: &Identity) -> usize {
    let claims = WideClaims::new(identity.claims());
    let whos = rules.iter().filter_map(CallerRule::who);
    let only_wide = whos.filter(|who| {
        let (narrow, wide) = (who.matches(identity), who.matches_widely(identity, &claims));
        assert!(wide.is_some() || !narrow, "only the narrow reading matches: {who:?}\n{identity:?}");
        let exactly = wide.as_ref().is_some_and(Vec::is_empty);
        assert!(!narrow || exactly, "the wide reading is reported but not needed: {wide:?} {who:?}\n{identity:?}");
        wide.is_some() && !narrow
    });
    only_wide.count()
}

#[test]
fn the_index_finds_what_a_look_at_every_rule_finds() {
    let (mut all, mut looked_at, mut matching, mut only_wide) = (0, 0, 0, 0);
    for (mut random, _) in crate::configs(60) {
        let config = crate::parse(&config_with_many_rules(&mut random));
        for _ in 0..CALLERS {
            let identity = caller(&mut random, &config);
            let (grants, denials) =
                (compare(&config.policy.grants, &identity), compare(&config.policy.denials, &identity));
            only_wide += count_only_wide(&config.policy.grants, &identity);
            only_wide += count_only_wide(&config.policy.denials, &identity);
            all += config.policy.grants.len() + config.policy.denials.len();
            looked_at += grants.1 + denials.1;
            matching += grants.0 + denials.0;
        }
    }
    let counts = format!("{all} rules, {looked_at} looked at, {matching} match, {only_wide} only by the wide reading");
    println!("{counts}");
    assert!(matching > 1000 && looked_at * 2 < all && only_wide > 500, "{counts}");
}
