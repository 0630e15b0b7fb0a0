//! The policy as docs/configuration.md describes it, in the simplest possible code: from a configuration, a caller, a request
//! and the time to the name of the rule that allows the request. Effects are texts, and patterns are matched by trial.

use serde_json::Value;
use temporal_auth::time::Timestamp;

use crate::call_effects::CallEffects;
use crate::caller::{find, list, strings, texts, ways};
use crate::limits::is_within;
use crate::methods::{EffectNames, path};
use crate::pattern::{Bindings, PatternElement, bind, elements, matches, means_namespace};
use crate::random_configs::UNTIL;
use crate::request_meaning::RequestMeaning;
use crate::role::{ReferenceRole, role};
use crate::wide;

/// The gRPC status of a request that policy denies.
pub const DENIED: u32 = 7;
/// The gRPC status of a request that cannot be read, or can be read in two ways.
pub const REFUSED: u32 = 3;

/// The rule that allows the request: a list, or the grant that covers the last of its effects in its own namespace. Otherwise
/// the gRPC status.
pub fn decide(config: &Value, caller: &Value, request: &RequestMeaning, now: Timestamp) -> Result<String, u32> {
    let anonymous = Value::from(vec!["grpc.health.v1.Health/Check", "GetSystemInfo"]);
    let listed = |list: &str, standard: &Value| {
        strings(config.get(list).unwrap_or(standard)).iter().any(|name| path(config, name) == request.method)
    };
    if listed("anonymous", &anonymous) {
        return Ok("anonymous".to_owned());
    }
    let call = CallEffects::new(config, request).ok_or(DENIED)?;
    if request.is_ambiguous {
        return Err(REFUSED);
    }
    let is_listed = listed("authenticated", &Value::Null);
    // The answers of these show each caller what they may see.
    let is_list =
        is_listed && ["ListNamespaces", "ListNexusEndpoints"].iter().any(|name| request.method.ends_with(name));
    // Only the answer says which namespace has the id.
    let is_description =
        request.method.ends_with("/DescribeNamespace") && request.namespace.is_empty() && request.names_namespace_id;
    let denies_call = |denial: &Value| {
        let is_left_to_answer = (is_list && hides_entries(config, denial, request))
            || (is_description && denial.get("namespaces").is_some());
        !is_left_to_answer && denies(config, denial, caller, &call)
    };
    if list(&config["denials"]).iter().any(denies_call) {
        return Err(DENIED);
    }
    let is_open = is_listed && !caller["issuer"].is_null();
    if is_open && !is_list {
        return Ok("authenticated".to_owned());
    }
    let covered = (0..call.effects_by_namespace.len()).map(|index| cover(config, caller, &call, index, now));
    match covered.collect::<Option<Vec<_>>>() {
        Some(rules) => Ok(rules.into_iter().next().unwrap()),
        None if is_open => Ok("authenticated".to_owned()),
        None if is_description => describes_some(config, caller, &call, now).ok_or(DENIED),
        None => Err(DENIED),
    }
}

/// Whether a denial removes entries from a list instead of denying it.
fn hides_entries(config: &Value, denial: &Value, request: &RequestMeaning) -> bool {
    let denied = denial.get("effects").map(strings);
    let names = |method: &str| denied.iter().flatten().any(|name| path(config, name).ends_with(method));
    let describing = denied.as_ref().is_none_or(|denied| denied.iter().any(|name| name == "describe-namespace"))
        || names("/DescribeNamespace");
    denial.get("namespaces").is_some() && describing && !names(&request.method)
}

fn applies_to(config: &Value, denial: &Value, caller: &Value) -> bool {
    denial["shadow"] != true
        && denial.get("who").is_none_or(|who| wide::matches(config, who, caller))
        && denial.get("unless").is_none_or(|who| ways(config, who, caller).is_empty())
}

