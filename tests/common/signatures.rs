//! The raw signatures of tests/conformance/data/signatures.jsonl.gz. The README there describes the format.

use flate2::read::GzDecoder;
use serde_json::{Map, Value};
use temporal_auth::crypto::Algorithm;

/// A signature, and whether it is valid.
pub struct SignatureVector {
    /// The file of Wycheproof that it comes from.
    pub set: String,
    /// The set, the number in the set and a comment.
    pub name: String,
    pub algorithm: Algorithm,
    pub jwk: Map<String, Value>,
    pub message: Vec<u8>,
    pub signature: Vec<u8>,
    pub valid: bool,
    /// Whether the library accepts the key.
    pub supported: bool,
}

pub fn read() -> Vec<SignatureVector> {
    let file = std::fs::File::open(crate::repository("tests/conformance/data/signatures.jsonl.gz")).unwrap();
    let lines = std::io::read_to_string(GzDecoder::new(file)).unwrap();
    lines.lines().map(|line| vector(&serde_json::from_str(line).unwrap())).collect()
}

fn vector(line: &Value) -> SignatureVector {
    let text = |name: &str| line[name].as_str().unwrap();
    let flag = |name: &str| line[name].as_bool().unwrap();
    SignatureVector {
        set: text("set").to_owned(),
        name: format!("{} {}: {}", text("set"), line["id"], text("comment")),
        algorithm: Algorithm::named(text("algorithm")).unwrap(),
        jwk: line["jwk"].as_object().unwrap().clone(),
        message: bytes(text("message")),
        signature: bytes(text("signature")),
        valid: flag("valid"),
        supported: flag("supported"),
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
