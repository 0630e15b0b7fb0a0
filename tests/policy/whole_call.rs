//! A signed token and a body in pieces: the same verdict in any, and the one of the reference.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use crate::common::{Caller, Outcome, Request};
use crate::random::Random;
use crate::{configs, draw, methods, reference, request};

fn frame(message: &[u8], gzip: bool) -> Vec<u8> {
    let content = if gzip {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(message).unwrap();
        encoder.finish().unwrap()
    } else {
        message.to_vec()
    };
    [&[u8::from(gzip)], &(content.len() as u32).to_be_bytes()[..], &content].concat()
}

/// Whole, byte by byte, and in random pieces some of which are empty.
fn chunkings(random: &mut Random, length: usize) -> Vec<Vec<usize>> {
    let mut chunkings = vec![vec![], vec![1; length]];
    chunkings.extend((0..3).map(|_| (0..length).map(|_| random.below(5)).collect()));
    chunkings
}

fn rule(outcome: &Outcome) -> Option<String> {
    outcome.decision.as_ref().filter(|decision| decision.allow).and_then(|decision| decision.rule.clone())
}

#[test]
fn a_call_fares_the_same_in_any_pieces_and_as_documented() {
    let mut allowed = 0;
    for (mut random, config) in configs(60) {
        let mut caller = Caller::new(&config);
        for _ in 0..6 {
            let (issuer, claims) = draw::caller(&mut random);
            let case = draw::request(&mut random, &config);
            let expected = reference::decide(&config, issuer, &claims, &request::meaning(&config, &case));
            let mut message = request::encode(&config, &caller.engine.config.catalogue, &case);
            // A field that nothing depends on, so that there is something to be cut into pieces.
            let filler: Vec<_> = (0..random.below(128)).map(|_| random.below(256) as u8).collect();
            // In a batch an unknown field may be an operation; 4 is its reason.
            let place = if case["method"] == "StartBatchOperation" { 4 } else { 31 };
            message.extend(request::field(place, 2, &filler));
            let path = methods::path(&config, case["method"].as_str().unwrap());
            for gzip in [false, true] {
                let body = frame(&message, gzip);
                for chunks in chunkings(&mut random, body.len()) {
                    let encoding = gzip.then_some("gzip");
                    let request = Request {
                        path: &path,
                        grpc_encoding: encoding,
                        body: &body,
                        chunks: &chunks,
                        claims: Some(&claims),
                        ..Request::default()
                    };
                    let outcome = caller.send(&request);
                    let told = || format!("{chunks:?} {case}\n{claims:?}\n{}: {outcome:?}", Value::to_string(&config));
                    assert_eq!(rule(&outcome), expected, "{}", told());
                    assert_eq!(outcome.status(), if expected.is_some() { 0 } else { 7 }, "{}", told());
                }
            }
            allowed += usize::from(expected.is_some());
        }
    }
    assert!(allowed > 60, "{allowed}");
}
