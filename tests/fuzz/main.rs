//! The kept inputs of each fuzz target (fuzz/corpora), without libFuzzer.

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use fuzz::targets;

fn replay(target: &str, run: fn(&[u8])) {
    let file = std::fs::File::open(common::repository(&format!("fuzz/corpora/{target}.gz"))).unwrap();
    let lines = std::io::read_to_string(GzDecoder::new(file)).unwrap();
    let fails = |line: &&str| std::panic::catch_unwind(|| run(&STANDARD.decode(line).unwrap())).is_err();
    let failing: Vec<&str> = lines.lines().filter(fails).collect();
    assert!(failing.is_empty(), "{target} fails on\n{}", failing.join("\n"));
    println!("{target}: {} inputs", lines.lines().count());
    assert!(lines.lines().count() > 10, "hardly any inputs are kept");
}

macro_rules! replay {
    ($($target:ident)*) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),*];
        $(#[test] fn $target() { replay(stringify!($target), targets::$target::run); })*
    };
}

replay!(answer bearer call config discovery grpc_frames gunzip http keys list peer protobuf target token until wide);

#[test]
fn no_target_is_left_out() {
    let files = std::fs::read_dir(common::repository("fuzz/fuzz_targets")).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().path().file_stem().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, TARGETS);
}
