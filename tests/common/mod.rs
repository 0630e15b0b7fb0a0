//! A caller of the library without a host: signs claims, sends calls, tells what came of them.

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
use temporal_auth::report::Decision;
use temporal_auth::time::Timestamp;
use temporal_auth::wire::headers::{Headers, serialize};

/// When everything happens.
pub const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A file or directory of this repository: tests run in the directory of their package.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(path)
}

/// A key that everybody may know: it signs the claims of published cases and nothing else. See vectors/README.md.
fn key() -> SigningKey {
    let mut scalar = [0; 32];
    scalar[28..].copy_from_slice(&0x7e49_01a1_u32.to_be_bytes());
    SigningKey::from_slice(&scalar).unwrap()
}

/// The public half, as a configuration has it.
pub fn key_set() -> Value {
    let point = key().verifying_key().to_sec1_point(false);
    let [x, y] = [point.x().unwrap(), point.y().unwrap()].map(|part| URL_SAFE_NO_PAD.encode(part));
    json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "vectors", "alg": "ES256", "use": "sig", "x": x, "y": y}]})
}

/// What came of a call.
#[derive(Debug)]
pub struct Outcome {
    /// The answer in the server's place; none when the call went on.
    pub answer: Option<Reply>,
    /// What would be logged.
    pub decision: Option<Decision>,
}

impl Outcome {
    /// The gRPC status: 0 when the call went on.
    pub fn status(&self) -> u32 {
        self.answer.as_ref().map_or(0, Reply::grpc_status)
    }

    /// Why the call was denied, as the log has it.
    pub fn reason(&self) -> &str {
        self.decision.as_ref().map_or("", |decision| &decision.reason)
    }
}

/// A request, as a client sends it.
#[derive(Debug, Default)]
pub struct Request<'a> {
    pub path: &'a str,
    pub grpc_encoding: Option<&'a str>,
    pub body: &'a [u8],
    /// The sizes in which the body arrives; what is left over is the last.
    pub chunks: &'a [usize],
    /// Claims to sign; `None` sends no token.
    pub claims: Option<&'a Map<String, Value>>,
    /// `typ` of the token's header.
    pub typ: Option<&'a str>,
    /// Who the TLS peer is.
    pub peer: Option<&'a str>,
    /// When its headers arrive and when its body does, if not at [`NOW`].
    pub at: Option<(Timestamp, Timestamp)>,
}

impl ConnectionInfo for &Request<'_> {
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

/// One configuration and the tokens signed so far.
pub struct Caller {
    pub engine: FilterState,
    key: SigningKey,
    tokens: HashMap<String, String>,
}

impl Caller {
    /// A caller of a filter with this configuration.
    pub fn new(config: &Value) -> Self {
        let mut config = Config::parse(config.to_string().as_bytes()).unwrap();
        // So that allowed calls say which rule it was, too.
        config.log_allowed = true;
        Self { engine: FilterState::new(config), key: key(), tokens: HashMap::new() }
    }

    /// Sends a request and says what came of it.
    pub fn send(&mut self, request: &Request<'_>) -> Outcome {
        let token = request.claims.map(|claims| format!("Bearer {}", self.token(claims, request.typ)));
        let mut headers: Vec<(&[u8], &[u8])> = vec![
            (b":method", b"POST"),
            (b":path", request.path.as_bytes()),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ];
        headers.extend(request.grpc_encoding.map(|value| (&b"grpc-encoding"[..], value.as_bytes())));
        headers.extend(token.as_ref().map(|value| (&b"authorization"[..], value.as_bytes())));
        let headers = serialize(&headers);
        let (arrived, whole) = request.at.unwrap_or((NOW, NOW));
        let mut call = RequestFilter::new(arrived);
        let mut step = call.on_headers(&mut self.engine, Headers::new(&headers), false, request, &mut Vec::new());
        let mut rest = request.body;
        let mut sizes = request.chunks.iter();
        while step == Action::Forward {
            let size = sizes.next().copied().unwrap_or(rest.len()).min(rest.len());
            let (chunk, after) = rest.split_at(size);
            rest = after;
            step = call.on_body(&mut self.engine, chunk, rest.is_empty(), || whole);
            if rest.is_empty() {
                break;
            }
        }
        let decision = call.take_decision();
        let answer = match step {
            Action::Forward => None,
            Action::Answer(answer) => Some(answer),
            Action::Wait => panic!("the keys are inline: {request:?}"),
        };
        Outcome { answer, decision }
    }

    fn token(&mut self, claims: &Map<String, Value>, typ: Option<&str>) -> String {
        let mut header = json!({"alg": "ES256", "kid": "vectors"});
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        let parts = [header.to_string(), serde_json::to_string(claims).unwrap()];
        let signed = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        if let Some(token) = self.tokens.get(&signed) {
            return token.clone();
        }
        let signature: Signature = self.key.sign(signed.as_bytes());
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()));
        self.tokens.insert(signed, token.clone());
        token
    }
}
