//! Properties that every policy has.

use serde_json::{Value, json};

use crate::methods::{METHODS, method, path};
use crate::random::Random;
use crate::{compiled, configs, parse, principal, random_callers, random_configs, random_requests};

/// Asserts that a changed configuration allows no more than the configuration. Returns how often it allows less, so that a
/// test can assert that the change matters.
fn allows_no_more(random: &mut Random, config: &Value, changed: &Value) -> usize {
    allows_no_more_of(random, config, changed, &|random| random_requests::request(random, config))
}

/// The same, for requests that `draw` returns.
fn allows_no_more_of(
    random: &mut Random,
    config: &Value,
    changed: &Value,
    draw: &dyn Fn(&mut Random) -> Value,
) -> usize {
    let (before, after) = (parse(config), parse(changed));
    let mut less = 0;
    for _ in 0..4 {
        let caller = random_callers::caller(random);
        let [from, to] = [&before, &after].map(|config| principal(config, &caller));
        for _ in 0..10 {
            let (request, now) = (draw(random), random_callers::now(random));
            let from = compiled(config, &before, &from, &request, now);
            let to = compiled(changed, &after, &to, &request, now);
            assert!(from.is_ok() || to.is_err(), "allowed by {to:?}: {request}\n{caller}\n{config:#}\n{changed:#}");
            less += usize::from(from.is_ok() && to.is_err());
        }
    }
    less
}

#[test]
fn an_additional_grant_never_takes_access_away() {
    let mut less = 0;
    for (mut random, config) in configs(400) {
        let grant = random_configs::grant(&mut random, &random_configs::CUSTOM.map(str::to_owned), "more");
        let mut more = config.clone();
        let grants = more["grants"].as_array_mut().unwrap();
        let index = random.below(grants.len() + 1);
        grants.insert(index, grant);
        less += allows_no_more(&mut random, &more, &config);
    }
    assert!(less > 100, "only {less} verdicts depend on the grant");
}

#[test]
fn an_additional_denial_never_gives_access() {
    let mut less = 0;
    for (mut random, config) in configs(400) {
        let denial = random_configs::denial(&mut random, "more");
        let mut changed = config.clone();
        changed["denials"].as_array_mut().unwrap().push(denial);
        less += allows_no_more(&mut random, &config, &changed);
    }
    assert!(less > 100, "only {less} verdicts depend on the denial");
}

#[test]
fn an_additional_limit_or_end_never_gives_access() {
    let (mut limited, mut ended) = (0, 0);
    for (mut random, config) in configs(700) {
        let grants = config["grants"].as_array().unwrap();
        let index = random.below(grants.len());
        let (name, _) = random_configs::LIMITS[random.below(random_configs::LIMITS.len())];
        // If workflow ids are limited, schedules are covered only by a limit on schedule ids.
        let opens = name == "schedule_ids" && grants[index].get("workflow_ids").is_some();
        if grants[index].get(name).is_none() && !opens {
            let mut changed = config.clone();
            random_configs::limit(&mut random, &mut changed["grants"][index], name);
            limited += allows_no_more(&mut random, &config, &changed);
        }
        if grants[index].get("until").is_none() {
            let mut changed = config.clone();
            changed["grants"][index]["until"] = json!(random.pick(random_configs::UNTIL).0);
            ended += allows_no_more(&mut random, &config, &changed);
        }
    }
    assert!(limited > 100 && ended > 100, "only {limited} verdicts depend on the limit, {ended} on the end");
}

#[test]
fn a_denial_that_reaches_commands_never_gives_access() {
    let mut less = 0;
    for (mut random, mut config) in configs(300) {
        // A denial of workers' commands, in the namespaces that requests name most, for every caller.
        config["denials"] = json!([{"name": "d", "namespaces": ["a*"], "effects": random.some(&["start", "signal", "cancel", "nexus"], 40)}]);
        if config["denials"][0]["effects"] == json!([]) {
            continue;
        }
        // Many of the callers are workers.
        for grant in config["grants"].as_array_mut().unwrap() {
            if grant.get("role").is_some() {
                grant["role"] = json!(*random.pick(&["worker", "writer"]));
            }
        }
        let mut changed = config.clone();
        changed["denials"][0]["commands"] = json!(true);
        let draw = |random: &mut Random| random_requests::request_of(random, "RespondWorkflowTaskCompleted");
        less += allows_no_more_of(&mut random, &config, &changed, &draw);
    }
    assert!(less > 100, "only {less} verdicts depend on the commands");
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
fn removing_an_effect_from_a_role_never_gives_access() {
    let mut less = 0;
    for (mut random, mut config) in configs(1000) {
        // The role of a grant gets another name, and then loses one effect.
        let index = random.below(config["grants"].as_array().unwrap().len());
        let Some(role) = config["grants"][index]["role"].as_str().map(str::to_owned) else { continue };
        config["roles"]["same"] = json!({"from": role});
        config["grants"][index]["role"] = json!("same");
        let effects: Vec<_> = crate::role::role(&config, &role).effects.into_iter().collect();
        let mut changed = config.clone();
        changed["roles"]["same"]["minus"] = json!([]);
        if !effects.is_empty() && random_configs::take(&mut changed, "same", random.pick::<String>(&effects)) {
            less += allows_no_more(&mut random, &config, &changed);
        }
    }
    assert!(less > 20, "only {less} verdicts depend on the effect");
}

#[test]
fn without_a_grant_only_listed_methods_are_allowed() {
    let mut listed = 0;
    for (mut random, mut config) in configs(40) {
        // Grants to peers match callers of any issuer.
        config["grants"].as_array_mut().unwrap().retain(|grant| grant["who"].get("issuer").is_some());
        config["denials"] = json!([]);
        let parsed = parse(&config);
        let mut caller = random_callers::caller(&mut random);
        caller["issuer"] = json!("stranger");
        let principal = principal(&parsed, &caller);
        for path in METHODS.keys() {
            for namespace in ["a", "", "temporal-system"] {
                let request = json!({"method": path, "namespace": namespace, "parts": []});
                let rule = compiled(&config, &parsed, &principal, &request, random_callers::now(&mut random)).ok();
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
