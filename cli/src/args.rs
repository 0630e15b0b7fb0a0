//! The command line.

use std::io::Read as _;
use std::path::PathBuf;

use lexopt::prelude::*;
use temporal_auth::time::Timestamp;

use crate::clock;

const HELP: &str = "\
Checks, explains and tests configurations of temporal-auth. FILE is a configuration in YAML or JSON, an Envoy
configuration with it or a dump of one, values of the Helm chart, or manifests: WasmPlugin, TrafficExtension, EnvoyFilter,
EnvoyExtensionPolicy.

  temporal-auth check [--deny-warnings] [--at TIME] FILE...
      prints every error and warning with its place. Files are read beside each other: a Service in one is there for a
      configuration in another

  temporal-auth explain --config FILE [--token JWT | --claims JSON [--issuer NAME]] [--peer NAME] --method NAME
                        [--namespace NAME] [--request JSON] [--at TIME]
      says what the filter would decide, by which rule, and which grants nearly cover the call
      JWT and JSON may be @FILE, or - for standard input; no signature is checked. A peer is who the caller's TLS
      certificate names, with a token or without. A request is the JSON of its protobuf message; without it, it names
      its namespace and nothing else

  temporal-auth test [--at TIME] FILE...
      runs the cases in the files and tells which grants none of them needs

  temporal-auth schema
      prints a JSON Schema of configurations, for editors

TIME is the time to judge at, as 2026-12-24T18:00:00Z: grants may end. Without it that is now.

Exit status: 0 good or allowed, 1 not, 2 the question cannot be answered.
";

/// What is asked for.
pub(crate) enum Command {
    /// A text, for example the help.
    Print(String),
    /// `check`
    Check {
        /// What to check.
        files: Vec<PathBuf>,
        /// Whether warnings are errors.
        deny_warnings: bool,
        /// The time to judge at.
        at: Timestamp,
    },
    /// `explain`
    Explain(Question),
    /// `schema`
    Schema,
    /// `test`
    Test {
        /// The cases.
        files: Vec<PathBuf>,
        /// The time to judge at.
        at: Timestamp,
    },
}

/// A call to explain.
#[derive(Debug, Default)]
pub(crate) struct Question {
    /// The file with the configuration.
    pub(crate) config: PathBuf,
    /// The caller's token,
    pub(crate) token: Option<String>,
    /// or its claims as JSON,
    pub(crate) claims: Option<String>,
    /// and the name that the configuration has for who issued them.
    pub(crate) issuer: Option<String>,
    /// Who the TLS peer is.
    pub(crate) peer: Option<String>,
    /// The method, as policies name it.
    pub(crate) method: String,
    /// The namespace that the request names.
    pub(crate) namespace: String,
    /// The request as JSON.
    pub(crate) request: Option<String>,
    /// The time of the call.
    pub(crate) at: Timestamp,
}

/// Reads the command line.
pub(crate) fn parse() -> Result<Command, String> {
    read(lexopt::Parser::from_env())
}

fn read(mut parser: lexopt::Parser) -> Result<Command, String> {
    let command = match parser.next().map_err(text)? {
        Some(Value(command)) => command.string().map_err(text)?,
        Some(Long("help") | Short('h')) => return Ok(Command::Print(HELP.to_owned())),
        Some(Long("version") | Short('V')) => {
            return Ok(Command::Print(format!("temporal-auth {}\n", env!("CARGO_PKG_VERSION"))));
        }
        Some(other) => return Err(text(other.unexpected())),
        None => return Err("a command is missing: check, explain, test or schema".to_owned()),
    };
    let (mut files, mut deny_warnings) = (Vec::new(), false);
    let mut at = Timestamp::now();
    let (mut question, mut has_config) = (Question::default(), false);
    while let Some(arg) = parser.next().map_err(text)? {
        match (command.as_str(), arg) {
            (_, Long("help") | Short('h')) => return Ok(Command::Print(HELP.to_owned())),
            ("check" | "test", Value(file)) => files.push(PathBuf::from(file)),
            ("check", Long("deny-warnings")) => deny_warnings = true,
            ("check" | "explain" | "test", Long("at")) => at = clock::read(&string(&mut parser)?)?,
            ("explain", Long("config")) => {
                (question.config, has_config) = (PathBuf::from(parser.value().map_err(text)?), true)
            }
            ("explain", Long("token")) => question.token = Some(content(string(&mut parser)?)?),
            ("explain", Long("claims")) => question.claims = Some(content(string(&mut parser)?)?),
            ("explain", Long("request")) => question.request = Some(content(string(&mut parser)?)?),
            ("explain", Long("issuer")) => question.issuer = Some(string(&mut parser)?),
            ("explain", Long("peer")) => question.peer = Some(string(&mut parser)?),
            ("explain", Long("method")) => question.method = string(&mut parser)?,
            ("explain", Long("namespace")) => question.namespace = string(&mut parser)?,
            (_, other) => return Err(text(other.unexpected())),
        }
    }
    match command.as_str() {
        "check" | "test" if files.is_empty() => Err("a file is missing".to_owned()),
        "check" => Ok(Command::Check { files, deny_warnings, at }),
        "schema" => Ok(Command::Schema),
        "test" => Ok(Command::Test { files, at }),
        "explain" if !has_config => Err("--config is missing".to_owned()),
        "explain" if question.method.is_empty() => Err("--method is missing".to_owned()),
        "explain" if question.token.is_some() && question.claims.is_some() => {
            Err("either --token or --claims".to_owned())
        }
        "explain" if question.token.is_none() && question.claims.is_none() && question.peer.is_none() => {
            Err("who calls is missing: --token, --claims or --peer".to_owned())
        }
        "explain" if question.peer.as_deref() == Some("") => Err("--peer is empty".to_owned()),
        "explain" if question.claims.is_none() && question.issuer.is_some() => {
            Err("--issuer goes with --claims: a token says it itself".to_owned())
        }
        "explain" => Ok(Command::Explain(Question { at, ..question })),
        other => Err(format!("no command {other:?}: check, explain, test or schema")),
    }
}

