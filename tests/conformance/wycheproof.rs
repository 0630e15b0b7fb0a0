//! Wycheproof's sets of tokens.

use std::collections::BTreeMap;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::{key_set, verify};

/// No test.
const NONE: Vec<u64> = Vec::new();

/// The groups of a set.
fn read(set: &str) -> Vec<Value> {
    let file = std::fs::File::open(common::repository(&format!("tests/conformance/data/{set}.json.gz"))).unwrap();
    let Value::Object(mut content) = serde_json::from_reader(GzDecoder::new(file)).unwrap() else { panic!("{set}") };
    serde_json::from_value(content.remove("testGroups").unwrap()).unwrap()
}

/// The key or the key set of a group, its public half where there are halves.
fn keys(group: &Value) -> &Value {
    group.get("public").unwrap_or(&group["private"])
}

fn tests(group: &Value) -> &Vec<Value> {
    group["tests"].as_array().unwrap()
}

fn is_valid(test: &Value) -> bool {
    match test["result"].as_str().unwrap() {
        "valid" => true,
        "invalid" => false,
        other => panic!("{other}"),
    }
}

/// What came of each test: its number under its result and why it was refused.
#[derive(Default)]
struct Outcomes(BTreeMap<(bool, String), Vec<u64>>);

impl Outcomes {
    fn add(&mut self, test: &Value, verdict: Result<(), String>) {
        let why = verdict.map_or_else(|why| why, |()| "accepted".to_owned());
        self.0.entry((is_valid(test), why)).or_default().push(test["tcId"].as_u64().unwrap());
    }

    /// The numbers of the tests of this result whose outcome has these words.
    fn of(&self, valid: bool, words: &str) -> Vec<u64> {
        let outcomes = self.0.iter().filter(|((result, why), _)| *result == valid && why.contains(words));
        let mut numbers: Vec<u64> = outcomes.flat_map(|(_, numbers)| numbers.clone()).collect();
        numbers.sort_unstable();
        numbers
    }

    fn print(&self, set: &str) {
        println!("{set}: {} tests", self.of(true, "").len() + self.of(false, "").len());
        for ((valid, why), numbers) in &self.0 {
            println!("{:5} {:7} {why}", numbers.len(), if *valid { "valid" } else { "invalid" });
        }
    }
}

/// What comes of each test of a set.
fn judge(set: &str) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for group in read(set) {
        let keys = keys(&group);
        let keys = keys
            .get("keys")
            .map_or_else(|| key_set(&[keys]), |list| key_set(&Vec::from_iter(list.as_array().unwrap())));
        for test in tests(&group) {
            let token = test.get("jws").or(test.get("jwe")).unwrap();
            outcomes.add(test, verify(&keys, token.as_str().unwrap()));
        }
    }
    outcomes.print(set);
    outcomes
}

#[test]
fn json_web_signature() {
    let outcomes = judge("json_web_signature");
    assert_eq!((outcomes.of(true, "").len(), outcomes.of(false, "").len()), (46, 355));
    assert_eq!(outcomes.of(false, "accepted"), NONE);
    assert_eq!(outcomes.of(true, "accepted").len(), 32);
    // Of the algorithms that are not done here: nine tokens with HS256, two with ES512, and one whose header is no
    // base64url, which Wycheproof leaves to the reader.
    assert_eq!(outcomes.of(true, "algorithm \"HS256\"").len(), 9);
    assert_eq!(outcomes.of(true, "algorithm \"ES512\""), [347, 351]);
    assert_eq!(outcomes.of(true, "base64url"), [372]);
    // PS384 by a key that Wycheproof gives `"alg": "PS256"`, which it does not have in RFC 7520 §4.2.
    assert_eq!(outcomes.of(true, "for another algorithm"), [346, 350]);
    for mut group in read("json_web_signature") {
        if tests(&group).iter().any(|test| [346, 350].contains(&test["tcId"].as_u64().unwrap())) {
            group["public"].as_object_mut().unwrap().remove("alg");
            let token = tests(&group)[0]["jws"].as_str().unwrap();
            assert_eq!(verify(&key_set(&[keys(&group)]), token), Ok(()), "without the key's alg");
        }
    }
}

#[test]
fn json_web_key() {
    let outcomes = judge("json_web_key");
    assert_eq!((outcomes.of(true, "").len(), outcomes.of(false, "").len()), (5, 21));
    assert_eq!(outcomes.of(false, "accepted"), NONE);
    assert_eq!(outcomes.of(true, "accepted"), [5]);
    assert_eq!(outcomes.of(true, "algorithm \"HS"), [2, 13, 14, 15]);
}

#[test]
fn json_web_encryption() {
    let outcomes = judge("json_web_encryption");
    assert_eq!((outcomes.of(true, "").len(), outcomes.of(false, "").len()), (65, 74));
    assert_eq!(
        (outcomes.of(true, "accepted"), outcomes.of(false, "accepted")),
        (NONE, NONE),
        "good or bad, none is signed"
    );
}
