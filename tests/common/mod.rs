//! A client of the filter without a host: it signs tokens, sends requests and returns what the filter did with them.

pub mod signatures;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Map, Value, json};
use temporal_auth::answer::Reply;
use temporal_auth::config::Config;
use temporal_auth::filter::{Action, ConnectionInfo, FilterState, RequestFilter};
use temporal_auth::report::{Decision, Rejection};
use temporal_auth::time::Timestamp;
use temporal_auth::wire::headers::{Headers, serialize};

/// When requests arrive.
pub const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The path of a file or directory of this repository. Tests run in the directory of their package.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(path)
}

/// A key that is no secret: it signs the tokens of the published cases and nothing else. See vectors/README.md.
fn key() -> SigningKey {
    let mut scalar = [0; 32];
    scalar[28..].copy_from_slice(&0x7e49_01a1_u32.to_be_bytes());
    SigningKey::from_slice(&scalar).unwrap()
}

/// The key set of the public key, as a configuration has it.
pub fn key_set() -> Value {
    let point = key().verifying_key().to_sec1_point(false);
    let [x, y] = [point.x().unwrap(), point.y().unwrap()].map(|part| URL_SAFE_NO_PAD.encode(part));
    json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "vectors", "alg": "ES256", "use": "sig", "x": x, "y": y}]})
}

/// What the filter did with a request.
#[derive(Debug)]
pub struct Outcome {
    /// The answer in the server's place. `None` if the call went on.
    pub answer: Option<Reply>,
    /// The decision that would be logged.
    pub decision: Option<Decision>,
    /// The names of the headers that do not go on.
    pub dropped: Vec<Box<[u8]>>,
}

impl Outcome {
    /// The gRPC status; 0 if the call went on.
    pub fn status(&self) -> u32 {
        self.answer.as_ref().map_or(0, |reply| reply.code().number())
    }

    /// Why the call was rejected, if it was.
    pub fn rejection(&self) -> Option<&Rejection> {
        self.decision.as_ref()?.rejection.as_ref()
    }

    /// Why the call was rejected, as the log says it.
    pub fn reason(&self) -> String {
        self.decision.as_ref().map(Decision::reason).unwrap_or_default()
    }
}

/// A request as a client sends it.
#[derive(Debug, Default)]
pub struct ClientRequest<'a> {
    pub path: &'a str,
    pub grpc_encoding: Option<&'a str>,
    pub body: &'a [u8],
    /// The sizes of the chunks in which the body arrives. A last chunk has the rest.
    pub chunks: &'a [usize],
    /// The claims of the token. `None` if the request has no token.
    pub claims: Option<&'a Map<String, Value>>,
    /// Further headers, which may carry tokens too.
    pub headers: &'a [(String, String)],
    /// The name of the TLS peer.
    pub peer: Option<&'a str>,
    /// When the headers and the body arrive, if not at [`NOW`].
    pub at: Option<(Timestamp, Timestamp)>,
}

impl ConnectionInfo for &ClientRequest<'_> {
    fn cluster(&self) -> Option<Vec<u8>> {
        None
    }

    fn peer(&self) -> Option<String> {
        self.peer.map(str::to_owned)
    }

    fn id(&self) -> u64 {
        0
    }
}

/// A request to the HTTP API as a client sends it.
#[derive(Debug)]
pub struct HttpRequest<'a> {
    pub verb: &'a str,
    /// The path and the query.
    pub target: &'a [u8],
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
    /// The sizes of the chunks in which the body arrives. A last chunk has the rest.
    pub chunks: &'a [usize],
    /// Whether the headers end the request. It then has no body.
    pub ends_with_headers: bool,
    /// The claims of the token. `None` if the request has no token.
    pub claims: Option<&'a Map<String, Value>>,
}

/// A client of a filter with one configuration.
pub struct FilterClient {
    pub state: FilterState,
    key: SigningKey,
    /// The tokens that were signed so far, by the part that is signed.
    tokens: HashMap<String, String>,
}

