//! `temporal-auth`: checks, explains and tests configurations of the filter before they reach a proxy. It reads them and
//! decides with the filter's own library.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::get_unwrap,
        clippy::string_slice
    )
)]

mod access;
mod analysis;
mod args;
mod caller;
mod cases;
mod check;
mod clock;
mod deployment;
mod diff;
mod embedded;
mod explain;
mod filter;
mod find;
mod lint;
mod load;
mod mesh;
mod patterns;
mod replay;
mod report;
mod request;
mod schema;
mod source;
mod suggest;
mod who_can;
mod whoami;
mod yaml;

use std::io::Write as _;
use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Help and the version are errors to clap, too.
        Err(usage) if usage.use_stderr() => return fail(&usage.to_string()),
        Err(help) => return print(&help.to_string(), true),
    };
    let done = match &cli.command {
        Command::Check(check) => check::check(&check.files, check.deny_warnings, check.time.at()),
        Command::Explain(question) => explain::explain(question),
        Command::Test(test) => cases::test(&test.files, test.time.at()),
        Command::WhoCan(question) => who_can::who_can(question),
        Command::Access(question) => access::access(question),
        Command::Diff(question) => diff::diff(question),
        Command::WhoAmI(question) => whoami::whoami(question),
        Command::Replay(options) => replay::replay(options),
        Command::Schema => schema::text_of_schema().map(|text| (text, true)),
    };
    match done {
        Ok((text, success)) => print(&text, success),
        Err(why) => fail(&format!("error: {why}\n")),
    }
}

fn print(text: &str, success: bool) -> ExitCode {
    // A reader that closes the pipe early is not an error.
    let _ = std::io::stdout().write_all(without_control(text).as_bytes());
    if success { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// The command could not answer.
fn fail(text: &str) -> ExitCode {
    let _ = std::io::stderr().write_all(without_control(text).as_bytes());
    ExitCode::from(2)
}

/// Names in a file, or in an argument, must not move the cursor.
fn without_control(text: &str) -> String {
    text.replace(|char: char| char.is_control() && !matches!(char, '\n' | '\t'), "\u{fffd}")
}
