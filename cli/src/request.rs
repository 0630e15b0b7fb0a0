//! Encodes a request in JSON as protobuf, by the descriptors of Temporal's API and the JSON mapping of proto3.

use std::sync::OnceLock;

use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, Value as Field};
use serde_json::Value;
use temporal_auth::temporal::{API_VERSION, Method};

static DESCRIPTORS: &[u8] = include_bytes!("../../data/temporal/api.binpb");

fn pool() -> Result<&'static DescriptorPool, String> {
    static POOL: OnceLock<Result<DescriptorPool, String>> = OnceLock::new();
    let decode = || DescriptorPool::decode(DESCRIPTORS).map_err(|error| error.to_string());
    POOL.get_or_init(decode).as_ref().map_err(Clone::clone)
}

/// The bytes of a method's request. The namespace is filled in if the request does not name one.
pub(crate) fn encode(method: &Method, request: &Value, namespace: &str) -> Result<Vec<u8>, String> {
    let input = input(method).ok_or_else(|| {
        let path = method.path.trim_start_matches('/');
        format!("the request of {path} cannot be written as JSON: Temporal's API {API_VERSION} has no such method")
    })?;
    let wrong = |why: String| format!("the request is not a valid {}: {why}", input.name());
    let mut message = DynamicMessage::deserialize(input.clone(), request).map_err(|error| wrong(error.to_string()))?;
    if let Some(twice) = twice(&input, request) {
        return Err(wrong(format!("duplicate field {twice}, given by both of its names")));
    }
    if let Some(field) = input.get_field(method.namespace_field).filter(|_| !namespace.is_empty()) {
        match message.get_field(&field).as_str() {
            Some("") => message.set_field(&field, Field::String(namespace.to_owned())),
            Some(other) if other != namespace => {
                return Err(format!("the request names namespace {other:?}, not {namespace:?}"));
            }
            _ => {}
        }
    }
    Ok(message.encode_to_vec())
}

/// The paths of all methods that have descriptors.
pub(crate) fn methods() -> Result<Vec<String>, String> {
    let paths = pool()?.services().flat_map(|service| {
        let methods: Vec<_> =
            service.methods().map(|method| format!("/{}/{}", service.full_name(), method.name())).collect();
        methods
    });
    Ok(paths.collect())
}

fn input(method: &Method) -> Option<MessageDescriptor> {
    let (service, name) = method.path.strip_prefix('/')?.split_once('/')?;
    let service = pool().ok()?.get_service_by_name(service)?;
    service.methods().find(|method| method.name() == name).map(|method| method.input())
}

