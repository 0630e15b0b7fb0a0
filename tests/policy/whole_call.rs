//! Whole calls, with a signed token and a body in chunks: the verdict is that of the reference, whatever the chunks. Parts of
//! requests that are newer than the method table are counted, or refused if the configuration says so.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use temporal_auth::counters::Counters;
use temporal_auth::time::Timestamp;

use crate::random::Random;
use crate::reference::DENIED;
use crate::{configs, encoding, methods, random_callers, random_requests, reference, request_meaning};
use common::{ClientRequest, FilterClient, NOW, Outcome};

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

/// Sizes of chunks: the whole body, single bytes, and random sizes, some of which are 0.
fn chunkings(random: &mut Random, length: usize) -> Vec<Vec<usize>> {
    let mut chunkings = vec![vec![], vec![1; length]];
    chunkings.extend((0..3).map(|_| (0..length).map(|_| random.below(5)).collect()));
    chunkings
}

fn rule(outcome: &Outcome) -> Option<String> {
    outcome
        .decision
        .as_ref()
        .filter(|decision| decision.allow)
        .and_then(|decision| decision.rule.as_ref())
        .map(|rule| rule.name().to_owned())
}

/// A field on which no decision depends. It makes the body longer.
fn filler(random: &mut Random, client: &FilterClient, path: &str) -> Vec<u8> {
    let method = client.state.config.catalogue.named(path).unwrap();
    let is_free = |number: &u32| {
        method.request.knows(*number) && method.request.field(*number).is_none() && *number != method.namespace_field
    };
    let content: Vec<_> = (0..random.below(128)).map(|_| random.below(256) as u8).collect();
    (1..40).find(is_free).map(|number| encoding::field(number, 2, &content)).unwrap_or_default()
}

/// Whether a method only reads or sends a heartbeat. Newer fields cannot add an effect to it.
fn is_harmless(config: &Value, path: &str) -> bool {
    let method = methods::method(config, path).unwrap();
    let reader = crate::role::role(config, "reader");
    method.effects.is_subset(&reader.effects) || path.contains("Heartbeat")
}

/// What the documentation says about a call: the rule that allows it, or the gRPC status.
fn expected(config: &Value, who: &Value, case: &Value, at: (Timestamp, Timestamp)) -> Result<String, u32> {
    let meaning = request_meaning::meaning(config, case);
    let method = methods::method(config, &meaning.method).unwrap();
    // Requests that concern the cluster are not read.
    let is_read = method.scope == "namespace" && !config["methods"].to_string().contains(&meaning.method);
    let rule = reference::decide(config, who, &meaning, at.1)?;
    let refuses = config["newer_fields"] == "refuse" && meaning.newer > 0 && is_read && rule != "anonymous";
    if refuses && !is_harmless(config, &meaning.method) { Err(DENIED) } else { Ok(rule) }
}

#[test]
fn calls_are_decided_as_documented_in_any_chunks() {
    let (mut allowed, mut newer) = (0, 0);
    for (mut random, mut config) in configs(80) {
        if random.percent(50) {
            config["newer_fields"] = json!("refuse");
        }
        let asks_for_peers = config.to_string().contains("\"peer\"");
        let mut client = FilterClient::new(&config);
        for _ in 0..6 {
            let who = random_callers::caller(&mut random);
            let case = random_requests::request(&mut random, &config);
            let meaning = request_meaning::meaning(&config, &case);
            // Whether a poll with newer parts is refused depends on limits, which the reference does not report.
            let effects = &methods::method(&config, &meaning.method).unwrap().effects;
            let polls = meaning.newer > 0 && effects.iter().all(|effect| effect == "poll");
            if (who["issuer"].is_null() && !asks_for_peers) || polls {
                continue;
            }
            let arrived = Timestamp::from_millis(NOW.as_millis() - random.below(2) as u64);
            let at = (arrived, random_callers::now(&mut random).max(NOW));
            let expected = expected(&config, &who, &case, at);
            let mut message = encoding::encode(&config, &client.state.config.catalogue, &case);
            message.extend(filler(&mut random, &client, &meaning.method));
            let path = meaning.method;
            for gzip in [false, true] {
                let body = frame(&message, gzip);
                for chunks in chunkings(&mut random, body.len()) {
                    let encoding = gzip.then_some("gzip");
                    let claims = who["issuer"].as_str().and(who["claims"].as_object());
                    let request = ClientRequest {
                        path: &path,
                        grpc_encoding: encoding,
                        body: &body,
                        chunks: &chunks,
                        claims,
                        peer: who["peer"].as_str(),
                        at: Some(at),
                        ..ClientRequest::default()
                    };
                    let outcome = client.send(&request);
                    let context = || format!("{chunks:?} {case}\n{who}\n{}: {outcome:?}", Value::to_string(&config));
                    let ours = rule(&outcome).ok_or(outcome.status());
                    assert!(crate::agree(&ours, &expected), "{expected:?}: {}", context());
                }
            }
            allowed += usize::from(expected.is_ok());
        }
        let counted = client.state.counters.take();
        let index = Counters::names().iter().position(|name| name == "temporal_auth.unknown_fields").unwrap();
        newer += counted[index];
    }
    assert!(allowed > 60 && newer > 60, "{allowed} {newer}");
}
