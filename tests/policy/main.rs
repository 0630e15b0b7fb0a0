//! The compiled policy, held against one that is written straight from the documentation (`reference`, with `caller`,
//! `role`, `limits`, `pattern` and `methods`), on random configurations, callers and requests; and what must be true of any policy.
//!
//! `POLICY_SEED=7 POLICY_CASES=100000 cargo test --release --test policy -- --nocapture` draws others, and more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    missing_docs,
    unreachable_pub
)]

mod caller;
#[allow(dead_code, reason = "each test crate uses its part of it")]
#[path = "../common/mod.rs"]
mod common;
mod draw;
mod generate;
mod index;
mod limits;
mod methods;
mod pattern;
mod properties;
mod random;
mod reduce;
mod reference;
mod request;
mod role;
mod whole_call;

use std::rc::Rc;

use caller::Claims;
use common::key_set;
use random::Random;
use serde_json::{Value, json};
use temporal_auth::config::Config;
use temporal_auth::identity::{Identity, Kind};
use temporal_auth::policy::{Principal, Rule, Verdict};
use temporal_auth::temporal::{RequestReader, Scope};

/// How many callers are drawn for a configuration, and how many requests for a caller.
const CALLERS: usize = 3;
const REQUESTS: usize = 8;

/// Draws configurations. The environment may ask for others or more.
pub fn configs(standard: usize) -> impl Iterator<Item = (Random, Value)> {
    let number = |name: &str, standard| std::env::var(name).map_or(standard, |text| text.parse().unwrap());
    let (seed, count) = (number("POLICY_SEED", 1), number("POLICY_CASES", standard as u64));
    let keys = key_set();
    (0..count).map(move |place| {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(place));
        let config = generate::config(&mut random, &keys);
        (random, config)
    })
}

pub fn parse(config: &Value) -> Config {
    let parsed = Config::parse(config.to_string().as_bytes());
    parsed.unwrap_or_else(|problems| {
        panic!("{config:#}\n{}", problems.iter().map(|problem| format!("{problem}\n")).collect::<String>())
    })
}

/// Who the claims are, as the engine tells when it has verified them.
pub fn principal(config: &Config, issuer: &str, claims: &Claims) -> Principal {
    let issuer = config.issuers.iter().find(|known| *known.name == *issuer).unwrap();
    let subject = issuer.rules.subject.find(claims).and_then(Value::as_str).unwrap_or_default().to_owned();
    let is_service = issuer.service_when.iter().any(|set| set.matches(claims));
    let kind = (!issuer.service_when.is_empty()).then_some(if is_service { Kind::Service } else { Kind::Human });
    config.policy.principal(Identity {
        issuer: Some(Rc::clone(&issuer.name)),
        subject,
        kind,
        claims: claims.clone(),
        peer: None,
    })
}

/// The rule by which the compiled policy allows a request, if it does.
pub fn compiled(config: &Value, parsed: &Config, principal: &Principal, request: &Value) -> Option<String> {
    let method = parsed.catalogue.named(&methods::path(config, request["method"].as_str()?))?;
    if parsed.policy.is_anonymous(&method) {
        return Some(Rule::Anonymous.name().to_owned());
    }
    let mut reader = RequestReader::new(method.clone(), principal.is_limited());
    reader.feed(&request::encode(config, &parsed.catalogue, request)).unwrap();
    match parsed.policy.decide(principal, &reader.finish().unwrap()) {
        Verdict::Allow(rule) => {
            let early = method.scope == Scope::Cluster || parsed.policy.could_allow(principal, &method);
            Some(if early { rule.name().to_owned() } else { "denied before its body is read".to_owned() })
        }
        Verdict::Deny(..) => None,
    }
}

/// What the two make of a case, where they differ; none for what is no case any more.
fn difference(case: &Value) -> Option<(Option<String>, Option<String>)> {
    let (config, claims) = (&case["config"], case["claims"].as_object()?);
    let (issuer, request) = (case["issuer"].as_str()?, &case["request"]);
    request["namespace"].as_str().and(request["method"].as_str()).and(request["parts"].as_array())?;
    let parsed = Config::parse(config.to_string().as_bytes()).ok()?;
    let principal = principal(&parsed, issuer, claims);
    let compiled = compiled(config, &parsed, &principal, request);
    let expected = reference::decide(config, issuer, claims, &request::meaning(config, request));
    (compiled != expected).then_some((compiled, expected))
}

#[test]
fn the_compiled_policy_allows_what_the_documentation_allows_by_the_same_rule() {
    let (mut cases, mut allowed) = (0, 0);
    for (mut random, config) in configs(1500) {
        let parsed = parse(&config);
        for _ in 0..CALLERS {
            let (issuer, claims) = draw::caller(&mut random);
            let principal = principal(&parsed, issuer, &claims);
            for _ in 0..REQUESTS {
                let request = draw::request(&mut random, &config);
                let expected = reference::decide(&config, issuer, &claims, &request::meaning(&config, &request));
                cases += 1;
                allowed += usize::from(expected.is_some());
                if compiled(&config, &parsed, &principal, &request) != expected {
                    let case = json!({"config": config, "claims": claims, "issuer": issuer, "request": request});
                    let small = reduce::reduce(&case, &|case| difference(case).is_some());
                    panic!("{small:#}\ncompiled and expected: {:?}", difference(&small));
                }
            }
        }
    }
    let share = 100 * allowed / cases;
    println!("{cases} cases, {share} % allowed");
    assert!((20..=60).contains(&share), "{share} % allowed: too few of one kind to tell much");
}
