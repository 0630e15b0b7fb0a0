//! Without the grants that `who-can` lists, nobody may do it.

use serde_json::Value;

use crate::{Files, allowed, compiled, configs, run};

#[test]
fn nobody_may_do_it_but_by_the_grants_that_are_listed() {
    let files = Files::new("who-can");
    let (mut asked, mut named) = (0, 0);
    for (mut random, config) in configs(60) {
        let parsed = compiled::parse(&config);
        let file = files.write("config.json", &config);
        let mut calls = allowed(&mut random, &config, &parsed, 60);
        while calls.len() > 4 {
            calls.remove(random.below(calls.len()));
        }
        for call in &calls {
            let effects = call.effects();
            if effects.is_empty() {
                continue;
            }
            let (place, effect) = random.pick(&effects);
            let namespace: Vec<_> = place.iter().map(|namespace| format!("--namespace={namespace}")).collect();
            let namespace: Vec<_> = namespace.iter().map(String::as_str).collect();
            let answer = run(&[&["who-can", "--json", &file, effect], &namespace[..]].concat());
            let listed: Vec<_> =
                answer["grants"].as_array().unwrap().iter().filter(|grant| grant["in_force"] == true).collect();
            let listed: Vec<_> = listed.iter().map(|grant| grant["name"].as_str().unwrap()).collect();
            let shown = || format!("{place:?} {effect}: {}\n{}\n{config:#}\n{answer:#}", call.request, call.caller);
            let method = call.target.method.name();
            if call.rule == "authenticated" {
                let open = answer["open"]["authenticated"].as_array().unwrap();
                assert!(open.iter().any(|name| name == method), "{}", shown());
                continue;
            }
            // The verdict names the grant that covers the last effect in the request's own namespace.
            if effects.len() == 1 {
                assert!(listed.contains(&call.rule.as_str()), "{}: {}", call.rule, shown());
                named += 1;
            }
            let mut without = config.clone();
            without["grants"]
                .as_array_mut()
                .unwrap()
                .retain(|grant| !listed.contains(&grant["name"].as_str().unwrap()));
            let parsed = compiled::parse(&without);
            let is_list =
                without["authenticated"].as_array().is_some_and(|list| list.iter().any(|name| name == method));
            assert!(is_list || !call.is_allowed_in(&without, &parsed), "{}", shown());
            asked += 1;
        }
    }
    println!("{asked} answers, {named} of them with the rule of the verdict");
    assert!(asked > 80 && named > 30, "only {asked} answers, {named} with a rule");
}

/// A grant of one literal effect in one literal namespace is listed exactly where it counts.
#[test]
fn literal_grants_are_listed_exactly() {
    let files = Files::new("who-can-literal");
    let mut compared = 0;
    for (mut random, mut config) in configs(25) {
        config["denials"] = serde_json::json!([]);
        config["parity"] = Value::Null;
        config.as_object_mut().unwrap().remove("parity");
        let effect = *random.pick(&["start", "terminate", "query", "respond", "schedule", "delete"]);
        let method = match effect {
            "start" => "StartWorkflowExecution",
            "terminate" => "TerminateWorkflowExecution",
            "query" => "QueryWorkflow",
            "respond" => "RespondWorkflowTaskFailed",
            "schedule" => "DeleteSchedule",
            _ => "DeleteWorkflowExecution",
        };
        config["roles"]["one"] = serde_json::json!({"plus": [effect]});
        let grants = ["a", "b", "a-dev"].map(|namespace| {
            serde_json::json!({"name": format!("in-{namespace}"), "who": {"issuer": "corp"}, "role": "one", "namespaces": [namespace]})
        });
        config["grants"] = grants.to_vec().into();
        let file = files.write("config.json", &config);
        let parsed = compiled::parse(&config);
        let caller = serde_json::json!({"issuer": "corp", "claims": {"sub": "x"}, "peer": null});
        for namespace in ["a", "b", "a-dev", "c"] {
            let answer = run(&["who-can", "--json", &file, effect, "--namespace", namespace]);
            let listed: Vec<_> =
                answer["grants"].as_array().unwrap().iter().map(|grant| grant["name"].as_str().unwrap()).collect();
            let expected: &[String] = &match namespace {
                "c" => Vec::new(),
                known => vec![format!("in-{known}")],
            };
            assert_eq!(listed, expected, "{effect} {namespace}");
            if effect != "delete" {
                let request = serde_json::json!({"method": method, "namespace": namespace, "parts": []});
                let principal = compiled::principal(&parsed, &caller);
                let rule = compiled::compiled(&config, &parsed, &principal, &request, common::NOW).ok();
                assert_eq!(rule.as_slice(), expected, "{effect} {namespace}");
                compared += 1;
            }
        }
    }
    assert!(compared > 30, "{compared}");
}
