//! Where the token comes from. Never from an argument: other users of the machine see command lines.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

/// The variable from which `temporal`, Temporal's own command, takes its token.
const VARIABLE: &str = "TEMPORAL_API_KEY";

/// The token in a file, or else in the environment, or else on standard input.
pub(super) fn read(file: Option<&Path>) -> Result<String, String> {
    let text = match (file, std::env::var(VARIABLE)) {
        (Some(file), _) if file != Path::new("-") => {
            std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?
        }
        (None, Ok(token)) if !token.trim().is_empty() => token,
        _ => from_standard_input()?,
    };
    let token = text.trim();
    let token = token.strip_prefix("Bearer ").unwrap_or(token).trim();
    if token.is_empty() { Err("the token is empty".to_owned()) } else { Ok(token.to_owned()) }
}

fn from_standard_input() -> Result<String, String> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        return Err(format!("no token; write it to standard input, name a file with --token-file, or set {VARIABLE}"));
    }
    let mut text = String::new();
    input.read_to_string(&mut text).map_err(|error| format!("cannot read standard input: {error}"))?;
    Ok(text)
}
