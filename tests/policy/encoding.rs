//! The bytes of a request.

use serde_json::Value;
use temporal_auth::temporal::Catalogue;

use crate::methods::path;
use crate::request_meaning::parts;
use crate::request_parts::RequestPart;

/// The bytes of a request.
pub fn encode(config: &Value, catalogue: &Catalogue, request: &Value) -> Vec<u8> {
    let method = catalogue.named(&path(config, request["method"].as_str().unwrap())).unwrap();
    let namespace = request["namespace"].as_str().unwrap();
    let own = method.namespace_field;
    let mut bytes = if own == 0 { Vec::new() } else { text_if_any(own, namespace) };
    for (part, path, text) in parts(request) {
        let (last, outer) = path.split_last().unwrap();
        let inner = content(part, *last, text);
        let part = outer.iter().rev().fold(inner, |inner, number| field(*number, 2, &inner));
        // Some parts come before the namespace and some after it.
        bytes = if text.len() % 2 == 0 { [bytes, part].concat() } else { [part, bytes].concat() };
    }
    bytes
}

/// The innermost field of a part.
fn content(part: RequestPart, number: u32, text: &str) -> Vec<u8> {
    let texts: Vec<_> = text.split('|').collect();
    let message = |parts: &[Vec<u8>]| field(number, 2, &parts.concat());
    match part {
        RequestPart::TaskQueue(_) => field(number, 2, &queue(&texts)),
        RequestPart::EffectNumber(value, _) | RequestPart::UnknownNumber(value) => field(number, 0, &[value]),
        RequestPart::EffectMessage(_) | RequestPart::Attach => message(&[]),
        RequestPart::TaskToken(_) => field(number, 2, &token(&texts)),
        RequestPart::StartChildCommand => message(&[
            text_if_any(1, texts[0]),
            text_if_any(2, texts[1]),
            in_message(3, texts[2]),
            in_message(4, texts[3]),
            number_if_any(11, texts[4]),
        ]),
        RequestPart::SignalCommand => {
            message(&[text_if_any(1, texts[0]), in_message(2, texts[1]), text_if_any(3, texts[2])])
        }
        RequestPart::CancelCommand => {
            message(&[text_if_any(1, texts[0]), text_if_any(2, texts[1]), number_if_any(5, texts[2])])
        }
        RequestPart::NexusOperationCommand => message(&operation(&texts)),
        RequestPart::Schedule => {
            let workflow = [
                text_if_any(1, texts[0]),
                in_message(2, texts[1]),
                in_message(3, texts[2]),
                number_if_any(8, texts[3]),
            ];
            let policies = field(3, 2, &number_if_any(1, texts[4]));
            message(&[field(2, 2, &field(1, 2, &workflow.concat())), policies])
        }
        _ => field(number, 2, text.as_bytes()),
    }
}

/// The fields of a Nexus operation: endpoint, service, operation and input.
fn operation(texts: &[&str]) -> Vec<Vec<u8>> {
    let &[endpoint, service, operation, encoding, form, namespace, id, signal, policy] = texts else {
        panic!("{texts:?}")
    };
    let request = [text_if_any(1, namespace), text_if_any(2, id), number_if_any(11, policy), text_if_any(12, signal)];
    let data = field(2, 2, &if form == "junk" { vec![0xff] } else { request.concat() });
    let entry = [field(1, 2, b"encoding"), field(2, 2, encoding.as_bytes())].concat();
    let metadata = if encoding.is_empty() { Vec::new() } else { field(1, 2, &entry) };
    let input = if form == "data first" { [data, metadata] } else { [metadata, data] }.concat();
    let input = if form == "none" { Vec::new() } else { field(4, 2, &input) };
    let mut fields = vec![text_if_any(1, endpoint), text_if_any(2, service), text_if_any(3, operation), input];
    if form == "service first" {
        fields.swap(0, 1);
    }
    fields
}

/// A task token. It names a workflow or a task queue, which have the same field number.
fn token(texts: &[&str]) -> Vec<u8> {
    let name = field(2, 2, texts[0].as_bytes());
    let more = match texts.get(1).copied().unwrap_or_default() {
        "junk" => vec![0xff],
        "twice" => name.clone(),
        "latin" => return field(2, 2, b"p\xe4yroll"),
        "component" => field(14, 2, b"x"),
        "two components" => [field(14, 2, b"x"), field(14, 2, b"y")].concat(),
        _ => Vec::new(),
    };
    [field(1, 2, b"id of a namespace"), name, field(5, 0, &[1]), more].concat()
}

/// A task queue's bytes.
fn queue(texts: &[&str]) -> Vec<u8> {
    let [name, kind, normal] = texts[..] else { return field(1, 2, texts[0].as_bytes()) };
    let kind = kind.parse().unwrap();
    [field(3, 2, normal.as_bytes()), field(1, 2, name.as_bytes()), field(2, 0, &[kind])].concat()
}

fn text_if_any(number: u32, text: &str) -> Vec<u8> {
    if text.is_empty() { Vec::new() } else { field(number, 2, text.as_bytes()) }
}

/// A name in a message of its own, as types, queues and executions have it.
fn in_message(number: u32, text: &str) -> Vec<u8> {
    if text.is_empty() { Vec::new() } else { field(number, 2, &field(1, 2, text.as_bytes())) }
}

fn number_if_any(number: u32, text: &str) -> Vec<u8> {
    text.parse().map(|value| field(number, 0, &[value])).unwrap_or_default()
}

/// A field with its tag, and with its length if it has one.
pub fn field(number: u32, wire: u8, content: &[u8]) -> Vec<u8> {
    let length = if wire == 2 { varint(content.len()) } else { Vec::new() };
    [varint((number << 3) as usize | usize::from(wire)), length, content.to_vec()].concat()
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
