//! Whose token it is, and that the token itself is never shown.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ::common::{FilterClient, key_set};
use serde_json::{Value, json};

const FAR: u64 = 4_102_444_800;

/// Files of one test, which are removed at the end.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("temporal-auth-whoami-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.0.join(name), content).unwrap();
    }

    /// Runs the command with a token on standard input.
    fn run(&self, args: &[&str], token: &str) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_temporal-auth"));
        command.arg("whoami").args(args).current_dir(&self.0).env_remove("TEMPORAL_API_KEY");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that reads no token closes its input.
        let _ = child.stdin.take().unwrap().write_all(token.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!text.contains(part), "the token is shown\n{text}");
        }
        (output.status.code().unwrap(), text)
    }

    #[track_caller]
    fn assert(&self, args: &[&str], token: &str, code: i32, expected: &[&str]) {
        let (found, text) = self.run(args, token);
        assert_eq!(found, code, "{args:?}\n{text}");
        for expected in expected {
            assert!(text.contains(expected), "{args:?}: {expected:?} is not in\n{text}");
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config(keys: Value) -> Value {
    json!({
        "version": 1,
        "issuers": {"corp": {
            "issuer": "https://idp.example.com/", "audiences": ["temporal"], "keys": keys,
            "service_when": [{"gty": "client-credentials"}],
        }},
        "grants": [
            {"name": "teams", "who": {"issuer": "corp", "claims": {"groups": "team-{team}"}}, "role": "client", "namespaces": ["{team}", "{team}-*"], "workflow_ids": ["{team}-*"]},
            {"name": "ended", "who": {"issuer": "corp"}, "role": "admin", "system": true, "until": "2020-01-01T00:00:00Z"},
            {"name": "permissions", "who": {"issuer": "corp"}, "permissions_claim": "permissions"},
            {"name": "others", "who": {"issuer": "corp", "kind": "service"}, "role": "worker", "namespaces": ["x"]},
        ],
        "denials": [
            {"name": "contractors-do-not-start", "who": {"claims": {"groups": "contractors"}}, "effects": ["start"], "namespaces": ["payroll"]},
            {"name": "services", "who": {"issuer": "corp", "kind": "service"}, "effects": ["delete"]},
        ],
    })
}

fn token(change: Value) -> String {
    let issuer = json!({"issuer": "https://a/", "audiences": ["a"], "keys": {"inline": key_set()}});
    let mut client = FilterClient::new(&json!({"version": 1, "issuers": {"corp": issuer}}));
    let mut claims = json!({"iss": "https://idp.example.com/", "aud": "temporal", "sub": "alice", "exp": FAR});
    claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    client.sign(&json!({"alg": "ES256", "kid": "vectors"}), &claims.to_string())
}

/// The same token with another signature.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{first}{}", signature.get(1..).unwrap())
}

fn files(name: &str) -> Files {
    let files = Files::new(name);
    files.write("inline.yaml", &config(json!({"inline": key_set()})).to_string());
    files.write("remote.yaml", &config(json!({"discovery": true, "cluster": "idp"})).to_string());
    files.write("keys.json", &key_set().to_string());
    files
}

#[test]
fn a_good_token_is_described() {
    let files = files("good");
    let alice = token(
        json!({"groups": ["team-payroll", "contractors"], "permissions": ["audit:read", "temporal-system:worker"]}),
    );
    let expected = [
        "issuer     corp (https://idp.example.com/)\n",
        "subject    alice\n",
        "kind       human\n",
        "accepted   until 2100-01-01T00:01:00Z: exp, and 60 s of leeway\n",
        "signature  checked, by a key in the configuration\n",
        "  teams: role client\n    where    namespaces \"payroll\", \"payroll-*\"\n    limit    workflow_ids \"payroll-*\"\n",
        "  ended: role admin\n    where    every namespace and the cluster\n    ended    at 2020-01-01T00:00:00Z: it gives nothing\n",
        "  permissions: role reader\n    where    namespaces \"audit\"\n",
        "  permissions: role worker\n    where    every namespace and the cluster\n",
        "  contractors-do-not-start: start\n    where    namespaces \"payroll\"\n",
        "anonymous: Check, GetSystemInfo\n",
    ];
    files.assert(&["inline.yaml"], &alice, 0, &expected);
    let (_, text) = files.run(&["inline.yaml"], &alice);
    assert!(!text.contains("others") && !text.contains("services"), "{text}");
    files.assert(&["remote.yaml"], &alice, 0, &["signature  not checked, only read", "  teams: role client\n"]);
    let checked = ["remote.yaml", "--jwks", "keys.json"];
    files.assert(&checked, &format!("Bearer {alice}\n"), 0, &["signature  checked, by a key in keys.json\n"]);
}

#[test]
fn doubts_are_told() {
    let files = files("doubts");
    let doubtful = token(json!({"gty": ["x", ["client-credentials"]], "groups": "dev,Contractors"}));
    let expected = [
        "kind       doubtful\ndoubt      a service, with `gty`",
        "  contractors-do-not-start: start\n",
        "    read     `groups` read as a list\n",
        "  services: delete\n",
    ];
    files.assert(&["inline.yaml"], &doubtful, 0, &expected);
}

#[test]
fn a_refused_token_exits_with_1_and_a_cure() {
    let files = files("refused");
    let good = token(json!({}));
    let bad = [
        "refused    the signature does not match\n",
        "cure       another issuer's token, or a key that was replaced\n",
    ];
    files.assert(&["inline.yaml"], &forged(&good), 1, &bad);
    files.assert(&["remote.yaml", "--jwks", "keys.json"], &forged(&good), 1, &bad);
    // Without the keys, nobody can tell.
    files.assert(&["remote.yaml"], &forged(&good), 0, &["signature  not checked"]);
    let old = token(json!({"exp": 1_700_000_000}));
    files.assert(
        &["inline.yaml"],
        &old,
        1,
        &["refused    the token has expired\n", "cure       the client must renew its token\n"],
    );
    files.assert(&["inline.yaml", "--at", "2023-11-14T22:00:00Z"], &old, 0, &["subject    alice"]);
    let other = token(json!({"aud": "billing"}));
    files.assert(
        &["remote.yaml"],
        &other,
        1,
        &["refused    aud has no accepted audience: \"billing\"\n", "cure       add it to `audiences`"],
    );
    files.assert(&["inline.yaml"], "opaque", 1, &["refused    an opaque token, not a JWT\n"]);
    let escaped = token(json!({"iss": "https://x/\n\u{1b}[31m"}));
    files.assert(&["inline.yaml"], &escaped, 1, &[r#"no issuer is configured for iss "https://x/\n\u{1b}[31m""#]);
    let lines = token(json!({"sub": "a\nissuer     root"}));
    files.assert(&["inline.yaml"], &lines, 0, &["subject    a\\nissuer     root\n"]);
}

#[test]
fn a_token_comes_from_a_file_the_environment_or_standard_input() {
    let files = files("sources");
    let [alice, bob] = ["alice", "bob"].map(|sub| token(json!({"sub": sub})));
    files.write("token", &format!("{alice}\n"));
    files.assert(&["inline.yaml", "--token-file", "token"], "", 0, &["subject    alice\n"]);
    files.assert(&["inline.yaml", "--token-file", "-"], &bob, 0, &["subject    bob\n"]);
    files.assert(&["inline.yaml"], " \n", 2, &["error: the token is empty"]);
    files.assert(&["inline.yaml", "--token-file", "nothing"], "", 2, &["error: cannot read nothing"]);
    files.assert(&["inline.yaml", &alice], "", 2, &["unexpected argument"]);
    let output = Command::new(env!("CARGO_BIN_EXE_temporal-auth"))
        .args(["whoami", "inline.yaml"])
        .current_dir(&files.0)
        .env("TEMPORAL_API_KEY", &bob)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains("subject    bob\n"));
}

#[test]
fn a_file_of_keys_that_is_none_is_an_input_error() {
    let files = files("keys");
    files.write("text", "keys");
    files.write("none.json", "{\"keys\": []}");
    let ask = |file: &str, why: &str| files.assert(&["remote.yaml", "--jwks", file], &token(json!({})), 2, &[why]);
    ask("text", "error: text is not a key set");
    ask("none.json", "issuers.corp.keys.inline");
    ask("missing", "error: cannot read missing");
}
