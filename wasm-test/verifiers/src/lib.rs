//! A plugin that asks both verifiers, the host's and the one in the module, about each signature of its configuration, and
//! logs what they say.
//!
//! The configuration has one JSON object a line: `name`, `jwk`, `algorithm`, and in hexadecimal `message` and `signature`. The
//! log gets `verifiers: ` and a JSON object: which signatures each accepted, by name, and those about which they disagree.

use proxy_wasm::traits::{Context, RootContext};
use proxy_wasm::types::LogLevel;
use serde_json::{Value, json};
use temporal_auth::authentication::host_verifier::{ForeignFunctions, HostVerifier};
use temporal_auth::crypto::Algorithm;
use temporal_auth::keys::Key;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Verifiers));
}}

struct Verifiers;

struct Host;

impl ForeignFunctions for Host {
    fn call(&self, function: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        proxy_wasm::hostcalls::call_foreign_function(function, Some(arguments)).ok().map(Option::unwrap_or_default)
    }
}

impl Context for Verifiers {}

impl RootContext for Verifiers {
    fn on_configure(&mut self, _: usize) -> bool {
        // Once for all threads: it takes a while.
        if matches!(self.get_shared_data("verifiers"), (Some(_), _)) {
            return true;
        }
        self.set_shared_data("verifiers", Some(b"asked"), None).expect("shared data");
        let lines = self.get_plugin_configuration().expect("a configuration");
        let lines = String::from_utf8(lines).expect("text");
        let verifier = HostVerifier::probe(&Host);
        let (mut accepted, mut refused, mut disagreements) = (0, 0, Vec::new());
        for line in lines.lines() {
            let vector: Value = serde_json::from_str(line).expect("JSON");
            let [host, here] = ask(&verifier, &vector);
            match (host, here) {
                (Some(true), Some(true)) => accepted += 1,
                (Some(false), Some(false)) => refused += 1,
                _ => disagreements.push(json!([vector["name"], host, here])),
            }
        }
        let algorithms: Vec<_> = verifier.algorithms().iter().map(|algorithm| algorithm.name()).collect();
        let said =
            json!({"native": algorithms, "accepted": accepted, "refused": refused, "disagreements": disagreements});
        log::info!("verifiers: {said}");
        true
    }
}

/// What the host says of a signature, and what the module says. None where it says nothing.
fn ask(verifier: &HostVerifier, vector: &Value) -> [Option<bool>; 2] {
    let text = |name: &str| vector[name].as_str().expect("a text");
    let algorithm = Algorithm::named(text("algorithm")).expect("an algorithm");
    let (message, signature) = (bytes(text("message")), bytes(text("signature")));
    match Key::parse(vector["jwk"].as_object().expect("a key")) {
        Ok(key) => [
            verifier.verify(&Host, key.public(), algorithm, &message, &signature),
            Some(key.verify(algorithm, &message, &signature)),
        ],
        Err(_) => [None, None],
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let pair = |place: usize| u8::from_str_radix(&digits[place..place + 2], 16).expect("hexadecimal");
    (0..digits.len()).step_by(2).map(pair).collect()
}
