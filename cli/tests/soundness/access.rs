//! Whatever a caller may do, `access` has it in a row of one of the caller's grants.

use serde_json::Value;
use temporal_auth::pattern::{Binding, Pattern};

use crate::{Files, allowed, compiled, configs, run};

/// Whether the row of a rule may be about this namespace, or about the cluster.
fn is_about(place: &str, namespace: Option<&str>) -> bool {
    let Some(quoted) = place.strip_prefix('"') else {
        return namespace.is_some() || place.starts_with("every namespace") || place == "the cluster";
    };
    let Some(namespace) = namespace else { return false };
    let text: String = serde_json::from_str(&format!("\"{quoted}")).unwrap();
    let pattern = Pattern::parse(&text).unwrap();
    // Every text that a capture may take.
    let pieces = (0..namespace.len()).flat_map(|from| (from + 1..=namespace.len()).map(move |to| (from, to)));
    let pieces: Vec<_> = pieces.filter_map(|(from, to)| namespace.get(from..to)).map(str::to_owned).collect();
    let captures: Vec<_> = pattern.captures().map(str::to_owned).collect();
    let bound = |value: &String| {
        let bindings: Vec<_> =
            captures.iter().map(|name| Binding { name: name.clone(), value: value.clone() }).collect();
        pattern.bind(&bindings).unwrap().matches(namespace).is_some()
    };
    if captures.is_empty() { pattern.matches(namespace).is_some() } else { pieces.iter().any(bound) }
}

fn gives(row: &Value, effect: &str) -> bool {
    row["effects"].as_array().unwrap().iter().any(|cell| cell["effect"] == effect)
}

#[test]
fn whatever_is_allowed_is_in_the_matrix() {
    let files = Files::new("access");
    let mut found = 0;
    for (mut random, config) in configs(100) {
        let parsed = compiled::parse(&config);
        let rules = run(&["access", "--format", "json", &files.write("config.json", &config)]);
        for call in allowed(&mut random, &config, &parsed, 30) {
            let identity = compiled::identity(&parsed, &call.caller);
            let applies = |rule: &&Value| match rule["sort"].as_str().unwrap() {
                "authenticated" => call.rule == "authenticated",
                "grant" => parsed
                    .policy
                    .grants
                    .iter()
                    .any(|grant| *grant.name == rule["rule"] && !grant.resolve(&identity).is_empty()),
                _ => false,
            };
            for (namespace, effect) in call.effects() {
                let has_row = |rule: &Value| {
                    let mut rows = rule["access"].as_array().unwrap().iter();
                    rows.any(|row| is_about(row["in"].as_str().unwrap(), namespace.as_deref()) && gives(row, effect))
                };
                let listed = rules.as_array().unwrap().iter().filter(applies).any(has_row);
                assert!(
                    listed,
                    "{namespace:?} {effect} by {}: {}\n{}\n{config:#}\n{rules:#}",
                    call.rule, call.request, call.caller
                );
                found += 1;
            }
        }
    }
    assert!(found > 500, "only {found}");
}
