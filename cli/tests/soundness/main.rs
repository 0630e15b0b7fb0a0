//! What `who-can`, `access` and `diff` leave out, nobody may do: random policies, callers and requests, decided by the library
//! itself. The environment changes the seed and the number, as for `tests/policy`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::get_unwrap,
    clippy::string_slice,
    dead_code,
    unreachable_pub,
    missing_docs
)]

#[path = "../../../tests/policy/call_effects.rs"]
mod call_effects;
#[path = "../../../tests/policy/caller.rs"]
mod caller;
#[path = "../../../tests/policy/compiled.rs"]
mod compiled;
#[path = "../../../tests/policy/encoding.rs"]
mod encoding;
#[path = "../../../tests/policy/limits.rs"]
mod limits;
#[path = "../../../tests/policy/methods.rs"]
mod methods;
#[path = "../../../tests/policy/pattern.rs"]
mod pattern;
#[path = "../../../tests/policy/random.rs"]
mod random;
#[path = "../../../tests/policy/random_callers.rs"]
mod random_callers;
#[path = "../../../tests/policy/random_configs.rs"]
mod random_configs;
#[path = "../../../tests/policy/random_requests.rs"]
mod random_requests;
#[path = "../../../tests/policy/random_who.rs"]
mod random_who;
#[path = "../../../tests/policy/reference.rs"]
mod reference;
#[path = "../../../tests/policy/request_meaning.rs"]
mod request_meaning;
#[path = "../../../tests/policy/request_parts.rs"]
mod request_parts;
#[path = "../../../tests/policy/role.rs"]
mod role;
#[path = "../../../tests/policy/wide.rs"]
mod wide;

mod access;
mod diff;
mod who_can;

use std::path::PathBuf;
use std::process::Command;

use random::Random;
use serde_json::{Value, json};
use temporal_auth::config::Config;
use temporal_auth::temporal::{EffectSet, Scope, Target};
use temporal_auth::time::Timestamp;

/// Before every time that is drawn.
const AT: &str = "2027-01-15T07:59:59.999Z";

/// A directory for the files of one test, which is removed at the end.
pub struct Files(PathBuf);

impl Files {
    pub fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("temporal-auth-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self(directory)
    }

    pub fn write(&self, name: &str, value: &Value) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, value.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The JSON that the command prints.
pub fn run(args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_temporal-auth")).args(args).args(["--at", AT]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{args:?}\n{text}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&text).unwrap_or_else(|why| panic!("{args:?}: {why}\n{text}"))
}

/// A random configuration. Some are as Temporal's own authorizer decides.
pub fn configs(standard: usize) -> impl Iterator<Item = (Random, Value)> {
    compiled::configs(standard).map(|(mut random, mut config)| {
        if random.percent(15) {
            config["parity"] = json!("upstream");
        }
        (random, config)
    })
}

/// A call that is allowed.
pub struct Allowed {
    pub caller: Value,
    pub request: Value,
    pub now: Timestamp,
    pub rule: String,
    pub target: Target,
}

/// Random calls that the configuration allows.
pub fn allowed(random: &mut Random, config: &Value, parsed: &Config, tries: usize) -> Vec<Allowed> {
    let mut found = Vec::new();
    for _ in 0..tries {
        let (caller, request) = (random_callers::caller(random), random_requests::request(random, config));
        let now = random_callers::now(random);
        let principal = compiled::principal(parsed, &caller);
        let Ok(rule) = compiled::compiled(config, parsed, &principal, &request, now) else { continue };
        if rule == "anonymous" {
            continue;
        }
        let target = compiled::target(config, parsed, &principal, &request).unwrap();
        found.push(Allowed { caller, request, now, rule, target });
    }
    found
}

impl Allowed {
    /// What the call does, and where: in a namespace, or in the cluster. What it does in a namespace that only the server knows
    /// is left out.
    pub fn effects(&self) -> Vec<(Option<String>, &'static str)> {
        let mut all = Vec::new();
        for (namespace, effects) in self.target.effects_by_namespace() {
            let place = match (self.target.method.scope, namespace) {
                (Scope::Cluster, _) => None,
                (Scope::Namespace, "") => continue,
                (Scope::Namespace, namespace) => Some(namespace.to_owned()),
            };
            // An operation of a newer server has every effect of a writer, but does not read the cluster.
            let is_real = |name: &&str| place.is_none() || *name != "cluster-read";
            all.extend(effects.names().filter(is_real).map(|name| (place.clone(), name)));
        }
        all
    }

    /// Whether the configuration allows it as well, by a grant.
    pub fn is_allowed_in(&self, config: &Value, parsed: &Config) -> bool {
        let principal = compiled::principal(parsed, &self.caller);
        compiled::compiled(config, parsed, &principal, &self.request, self.now).is_ok_and(|rule| rule != "anonymous")
    }
}

/// All effects.
pub fn every_effect() -> Vec<&'static str> {
    EffectSet::ADMIN.names().collect()
}
