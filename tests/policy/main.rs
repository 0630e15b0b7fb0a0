//! Compares the compiled policy with an evaluator that is written straight from the documentation (`reference`, with
//! `caller`, `wide`, `role`, `call_effects`, `limits`, `pattern` and `methods`), on random configurations, callers, requests
//! and times. Also checks properties that every policy has.
//!
//! `POLICY_SEED=7 POLICY_CASES=100000 cargo test --release --test policy -- --nocapture` draws other configurations, and more.

mod call_effects;
mod caller;
mod encoding;
mod forms;
mod index;
mod limits;
mod methods;
mod pattern;
mod properties;
mod random;
mod random_callers;
mod random_configs;
mod random_requests;
mod random_who;
mod reduce;
mod reference;
mod request_meaning;
mod request_parts;
mod role;
mod whole_call;
mod wide;

use std::rc::Rc;

use common::key_set;
use random::Random;
use reference::{DENIED, REFUSED};
use serde_json::{Map, Value, json};
use temporal_auth::config::Config;
use temporal_auth::identity::{Claims, Identity};
use temporal_auth::policy::{Principal, Verdict};
use temporal_auth::temporal::{RequestReader, Scope, Target};
use temporal_auth::time::Timestamp;

/// How many callers are drawn for a configuration, and how many requests for a caller.
const CALLERS: usize = 3;
const REQUESTS: usize = 8;

/// Random configurations, each with the generator for what comes next. The environment can change the seed and the number.
pub fn configs(standard: usize) -> impl Iterator<Item = (Random, Value)> {
    let number = |name: &str, standard| std::env::var(name).map_or(standard, |text| text.parse().unwrap());
    let (seed, count) = (number("POLICY_SEED", 1), number("POLICY_CASES", standard as u64));
    let keys = key_set();
    (0..count).map(move |index| {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(index));
        let config = random_configs::config(&mut random, &keys);
        (random, config)
    })
}

pub fn parse(config: &Value) -> Config {
    let parsed = Config::parse(config.to_string().as_bytes());
    parsed.unwrap_or_else(|problems| {
        panic!("{config:#}\n{}", problems.iter().map(|problem| format!("{problem}\n")).collect::<String>())
    })
}

/// The identity of a caller, as it is when the token has been verified.
pub fn identity(config: &Config, caller: &Value) -> Identity {
    let peer = caller["peer"].as_str().map(Rc::from);
    let Some(issuer) = config.issuers.iter().find(|known| caller["issuer"] == *known.name) else {
        let subject = caller["peer"].as_str().unwrap_or_default().to_owned();
        let (claims, claim_rules) = (Map::new(), Rc::default());
        return Identity { issuer: None, subject, kind: None, doubt: None, claims, claim_rules, peer };
    };
    let claims = caller["claims"].as_object().unwrap().clone();
    let subject = issuer.rules.subject[0].find(&claims).and_then(Value::as_str).unwrap_or_default().to_owned();
    let claim_rules = Rc::clone(&issuer.rules.claims);
    let (kind, doubt) = Identity::kind_of(&issuer.service_when, Claims::new(&claims, &claim_rules));
    Identity { issuer: Some(Rc::clone(&issuer.name)), subject, kind, doubt, claims, claim_rules, peer }
}

pub fn principal(config: &Config, caller: &Value) -> Principal {
    config.policy.principal(identity(config, caller))
}

/// The rule by which the compiled policy allows a request at this time, or the gRPC status with which the request is denied.
pub fn compiled(
    config: &Value,
    parsed: &Config,
    principal: &Principal,
    request: &Value,
    now: Timestamp,
) -> Result<String, u32> {
    let method = methods::path(config, request["method"].as_str().unwrap());
    let method = parsed.catalogue.named(&method).ok_or(DENIED)?;
    if let Some(permit) = parsed.policy.permit_anonymous(&method) {
        return Ok(permit.rule().name().to_owned());
    }
    let target = if method.scope == Scope::Cluster {
        Target::of(method)
    } else if parsed.policy.could_allow(principal, &method, now) {
        let mut reader = RequestReader::new(method, principal.is_limited());
        reader.feed(&encoding::encode(config, &parsed.catalogue, request)).map_err(|_| REFUSED)?;
        reader.finish().map_err(|_| REFUSED)?
    } else {
        return Err(DENIED);
    };
    match parsed.policy.decide(principal, &target, now) {
        Verdict::Allow(permit) => Ok(permit.rule().name().to_owned()),
        Verdict::Deny(_) => Err(DENIED),
    }
}

/// Whether the verdicts are the same. An ambiguous request is refused only if it is read, which it is if some grant could cover
/// the method.
pub fn agree(ours: &Result<String, u32>, expected: &Result<String, u32>) -> bool {
    ours == expected || (*expected == Err(REFUSED) && *ours == Err(DENIED))
}

type Verdicts = (Result<String, u32>, Result<String, u32>);

/// The verdicts on a case. `None` if they agree, or if the JSON is no longer a case.
fn difference(case: &Value) -> Option<Verdicts> {
    let (config, caller, request) = (&case["config"], &case["caller"], &case["request"]);
    request["namespace"].as_str().and(request["method"].as_str()).and(request["parts"].as_array())?;
    caller["claims"].as_object()?;
    let now = Timestamp::from_millis(case["now"].as_u64()?);
    let parsed = Config::parse(config.to_string().as_bytes()).ok()?;
    let compiled = compiled(config, &parsed, &principal(&parsed, caller), request, now);
    let expected = reference::decide(config, caller, &request_meaning::meaning(config, request), now);
    (!agree(&compiled, &expected)).then_some((compiled, expected))
}

#[test]
fn the_compiled_policy_allows_by_the_same_rule_as_the_documentation() {
    let (mut cases, mut allowed, mut refused) = (0, 0, 0);
    for (mut random, config) in configs(1500) {
        let parsed = parse(&config);
        for _ in 0..CALLERS {
            let caller = random_callers::caller(&mut random);
            let principal = principal(&parsed, &caller);
            for _ in 0..REQUESTS {
                let (request, now) = (random_requests::request(&mut random, &config), random_callers::now(&mut random));
                let expected = reference::decide(&config, &caller, &request_meaning::meaning(&config, &request), now);
                let ours = compiled(&config, &parsed, &principal, &request, now);
                cases += 1;
                allowed += usize::from(expected.is_ok());
                refused += usize::from(ours == Err(REFUSED));
                if !agree(&ours, &expected) {
                    let case = json!({"config": config, "caller": caller, "request": request, "now": now.as_millis()});
                    let small = reduce::reduce(&case, &|case| difference(case).is_some());
                    panic!("{small:#}\ncompiled and expected: {:?}", difference(&small));
                }
            }
        }
    }
    let share = 100 * allowed / cases;
    println!("{cases} cases, {share} % allowed, {refused} refused");
    assert!((20..=60).contains(&share), "{share} % allowed: too few of one kind");
    assert!(refused * 1000 > cases, "only {refused} refused");
}
