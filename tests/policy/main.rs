//! The compiled policy, held against one that is written straight from the documentation (`reference`, with `caller`,
//! `wide`, `role`, `call`, `limits`, `pattern` and `methods`), on random configurations, callers, requests and times; and
//! what must be true of any policy.
//!
//! `POLICY_SEED=7 POLICY_CASES=100000 cargo test --release --test policy -- --nocapture` draws others, and more.

mod ask;
mod call;
mod caller;
mod draw;
mod encode;
mod forms;
mod generate;
mod index;
mod limits;
mod methods;
mod parts;
mod pattern;
mod properties;
mod random;
mod reduce;
mod reference;
mod request;
mod role;
mod whole_call;
mod whom;
mod wide;

use std::rc::Rc;

use common::key_set;
use random::Random;
use reference::{DENIED, REFUSED};
use serde_json::{Map, Value, json};
use temporal_auth::config::Config;
use temporal_auth::identity::Identity;
use temporal_auth::policy::{Principal, Verdict};
use temporal_auth::temporal::{RequestReader, Scope, Target};
use temporal_auth::time::Timestamp;

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

/// Who the caller is, as the engine tells when it has verified the token.
pub fn identity(config: &Config, caller: &Value) -> Identity {
    let peer = caller["peer"].as_str().map(Rc::from);
    let Some(issuer) = config.issuers.iter().find(|known| caller["issuer"] == *known.name) else {
        let subject = caller["peer"].as_str().unwrap_or_default().to_owned();
        return Identity { issuer: None, subject, kind: None, doubt: None, claims: Map::new(), peer };
    };
    let claims = caller["claims"].as_object().unwrap().clone();
    let subject = issuer.rules.subject.find(&claims).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, doubt) = Identity::kind_of(&issuer.service_when, &claims);
    Identity { issuer: Some(Rc::clone(&issuer.name)), subject, kind, doubt, claims, peer }
}

pub fn principal(config: &Config, caller: &Value) -> Principal {
    config.policy.principal(identity(config, caller))
}

/// The rule by which the compiled policy allows a request at this time, or how it is denied.
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
        reader.feed(&encode::encode(config, &parsed.catalogue, request)).map_err(|_| REFUSED)?;
        reader.finish().map_err(|_| REFUSED)?
    } else {
        return Err(DENIED);
    };
    match parsed.policy.decide(principal, &target, now) {
        Verdict::Allow(permit) => Ok(permit.rule().name().to_owned()),
        Verdict::Deny(_) => Err(DENIED),
    }
}

/// Whether they are the same. What can be read in two ways is refused only where it is read: if some grant could cover it.
pub fn agree(ours: &Result<String, u32>, expected: &Result<String, u32>) -> bool {
    ours == expected || (*expected == Err(REFUSED) && *ours == Err(DENIED))
}

type Answers = (Result<String, u32>, Result<String, u32>);

/// What the two make of a case, where they differ; none for what is no case any more.
fn difference(case: &Value) -> Option<Answers> {
    let (config, caller, request) = (&case["config"], &case["caller"], &case["request"]);
    request["namespace"].as_str().and(request["method"].as_str()).and(request["parts"].as_array())?;
    caller["claims"].as_object()?;
    let now = Timestamp::from_millis(case["now"].as_u64()?);
    let parsed = Config::parse(config.to_string().as_bytes()).ok()?;
    let compiled = compiled(config, &parsed, &principal(&parsed, caller), request, now);
    let expected = reference::decide(config, caller, &request::meaning(config, request), now);
    (!agree(&compiled, &expected)).then_some((compiled, expected))
}

#[test]
fn the_compiled_policy_allows_what_the_documentation_allows_by_the_same_rule() {
    let (mut cases, mut allowed, mut refused) = (0, 0, 0);
    for (mut random, config) in configs(1500) {
        let parsed = parse(&config);
        for _ in 0..CALLERS {
            let caller = draw::caller(&mut random);
            let principal = principal(&parsed, &caller);
            for _ in 0..REQUESTS {
                let (request, now) = (ask::request(&mut random, &config), draw::now(&mut random));
                let expected = reference::decide(&config, &caller, &request::meaning(&config, &request), now);
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
    assert!((20..=60).contains(&share), "{share} % allowed: too few of one kind to tell much");
    assert!(refused * 1000 > cases, "{refused} refused: too few to tell much");
}
