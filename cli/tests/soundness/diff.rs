//! If `diff` says that nothing is gained, no call is allowed that was denied before.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use temporal_auth::policy::{DenyReason, Verdict};

use crate::random::Random;
use crate::random_who::{RuleContext, who};
use crate::{Files, compiled, configs, random_callers, random_configs, random_requests, reference, run};

/// A configuration that differs from this one in one respect, or in all.
fn changed(random: &mut Random, config: &Value) -> Value {
    let mut new = config.clone();
    let grants = new["grants"].as_array().unwrap().len();
    let grant = random.below(grants);
    let denials = new["denials"].as_array().unwrap().len();
    let roles: Vec<String> = random_configs::CUSTOM.iter().map(|name| (*name).to_owned()).collect();
    match random.below(17) {
        0 => drop(new["grants"].as_array_mut().unwrap().remove(grant)),
        1 => new["grants"].as_array_mut().unwrap().insert(grant, random_configs::grant(random, &roles, "more")),
        2 => new["grants"][grant] = random_configs::grant(random, &roles, "other"),
        3 if denials > 0 => drop(new["denials"].as_array_mut().unwrap().remove(0)),
        4 => new["denials"].as_array_mut().unwrap().push(random_configs::denial(random, "more")),
        5 if denials > 0 => new["denials"][0] = random_configs::denial(random, "other"),
        6 => {
            let (name, _) = *random.pick(random_configs::LIMITS);
            if new["grants"][grant].as_object_mut().unwrap().remove(name).is_none() {
                random_configs::limit(random, &mut new["grants"][grant], name);
            }
        }
        7 if new["grants"][grant].get("role").is_some() => {
            new["grants"][grant]["role"] = json!(*random.pick(&["client", "writer", "admin", "reader", "narrow"]));
        }
        8 => {
            if new["grants"][grant].as_object_mut().unwrap().remove("until").is_none() {
                new["grants"][grant]["until"] = json!(random.pick(random_configs::UNTIL).0);
            }
        }
        9 if new["grants"][grant].get("namespaces").is_some() => {
            let more = random.text(&["a", "b", "*", "a-*", "*-dev", "a-b-dev", "é"]);
            new["grants"][grant]["namespaces"].as_array_mut().unwrap().push(json!(more));
        }
        10 => {
            // Without the captures that its namespaces may need, if there are none.
            let text = new["grants"][grant].to_string();
            if !text.contains("{team}") && !text.contains("{kind}") {
                new["grants"][grant]["who"] = json!({"issuer": "corp"});
            }
        }
        11 if denials > 0 => {
            for field in ["unless", "outside", "commands", "shadow", "who"] {
                if random.percent(40) && new["denials"][0].as_object().unwrap().len() > 2 {
                    new["denials"][0].as_object_mut().unwrap().remove(field);
                }
            }
            if ["who", "unless", "effects", "namespaces", "outside"]
                .iter()
                .all(|name| new["denials"][0].get(*name).is_none())
            {
                return config.clone();
            }
        }
        12 if denials > 0 => new["denials"][0]["unless"] = who(random, RuleContext::Unless),
        13 => {
            let list = *random.pick(&["anonymous", "authenticated"]);
            new[list] = json!(random.some(&["GetClusterInfo", "ListNamespaces", "GetSearchAttributes"], 50));
        }
        14 => {
            let flag = *random.pick(&["may_call_back", "may_register", "shadow"]);
            let is_set = new["grants"][grant][flag] == true;
            new["grants"][grant][flag] = json!(!is_set);
        }
        15 => {
            let more = random.pick(random_configs::EFFECTS);
            let name = random.pick(&roles).clone();
            let plus = new["roles"][&name]["plus"].as_array().cloned().unwrap_or_default();
            new["roles"][&name]["plus"] = [plus, vec![json!(more)]].concat().into();
        }
        16 if random.percent(30) => new["parity"] = json!("upstream"),
        _ => {
            let keys = common::key_set();
            new = random_configs::config(random, &keys);
        }
    }
    new
}

/// A configuration that the library accepts, or none.
fn is_valid(config: &Value) -> bool {
    temporal_auth::config::Config::parse(config.to_string().as_bytes()).is_ok()
}

