//! Checks the configurations in docs/presets/ and docs/migrating.md as they are on the page, with only the keys replaced by the
//! key that signs the tokens here. The calls are next to this file, in `PAGE.json`: README.md describes them. The
//! configurations in the project's README.md, in docs/configuration.md and in docs/web-ui.md are only parsed.

mod page;
mod tokens;

use std::collections::BTreeSet;
use std::fs;

use common::{ClientRequest, FilterClient, Outcome, key_set};
use serde_json::{Value, json};
use temporal_auth::config::Config;
use temporal_auth::policy::Rule;
use temporal_auth::temporal::Catalogue;
use tokens::PresetTokens;

#[test]
fn presets_decide_as_stated() {
    let mut pages: Vec<_> =
        fs::read_dir(common::repository("docs/presets")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    let list = fs::read_to_string(common::repository("docs/presets/README.md")).unwrap();
    for path in pages.iter().filter(|path| !path.ends_with("README.md")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(list.contains(&format!("]({name})")), "{name} is not in the list of presets");
        check(path.to_str().unwrap());
    }
}

#[test]
fn the_page_on_migrating_decides_as_stated() {
    check("docs/migrating.md");
}

/// Parses the configuration in README.md, and compares the problem that the page shows for a mistake in it.
#[test]
fn the_readme_has_a_valid_configuration_and_the_problem_of_a_mistake() {
    let page = fs::read_to_string(common::repository("README.md")).unwrap();
    let [mut configuration] = <[Value; 1]>::try_from(page::configurations(&page)).unwrap();
    assert_eq!(Config::parse(configuration.to_string().as_bytes()).err(), None);
    configuration["grants"][1]["role"] = json!("owner");
    let problems = Config::parse(configuration.to_string().as_bytes()).unwrap_err();
    let lines: Vec<_> = problems.iter().map(|problem| format!("temporal-auth: configuration: {problem}")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(page.contains(&format!("\n{}\n", lines[0])), "not on the page: {}", lines[0]);
}

#[test]
fn the_page_on_the_web_ui_has_a_valid_configuration() {
    let page = fs::read_to_string(common::repository("docs/web-ui.md")).unwrap();
    let configurations = page::configurations(&page);
    assert_eq!(configurations.len(), 1);
    assert_eq!(Config::parse(configurations[0].to_string().as_bytes()).err(), None);
}

#[test]
fn the_examples_of_the_reference_form_one_valid_configuration() {
    let page = fs::read_to_string(common::repository("docs/configuration.md")).unwrap();
    let mut whole = json!({"version": 1, "grants": [], "issuers": {"corp": {
        "issuer": "https://idp.test/", "audiences": ["temporal"], "keys": {"inline": key_set()},
        "service_when": [{"gty": "client-credentials"}],
    }}});
    let pieces = page::configurations(&page);
    assert!(pieces.len() > 4, "{}", pieces.len());
    for piece in pieces {
        match piece {
            Value::Array(grants) => whole["grants"].as_array_mut().unwrap().extend(grants),
            piece => whole.as_object_mut().unwrap().extend(piece.as_object().unwrap().clone()),
        }
    }
    assert_eq!(Config::parse(whole.to_string().as_bytes()).err(), None, "{whole:#}");
}

fn check(page: &str) {
    let name = page.rsplit('/').next().unwrap().replace(".md", ".json");
    let data = fs::read_to_string(common::repository(&format!("tests/presets/{name}")))
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let data: Value = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{name}: {error}"));
    let configurations = page::configurations(&fs::read_to_string(common::repository(page)).unwrap());
    let cases = data["cases"].as_array().unwrap();
    assert_eq!(configurations.len(), cases.len(), "{page}: a list of cases for each configuration");
    let tokens = PresetTokens::new(&data["tokens"]);
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for (number, (configuration, cases)) in configurations.iter().zip(cases).enumerate() {
        if let Err(problems) = Config::parse(configuration.to_string().as_bytes()) {
            panic!("{page}: configuration {number}: {problems:?}");
        }
        let mut client = FilterClient::new(&with_our_key(configuration));
        let mut rules = BTreeSet::new();
        for case in cases.as_array().unwrap() {
            wrong.extend(disagreement(&mut client, &tokens, case));
            let twins = case["but"].as_array().filter(|twins| !twins.is_empty());
            for twin in twins.unwrap_or_else(|| panic!("{page}: an allow without its deny twin: {case}")) {
                let call = twin_of(case, twin);
                assert_ne!(call["status"], 0, "{page}: a twin is a denial: {twin}");
                wrong.extend(disagreement(&mut client, &tokens, &call));
                used.extend(tokens_of(&call).map(|(_, token)| token.to_owned()));
            }
            used.extend(tokens_of(case).map(|(_, token)| token.to_owned()));
            rules.extend(case["rule"].as_str());
        }
        for grant in configuration["grants"].as_array().unwrap() {
            let name = grant["name"].as_str().unwrap();
            assert!(rules.contains(name), "{page}: configuration {number}: no case is allowed by {name}");
        }
    }
    for name in tokens.names() {
        assert!(used.contains(name), "{page}: no case uses the token {name}");
    }
    assert!(wrong.is_empty(), "{page}: {}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The configuration with our key in place of each issuer's own.
fn with_our_key(configuration: &Value) -> Value {
    let mut configuration = configuration.clone();
    for issuer in configuration["issuers"].as_object_mut().unwrap().values_mut() {
        let mut ours = json!({"inline": key_set()});
        if let Some(rule) = issuer["keys"].get("kid") {
            ours["kid"] = rule.clone();
        }
        issuer["keys"] = ours;
    }
    configuration
}

/// The call of the case with the changes of its twin, and denied.
fn twin_of(case: &Value, twin: &Value) -> Value {
    let mut call = case.as_object().unwrap().clone();
    call.remove("rule");
    call.insert("status".to_owned(), 7.into());
    call.extend(twin.as_object().unwrap().clone());
    call.into()
}

/// How the library disagrees with the case, if it does.
fn disagreement(client: &mut FilterClient, tokens: &PresetTokens<'_>, case: &Value) -> Option<String> {
    let known = ["about", "token", "headers", "method", "namespace", "workflow", "rule", "but", "status", "reason"];
    for name in case.as_object().unwrap().keys() {
        assert!(known.contains(&name.as_str()), "unknown member {name}: {case}");
    }
    let outcome = send(client, tokens, case);
    let rule = outcome.decision.as_ref().and_then(|decision| decision.rule.as_ref()).map(Rule::name);
    let status = case["status"].as_u64().unwrap_or(0);
    let stated = if status == 7 { Some("default-deny") } else { case["rule"].as_str() };
    // A token must be refused for the reason that the case is about.
    assert!(status != 16 || case["reason"].is_string(), "a refused token without a reason: {case}");
    let reason = case["reason"].as_str().unwrap_or_default();
    let agrees = u64::from(outcome.status()) == status && rule == stated && outcome.reason().contains(reason);
    (!agrees).then(|| {
        let tokens: Vec<_> = tokens_of(case).map(|(_, token)| token).collect();
        let [method, namespace] = ["method", "namespace"].map(|name| case[name].as_str().unwrap_or_default());
        let call = format!("{}, {method}, {namespace}", tokens.join(" and "));
        format!(
            "{call}: {} by {rule:?}, {:?}, not {status} by {stated:?}, {reason:?}",
            outcome.status(),
            outcome.reason()
        )
    })
}

fn send(client: &mut FilterClient, tokens: &PresetTokens<'_>, case: &Value) -> Outcome {
    let method = Catalogue::default().named(case["method"].as_str().unwrap()).unwrap();
    let namespace = case["namespace"].as_str().unwrap_or_default();
    let mut message = Vec::new();
    if !namespace.is_empty() {
        message.extend(field(method.namespace_field, namespace.as_bytes()));
    }
    if let Some(workflow) = case["workflow"].as_str() {
        // A start has the id itself; others have it in a WorkflowExecution, all in the same field.
        let execution = field(1, workflow.as_bytes());
        let is_start = method.path.ends_with("/StartWorkflowExecution");
        message.extend(field(2, if is_start { workflow.as_bytes() } else { &execution }));
    }
    let body = [&[0, 0, 0, 0, u8::try_from(message.len()).unwrap()], message.as_slice()].concat();
    let headers: Vec<_> = tokens_of(case)
        .map(|(header, name)| {
            let scheme = if header == "authorization" { "Bearer " } else { "" };
            (header.to_owned(), format!("{scheme}{}", tokens.signed(name, client)))
        })
        .collect();
    client.send(&ClientRequest { path: &method.path, body: &body, headers: &headers, ..ClientRequest::default() })
}

/// A field of a message. Numbers and names are short here.
fn field(number: u32, value: &[u8]) -> Vec<u8> {
    [&[u8::try_from(number << 3 | 2).unwrap(), u8::try_from(value.len()).unwrap()], value].concat()
}

/// The headers of a call that carry tokens, and the tokens' names.
fn tokens_of(case: &Value) -> impl Iterator<Item = (&str, &str)> {
    let own = case["token"].as_str().map(|token| ("authorization", token));
    let others = case["headers"].as_object().into_iter().flatten();
    own.into_iter().chain(others.map(|(header, token)| (header.as_str(), token.as_str().unwrap())))
}
