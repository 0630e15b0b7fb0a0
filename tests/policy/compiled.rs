//! The compiled policy on cases in JSON, and the configurations to draw them for.

use std::rc::Rc;

use common::key_set;
use serde_json::{Map, Value};
use temporal_auth::config::Config;
use temporal_auth::identity::{Claims, Identity};
use temporal_auth::policy::{Principal, Verdict};
use temporal_auth::temporal::{RequestReader, Scope, Target};
use temporal_auth::time::Timestamp;

use crate::random::Random;
use crate::reference::{DENIED, REFUSED};
use crate::{encoding, methods, random_configs};

/// Random configurations, each with the generator for what comes next. The environment can change the seed and the number.
pub fn configs(standard: usize) -> impl Iterator<Item = (Random, Value)> {
    let number = |name: &str, standard| std::env::var(name).map_or(standard, |text| text.parse().unwrap());
    let (seed, count) = (number("POLICY_SEED", 1), number("POLICY_CASES", standard as u64));
    let keys = key_set();
    (0..count).map(move |index| {
        let mut random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(index));
        let config = random_configs::config(&mut random, &keys);
        (random, config)
    })
}

pub fn parse(config: &Value) -> Config {
    let parsed = Config::parse(config.to_string().as_bytes());
    parsed.unwrap_or_else(|problems| {
        panic!("{config:#}\n{}", problems.iter().map(|problem| format!("{problem}\n")).collect::<String>())
    })
}

/// The identity of a caller, as it is when the token has been verified.
pub fn identity(config: &Config, caller: &Value) -> Identity {
    let peer = caller["peer"].as_str().map(Rc::from);
    let Some(issuer) = config.issuers.iter().find(|known| caller["issuer"] == *known.name) else {
        let subject = caller["peer"].as_str().unwrap_or_default().to_owned();
        let (claims, claim_rules) = (Map::new(), Rc::default());
        return Identity { issuer: None, subject, kind: None, doubt: None, claims, claim_rules, peer };
    };
    let claims = caller["claims"].as_object().unwrap().clone();
    let subject = issuer.rules.subject[0].find(&claims).and_then(Value::as_str).unwrap_or_default().to_owned();
    let claim_rules = Rc::clone(&issuer.rules.claims);
    let (kind, doubt) = Identity::kind_of(&issuer.service_when, Claims::new(&claims, &claim_rules));
    Identity { issuer: Some(Rc::clone(&issuer.name)), subject, kind, doubt, claims, claim_rules, peer }
}

pub fn principal(config: &Config, caller: &Value) -> Principal {
    config.policy.principal(identity(config, caller))
}

/// The rule by which the compiled policy allows a request at this time, or the gRPC status with which the request is denied.
pub fn compiled(
    config: &Value,
    parsed: &Config,
    principal: &Principal,
    request: &Value,
    now: Timestamp,
) -> Result<String, u32> {
    let method = methods::path(config, request["method"].as_str().unwrap());
    let method = parsed.catalogue.named(&method).ok_or(DENIED)?;
    if let Some(permit) = parsed.policy.permit_anonymous(&method) {
        return Ok(permit.rule().name().to_owned());
    }
    if method.scope != Scope::Cluster && !parsed.policy.could_allow(principal, &method, now) {
        return Err(DENIED);
    }
    let target = target(config, parsed, principal, request)?;
    match parsed.policy.decide(principal, &target, now) {
        Verdict::Allow(permit) => Ok(permit.rule().name().to_owned()),
        Verdict::Deny(_) => Err(DENIED),
    }
}

/// What a request of a known method would do, or the gRPC status of a request that cannot be read.
pub fn target(config: &Value, parsed: &Config, principal: &Principal, request: &Value) -> Result<Target, u32> {
    let method = methods::path(config, request["method"].as_str().unwrap());
    let method = parsed.catalogue.named(&method).ok_or(DENIED)?;
    if method.scope == Scope::Cluster {
        return Ok(Target::of(method));
    }
    let mut reader = RequestReader::new(method, principal.is_limited());
    reader.feed(&encoding::encode(config, &parsed.catalogue, request)).map_err(|_| REFUSED)?;
    reader.finish().map_err(|_| REFUSED)
}
