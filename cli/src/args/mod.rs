//! The command line.

use std::io::Read as _;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use temporal_auth::time::Timestamp;

use crate::clock;
use crate::diff::FailOn;

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
  0  the files are good; the call is allowed; every case passed; the token is accepted
  1  there are errors, or warnings with --deny-warnings; the call is not allowed; a case failed;
     the token is refused
  2  usage or input error";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Explain(Question),
    Test(Test),
    WhoCan(WhoCan),
    Access(Access),
    Diff(Diff),
    #[command(name = "whoami")]
    WhoAmI(WhoAmI),
    Replay(Replay),
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

/// List everybody to whom a policy gives an effect or a method, and every known way around.
///
/// The lists are wide: a grant is there if some caller and some call may exist for which it counts.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, verbatim_doc_comment)]
pub(crate) struct WhoCan {
    /// The file with the configuration.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// An effect or a method, for example terminate or StartWorkflowExecution.
    #[arg(value_name = "EFFECT|METHOD", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) what: String,
    /// The namespace. Not needed for what is done in the cluster.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) namespace: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) time: Time,
}

/// List every rule with the namespaces and the effects that it is about, for a review.
///
/// The order depends on the names of the rules alone, so that the output can be kept and compared.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, verbatim_doc_comment)]
pub(crate) struct Access {
    /// The file with the configuration.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The format.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    #[command(flatten)]
    pub(crate) time: Time,
}

/// Say who gains and who loses what from one configuration to another.
///
/// Rules are compared by what they mean, not by their names. Gains are wide: what cannot be ruled out is
/// a gain, so if nothing is gained, no call is allowed that was denied before.
#[derive(Debug, Args)]
#[command(after_help = DIFF_STATUS, verbatim_doc_comment)]
pub(crate) struct Diff {
    /// The file with the old configuration.
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The file with the new configuration.
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// Also run these cases, as `test` does, with both configurations.
    #[arg(long, value_name = "FILE")]
    pub(crate) cases: Option<PathBuf>,
    /// Fail if anybody may gain one of these effects, or `any` for any gain.
    #[arg(long, value_name = "EFFECT", value_delimiter = ',', value_parser = FailOn::read)]
    pub(crate) fail_on: Vec<FailOn>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) time: Time,
}

const DIFF_STATUS: &str = "\
Exit status:
  0  nothing is gained that --fail-on names
  1  something may be gained that --fail-on names
  2  usage or input error";

/// Say whose token it is, and what the policy gives its bearer.
///
/// The token is read from --token-file, or else from TEMPORAL_API_KEY, or else from standard input,
/// and is never shown. Its signature is checked with --jwks, or if the configuration has the keys.
#[derive(Debug, Args)]
#[command(after_help = EXIT_STATUS, verbatim_doc_comment)]
pub(crate) struct WhoAmI {
    /// The file with the configuration.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The file with the token, or - for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// A file with the issuer's keys, as its `jwks_uri` serves them.
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    /// The identity in the caller's TLS certificate.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) peer: Option<String>,
    #[command(flatten)]
    pub(crate) time: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A few lines for each rule.
    Text,
    /// A table with a row for each rule and place.
    Markdown,
    Json,
    /// A line for each rule, place and effect.
    Csv,
}

/// Decide the calls in a decision log again, by another configuration, and list what would change.
///
/// A decision is replayed only if its line has all that it depends on: the configuration that wrote
/// the log needs `log: {replay: true}`. Tokens are taken as accepted, and subjects as the log has them.
#[derive(Debug, Args)]
#[command(after_help = REPLAY_STATUS, verbatim_doc_comment)]
pub(crate) struct Replay {
    /// The file with the configuration that decides now.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Logs of Envoy with the decisions, or - for standard input.
    #[arg(value_name = "LOG", required = true)]
    pub(crate) logs: Vec<PathBuf>,
    /// Judge as of this time instead of the time of each call, for example 2026-12-24T18:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = clock::read)]
    pub(crate) at: Option<Timestamp>,
}

const REPLAY_STATUS: &str = "\
Exit status:
  0  no verdict would change
  1  some would
  2  usage or input error; no decision can be replayed";

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
mod tests;
