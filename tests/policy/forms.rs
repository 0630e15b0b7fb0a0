//! One rule: whatever form a claim has, its caller is allowed nothing that a caller with a plain list of the same values is
//! denied.

use std::rc::Rc;

use serde_json::{Value, json};
use temporal_auth::config::Config;
use temporal_auth::identity::wide::WideClaims;
use temporal_auth::pattern::Pattern;
use temporal_auth::policy::denial::Denial;
use temporal_auth::policy::{DenyReason, Verdict, WideMatch};
use temporal_auth::temporal::{RequestReader, Target};

use crate::random::Random;
use crate::{configs, encoding, identity, methods, parse, random_callers, random_configs, random_requests};

/// Claims that hold lists, and the values in them.
const CLAIMS: &[&str] = &["groups", "scp", "scope", "/realm/roles", "email", "level"];
const VALUES: &[&str] =
    &["ops", "Ops", "team-a", "team-b", "contractors", "bots", "write", "read", "dev", "a@a", "7", "true"];

/// The plain list of some values, and another form of them.
fn forms(random: &mut Random, claim: &str) -> (Value, Value) {
    let mut values = random.some(VALUES, 30);
    let mut form = random_callers::form(random, &values);
    if random.percent(30) && !["scope", "scp"].contains(&claim) {
        // A value that contains a separator, in a text that has another separator. Scopes cannot contain a space.
        values.push("dev contractors");
        form = random_callers::form(random, &values);
        if form.is_string() {
            form = json!(values.join(*random.pick(&[",", ";", ", ", "; "])));
        }
    }
    // A form may also be nested in lists.
    let form = if random.percent(20) && !form.is_string() { json!([[form], null]) } else { form };
    (json!(values), form)
}

/// Whether the form has values that the plain list lacks, because it is filled up to the number of values that are compared.
fn form_adds_values(caller: &Value, claim: &str) -> bool {
    let value = match claim.strip_prefix("/realm/") {
        Some(name) => &caller["claims"]["realm"][name],
        None => &caller["claims"][claim],
    };
    value.to_string().contains("\"g0\"")
}

/// The caller with this value for the claim.
fn with(caller: &Value, claim: &str, value: Value) -> Value {
    let mut caller = caller.clone();
    match claim.strip_prefix("/realm/") {
        Some(name) => caller["claims"]["realm"] = json!({name: value}),
        None => caller["claims"][claim] = value,
    }
    caller
}

/// The form, but where the issuer says what separates values, a text has that separator. `None` if it cannot have these values.
fn as_the_issuer_writes_it(config: &Value, claim: &str, plain: &Value, form: Value) -> Option<Value> {
    let separator = config["issuers"]["corp"]["claims"][claim]["split"].as_str();
    let Some(separator) = separator.filter(|_| form.is_string()) else { return Some(form) };
    let values: Vec<_> = plain.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect();
    let is_unclear = separator == "none" || values.iter().any(|value| value.contains(separator));
    (!is_unclear).then(|| json!(values.join(separator)))
}

/// A policy with many denials by claims. The claims are named as a whole, because a text has no elements to point into.
fn policy(random: &mut Random, mut config: Value) -> Value {
    for index in 0..6 {
        let denial = random_configs::denial(random, &format!("more-{index}"));
        config["denials"].as_array_mut().unwrap().push(denial);
    }
    config["issuers"]["corp"]["service_when"] = json!([{"groups": ["bots*", "7"]}, {"scp": "w*", "level": 7}]);
    random_configs::add_claim_rules(random, &mut config);
    for denial in config["denials"].as_array_mut().unwrap() {
        if let Some(Value::Object(claims)) = denial.pointer_mut("/who/claims") {
            for other in ["realm", "/realm/roles/0"] {
                claims
                    .remove(other)
                    .into_iter()
                    .for_each(|patterns| drop(claims.insert("/realm/roles".into(), patterns)));
            }
        }
        // Many denials ask for a claim that has another form, and exempt callers by how another value begins.
        let claim = *random.pick(CLAIMS);
        if random.percent(50) {
            denial["who"] = json!({"claims": {claim: *random.pick(VALUES)}});
        }
        if random.percent(30) {
            let start: String = random.pick(VALUES).chars().take(1 + random.below(4)).collect();
            denial["unless"] = json!({"claims": {claim: format!("{start}*")}});
        }
    }
    config
}

