//! What is true of any policy, whatever it says.

use serde_json::{Value, json};

use crate::methods::{METHODS, method, path};
use crate::random::Random;
use crate::{ask, compiled, configs, draw, generate, parse, principal};

/// Compares what a configuration allows with what a changed one does: it must allow no more. Returns how often it allowed
/// less, so that a test can tell that the change mattered.
fn allows_no_more(random: &mut Random, config: &Value, changed: &Value) -> usize {
    allows_no_more_of(random, config, changed, &|random| ask::request(random, config))
}

/// The same for requests that are drawn like this.
fn allows_no_more_of(
    random: &mut Random,
    config: &Value,
    changed: &Value,
    draw: &dyn Fn(&mut Random) -> Value,
) -> usize {
    let (before, after) = (parse(config), parse(changed));
    let mut less = 0;
    for _ in 0..4 {
        let caller = draw::caller(random);
        let [from, to] = [&before, &after].map(|config| principal(config, &caller));
        for _ in 0..10 {
            let (request, now) = (draw(random), draw::now(random));
            let from = compiled(config, &before, &from, &request, now);
            let to = compiled(changed, &after, &to, &request, now);
            assert!(from.is_ok() || to.is_err(), "allowed by {to:?}: {request}\n{caller}\n{config:#}\n{changed:#}");
            less += usize::from(from.is_ok() && to.is_err());
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
fn a_limit_or_an_end_more_never_gives_access() {
    let (mut limited, mut ended) = (0, 0);
    for (mut random, config) in configs(700) {
        let grants = config["grants"].as_array().unwrap();
        let place = random.below(grants.len());
        let (name, _) = generate::LIMITS[random.below(generate::LIMITS.len())];
        // Under a limit on workflow ids, one on schedule ids says which schedules are covered at all.
        let opens = name == "schedule_ids" && grants[place].get("workflow_ids").is_some();
        if grants[place].get(name).is_none() && !opens {
            let mut changed = config.clone();
            generate::limit(&mut random, &mut changed["grants"][place], name);
            limited += allows_no_more(&mut random, &config, &changed);
        }
        if grants[place].get("until").is_none() {
            let mut changed = config.clone();
            changed["grants"][place]["until"] = json!(random.pick(generate::UNTIL).0);
            ended += allows_no_more(&mut random, &config, &changed);
        }
    }
    assert!(limited > 100 && ended > 100, "limits and ends that take nothing prove nothing: {limited}, {ended}");
}

#[test]
fn a_denial_that_reaches_commands_never_gives_access() {
    let mut less = 0;
    for (mut random, mut config) in configs(300) {
        // Of what workers command, in the namespaces that requests name most, and of many callers.
        config["denials"] = json!([{"name": "d", "namespaces": ["a*"], "effects": random.some(&["start", "signal", "cancel", "nexus"], 40)}]);
        if config["denials"][0]["effects"] == json!([]) {
            continue;
        }
        // And many of the callers are workers.
        for grant in config["grants"].as_array_mut().unwrap() {
            if grant.get("role").is_some() {
                grant["role"] = json!(*random.pick(&["worker", "writer"]));
            }
        }
        let mut changed = config.clone();
        changed["denials"][0]["commands"] = json!(true);
        let draw = |random: &mut Random| ask::request_of(random, "RespondWorkflowTaskCompleted");
        less += allows_no_more_of(&mut random, &config, &changed, &draw);
    }
    assert!(less > 100, "commands that nobody sends prove nothing: {less}");
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
    for (mut random, mut config) in configs(1000) {
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
    for (mut random, mut config) in configs(40) {
        // Grants to peers mean callers whatever their issuer.
        config["grants"].as_array_mut().unwrap().retain(|grant| grant["who"].get("issuer").is_some());
        config["denials"] = json!([]);
        let parsed = parse(&config);
        let mut caller = draw::caller(&mut random);
        caller["issuer"] = json!("stranger");
        let principal = principal(&parsed, &caller);
        for path in METHODS.keys() {
            for namespace in ["a", "", "temporal-system"] {
                let request = json!({"method": path, "namespace": namespace, "parts": []});
                let rule = compiled(&config, &parsed, &principal, &request, draw::now(&mut random)).ok();
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
