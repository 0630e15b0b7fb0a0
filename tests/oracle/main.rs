//! Compares what this library makes of a request with what Temporal's own code makes of it (wasm-test/oracle).
//!
//! `ORACLE="path/to/oracle generate -count 1000000 -seed 7" cargo test --release --test oracle -- --nocapture` asks the
//! oracle. Without `ORACLE`, the recorded answers in vectors/ are used.

mod case;
mod comparison;
mod differences;
mod exceptions;
mod facts;
mod http;
#[allow(dead_code, reason = "the tests of policies use the rest")]
#[path = "../policy/pattern.rs"]
mod pattern;
mod tally;

use comparison::Comparison;

#[test]
fn requests_are_read_and_judged_as_temporal_does() {
    let mut comparison = Comparison::default();
    for case in case::read() {
        comparison.compare(&case);
    }
    println!("{comparison}");
    comparison.assert_agreement();
}
