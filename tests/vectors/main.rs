//! Checks that the library gives the verdict, the rule and the answer that the published cases state (vectors/README.md).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{ClientRequest, FilterClient, key_set};
use serde_json::Value;
use temporal_auth::policy::Rule;
use temporal_auth::time::Timestamp;

fn check(file: &str) {
    let text = std::fs::read_to_string(common::repository(&format!("vectors/{file}.json"))).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let configuration = &vectors["configuration"];
    assert_eq!(configuration["issuers"]["corp"]["keys"]["inline"], key_set(), "the key that signs the tokens");
    let mut client = FilterClient::new(configuration);
    let cases = vectors["cases"].as_array().unwrap();
    let wrong: Vec<String> = cases.iter().filter_map(|case| disagreement(&mut client, case)).collect();
    assert!(wrong.is_empty(), "{} of {} cases of {file}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    for verdict in ["allow", "deny"] {
        assert!(cases.iter().any(|case| case["verdict"] == verdict), "{file} has no case with verdict {verdict}");
    }
}

/// How the library disagrees with the case, if it does.
fn disagreement(client: &mut FilterClient, case: &Value) -> Option<String> {
    let body = STANDARD.decode(case["body"].as_str().unwrap()).unwrap();
    // The chunks of the body must not matter.
    [&[][..], &[1; 64], &[5, 0, 3]].into_iter().find_map(|chunks| {
        let outcome = client.send(&ClientRequest {
            path: case["path"].as_str().unwrap(),
            grpc_encoding: case["grpc_encoding"].as_str(),
            body: &body,
            chunks,
            claims: case["claims"].as_object(),
            at: case["at"].as_u64().map(|at| [Timestamp::from_millis(at); 2].into()),
            ..ClientRequest::default()
        });
        let rule = outcome.decision.as_ref().and_then(|decision| decision.rule.as_ref()).map(Rule::name);
        let stated = (case["grpc_status"].as_u64().unwrap(), case["rule"].as_str(), case["verdict"] == "allow");
        let ours = (u64::from(outcome.status()), rule, outcome.answer.is_none());
        (ours != stated).then(|| format!("{}: {ours:?}, not {stated:?}: {}", case["name"], outcome.reason()))
    })
}

#[test]
fn roles() {
    check("roles");
}

#[test]
fn reading() {
    check("reading");
}

#[test]
fn framing() {
    check("framing");
}

#[test]
fn inside() {
    check("inside");
}

#[test]
fn grants() {
    check("grants");
}

#[test]
fn denials() {
    check("denials");
}

#[test]
fn limits() {
    check("limits");
}

#[test]
fn every_file_has_a_test() {
    let source = include_str!("main.rs");
    let files = std::fs::read_dir(common::repository("vectors"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: Vec<_> = files.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    assert!(files.len() > 10);
    for file in files {
        assert!(source.contains(&format!("check(\"{file}\");")), "{file} is not checked");
    }
}

#[test]
fn callers() {
    check("callers");
}

#[test]
fn commands() {
    check("commands");
}

#[test]
fn headlines() {
    check("headlines");
}

#[test]
fn ids() {
    check("ids");
}

#[test]
fn newer() {
    check("newer");
}

#[test]
fn tokens() {
    check("tokens");
}

#[test]
fn until() {
    check("until");
}

#[test]
fn wide() {
    check("wide");
}

#[test]
fn shapes() {
    check("shapes");
}
