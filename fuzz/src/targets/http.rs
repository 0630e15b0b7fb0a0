//! Calls over HTTP: the path, the query and the body mean what a reader of the whole JSON tree finds in them, and lists have no
//! entry of another namespace. The input is a line with the verb and the path, and then the body.

use serde_json::Value;
use temporal_auth::temporal::http::{NexusCall, Verb, api_call};
use temporal_auth::temporal::{EffectSet, Limit, ListMethod, ListView, RequestReader, Target};
use temporal_auth::wire::http::{pairs, segments, split_query};

use super::super::NAMESPACE;

/// The path as Go's server reads it: decoded as a whole, then split.
fn decoded(path: &[u8]) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    let mut rest = path;
    while let Some((byte, after)) = rest.split_first() {
        let digits = std::str::from_utf8(after.get(..2).unwrap_or_default()).unwrap_or_default();
        match u8::from_str_radix(digits, 16) {
            Ok(value) if *byte == b'%' && digits.len() == 2 => {
                whole.push(value);
                rest = &after[2..];
            }
            _ => {
                whole.push(*byte);
                rest = after;
            }
        }
    }
    whole.split(|byte| *byte == b'/').skip(1).map(<[u8]>::to_vec).collect()
}

/// A member of an object by either name.
fn member<'a>(object: &'a Value, json: &str, proto: &str) -> &'a Value {
    if object[json].is_null() { &object[proto] } else { &object[json] }
}

/// Compares a start with what a tree of its body says.
fn check_start(target: &Target, body: &Value, variables: &[(&'static str, String)]) {
    let policy = member(body, "workflowIdConflictPolicy", "workflow_id_conflict_policy");
    let terminates =
        [Value::from(3), "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING".into(), "TerminateExisting".into()];
    assert!(!terminates.contains(policy) || target.effects.covers(EffectSet::TERMINATE), "{body}");
    if let Some(name) = member(body, "workflowType", "workflow_type")["name"].as_str() {
        assert_eq!(target.names.of(Limit::WorkflowTypes).first().map(String::as_str), Some(name));
    }
    for (name, value) in variables {
        match *name {
            "namespace" => assert_eq!(target.namespace, *value),
            "workflow_id" => assert!(target.names.of(Limit::WorkflowIds).contains(value)),
            _ => {}
        }
    }
}

fn check_list(body: &str) {
    for (list, name, path) in [
        (ListMethod::Namespaces, "namespaces", "/namespaceInfo/name"),
        (ListMethod::NexusEndpoints, "endpoints", "/spec/target/worker/namespace"),
    ] {
        let view = ListView { list, with_external: false };
        let Ok(reduced) = view.reduce_json(body, |namespace| namespace == NAMESPACE) else { continue };
        let left: Value = serde_json::from_slice(&reduced.message).expect("what is left is JSON");
        let entries = left[name].as_array().expect("a list");
        assert_eq!(entries.len(), reduced.entries - reduced.removed);
        assert!(entries.iter().all(|entry| entry.pointer(path) == Some(&NAMESPACE.into())), "{left}");
    }
}

/// See the module.
pub fn run(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, body) = data.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    if let Ok(text) = std::str::from_utf8(body) {
        check_list(text);
    }
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let verb = Verb::of(words.next().unwrap_or_default());
    let (path, query) = split_query(words.next().unwrap_or_default());
    let query = pairs(query);
    if let Some(Ok(call)) = NexusCall::read(path) {
        let _ = call.target(query.as_deref().unwrap_or_default(), temporal_auth::temporal::LimitSet::ALL);
    }
    let Ok(segments) = segments(path) else { return };
    assert_eq!(segments.iter().map(|segment| segment.as_bytes().to_vec()).collect::<Vec<_>>(), decoded(path));
    let Some(mut call) = api_call(verb, &segments) else { return };
    if !call.has_body {
        let Ok(query) = query else { return };
        call.parameters.query = query;
    }
    let name = call.method.name().to_owned();
    let reader = RequestReader::new(call.method, true);
    let Ok(target) = reader.finish_http(&call.parameters, call.has_body.then_some(body)) else { return };
    if let Some((_, namespace)) = call.parameters.path.iter().find(|(name, _)| *name == "namespace") {
        assert_eq!(target.namespace, *namespace);
    }
    if call.has_body && name == "StartWorkflowExecution" {
        let tree = if body.trim_ascii().is_empty() { Ok(Value::Null) } else { serde_json::from_slice(body) };
        // A tree of serde_json is less deep than what is skipped, and its numbers are bounded.
        if let Ok(tree) = tree {
            check_start(&target, &tree, &call.parameters.path);
        }
    }
}
