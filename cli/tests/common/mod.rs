//! Helpers for the tests of the command.

use std::path::Path;
use std::process::Command;

/// Runs the command in the directory of the files, and returns its exit status and output.
pub(crate) fn run(args: &[&str]) -> (i32, String) {
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files");
    let output = Command::new(env!("CARGO_BIN_EXE_temporal-auth")).args(args).current_dir(files).output().unwrap();
    let text = if output.status.code() == Some(2) { output.stderr } else { output.stdout };
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// Runs the command, and checks its exit status and that it prints each expected text.
#[track_caller]
pub(crate) fn assert_run(args: &[&str], code: i32, expected: &[&str]) {
    let (found, text) = run(args);
    assert_eq!(found, code, "{args:?}\n{text}");
    for expected in expected {
        assert!(text.contains(expected), "{args:?}: {expected:?} is not in\n{text}");
    }
}
