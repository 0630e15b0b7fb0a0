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

mod args;
mod cases;
mod check;
mod clock;
mod deployment;
mod embedded;
mod explain;
mod filter;
mod find;
mod lint;
mod load;
mod mesh;
mod report;
mod request;
mod schema;
mod source;
mod yaml;

use std::io::Write as _;
use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let done = match args::parse() {
        Ok(Command::Print(text)) => Ok((text, true)),
        Ok(Command::Check { files, deny_warnings, at }) => check::check(&files, deny_warnings, at),
        Ok(Command::Schema) => schema::text_of_schema().map(|text| (text, true)),
        Ok(Command::Explain(question)) => explain::explain(&question),
        Ok(Command::Test { files, at }) => cases::test(&files, at),
        Err(why) => Err(format!("{why}\nTry temporal-auth --help.")),
    };
    // Names in a file cannot move the cursor.
    let plain = |text: String| text.replace(|char: char| char.is_control() && !matches!(char, '\n' | '\t'), "\u{fffd}");
    let (text, code) = match done {
        Ok((text, good)) => (text, if good { ExitCode::SUCCESS } else { ExitCode::from(1) }),
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "temporal-auth: {}", plain(why));
            return ExitCode::from(2);
        }
    };
    // A reader that has seen enough is no error.
    let _ = std::io::stdout().write_all(plain(text).as_bytes());
    code
}
