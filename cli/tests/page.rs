//! The output on docs/cli.md is what the command prints.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;

use common::FilterClient;
use serde_json::json;

/// The sections whose examples are run, with the files in `tests/files/page`.
const SECTIONS: [&str; 4] = ["who-can", "access", "whoami", "diff"];

/// A copy of the files, with keys and tokens.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("temporal-auth-page-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/page");
        for file in std::fs::read_dir(files).unwrap() {
            let file = file.unwrap().path();
            std::fs::copy(&file, directory.join(file.file_name().unwrap())).unwrap();
        }
        std::fs::write(directory.join("keys.json"), common::key_set().to_string()).unwrap();
        let config = json!({"version": 1, "issuers": {"corp": {"issuer": "https://a/", "audiences": ["a"], "keys": {"inline": common::key_set()}}}});
        let mut client = FilterClient::new(&config);
        let mut token = |name: &str, exp: u64| {
            let header = json!({"alg": "ES256", "kid": "vectors"});
            let claims = json!({"iss": "https://idp.example.com/", "aud": "temporal", "sub": "alice", "groups": ["team-payroll", "finance"], "exp": exp});
            std::fs::write(directory.join(name), client.sign(&header, &claims.to_string())).unwrap();
        };
        token("token.jwt", 4_102_444_800);
        token("old.jwt", 1_700_000_000);
        Self(directory)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The examples of a section: each command with the output that is shown.
fn examples(page: &str, section: &str) -> Vec<(String, String)> {
    let start = page.split(&format!("\n## {section}\n")).nth(1).unwrap_or_else(|| panic!("no section {section}"));
    let section = start.split("\n## ").next().unwrap();
    let blocks = section.split("\n```\n").filter(|block| block.starts_with("$ temporal-auth "));
    blocks
        .map(|block| block.split_once('\n').unwrap())
        .map(|(command, output)| (command.to_owned(), output.to_owned()))
        .collect()
}

#[test]
fn examples_are_what_the_command_prints() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md")).unwrap();
    let directory = Directory::new();
    let mut count = 0;
    for section in SECTIONS {
        let examples = examples(&page, section);
        assert!(!examples.is_empty(), "no example in {section}");
        for (command, expected) in examples {
            let args: Vec<_> = command.trim_start_matches("$ temporal-auth ").split(' ').collect();
            let output = Command::new(env!("CARGO_BIN_EXE_temporal-auth"))
                .args(args)
                .current_dir(&directory.0)
                .env_remove("TEMPORAL_API_KEY")
                .output()
                .unwrap();
            assert!(output.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8(output.stdout).unwrap();
            assert_eq!(text.trim_end(), expected.trim_end(), "{command}");
            count += 1;
        }
    }
    assert!(count >= 6, "{count}");
}
