//! A provider's answers: whatever it says, only its own document leads on, over https, and what it leads to is a key set.

use std::time::Duration;

use serde_json::{Value, json};
use temporal_auth::crypto::Algorithm;
use temporal_auth::keys::{Get, Lookup, Next, Remote, Secret, Shared, Source, Url};

use super::super::NOW;

const ISSUER: &str = "https://idp/";

/// An issuer's keys, in a process of one VM.
struct Issuer {
    source: Source,
    secret: Secret,
}

fn issuer() -> Issuer {
    let remote = Remote {
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
    };
    Issuer { source: Source::remote(remote, 0), secret: Secret::of(b"") }
}

impl Issuer {
    fn ask(&mut self) -> Get {
        self.source.poll(&Shared::new(&(), &self.secret, "corp"), NOW).expect("the first fetch is due at once")
    }

    fn answer(&mut self, status: &[u8], body: &[u8]) -> Next {
        self.source.answer(&Shared::new(&(), &self.secret, "corp"), Some((status, body)), NOW)
    }
}

/// A document of these lines, so that mutation need not write JSON.
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
    assert_eq!(issuer.ask().cluster, "idp");
    let Next::Get(get) = issuer.answer(status, &first) else {
        assert!(matches!(issuer.source.find("k", Algorithm::EdDsa, NOW, NOW), Lookup::Wait));
        return;
    };
    assert_eq!(status, b"200");
    let document: Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(document["issuer"], ISSUER);
    let written = document["jwks_uri"].as_str().unwrap();
    // A host alone has the path `/`.
    assert!([written, &format!("{written}/")].contains(&get.url.to_string().as_str()) || written.contains('?'));
    assert!(get.url.https && get.cluster == "keys");
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(is_plain(&get.url.authority) && is_plain(&get.url.path) && get.url.path.starts_with('/'));
    let loaded = match issuer.answer(status, second) {
        Next::Loaded => true,
        Next::Failed(why) => {
            assert!(!why.is_empty());
            false
        }
        Next::Get(_) => panic!("a key set leads nowhere"),
    };
    let is_there = matches!(issuer.source.find("k", Algorithm::EdDsa, NOW, NOW), Lookup::Key(_));
    assert!(loaded || !is_there, "keys of a set that was refused");
}