impl FilterClient {
    pub fn new(config: &Value) -> Self {
        let mut config = Config::parse(config.to_string().as_bytes()).unwrap();
        // The decision also says which rule allowed a call.
        config.log_allowed = true;
        Self { state: FilterState::new(config), key: key(), tokens: HashMap::new() }
    }

    pub fn send(&mut self, request: &ClientRequest<'_>) -> Outcome {
        let token = request.claims.map(|claims| format!("Bearer {}", self.token(claims)));
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"POST"),
            (b":path", request.path.as_bytes()),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ];
        headers.extend(request.grpc_encoding.map(|value| (&b"grpc-encoding"[..], value.as_bytes())));
        headers.extend(request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        headers.extend(token.as_ref().map(|value| (&b"authorization"[..], value.as_bytes())));
        let (arrived, completed) = request.at.unwrap_or((NOW, NOW));
        let mut call = RequestFilter::new(arrived);
        let mut dropped = Vec::new();
        let headers = serialize(&headers);
        let action = call.on_headers(&mut self.state, Headers::new(&headers), false, request, &mut dropped);
        self.end(call, action, Some((request.body, request.chunks)), completed, dropped)
    }

    /// Sends a request to the HTTP API. If it goes on, the server receives the body that was sent.
    pub fn send_http(&mut self, request: &HttpRequest<'_>) -> Outcome {
        let token = request.claims.map(|claims| format!("Bearer {}", self.token(claims)));
        let mut headers: Vec<(&[u8], &[u8])> = vec![(b":method", request.verb.as_bytes()), (b":path", request.target)];
        headers.extend(request.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        headers.extend(token.as_ref().map(|value| (&b"authorization"[..], value.as_bytes())));
        let mut call = RequestFilter::new(NOW);
        let mut dropped = Vec::new();
        let headers = serialize(&headers);
        let headers = Headers::new(&headers);
        let action = call.on_headers(&mut self.state, headers, request.ends_with_headers, (), &mut dropped);
        let body = (!request.ends_with_headers).then_some((request.body, request.chunks));
        self.end(call, action, body, NOW, dropped)
    }

    /// Sends the body after the headers, in chunks of these sizes and a last one.
    fn end(
        &mut self,
        mut call: RequestFilter,
        mut action: Action,
        body: Option<(&[u8], &[usize])>,
        completed: Timestamp,
        dropped: Vec<Box<[u8]>>,
    ) -> Outcome {
        let mut arrived = Vec::new();
        if let Some((mut rest, chunks)) = body {
            let mut sizes = chunks.iter();
            while matches!(action, Action::Forward | Action::Hold) {
                let size = sizes.next().copied().unwrap_or(rest.len()).min(rest.len());
                let (chunk, after) = rest.split_at(size);
                rest = after;
                arrived.extend_from_slice(chunk);
                action = call.on_body(&mut self.state, chunk, rest.is_empty(), || completed);
                if rest.is_empty() {
                    break;
                }
            }
        }
        let decision = call.take_decision();
        let answer = match action {
            Action::Forward | Action::Hold => None,
            Action::Release(bytes) => {
                assert_eq!(bytes, arrived, "another body goes on");
                None
            }
            Action::Answer(answer) => Some(answer),
            Action::Wait => panic!("the keys are inline"),
        };
        Outcome { answer, decision, dropped }
    }

    fn token(&mut self, claims: &Map<String, Value>) -> String {
        self.sign(&json!({"alg": "ES256", "kid": "vectors"}), &serde_json::to_string(claims).unwrap())
    }

    /// A token with this header and this payload, whatever they are.
    pub fn sign(&mut self, header: &Value, payload: &str) -> String {
        let signed = [header.to_string().as_str(), payload].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        if let Some(token) = self.tokens.get(&signed) {
            return token.clone();
        }
        let signature: Signature = self.key.sign(signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        self.tokens.insert(signed, token.clone());
        token
    }
}
