//! Compares the compiled policy with an evaluator that is written straight from the documentation (`reference`, with
//! `caller`, `wide`, `role`, `call_effects`, `limits`, `pattern` and `methods`), on random configurations, callers, requests
//! and times. Also checks properties that every policy has.
//!
//! `POLICY_SEED=7 POLICY_CASES=100000 cargo test --release --test policy -- --nocapture` draws other configurations, and more.

mod call_effects;
mod caller;
mod compiled;
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
mod replayed;
mod request_meaning;
mod request_parts;
mod role;
mod whole_call;
mod wide;

pub use compiled::{compiled, configs, identity, parse, principal};
use reference::{DENIED, REFUSED};
use serde_json::{Value, json};
use temporal_auth::config::Config;
use temporal_auth::time::Timestamp;

/// How many callers are drawn for a configuration, and how many requests for a caller.
const CALLERS: usize = 3;
const REQUESTS: usize = 8;

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
