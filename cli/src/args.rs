//! The command line.

use std::io::Read as _;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Parser, Subcommand};
use temporal_auth::time::Timestamp;

use crate::clock;

/// Checks, explains and tests configurations of temporal-auth before they reach a proxy.
///
/// A FILE is a configuration in YAML or JSON, or anything that carries one: an Envoy
/// configuration or a dump of one, a WasmPlugin, TrafficExtension, EnvoyFilter or
/// EnvoyExtensionPolicy, or values of the Helm chart.
#[derive(Debug, Parser)]
#[command(name = "temporal-auth", version, after_help = EXIT_STATUS, verbatim_doc_comment)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUS: &str = "\
Exit status:
  0  the files are good; the call is allowed; every case passed
  1  there are errors, or warnings with --deny-warnings; the call is not allowed; a case failed
  2  usage or input error";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Explain(Question),
    Test(Test),
    /// Print the JSON Schema of configurations, for editors.
    #[command(after_help = EXIT_STATUS)]
    Schema,
}

/// Report every error and warning in configurations, with its position.
///
/// All files are read together: a cluster that one of them names may be defined in another.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Check {
    /// Fail if there are warnings.
    #[arg(long)]
    pub(crate) deny_warnings: bool,
    #[command(flatten)]
    pub(crate) time: Time,
    /// The files to check.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Explain what the filter would decide about a call, by which rule, and which grants nearly cover it.
///
/// JWT and JSON may be given as @FILE, or as - to read standard input: other users of the
/// machine can see command lines. Signatures are not checked: claims are taken as verified.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, verbatim_doc_comment)]
#[command(group = ArgGroup::new("caller").required(true).multiple(true).args(["token", "claims", "peer"]))]
pub(crate) struct Question {
    /// The file with the configuration.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The caller's token.
    #[arg(long, value_name = "JWT", value_parser = content, conflicts_with_all = ["claims", "issuer"])]
    pub(crate) token: Option<String>,
    /// The header that carries the token. Without it, the token comes in a header in which its issuer expects it.
    #[arg(long, value_name = "NAME", requires = "token", conflicts_with = "claims", value_parser = header)]
    pub(crate) header: Option<String>,
    /// The claims of the caller's token.
    #[arg(long, value_name = "JSON", value_parser = content)]
    pub(crate) claims: Option<String>,
    /// The issuer of the claims, by its name in the configuration. Needed only if there are several.
    #[arg(long, value_name = "NAME", requires = "claims")]
    pub(crate) issuer: Option<String>,
    /// The identity in the caller's TLS certificate, with or without a token.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) peer: Option<String>,
    /// The method, for example StartWorkflowExecution.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) method: String,
    /// The namespace that the request names.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) namespace: String,
    /// The request, as the JSON of its protobuf message. Without it the request has its namespace and nothing else.
    #[arg(long, value_name = "JSON", value_parser = content)]
    pub(crate) request: Option<String>,
    #[command(flatten)]
    pub(crate) time: Time,
}

/// Run test cases, and name the rules that decided none of them.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Test {
    #[command(flatten)]
    pub(crate) time: Time,
    /// The files with the cases.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Time {
    /// Judge as of this time instead of now, for example 2026-12-24T18:00:00Z. Grants may end.
    #[arg(long = "at", value_name = "TIME", value_parser = clock::read)]
    at: Option<Timestamp>,
}

impl Time {
    pub(crate) fn at(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }
}

/// The name of a header, in lower case, as Envoy sends it.
fn header(value: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if value.is_empty() || !value.bytes().all(is_name) {
        return Err("expected the name of a header".to_owned());
    }
    Ok(value.to_ascii_lowercase())
}

