//! The fuzz targets and their helpers. tests/fuzz runs the targets over the kept inputs; only fuzz_targets/ needs
//! libFuzzer.

pub mod naive;
#[allow(dead_code, reason = "a target uses a part of it")]
#[path = "../../tests/policy/pattern.rs"]
pub mod pattern;
pub mod request;
pub mod targets;

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_compact::{KeyPair, Seed};
use serde_json::{Value, json};
use temporal_auth::config::Config;
use temporal_auth::filter::FilterState;
use temporal_auth::temporal::{Catalogue, MethodRef};
use temporal_auth::time::Timestamp;

/// The time of every request.
pub const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// The only namespace to which [`token`] gives access.
pub const NAMESPACE: &str = "payroll";

static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let rows = include_str!("../../data/temporal/effects.tsv").lines().skip(1);
    let cells = rows.map(|row| row.split('\t').collect::<Vec<_>>());
    cells.map(|cells| format!("/{}/{}", cells[0], cells[1])).collect()
});

/// A method of Temporal's API, by its row in data/temporal/effects.tsv, modulo the number of rows.
pub fn method(index: u8) -> MethodRef {
    Catalogue::default().named(&PATHS[usize::from(index) % PATHS.len()]).unwrap()
}

/// The bytes in pieces of these sizes, which are repeated; 0 is an empty piece. If all sizes are 0, the bytes are one
/// piece.
pub fn pieces<'a>(sizes: &[u8], mut rest: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    if sizes.iter().all(|size| *size == 0) {
        return vec![rest];
    }
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(usize::from(*size).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn key() -> KeyPair {
    KeyPair::from_seed(Seed::new([7; 32]))
}

/// A filter that takes permissions from tokens.
pub fn filter() -> FilterState {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": URL_SAFE_NO_PAD.encode(*key().pk)});
    let config = json!({
        "version": 1,
        "issuers": {"corp": {"issuer": "https://idp/", "audiences": ["temporal"], "keys": {"inline": {"keys": [jwk]}}}},
        "grants": [{"name": "own", "who": {"issuer": "corp"}, "permissions_claim": "permissions"}],
        "log": {"allowed": true},
    });
    FilterState::new(Config::parse(config.to_string().as_bytes()).unwrap())
}

/// A valid token of an admin of [`NAMESPACE`].
pub fn token() -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "https://idp/", "aud": "temporal", "sub": "alice", "exp": NOW.as_millis() / 1000 + 3600,
        "permissions": [format!("{NAMESPACE}:admin")]});
    let signed = format!("{}.{}", part(json!({"alg": "EdDSA", "kid": "k"})), part(claims));
    let signature = key().sk.sign(&signed, None);
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(*signature))
}
