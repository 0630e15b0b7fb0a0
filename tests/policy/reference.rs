//! The policy as docs/configuration.md tells it, in the simplest code there is: a configuration, a token's claims and a
//! request go in, the name of the rule that allows comes out. Effects are words, patterns are matched by trial.

use serde_json::Value;

use crate::caller::{Claims, find, list, strings, texts, ways};
use crate::limits;
use crate::methods::{Words, method, path};
use crate::pattern::{Bindings, Token, bind, matches, tokens};
use crate::role::{Role, role};

/// What a request says, whatever its bytes.
#[derive(Debug, Default)]
pub struct Request {
    /// The path of its method.
    pub method: String,
    pub namespace: String,
    /// Messages in it that name a namespace, its own perhaps: the name, what they do in another, and what an option does.
    pub others: Vec<(String, String, Option<String>)>,
    /// Whether it names a namespace by id.
    pub by_id: bool,
    /// Whether it names a workflow or a task queue of Temporal's own.
    pub internal: bool,
    /// Whether it has Temporal call itself back.
    pub calls_back: bool,
    /// Effects of its options.
    pub options: Words,
    /// The task queues that it names: how they are used, name, kind, normal name.
    pub queues: Vec<(String, String, u8, String)>,
    pub types: Vec<String>,
    pub endpoints: Vec<String>,
}

/// The rule that allows the request, if any: a list, or the grant that covers the last of its effects in its own namespace.
pub fn decide(config: &Value, issuer: &str, claims: &Claims, request: &Request) -> Option<String> {
    let anonymous = Value::from(vec!["grpc.health.v1.Health/Check", "GetSystemInfo"]);
    let listed = |list: &str, standard: &Value| {
        strings(config.get(list).unwrap_or(standard)).iter().any(|name| path(config, name) == request.method)
    };
    if listed("anonymous", &anonymous) {
        return Some("anonymous".to_owned());
    }
    let method = method(config, &request.method)?;
    let mut own: Words = method.effects.union(&request.options).cloned().collect();
    let mut places: Vec<(&str, Words)> = Vec::new();
    for (namespace, there, option) in &request.others {
        if namespace.is_empty() || *namespace == request.namespace {
            own.extend(option.clone());
        } else {
            places.push((namespace, option.iter().chain([there]).cloned().collect()));
        }
    }
    if request.method.ends_with("/StartBatchOperation") && own == method.effects {
        own.extend(role(&Value::Null, "writer").effects);
    }
    let of_system = |name: &str| name.trim_end().eq_ignore_ascii_case("temporal-system");
    let internal = request.internal || of_system(&request.namespace) || places.iter().any(|(name, _)| of_system(name));
    let internal = internal && method.access != "readonly";
    own.extend(internal.then(|| "cluster-admin".to_owned()));
    places.insert(0, (&request.namespace, own));
    let cluster = method.scope == "cluster";
    let hidden = request.namespace.is_empty() || request.by_id || request.calls_back;
    let unseen = if cluster { method.access != "readonly" } else { hidden };
    let inside = |limits: &Value, way: &Bindings, place: usize, effects: &Words| {
        limits::inside(limits, way, request, &method, place > 0, effects)
    };
    let denied = |denial: &Value| {
        let said = denial.get("effects").map(strings);
        let meant = |who: &Value| !ways(config, who, issuer, claims).is_empty();
        let what = |place: usize, effects: &Words| {
            let own_method = |name: &String| place == 0 && path(config, name) == request.method;
            said.as_ref().is_none_or(|what| what.iter().any(|name| effects.contains(name) || own_method(name)))
        };
        let here = |place: usize, namespace: &str| {
            let patterns = denial.get("namespaces").map(strings);
            // In any case, spaces at the end left out; what is not ASCII may be any.
            let name = namespace.trim_end().to_lowercase();
            let fits = |pattern: &str| matches(&tokens(&pattern.to_lowercase()), &name, &Bindings::new()).is_some();
            let named = |pattern: &String| pattern == "*" || !name.is_ascii() || fits(pattern);
            unseen || patterns.is_none_or(|list| !(cluster && place == 0) && list.iter().any(named))
        };
        denial.get("who").is_none_or(meant)
            && !denial.get("unless").is_some_and(meant)
            && denial["shadow"] != true
            && places.iter().enumerate().any(|(place, (name, effects))| {
                let outside = |limits| !inside(limits, &Bindings::new(), place, effects);
                what(place, effects) && here(place, name) && denial.get("outside").is_none_or(outside)
            })
    };
    if list(&config["denials"]).iter().any(denied) {
        return None;
    }
    if listed("authenticated", &Value::Null) {
        return Some("authenticated".to_owned());
    }
    let needs_system = cluster || request.namespace.is_empty() || request.by_id || internal;
    let registers = request.method.ends_with("/RegisterNamespace");
    let covered = |(place, (namespace, effects)): (usize, &(&str, Words))| {
        let mut missing = effects.clone();
        list(&config["grants"]).iter().filter(|grant| grant["shadow"] != true).find_map(|grant| {
            for (role, reach, way) in gives(config, grant, issuer, claims) {
                let reaches = match reach {
                    Place::System => true,
                    _ if needs_system || (registers && grant["may_register"] != true) => false,
                    _ if request.calls_back && grant["may_call_back"] != true => false,
                    Place::Namespaces(pattern) => matches(&pattern, namespace, &Bindings::new()).is_some(),
                };
                if reaches && inside(grant, &way, place, effects) {
                    let covered = role.covers(&request.method, &method.effects);
                    missing.retain(|effect| !covered.contains(effect));
                }
            }
            missing.is_empty().then(|| grant["name"].as_str().unwrap().to_owned())
        })
    };
    places.iter().enumerate().map(covered).collect::<Option<Vec<_>>>().and_then(|rules| rules.into_iter().next())
}

enum Place {
    System,
    Namespaces(Vec<Token>),
}

/// What a grant gives the caller, by each way in which they are meant.
fn gives(config: &Value, grant: &Value, issuer: &str, claims: &Claims) -> Vec<(Role, Place, Bindings)> {
    let mut given = Vec::new();
    for way in ways(config, &grant["who"], issuer, claims) {
        if let Some(claim) = grant["permissions_claim"].as_str() {
            given.extend(permissions(find(claim, claims)).into_iter().map(|(role, place)| (role, place, way.clone())));
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
