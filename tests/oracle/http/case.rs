//! Requests to the HTTP API with Temporal's answers: one case in each line of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::case::lines;

/// A request, and what Temporal made of it: `HTTPCase` in wasm-test/oracle/http_case.go.
pub struct HttpCase {
    pub line: String,
    pub verb: String,
    /// The path and the query.
    pub target: Vec<u8>,
    /// Names are in lower case, as proxies write them.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub claims: Option<Map<String, Value>>,
    /// Whether an honest client sends such requests.
    pub is_honest: bool,
    /// Whether another token is in the header `Grpc-Metadata-Authorization`.
    pub forwards_token: bool,
    /// The gRPC call that reached the interceptors, if one did.
    pub call: Option<GatewayCall>,
}

/// A gRPC call that the gateway made: `Call` in wasm-test/oracle/http_case.go.
pub struct GatewayCall {
    pub method: String,
    pub request: Vec<u8>,
    /// Whether the message has a text that is not UTF-8.
    pub is_unencodable: bool,
    /// The status of Temporal's authorizer.
    pub code: u64,
}

impl HttpCase {
    pub fn has_header(&self, name: &str, value: &str) -> bool {
        self.headers.iter().any(|(known, has)| known == name && has == value)
    }
}

/// The cases of the oracle that the environment variable `ORACLE_HTTP` names, or else the recorded cases.
pub fn read() -> impl Iterator<Item = HttpCase> {
    lines("ORACLE_HTTP", "vectors/oracle-http.jsonl.gz").map(parse)
}

fn parse(line: String) -> HttpCase {
    let value: Value = serde_json::from_str(&line).expect("a line of JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let call = value["answer"].get("call").map(|call| GatewayCall {
        method: text(&call["method"]),
        request: STANDARD.decode(text(&call["request"])).expect("base64"),
        is_unencodable: call["unencodable"] == true,
        code: call["code"].as_u64().expect("a status"),
    });
    let headers = value["headers"].as_array().into_iter().flatten();
    let mut headers: Vec<_> = headers.map(|header| (text(&header[0]).to_ascii_lowercase(), text(&header[1]))).collect();
    let forwards_token = value.get("forwarded").is_some();
    if forwards_token {
        headers.push(("grpc-metadata-authorization".into(), "Bearer x".into()));
    }
    HttpCase {
        verb: text(&value["verb"]),
        target: raw(&value["target"]),
        headers,
        body: raw(&value["body"]),
        claims: value["claims"].as_object().cloned(),
        is_honest: value.get("made").is_none(),
        forwards_token,
        call,
        line,
    }
}

/// Bytes that are a string if they are UTF-8: `Raw` in wasm-test/oracle/http_case.go.
fn raw(value: &Value) -> Vec<u8> {
    match value["base64"].as_str() {
        Some(encoded) => STANDARD.decode(encoded).expect("base64"),
        None => value.as_str().unwrap_or_default().into(),
    }
}