#[test]
fn no_form_of_a_claim_gets_past_a_denial() {
    let (mut matched, mut denied, mut only_widely) = (0, 0, 0);
    for (mut random, config) in configs(500) {
        let config = policy(&mut random, config);
        let parsed = parse(&config);
        for _ in 0..10 {
            let (caller, claim) = (random_callers::caller(&mut random), *random.pick(CLAIMS));
            if caller["issuer"].is_null() {
                continue;
            }
            let (plain, form) = forms(&mut random, claim);
            let Some(form) = as_the_issuer_writes_it(&config, claim, &plain, form) else { continue };
            let callers = [plain, form].map(|value| with(&caller, claim, value));
            let [plain, formed] = callers.each_ref().map(|caller| identity(&parsed, caller));
            let context = || format!("\n{}\n{}\n{config:#}", callers[0], callers[1]);
            let [wide_plain, wide_formed] = [&plain, &formed].map(|identity| WideClaims::new(identity.claims()));
            // `unless` may ask for values that the plain list lacks.
            let adds_values = form_adds_values(&callers[1], claim);
            let may_exempt = |denial: &Denial| adds_values && denial.unless.is_some();
            let applies =
                |denial: &&Rc<Denial>| !may_exempt(denial) && denial.applies_to(&plain, &wide_plain).is_some();
            for denial in parsed.policy.denials.iter().filter(applies) {
                matched += 1;
                let wide = denial.applies_to(&formed, &wide_formed);
                assert!(wide.is_some(), "{} does not apply to the other form{}", denial.name, context());
                only_widely += usize::from(wide.is_some_and(|wide| wide != WideMatch::default()));
            }
            let [before, after] = [plain, formed].map(|identity| parsed.policy.principal(identity));
            for _ in 0..4 {
                let (request, now) = (random_requests::request(&mut random, &config), random_callers::now(&mut random));
                let Some(target) = read(&config, &parsed, &request) else { continue };
                let [before, after] = [&before, &after].map(|principal| parsed.policy.decide(principal, &target, now));
                let is_exempt = |name: &Rc<str>| {
                    parsed.policy.denials.iter().any(|denial| denial.name == *name && may_exempt(denial))
                };
                if matches!(&before, Verdict::Deny(DenyReason::Denial(by)) if !is_exempt(&by.denial)) {
                    denied += 1;
                    assert!(!after.is_allow(), "{before:?}, but {after:?}\n{request}{}", context());
                }
            }
        }
    }
    println!(
        "{matched} denials apply to the plain list, {only_widely} of them to its form only widely; {denied} denied"
    );
    assert!(matched > 5000 && only_widely > 1000 && denied > 1000, "{matched} {only_widely} {denied}");
}

fn read(config: &Value, parsed: &Config, request: &Value) -> Option<Target> {
    let method = methods::path(config, request["method"].as_str().unwrap());
    let mut reader = RequestReader::new(parsed.catalogue.named(&method).unwrap(), true);
    reader.feed(&encoding::encode(config, &parsed.catalogue, request)).ok()?;
    reader.finish().ok()
}

#[test]
fn a_pattern_matches_for_a_denial_whatever_it_matches_for_a_grant() {
    let (mut widely, mut narrowly) = (0, 0);
    let mut random = Random::new(1);
    for _ in 0..200_000 {
        let pieces = ["a", "B", ":", "*", "é", " ", r"\*", "-"];
        let pattern: String = (0..random.below(6)).map(|_| *random.pick(&pieces)).collect();
        let text: String =
            (0..random.below(7)).map(|_| *random.pick(&["a", "A", "b", "B", ":", "é", " ", "*", "-"])).collect();
        let Ok(parsed) = Pattern::parse(&pattern) else { continue };
        let (narrow, wide) = (parsed.matches(&text).is_some(), parsed.matches_widely(&text));
        assert!(!narrow || (wide && parsed.could_match(&text)), "{pattern:?} {text:?}");
        assert_eq!(wide, crate::pattern::means_widely(&pattern, &text), "{pattern:?} {text:?}");
        assert_eq!(parsed.could_match(&text), crate::pattern::means_namespace(&pattern, &text), "{pattern:?} {text:?}");
        narrowly += usize::from(narrow);
        widely += usize::from(wide && !narrow);
    }
    assert!(narrowly > 2000 && widely > 1000, "{narrowly}, {widely}");
}