/// A field that is given by both of its names, so that it is uncertain which value counts.
fn twice(message: &MessageDescriptor, value: &Value) -> Option<String> {
    // These types have their own JSON mapping.
    if message.package_name() == "google.protobuf" {
        return None;
    }
    let mut seen = Vec::new();
    for (name, value) in value.as_object()? {
        let Some(field) = message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name)) else {
            continue;
        };
        if seen.contains(&field.number()) {
            return Some(name.clone());
        }
        seen.push(field.number());
        let below = match (field.kind(), value) {
            (Kind::Message(entry), Value::Object(values)) if entry.is_map_entry() => {
                let Kind::Message(inner) = entry.map_entry_value_field().kind() else { continue };
                values.values().find_map(|value| twice(&inner, value))
            }
            (Kind::Message(inner), Value::Array(values)) => values.iter().find_map(|value| twice(&inner, value)),
            (Kind::Message(inner), value) => twice(&inner, value),
            _ => None,
        };
        if below.is_some() {
            return below;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::AssumedCaller;
    use crate::filter::Filter;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use prost_reflect::{FieldDescriptor, MapKey, SerializeOptions};
    use serde_json::json;
    use temporal_auth::config::Config;
    use temporal_auth::temporal::http::Parameters;
    use temporal_auth::temporal::{Catalogue, Limit, RequestReader, Target};

    fn encoded(method: &str, request: Value, namespace: &str) -> Result<Target, String> {
        let method = Catalogue::default().named(method).unwrap();
        let bytes = encode(&method, &request, namespace)?;
        let mut reader = RequestReader::new(method, true);
        reader.feed(&bytes).unwrap();
        Ok(reader.finish().unwrap())
    }

    #[test]
    fn the_descriptors_have_the_version_of_the_method_table() {
        assert_eq!(include_str!("../../data/temporal/api_version").trim_end(), API_VERSION);
        for method in ["StartWorkflowExecution", "CreateNexusEndpoint"] {
            assert!(input(&Catalogue::default().named(method).unwrap()).is_some(), "{method}");
        }
    }

    #[test]
    fn fields_may_be_named_in_either_form() {
        for request in [
            json!({"workflowType": {"name": "W"}, "taskQueue": {"name": "q", "kind": "TASK_QUEUE_KIND_NORMAL"}, "workflowIdConflictPolicy": 3}),
            json!({"workflow_type": {"name": "W"}, "task_queue": {"name": "q", "kind": 1}, "workflow_id_conflict_policy": "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"}),
        ] {
            let target = encoded("StartWorkflowExecution", request, "n").unwrap();
            assert_eq!(target.effects.to_string(), "start, terminate");
            assert_eq!(
                (target.namespace.as_str(), target.names.of(Limit::WorkflowTypes)),
                ("n", &["W".to_owned()][..])
            );
            assert_eq!((target.names.queues[0].name.as_str(), target.names.queues[0].kind), ("q", 1));
        }
    }

    #[test]
    fn commands_are_encoded() {
        let child = |namespace: &str| {
            let attributes = json!({"namespace": namespace, "workflowType": {"name": "C"}});
            json!({"taskToken": "EgF3", "commands": [{
                "commandType": "COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION",
                "startChildWorkflowExecutionCommandAttributes": attributes,
            }]})
        };
        let elsewhere = |namespace: &str| {
            let target = encoded("RespondWorkflowTaskCompleted", child(namespace), "n").unwrap();
            target.elsewhere.iter().map(|place| format!("{} {}", place.namespace, place.effects)).collect::<Vec<_>>()
        };
        assert_eq!(elsewhere("other"), ["other start"]);
        assert_eq!(elsewhere("n"), [""; 0]);
    }

    #[test]
    fn the_namespace_is_named_once() {
        let namespace = |own: &str, given: &str| {
            encoded("CountWorkflowExecutions", json!({"namespace": own}), given).map(|target| target.namespace)
        };
        assert_eq!(namespace("", "a").unwrap(), "a");
        assert_eq!(namespace("a", "").unwrap(), "a");
        assert_eq!(namespace("a", "a").unwrap(), "a");
        assert!(namespace("a", "b").unwrap_err().contains("names namespace \"a\", not \"b\""));
    }

    #[test]
    fn faulty_requests_are_refused() {
        for (bad, why) in [
            (json!({"workflowTyp": {}}), "workflowTyp"),
            (json!({"workflowType": "W"}), "expected"),
            (json!({"workflowIdConflictPolicy": "NONSENSE"}), "NONSENSE"),
            (json!({"workflowId": "a", "workflow_id": "b"}), "workflow_id"),
            (json!({"taskQueue": {"normalName": "a", "normal_name": "b"}}), "normal_name"),
            (
                json!({"memo": {"fields": {"x": {"externalPayloads": [{"sizeBytes": 1, "size_bytes": 1}]}}}}),
                "size_bytes",
            ),
            (json!([]), "expected"),
        ] {
            let error = encoded("StartWorkflowExecution", bad.clone(), "n").unwrap_err();
            assert!(error.starts_with("the request is not a valid StartWorkflowExecutionRequest: "), "{bad}: {error}");
            assert!(error.contains(why), "{bad}: {error}");
        }
        let health = encoded("grpc.health.v1.Health/Check", json!({}), "").unwrap_err();
        assert!(health.contains("has no such method"), "{health}");
    }

    #[test]
    fn the_request_of_every_method_can_be_written() {
        let pool = pool().unwrap();
        let mut count = 0;
        for service in pool.services() {
            for input in service.methods() {
                let path = format!("/{}/{}", service.full_name(), input.name());
                let Some(method) = Catalogue::default().named(&path) else { continue };
                let bytes = encode(&method, &json!({}), "n").unwrap();
                assert_eq!(bytes.is_empty(), method.namespace_field == 0, "{path}");
                count += 1;
            }
        }
        assert!(count > 100, "{count}");
    }

    /// A message with a value in every field. `choice` says which field of each `oneof`, and which value of each enum.
    fn full(type_: &MessageDescriptor, choice: usize, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(type_.clone());
        let is_chosen = |field: &FieldDescriptor| {
            let oneof = field.containing_oneof().filter(|oneof| oneof.fields().count() > 1);
            oneof.is_none_or(|oneof| {
                let fields: Vec<_> = oneof.fields().map(|field| field.number()).collect();
                fields[choice % fields.len()] == field.number()
            })
        };
        for field in type_.fields().filter(is_chosen) {
            let one = match field.kind() {
                // They have their own JSON mapping, and no decision depends on them.
                Kind::Message(inner) if inner.package_name() == "google.protobuf" || depth == 0 => continue,
                Kind::Message(entry) if field.is_map() => {
                    let Some(value) = sample(&entry.map_entry_value_field(), choice, depth) else { continue };
                    let entries = [(MapKey::String("k".to_owned()), value)];
                    message.set_field(&field, Field::Map(entries.into()));
                    continue;
                }
                _ => sample(&field, choice, depth),
            };
            let Some(one) = one else { continue };
            message.set_field(&field, if field.is_list() { Field::List(vec![one.clone(), one]) } else { one });
        }
        message
    }

    fn sample(field: &FieldDescriptor, choice: usize, depth: usize) -> Option<Field> {
        Some(match field.kind() {
            Kind::Message(inner) if inner.package_name() == "google.protobuf" => return None,
            Kind::Message(inner) => Field::Message(full(&inner, choice, depth - 1)),
            Kind::Enum(values) => {
                let numbers: Vec<_> = values.values().map(|value| value.number()).collect();
                Field::EnumNumber(numbers[choice % numbers.len()])
            }
            Kind::String if field.name().contains("url") => Field::String("temporal://system".to_owned()),
            Kind::String => Field::String(format!("{}-{choice}", field.name())),
            // The token of a task, and any other bytes.
            Kind::Bytes => Field::Bytes(b"\x12\x02wf".as_slice().into()),
            Kind::Bool => Field::Bool(choice.is_multiple_of(2)),
            Kind::Float => Field::F32(1.0),
            Kind::Double => Field::F64(1.0),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Field::I32(1),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Field::I64(1),
            Kind::Uint32 | Kind::Fixed32 => Field::U32(1),
            Kind::Uint64 | Kind::Fixed64 => Field::U64(1),
        })
    }

    /// Over HTTP, a request means what it means over gRPC: every field of every method, by both of its names.
    #[test]
    fn every_field_means_the_same_in_json() {
        let mut compared = 0;
        for path in methods().unwrap() {
            let method = match Catalogue::default().named(&path) {
                // Temporal's own answers to workflow tasks are not on the HTTP port, and neither are the names of their fields.
                Some(method) if !method.request.others.is_empty() => method,
                _ => continue,
            };
            let Some(input) = input(&method) else { continue };
            for choice in 0..24 {
                let message = full(&input, choice, 7);
                let mut reader = RequestReader::new(method.clone(), true);
                let over_grpc = reader.feed(&message.encode_to_vec()).and_then(|()| reader.finish());
                for by_proto_name in [false, true] {
                    let options = SerializeOptions::new().use_proto_field_name(by_proto_name);
                    let mut json = Vec::new();
                    message.serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options).unwrap();
                    let reader = RequestReader::new(method.clone(), true);
                    let over_http = reader.finish_http(&Parameters::default(), Some(&json));
                    assert_eq!(over_http, over_grpc, "{path} {choice}: {}", String::from_utf8_lossy(&json));
                }
                compared += 1;
            }
        }
        assert!(compared > 90 * 24, "{compared}");
    }

    #[test]
    fn published_cases_end_the_same_when_their_requests_are_written_as_json() {
        for (file, least) in [("denials", 25), ("limits", 45), ("inside", 20)] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../vectors/{file}.json"));
            let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            let configuration = &vectors["configuration"];
            let config = Config::parse(configuration.to_string().as_bytes()).unwrap();
            let mut asked = 0;
            for case in vectors["cases"].as_array().unwrap() {
                let call = crate::filter::Call::new(&config, case["path"].as_str().unwrap(), "").unwrap();
                let body = STANDARD.decode(case["body"].as_str().unwrap()).unwrap();
                let Some(input) = input(call.method.as_deref().unwrap()) else { continue };
                let message = DynamicMessage::decode(input, &body[5..]).unwrap();
                let call = call.with_request(&serde_json::to_value(&message).unwrap(), "").unwrap();
                let claims = case["claims"].as_object().unwrap().clone();
                let caller = AssumedCaller::with_claims("corp", claims, temporal_auth::time::Timestamp::now());
                let evaluation = Filter::new(configuration, &caller).unwrap().evaluate(&caller, &call);
                // Faulty encodings cannot be written as JSON.
                if case["grpc_status"] != 3 {
                    let stated = (case["grpc_status"].as_u64().unwrap(), case["rule"].as_str());
                    assert_eq!((u64::from(evaluation.status()), evaluation.rule_name()), stated, "{}", case["name"]);
                    asked += 1;
                }
            }
            assert!(asked >= least, "{file}: {asked}");
        }
    }
}