/// The value itself, the content of the file for `@FILE`, or standard input for `-`.
fn content(value: &str) -> Result<String, String> {
    let text = match value.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?,
        None if value == "-" => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| format!("cannot read standard input: {error}"))?;
            text
        }
        None => value.to_owned(),
    };
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(args: &[&str]) -> Result<Command, String> {
        let args = std::iter::once(&"temporal-auth").chain(args);
        Cli::try_parse_from(args).map(|cli| cli.command).map_err(|error| error.to_string())
    }

    const SECOND: Timestamp = Timestamp::from_millis(1000);
    const CALL: [&str; 4] = ["explain", "f", "--method", "m"];

    fn question(args: &[&str]) -> Result<Question, String> {
        match parse(&[&CALL[..], args].concat())? {
            Command::Explain(question) => Ok(question),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn check_takes_files() {
        let Ok(Command::Check(check)) = parse(&["check", "a", "b"]) else { panic!() };
        assert_eq!((check.files.len(), check.deny_warnings), (2, false));
        assert!(check.time.at() > SECOND, "now");
        let Ok(Command::Check(check)) = parse(&["check", "--deny-warnings", "a", "--at", "1970-01-01T00:00:01Z"])
        else {
            panic!()
        };
        assert_eq!((check.files.len(), check.deny_warnings, check.time.at()), (1, true, SECOND));
    }

    #[test]
    fn test_takes_files() {
        let Ok(Command::Test(test)) = parse(&["test", "--at", "1970-01-01T00:00:01Z", "a"]) else { panic!() };
        assert_eq!((test.files.len(), test.time.at()), (1, SECOND));
    }

    #[test]
    fn schema_takes_nothing() {
        assert!(matches!(parse(&["schema"]), Ok(Command::Schema)));
    }

    #[test]
    fn explain_takes_a_caller_and_a_call() {
        let claims = question(&["--claims", " {}\n", "--namespace=n"]).unwrap();
        assert_eq!((claims.claims.as_deref(), &*claims.namespace, claims.request), (Some("{}"), "n", None));
        let peer = question(&["--peer", "spiffe://a/b", "--request", "{}", "--at", "1970-01-01T00:00:01Z"]).unwrap();
        assert_eq!((peer.peer.as_deref(), peer.claims, peer.time.at()), (Some("spiffe://a/b"), None, SECOND));
        assert_eq!((peer.request.as_deref(), &*peer.namespace), (Some("{}"), ""));
        assert!(question(&["--claims", "{}", "--issuer", "i", "--peer", "p"]).is_ok());
        assert!(question(&["--token", "x", "--peer", "p"]).is_ok());
        let header = question(&["--token", "x", "--header", "X-Svid"]).unwrap().header;
        assert_eq!(header.as_deref(), Some("x-svid"), "as Envoy sends it");
    }

    #[test]
    fn help_is_not_an_error() {
        for args in [&["--help"][..], &["check", "-h"], &["explain", "--help"], &["help", "test"]] {
            assert!(parse(args).unwrap_err().contains("Usage: temporal-auth"), "{args:?}");
        }
    }

    #[test]
    fn mistakes_say_what_is_wrong() {
        let mistakes: [(&[&str], &str); 13] = [
            (&[], "Usage: temporal-auth <COMMAND>"),
            (&["explane", "f"], "a similar subcommand exists: 'explain'"),
            (&["check"], "<FILE>..."),
            (&["check", "--deny-warning", "f"], "a similar argument exists: '--deny-warnings'"),
            (&["test"], "<FILE>..."),
            (&["schema", "f"], "unexpected argument 'f'"),
            (&["check", "--peer", "x", "f"], "unexpected argument '--peer'"),
            (&["check", "--request", "{}", "f"], "unexpected argument '--request'"),
            (&["schema", "--at", "2026-12-24T18:00:00Z"], "unexpected argument '--at'"),
            (&["check", "f", "--at"], "a value is required for '--at <TIME>'"),
            (&["check", "--at", "tomorrow", "f"], "'tomorrow' for '--at <TIME>': expected a date and time"),
            (&["explain", "--method", "m", "--claims", "{}"], "<FILE>"),
            (&["explain", "f", "--claims", "{}"], "--method <NAME>"),
        ];
        for (args, expected) in mistakes {
            let error = parse(args).unwrap_err();
            assert!(error.contains(expected), "{args:?}: {error}");
        }
    }

    #[test]
    fn mistakes_about_a_caller_say_what_is_wrong() {
        let mistakes: [(&[&str], &str); 10] = [
            (&["--header", "x-svid", "--claims", "{}"], "cannot be used with"),
            (&["--header", "x-svid", "--peer", "p"], "--token <JWT>"),
            (&["--token", "x", "--header", "a:b"], "expected the name of a header"),
            (&[], "<--token <JWT>|--claims <JSON>|--peer <NAME>>"),
            (&["--claims", "{}", "--token", "x"], "cannot be used with"),
            (&["--issuer", "i", "--token", "x"], "cannot be used with"),
            (&["--issuer", "i", "--peer", "x"], "--claims <JSON>"),
            (&["--peer", ""], "a value is required for '--peer <NAME>'"),
            (&["--claims", "{}", "--request"], "a value is required for '--request <JSON>'"),
            (&["--claims", "@/nothing/here"], "cannot read /nothing/here"),
        ];
        for (args, expected) in mistakes {
            let error = question(args).unwrap_err();
            assert!(error.contains(expected), "{args:?}: {error}");
        }
    }
}
