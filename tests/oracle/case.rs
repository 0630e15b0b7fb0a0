//! Requests with Temporal's answers: one case in each line of JSON.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// A request, and what Temporal made of it: `Case` in wasm-test/oracle/case.go.
pub struct OracleCase {
    pub line: String,
    pub path: String,
    pub grpc_encoding: Option<String>,
    pub body: Vec<u8>,
    pub chunks: Vec<usize>,
    pub claims: Map<String, Value>,
    /// How the body differs from what an honest client sends.
    pub made: Vec<String>,
    pub answer: TemporalAnswer,
    /// What Temporal's types find in the request. Null if the request was not decoded, and in older recordings.
    pub facts: Value,
}

/// What Temporal made of a request: `Answer` in wasm-test/oracle/case.go.
pub struct TemporalAnswer {
    pub code: u64,
    pub decoded: bool,
    pub skimmed: bool,
    pub namespace: String,
    pub cross_namespace: u64,
    pub access: String,
    pub scope: String,
}

/// The cases of the oracle that the environment variable `ORACLE` names, or else the recorded cases.
pub fn read() -> impl Iterator<Item = OracleCase> {
    lines("ORACLE", "vectors/oracle.jsonl.gz").map(parse)
}

/// The lines that the command in this environment variable writes, or else the recorded ones.
pub fn lines(variable: &str, recorded: &str) -> impl Iterator<Item = String> {
    let source: Box<dyn Read> = match std::env::var(variable) {
        Ok(command) => {
            let mut words = command.split_whitespace();
            let child =
                Command::new(words.next().expect("an empty command")).args(words).stdout(Stdio::piped()).spawn();
            Box::new(child.expect("the oracle does not start").stdout.expect("piped"))
        }
        Err(_) => {
            let recorded = std::fs::File::open(common::repository(recorded)).expect(recorded);
            Box::new(flate2::read::MultiGzDecoder::new(recorded))
        }
    };
    BufReader::new(source).lines().map(|line| line.expect("the oracle broke off"))
}

fn parse(line: String) -> OracleCase {
    let value: Value = serde_json::from_str(&line).expect("a line of JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let answer = &value["answer"];
    OracleCase {
        path: text(&value["path"]),
        grpc_encoding: value["grpc_encoding"].as_str().map(str::to_owned),
        body: STANDARD.decode(text(&value["body"])).expect("base64"),
        chunks: value["chunks"].as_array().into_iter().flatten().map(|size| size.as_u64().unwrap() as usize).collect(),
        claims: value["claims"].as_object().expect("claims").clone(),
        made: value["made"].as_array().into_iter().flatten().map(text).collect(),
        facts: value["facts"].clone(),
        answer: TemporalAnswer {
            code: answer["code"].as_u64().expect("an answer"),
            decoded: answer["decoded"].as_bool().unwrap(),
            skimmed: answer["skimmed"].as_bool().unwrap_or(false),
            namespace: text(&answer["namespace"]),
            cross_namespace: answer["cross_namespace"].as_u64().unwrap(),
            access: text(&answer["access"]),
            scope: text(&answer["scope"]),
        },
        line,
    }
}
