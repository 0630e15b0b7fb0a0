//! Compares decisions among ten thousand grants with decisions among ten, and loading with parsing, in pairs: what the machine does
//! to one half of a pair, it does to the other.
//!
//! Prints a line for each comparison: its name, the median of the ratios, and their quartiles, separated by tabs.

use std::hint::black_box;
use std::time::Instant;

use temporal_auth::config::Config;
use temporal_auth::policy::Principal;
use temporal_auth::temporal::Target;
use temporal_auth::time::Timestamp;
use temporal_auth_bench::{CLAIMS, SHAPES, Shape, caller, config, load};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const FEW: usize = 10;
const MANY: usize = 10_000;
/// Pairs for each comparison, and calls in each half of a pair.
const PAIRS: usize = 301;
const DECISIONS: u32 = 1000;
/// A load takes milliseconds.
const LOAD_PAIRS: usize = 41;

/// One policy, its caller, and what the caller asks for.
struct Decision {
    config: Config,
    shape: Shape,
    known: Principal,
    target: Target,
}

impl Decision {
    fn new(shape: Shape, grants: usize) -> Result<Self, String> {
        let config = load(&config(shape, grants).to_string())?;
        let method = config.catalogue.named("StartWorkflowExecution").ok_or("no such method")?;
        let mut target = Target::of(method);
        target.namespace = "team-7-payroll".to_owned();
        let known = config.policy.principal(caller(shape, CLAIMS));
        let this = Self { config, shape, known, target };
        if this.cached() { Ok(this) } else { Err(format!("{shape:?}: the caller is denied")) }
    }

    fn cached(&self) -> bool {
        self.config.policy.decide(black_box(&self.known), black_box(&self.target), NOW).is_allow()
    }

    fn cold(&self) -> bool {
        let principal = self.config.policy.principal(caller(self.shape, black_box(CLAIMS)));
        self.config.policy.decide(&principal, black_box(&self.target), NOW).is_allow()
    }
}

/// Seconds for this many calls.
fn time(count: u32, mut call: impl FnMut()) -> f64 {
    let begun = Instant::now();
    (0..count).for_each(|_| call());
    begun.elapsed().as_secs_f64()
}

/// Measures the pairs, each time in the other order, and prints what the first half takes, relative to the second.
fn compare(name: &str, pairs: usize, mut first: impl FnMut() -> f64, mut second: impl FnMut() -> f64) {
    let mut pair = |index: usize| {
        if index.is_multiple_of(2) {
            let one = first();
            one / second()
        } else {
            let other = second();
            first() / other
        }
    };
    let mut ratios: Vec<f64> = (0..pairs).map(&mut pair).collect();
    ratios.sort_by(f64::total_cmp);
    let at = |quarter: usize| ratios.get(ratios.len() * quarter / 4).copied().unwrap_or(f64::NAN);
    println!("{name}\t{:.3}\t{:.3}\t{:.3}", at(2), at(1), at(3));
}

fn main() -> Result<(), String> {
    for (name, shape) in SHAPES {
        let (few, many) = (Decision::new(shape, FEW)?, Decision::new(shape, MANY)?);
        let cold = |decision: &Decision| time(DECISIONS, || assert!(decision.cold()));
        compare(&format!("cold-{name}"), PAIRS, || cold(&many), || cold(&few));
        let cached = |decision: &Decision| time(DECISIONS * 10, || assert!(decision.cached()));
        compare(&format!("cached-{name}"), PAIRS, || cached(&many), || cached(&few));
        let text = config(shape, MANY).to_string();
        let parse = || {
            time(1, || {
                black_box(serde_json::from_str::<serde_json::Value>(black_box(&text)).is_ok());
            })
        };
        compare(&format!("load-{name}"), LOAD_PAIRS, || time(1, || assert!(load(black_box(&text)).is_ok())), parse);
    }
    Ok(())
}
