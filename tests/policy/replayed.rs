//! Decisions that are made again from the decision log: by any configuration, they are those on the calls themselves, or are
//! not made.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use temporal_auth::policy::Verdict;
use temporal_auth::report::replay::Recorded;

use crate::random::Random;
use crate::reference::{DENIED, REFUSED};
use crate::{compiled, configs, encoding, methods, parse, principal, random_callers, random_configs, random_requests};
use common::{ClientRequest, FilterClient, NOW, key_set};

/// A configuration with some of another's rules, or with rules of its own.
fn changed(random: &mut Random, config: &Value) -> Value {
    if random.percent(30) {
        let mut other = random_configs::config(random, &key_set());
        // What a token must be, and who its subject is, are taken from the log.
        for same in ["methods", "issuers"] {
            match config.get(same) {
                Some(value) => other[same] = value.clone(),
                None => drop(other.as_object_mut().unwrap().remove(same)),
            }
        }
        return other;
    }
    let mut changed = config.clone();
    for rules in ["grants", "denials"] {
        if let Some(list) = changed[rules].as_array_mut() {
            list.retain(|_| random.percent(70));
        }
    }
    changed
}

#[test]
fn a_recorded_decision_is_made_again_as_on_the_call_itself() {
    let (mut outcomes, mut allowed) = (BTreeMap::<String, usize>::new(), 0);
    for (mut random, mut config) in configs(120) {
        config["log"] = json!({"allowed": true, "replay": true});
        let asks_for_peers = config.to_string().contains("\"peer\"");
        let mut client = FilterClient::new(&config);
        for _ in 0..4 {
            let who = random_callers::caller(&mut random);
            if who["issuer"].is_null() && !asks_for_peers {
                continue;
            }
            let case = random_requests::request(&mut random, &config);
            let path = methods::path(&config, case["method"].as_str().unwrap());
            let body = encoding::encode(&config, &client.state.config.catalogue, &case);
            let body = [&[0], &(body.len() as u32).to_be_bytes()[..], &body].concat();
            let request = ClientRequest {
                path: &path,
                body: &body,
                claims: who["issuer"].as_str().and(who["claims"].as_object()),
                peer: who["peer"].as_str(),
                at: Some((NOW, NOW)),
                ..ClientRequest::default()
            };
            let outcome = client.send(&request);
            let Some(decision) = &outcome.decision else { continue };
            let line: Value = serde_json::from_str(&decision.line()).unwrap();
            let Some(method) = client.state.config.catalogue.named(&path) else { continue };
            let Some(recorded) = line.get("replay").and_then(|record| Recorded::read(record, method)) else {
                *outcomes.entry("not recorded".to_owned()).or_default() += 1;
                continue;
            };
            for _ in 0..6 {
                let other = changed(&mut random, &config);
                let parsed = parse(&other);
                let context = || format!("{line}\n{case}\n{who}\n{config}\n{other}");
                let found = match recorded.decide(&parsed, line["issuer"].as_str(), line["subject"].as_str().unwrap()) {
                    Ok(Verdict::Allow(permit)) => Ok(permit.rule().name().to_owned()),
                    Ok(Verdict::Deny(_)) => Err(DENIED),
                    Err(why) => {
                        *outcomes.entry(why.to_string()).or_default() += 1;
                        continue;
                    }
                };
                let principal = principal(&parsed, &who);
                let expected = compiled(&other, &parsed, &principal, &case, NOW);
                assert!(found == expected || expected == Err(REFUSED), "{found:?} {expected:?}\n{}", context());
                allowed += usize::from(found.is_ok());
                *outcomes.entry("replayed".to_owned()).or_default() += 1;
            }
        }
    }
    println!("{outcomes:#?}\n{allowed} allowed");
    let replayed = outcomes["replayed"];
    assert!(replayed > 1000 && allowed * 10 > replayed, "{outcomes:?}, {allowed} allowed");
}
