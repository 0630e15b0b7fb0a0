//! What this library makes of a request, held against what Temporal's own code makes of it (wasm-test/oracle).
//!
//! `ORACLE="path/to/oracle generate -count 1000000 -seed 7" cargo test --release --test oracle -- --nocapture` asks the
//! oracle; without it the recorded answers in vectors/ are used.

mod case;
mod compare;
mod exceptions;
mod facts;
mod judge;
#[allow(dead_code, reason = "the comparison of policies uses the rest of it")]
#[path = "../policy/pattern.rs"]
mod pattern;

use judge::Judge;

#[test]
fn the_same_reading_and_the_same_verdict_as_temporal() {
    let mut judge = Judge::default();
    for case in case::read() {
        judge.hear(&case);
    }
    println!("{judge}");
    judge.conclude();
}
