//! A provider's responses: only the issuer's own discovery document leads to another request, which uses https and
//! expects a key set.

use std::time::Duration;

use serde_json::{Value, json};
use temporal_auth::crypto::Algorithm;
use temporal_auth::keys::{FetchProgress, HttpRequest, JwksSettings, KeyLookup, KeySource, ShareKey, SharedKeys, Url};
use temporal_auth::token::jose::KidRule;

use super::super::NOW;

const ISSUER: &str = "https://idp/";

/// An issuer's keys in a process with one VM.
struct DiscoveredIssuer {
    source: KeySource,
    share_key: ShareKey,
}

fn issuer() -> DiscoveredIssuer {
    let settings = JwksSettings {
        discover: Some(ISSUER.to_owned()),
        start: Url::parse(ISSUER).unwrap().discovery(),
        cluster: "idp".to_owned(),
        jwks_cluster: "keys".to_owned(),
        refresh: Duration::from_millis(600_000),
        max_stale: Duration::from_millis(3_600_000),
        wait: Duration::from_millis(5_000),
        timeout: Duration::from_millis(5_000),
        retry: Duration::from_millis(1_000),
        refetch: Duration::from_millis(2_000),
        kid_rule: KidRule::Required,
    };
    DiscoveredIssuer { source: KeySource::fetched(settings, 0), share_key: ShareKey::of(b"") }
}

impl DiscoveredIssuer {
    fn poll(&mut self) -> HttpRequest {
        self.source.poll(&SharedKeys::new(&(), &self.share_key, "corp"), NOW).expect("the first fetch is due at once")
    }

    fn respond(&mut self, status: &[u8], body: &[u8]) -> FetchProgress {
        self.source.on_response(&SharedKeys::new(&(), &self.share_key, "corp"), Ok((status, body)), NOW)
    }
}

/// A discovery document with these lines as members, so that mutation need not produce JSON.
fn document(lines: &[u8]) -> Vec<u8> {
    let mut document = json!({"issuer": ISSUER, "jwks_uri": "https://idp/keys"});
    for (line, name) in lines.split(|byte| *byte == b'\n').zip(["jwks_uri", "issuer", "other"]) {
        document[name] = Value::from(String::from_utf8_lossy(line));
    }
    document.to_string().into_bytes()
}

/// See the module.
pub fn run(data: &[u8]) {
    let Some(([mode, status, length @ ..], data)) = data.split_first_chunk::<4>() else { return };
    let (first, second) = data.split_at(usize::from(u16::from_be_bytes(*length)).min(data.len()));
    let first = if mode & 1 == 0 { document(first) } else { first.to_vec() };
    let status = ["200", "200", "200", "304", "404", "503", "", "2000"][usize::from(*status) % 8].as_bytes();
    let mut issuer = issuer();
    assert_eq!(issuer.poll().cluster, "idp");
    let FetchProgress::Request(request) = issuer.respond(status, &first) else {
        assert!(matches!(issuer.source.find(Some("k"), Algorithm::EdDsa, NOW, NOW), KeyLookup::Pending));
        return;
    };
    assert_eq!(status, b"200");
    let document: Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(document["issuer"], ISSUER);
    let written = document["jwks_uri"].as_str().unwrap();
    // A URL without a path has the path `/`.
    assert!([written, &format!("{written}/")].contains(&request.url.to_string().as_str()) || written.contains('?'));
    assert!(request.url.https && request.cluster == "keys");
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(is_plain(&request.url.authority) && is_plain(&request.url.path) && request.url.path.starts_with('/'));
    let loaded = match issuer.respond(status, second) {
        FetchProgress::Loaded => true,
        FetchProgress::Failed(why) => {
            assert!(!why.to_string().is_empty());
            false
        }
        FetchProgress::Request(_) => panic!("a key set does not lead to another request"),
    };
    let has_key = matches!(issuer.source.find(Some("k"), Algorithm::EdDsa, NOW, NOW), KeyLookup::Candidates(_));
    assert!(loaded || !has_key, "keys of a set that was refused");
}
