//! A decision about a caller who is new, from the claims of a token whose signature is verified already; about one who is
//! cached; and the load of a configuration.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use temporal_auth::policy::Principal;
use temporal_auth::temporal::Target;
use temporal_auth::time::Timestamp;
use temporal_auth_bench::{CLAIMS, SHAPES, Shape, caller, config, load};

/// When the decisions are made.
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const SIZES: [usize; 4] = [10, 100, 1000, 10_000];

fn decisions(criterion: &mut Criterion, name: &str, shape: Shape) {
    for size in SIZES {
        let config = load(&config(shape, size).to_string()).expect("a configuration");
        let policy = &config.policy;
        let method = config.catalogue.named("StartWorkflowExecution").expect("a method");
        let target = |namespace: &str| {
            let mut target = Target::of(method.clone());
            target.namespace = namespace.to_owned();
            target
        };
        let own = target("team-7-payroll");
        let allows = |principal: &Principal, target: &Target| policy.decide(principal, target, NOW).is_allow();
        let known = policy.principal(caller(shape, CLAIMS));
        // A decision that is always the same would be worth nothing.
        assert!(allows(&known, &own) && !allows(&known, &target("team-8-payroll")));
        criterion.bench_with_input(BenchmarkId::new(format!("cold-{name}"), size), &own, |bench, own| {
            bench.iter(|| {
                let principal = policy.principal(caller(shape, black_box(CLAIMS)));
                policy.decide(&principal, black_box(own), NOW)
            });
        });
        criterion.bench_with_input(BenchmarkId::new(format!("cached-{name}"), size), &own, |bench, own| {
            bench.iter(|| policy.decide(black_box(&known), black_box(own), NOW));
        });
    }
}

fn loads(criterion: &mut Criterion) {
    for size in SIZES {
        let text = config(Shape::Claim, size).to_string();
        criterion.bench_with_input(BenchmarkId::new("load", size), &text, |bench, text| {
            bench.iter(|| load(black_box(text)));
        });
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for (name, shape) in SHAPES {
        decisions(&mut criterion, name, shape);
    }
    loads(&mut criterion);
    criterion.final_summary();
}