/// The value of the option that was just read.
fn string(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser.value().and_then(ValueExt::string).map_err(text)
}

fn text(error: lexopt::Error) -> String {
    error.to_string()
}

/// The value itself, of `@FILE` the file's content, and of `-` standard input: a token on the command line can be seen
/// by everybody on the machine.
fn content(value: String) -> Result<String, String> {
    let read = match value.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}")),
        None if value == "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| format!("cannot read standard input: {error}")).map(|_| text)
        }
        None => Ok(value),
    };
    read.map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Command, String> {
        read(lexopt::Parser::from_args(args))
    }

    #[test]
    fn commands() {
        assert!(matches!(parse(&["--help"]), Ok(Command::Print(_))));
        assert!(matches!(parse(&["check", "-h"]), Ok(Command::Print(_))));
        assert!(
            matches!(parse(&["check", "a", "b"]), Ok(Command::Check { files, deny_warnings: false, .. }) if files.len() == 2)
        );
        assert!(matches!(parse(&["check", "--deny-warnings", "a"]), Ok(Command::Check { deny_warnings: true, .. })));
        const SECOND: Timestamp = Timestamp::from_millis(1000);
        let at = ["--at", "1970-01-01T00:00:01Z"];
        assert!(matches!(parse(&[&["check", "a"], &at[..]].concat()), Ok(Command::Check { at: SECOND, .. })));
        assert!(matches!(parse(&[&["test", "a"], &at[..]].concat()), Ok(Command::Test { at: SECOND, .. })));
        assert!(matches!(parse(&["check", "a"]), Ok(Command::Check { at, .. }) if at > SECOND));
        assert!(matches!(parse(&["schema"]), Ok(Command::Schema)));
        assert!(matches!(parse(&["test", "a"]), Ok(Command::Test { .. })));
        let explain = ["explain", "--config", "f", "--claims", "{}", "--method", "m", "--namespace=n"];
        assert!(
            matches!(parse(&explain), Ok(Command::Explain(question)) if question.namespace == "n" && question.request.is_none())
        );
        let peer = ["explain", "--config", "f", "--method", "m", "--peer", "spiffe://a/b"];
        assert!(
            matches!(parse(&peer), Ok(Command::Explain(question)) if question.peer.as_deref() == Some("spiffe://a/b") && question.claims.is_none())
        );
        let then = [&explain[..], &at].concat();
        assert!(matches!(parse(&then), Ok(Command::Explain(question)) if question.at == SECOND));
        let with_request = [&explain[..], &["--request", "{}"]].concat();
        assert!(
            matches!(parse(&with_request), Ok(Command::Explain(question)) if question.request.as_deref() == Some("{}"))
        );
    }

    #[test]
    fn what_is_no_command() {
        for args in [
            &[][..],
            &["chekc", "f"],
            &["check"],
            &["check", "--strict", "f"],
            &["test"],
            &["schema", "f"],
            &["explain", "--config", "f", "--method", "m"],
            &["explain", "--config", "f", "--method", "m", "--claims", "{}", "--token", "x"],
            &["explain", "--config", "f", "--method", "m", "--issuer", "i", "--token", "x"],
            &["explain", "--config", "f", "--method", "m", "--issuer", "i", "--peer", "x"],
            &["explain", "--config", "f", "--method", "m", "--peer", ""],
            &["explain", "--method", "m", "--claims", "{}"],
            &["check", "--peer", "x", "f"],
            &["check", "--at", "tomorrow", "f"],
            &["check", "f", "--at"],
            &["schema", "--at", "2026-12-24T18:00:00Z"],
            &["check", "--request", "{}", "f"],
            &["explain", "--config", "f", "--claims", "{}", "--method", "m", "--request"],
            &["explain", "--config", "f", "--claims", "{}"],
            &["explain", "--config", "f", "--claims", "@/nothing/here", "--method", "m"],
        ] {
            assert!(parse(args).is_err(), "{args:?}");
        }
    }
}