fn effects_of(gains: &Value) -> BTreeSet<String> {
    let all = gains.as_array().unwrap().iter().flat_map(|gain| gain["effects"].as_array().unwrap());
    all.map(|effect| effect.as_str().unwrap().to_owned()).collect()
}

#[test]
fn whatever_is_newly_allowed_is_a_gain() {
    let files = Files::new("diff");
    let (mut compared, mut newly, mut nothing) = (0, 0, 0);
    for (mut random, old) in configs(120) {
        let new = changed(&mut random, &old);
        if !is_valid(&new) {
            continue;
        }
        let (from, to) = (files.write("old.json", &old), files.write("new.json", &new));
        let answer = run(&["diff", "--json", &from, &to]);
        let gained = effects_of(&answer["gains"]);
        compared += 1;
        nothing += usize::from(gained.is_empty());
        let [before, after] = [&old, &new].map(compiled::parse);
        for _ in 0..60 {
            let (caller, request) = (random_callers::caller(&mut random), random_requests::request(&mut random, &old));
            let now = random_callers::now(&mut random);
            let [from, to] = [&before, &after].map(|config| compiled::principal(config, &caller));
            let is_now = compiled::compiled(&new, &after, &to, &request, now);
            let was = compiled::compiled(&old, &before, &from, &request, now);
            let (Ok(rule), Err(reference::DENIED)) = (&is_now, &was) else { continue };
            newly += 1;
            let shown = || format!("by {rule}: {request}\n{caller}\n{old:#}\n{new:#}\n{answer:#}");
            assert!(!gained.is_empty(), "nothing is gained, but {}", shown());
            // A method that the old configuration did not know, or knew in another way, has other effects there.
            if old["methods"] != new["methods"] {
                continue;
            }
            let Ok(target) = compiled::target(&old, &before, &from, &request) else { continue };
            let Verdict::Deny(why) = before.policy.decide(&from, &target, now) else { continue };
            let denied = match &why {
                DenyReason::NotCovered(why) => why.effects,
                DenyReason::Denial(found) if found.effects.is_empty() => target.method.effects,
                DenyReason::Denial(found) => found.effects,
                DenyReason::Newer(_) => continue,
            };
            let names: Vec<_> = denied.names().collect();
            let is_gained = |name: &&str| gained.contains(*name);
            match why {
                DenyReason::NotCovered(_) => assert!(names.iter().all(is_gained), "{names:?} {}", shown()),
                _ => assert!(names.iter().any(is_gained), "{names:?} {}", shown()),
            }
        }
    }
    println!("{compared} compared, nothing gained in {nothing}, {newly} calls newly allowed");
    assert!(
        compared > 80 && newly > 80 && nothing > 25,
        "{compared} compared, {nothing} nothing, {newly} newly allowed"
    );
}

/// A change that takes away gives nothing, and a change of names and order is none.
#[test]
fn what_only_takes_away_is_no_gain() {
    let files = Files::new("diff-less");
    let (mut less, mut lost) = (0, 0);
    for (mut random, old) in configs(60) {
        let mut new = old.clone();
        let grants = new["grants"].as_array_mut().unwrap();
        let grant = random.below(grants.len());
        match random.below(4) {
            0 => drop(grants.remove(grant)),
            1 => grants[grant]["shadow"] = json!(true),
            2 => {
                grants.reverse();
                for (index, grant) in grants.iter_mut().enumerate() {
                    grant["name"] = json!(format!("renamed-{index}"));
                }
            }
            _ => new["denials"].as_array_mut().unwrap().push(random_configs::denial(&mut random, "more")),
        }
        let is_renamed = new["grants"][0]["name"] == "renamed-0";
        let answer = run(&["diff", "--json", &files.write("old.json", &old), &files.write("new.json", &new)]);
        assert_eq!(answer["gains"], json!([]), "{old:#}\n{new:#}");
        if is_renamed {
            assert_eq!(answer["losses"], json!([]), "{old:#}\n{new:#}");
        }
        less += 1;
        lost += usize::from(answer["losses"] != json!([]));
    }
    assert!(less > 50 && lost * 5 > less, "{less} compared, {lost} with losses");
}