fn denies(config: &Value, denial: &Value, caller: &Value, call: &CallEffects<'_>) -> bool {
    let denied = denial.get("effects").map(strings);
    let has_denied_effect = |index: usize, effects: &EffectNames| {
        let named = |name: &String| index == 0 && path(config, name) == call.request.method;
        let commanded = |name: &String| index == 0 && denial["commands"] == true && call.commands.contains(name);
        let any = |name: &String| {
            index == 0 && call.may_have_any_effect && role(&Value::Null, "admin").effects.contains(name)
        };
        let is = |name: &String| effects.contains(name) || commanded(name) || named(name) || any(name);
        denied.as_ref().is_none_or(|denied| denied.iter().any(is))
    };
    let is_in_namespaces = |index: usize, namespace: &str| {
        let named = |patterns: &Value| strings(patterns).iter().any(|pattern| means_namespace(pattern, namespace));
        let of_cluster = index == 0 && call.is_of_cluster();
        call.may_reach_any_namespace || denial.get("namespaces").is_none_or(|patterns| !of_cluster && named(patterns))
    };
    applies_to(config, denial, caller)
        && call.effects_by_namespace.iter().enumerate().any(|(index, (name, effects))| {
            let outside = |limits| !is_within(limits, &Bindings::new(), call, index > 0, effects);
            has_denied_effect(index, effects)
                && is_in_namespaces(index, name)
                && denial.get("outside").is_none_or(outside)
        })
}

/// A grant by which the caller may describe some namespace.
fn describes_some(config: &Value, caller: &Value, call: &CallEffects<'_>, now: Timestamp) -> Option<String> {
    let describes = |role: &ReferenceRole| {
        let covered = role.covers(&call.request.method, &call.method.effects);
        call.method.effects.is_subset(&covered)
    };
    let counts = |grant: &&Value| {
        grant["shadow"] != true
            && !has_ended(grant, now)
            && resolve(config, grant, caller).iter().any(|(role, ..)| describes(role))
    };
    list(&config["grants"]).iter().find(counts).map(|grant| grant["name"].as_str().unwrap().to_owned())
}

/// The grant that covers the last effect of a call in one namespace, if all effects in it are covered.
fn cover(config: &Value, caller: &Value, call: &CallEffects<'_>, index: usize, now: Timestamp) -> Option<String> {
    let (namespace, effects) = &call.effects_by_namespace[index];
    let request = call.request;
    let registers = request.method.ends_with("/RegisterNamespace");
    let mut missing = effects.clone();
    let counts = |grant: &&Value| grant["shadow"] != true && !has_ended(grant, now);
    list(&config["grants"]).iter().filter(counts).find_map(|grant| {
        for (role, scope, way) in resolve(config, grant, caller) {
            let is_in_scope = match scope {
                ResolvedScope::System => true,
                _ if call.needs_system || (registers && grant["may_register"] != true) => false,
                _ if request.registers_callback && grant["may_call_back"] != true => false,
                ResolvedScope::Namespaces(pattern) => matches(&pattern, namespace, &Bindings::new()).is_some(),
            };
            if is_in_scope && is_within(grant, &way, call, index > 0, effects) {
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

enum ResolvedScope {
    System,
    Namespaces(Vec<PatternElement>),
}

/// The roles that a grant gives the caller, with the scope and the bindings of each.
fn resolve(config: &Value, grant: &Value, caller: &Value) -> Vec<(ReferenceRole, ResolvedScope, Bindings)> {
    let mut resolved = Vec::new();
    for way in ways(config, &grant["who"], caller) {
        if let Some(claim) = grant["permissions_claim"].as_str() {
            resolved
                .extend(permissions(find(claim, caller)).into_iter().map(|(role, scope)| (role, scope, way.clone())));
            continue;
        }
        let role = role(config, grant["role"].as_str().unwrap_or_default());
        if grant["system"] == true {
            resolved.push((role.clone(), ResolvedScope::System, way.clone()));
        }
        let bound = strings(&grant["namespaces"]).into_iter().filter_map(|pattern| bind(elements(&pattern), &way));
        resolved.extend(bound.map(|pattern| (role.clone(), ResolvedScope::Namespaces(pattern), way.clone())));
    }
    resolved
}

/// The roles of Temporal's permissions: a list or a string of `namespace:role`, or an object of roles by namespace.
fn permissions(claim: &Value) -> Vec<(ReferenceRole, ResolvedScope)> {
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
        let literal = namespace.chars().map(PatternElement::Char).collect();
        let scope =
            if namespace == "temporal-system" { ResolvedScope::System } else { ResolvedScope::Namespaces(literal) };
        Some((role(&Value::Null, name), scope))
    };
    pairs.into_iter().filter_map(give).collect()
}
