//! What is true of any policy, whatever it says.

use serde_json::{Value, json};

use crate::methods::{METHODS, method, path};
use crate::random::Random;
use crate::{compiled, configs, draw, generate, parse, principal};

/// Compares what a configuration allows with what a changed one does: it must allow no more. Returns how often it allowed
/// less, so that a test can tell that the change mattered.
fn allows_no_more(random: &mut Random, config: &Value, changed: &Value) -> usize {
    let (before, after) = (parse(config), parse(changed));
    let mut less = 0;
    for _ in 0..4 {
        let (issuer, claims) = draw::caller(random);
        let [from, to] = [&before, &after].map(|config| principal(config, issuer, &claims));
        for _ in 0..10 {
            let request = draw::request(random, config);
            let [from, to] = [compiled(config, &before, &from, &request), compiled(changed, &after, &to, &request)];
            assert!(
                from.is_some() || to.is_none(),
                "allowed by {to:?}: {request}\n{claims:?}\n{config:#}\n{changed:#}"
            );
            less += usize::from(from.is_some() && to.is_none());
        }
    }
    less
}

#[test]
fn a_grant_more_never_takes_access_away() {
    let mut less = 0;
    for (mut random, config) in configs(400) {
        let grant = generate::grant(&mut random, &generate::CUSTOM.map(str::to_owned), "more");
        let mut more = config.clone();
        let grants = more["grants"].as_array_mut().unwrap();
        let place = random.below(grants.len() + 1);
        grants.insert(place, grant);
        less += allows_no_more(&mut random, &more, &config);
    }
    assert!(less > 100, "grants that give nothing prove nothing: {less}");
}

#[test]
fn a_denial_more_never_gives_access() {
    let mut less = 0;
    for (mut random, config) in configs(400) {
        let denial = generate::denial(&mut random, "more");
        let mut changed = config.clone();
        changed["denials"].as_array_mut().unwrap().push(denial);
        less += allows_no_more(&mut random, &config, &changed);
    }
    assert!(less > 100, "denials that take nothing prove nothing: {less}");
}

#[test]
fn rules_in_shadow_change_nothing() {
    for (mut random, config) in configs(200) {
        let mut without = config.clone();
        for rules in ["grants", "denials"] {
            without[rules].as_array_mut().unwrap().retain(|rule| rule["shadow"] != true);
        }
        allows_no_more(&mut random, &config, &without);
        allows_no_more(&mut random, &without, &config);
    }
}

#[test]
fn an_effect_less_in_a_role_never_gives_access() {
    let mut less = 0;
    for (mut random, mut config) in configs(400) {
        // The role that a grant has, under another name and then with one effect less.
        let place = random.below(config["grants"].as_array().unwrap().len());
        let Some(role) = config["grants"][place]["role"].as_str().map(str::to_owned) else { continue };
        config["roles"]["same"] = json!({"from": role});
        config["grants"][place]["role"] = json!("same");
        let effects: Vec<_> = crate::role::role(&config, &role).effects.into_iter().collect();
        let mut changed = config.clone();
        changed["roles"]["same"]["minus"] = json!([]);
        if !effects.is_empty() && generate::take(&mut changed, "same", random.pick::<String>(&effects)) {
            less += allows_no_more(&mut random, &config, &changed);
        }
    }
    assert!(less > 20, "effects that nobody uses prove nothing: {less}");
}

#[test]
fn without_a_grant_there_is_nothing_but_the_lists() {
    let mut listed = 0;
    for (mut random, config) in configs(40) {
        let parsed = parse(&config);
        let claims = draw::claims(&mut random, "stranger");
        let principal = principal(&parsed, "stranger", &claims);
        for path in METHODS.keys() {
            for namespace in ["a", "", "temporal-system"] {
                let request = json!({"method": path, "namespace": namespace, "parts": []});
                let rule = compiled(&config, &parsed, &principal, &request);
                let open = rule.as_deref().is_some_and(|rule| ["anonymous", "authenticated"].contains(&rule));
                assert_eq!(open, rule.is_some(), "{path} by {rule:?}\n{config:#}");
                assert_eq!(open, is_listed(&config, path), "{path} by {rule:?}\n{config:#}");
                listed += usize::from(open);
            }
        }
    }
    assert!(listed > 0);
}

fn is_listed(config: &Value, method_path: &str) -> bool {
    let standard = json!(["grpc.health.v1.Health/Check", "GetSystemInfo"]);
    let lists = [config.get("anonymous").unwrap_or(&standard), &config["authenticated"]];
    let names = lists.into_iter().flat_map(crate::caller::strings);
    assert!(method(config, method_path).is_some());
    names.into_iter().any(|name| path(config, &name) == method_path)
}
