//! The policy as docs/configuration.md tells it, in the simplest code there is: a configuration, a caller, a request and
//! the time go in, the name of the rule that allows comes out. Effects are words, patterns are matched by trial.

use serde_json::Value;
use temporal_auth::time::Timestamp;

use crate::call::Call;
use crate::caller::{find, list, strings, texts, ways};
use crate::generate::UNTIL;
use crate::limits::inside;
use crate::methods::{Words, path};
use crate::pattern::{Bindings, Token, bind, matches, means_namespace, tokens};
use crate::request::Request;
use crate::role::{Role, role};
use crate::wide;

/// What denies a request: there is no grant, or it can be read in two ways. As gRPC has them.
pub const DENIED: u32 = 7;
pub const REFUSED: u32 = 3;

/// The rule that allows the request, if any: a list, or the grant that covers the last of its effects in its own namespace.
pub fn decide(config: &Value, caller: &Value, request: &Request, now: Timestamp) -> Result<String, u32> {
    let anonymous = Value::from(vec!["grpc.health.v1.Health/Check", "GetSystemInfo"]);
    let listed = |list: &str, standard: &Value| {
        strings(config.get(list).unwrap_or(standard)).iter().any(|name| path(config, name) == request.method)
    };
    if listed("anonymous", &anonymous) {
        return Ok("anonymous".to_owned());
    }
    let call = Call::new(config, request).ok_or(DENIED)?;
    if request.ambiguous {
        return Err(REFUSED);
    }
    if list(&config["denials"]).iter().any(|denial| denies(config, denial, caller, &call)) {
        return Err(DENIED);
    }
    if listed("authenticated", &Value::Null) && !caller["issuer"].is_null() {
        return Ok("authenticated".to_owned());
    }
    let covered = (0..call.places.len()).map(|place| cover(config, caller, &call, place, now));
    let rules = covered.collect::<Option<Vec<_>>>().ok_or(DENIED)?;
    Ok(rules.into_iter().next().unwrap())
}

fn denies(config: &Value, denial: &Value, caller: &Value, call: &Call<'_>) -> bool {
    let said = denial.get("effects").map(strings);
    let what = |place: usize, effects: &Words| {
        let named = |name: &String| place == 0 && path(config, name) == call.request.method;
        let commanded = |name: &String| place == 0 && denial["commands"] == true && call.commands.contains(name);
        let any = |name: &String| place == 0 && call.anything && role(&Value::Null, "admin").effects.contains(name);
        let is = |name: &String| effects.contains(name) || commanded(name) || named(name) || any(name);
        said.as_ref().is_none_or(|said| said.iter().any(is))
    };
    let here = |place: usize, namespace: &str| {
        let named = |patterns: &Value| strings(patterns).iter().any(|pattern| means_namespace(pattern, namespace));
        let of_cluster = place == 0 && call.is_of_cluster();
        call.unseen || denial.get("namespaces").is_none_or(|patterns| !of_cluster && named(patterns))
    };
    denial["shadow"] != true
        && denial.get("who").is_none_or(|who| wide::means(config, who, caller))
        && denial.get("unless").is_none_or(|who| ways(config, who, caller).is_empty())
        && call.places.iter().enumerate().any(|(place, (name, effects))| {
            let outside = |limits| !inside(limits, &Bindings::new(), call, place > 0, effects);
            what(place, effects) && here(place, name) && denial.get("outside").is_none_or(outside)
        })
}

/// The grant that covers the last effect of a call in one place, if all are covered.
fn cover(config: &Value, caller: &Value, call: &Call<'_>, place: usize, now: Timestamp) -> Option<String> {
    let (namespace, effects) = &call.places[place];
    let request = call.request;
    let registers = request.method.ends_with("/RegisterNamespace");
    let mut missing = effects.clone();
    let counts = |grant: &&Value| grant["shadow"] != true && !has_ended(grant, now);
    list(&config["grants"]).iter().filter(counts).find_map(|grant| {
        for (role, reach, way) in gives(config, grant, caller) {
            let reaches = match reach {
                Place::System => true,
                _ if call.needs_system || (registers && grant["may_register"] != true) => false,
                _ if request.calls_back && grant["may_call_back"] != true => false,
                Place::Namespaces(pattern) => matches(&pattern, namespace, &Bindings::new()).is_some(),
            };
            if reaches && inside(grant, &way, call, place > 0, effects) {
                let covered = role.covers(&request.method, &call.method.effects);
                missing.retain(|effect| !covered.contains(effect));
            }
        }
        missing.is_empty().then(|| grant["name"].as_str().unwrap().to_owned())
    })
}

fn has_ended(grant: &Value, now: Timestamp) -> bool {
    let end = |until: &Value| UNTIL.iter().find(|(text, _)| until == text).unwrap().1;
    grant.get("until").is_some_and(|until| now >= end(until))
}

enum Place {
    System,
    Namespaces(Vec<Token>),
}

/// What a grant gives the caller, by each way in which they are meant.
fn gives(config: &Value, grant: &Value, caller: &Value) -> Vec<(Role, Place, Bindings)> {
    let mut given = Vec::new();
    for way in ways(config, &grant["who"], caller) {
        if let Some(claim) = grant["permissions_claim"].as_str() {
            given.extend(permissions(find(claim, caller)).into_iter().map(|(role, place)| (role, place, way.clone())));
            continue;
        }
        let role = role(config, grant["role"].as_str().unwrap_or_default());
        if grant["system"] == true {
            given.push((role.clone(), Place::System, way.clone()));
        }
        let bound = strings(&grant["namespaces"]).into_iter().filter_map(|pattern| bind(tokens(&pattern), &way));
        given.extend(bound.map(|pattern| (role.clone(), Place::Namespaces(pattern), way.clone())));
    }
    given
}

/// Temporal's permissions: `namespace:word` in a list or a string, or words by namespace.
fn permissions(claim: &Value) -> Vec<(Role, Place)> {
    let pairs: Vec<(String, String)> = match claim {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, words)| texts(words, false).into_iter().map(|word| (name.clone(), word)))
            .collect(),
        other => texts(other, true)
            .iter()
            .filter_map(|text| text.split_once(':'))
            .map(|(a, b)| (a.into(), b.into()))
            .collect(),
    };
    let words = [("worker", "worker"), ("read", "reader"), ("write", "writer"), ("admin", "admin")];
    let give = |(namespace, word): (String, String)| {
        let (_, name) = words.iter().find(|(known, _)| word.eq_ignore_ascii_case(known))?;
        let literal = namespace.chars().map(Token::Char).collect();
        let place = if namespace == "temporal-system" { Place::System } else { Place::Namespaces(literal) };
        Some((role(&Value::Null, name), place))
    };
    pairs.into_iter().filter_map(give).collect()
}
