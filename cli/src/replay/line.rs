//! Lines of the decision log, within the log of Envoy.

use serde_json::{Map, Value};

/// What precedes a decision in the log.
const MARK: &str = "temporal-auth {";

/// A decision as the log has it.
#[derive(Debug)]
pub(super) struct Line {
    members: Map<String, Value>,
}

impl Line {
    /// The decision in a line: the line itself, behind Envoy's prefix, or a text in a line of JSON. `None` if there is none.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = line.trim();
        if let Some(decision) = marked(line) {
            return Some(decision);
        }
        let Value::Object(members) = serde_json::from_str(line).ok()? else { return None };
        if members.contains_key("verdict") {
            return Some(Self { members });
        }
        members.values().filter_map(Value::as_str).find_map(marked)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    pub(super) fn namespaces(&self) -> Vec<&str> {
        self.members
            .get("namespaces")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// How many decisions the line stands for.
    pub(super) fn count(&self) -> u64 {
        self.members.get("more").and_then(Value::as_u64).unwrap_or(0).saturating_add(1)
    }

    /// The gRPC status by policy, whether or not it was enforced.
    pub(super) fn status(&self) -> Option<u64> {
        self.members.get("status")?.as_u64()
    }

    /// What the decision was made from.
    pub(super) fn record(&self) -> Option<&Value> {
        self.members.get("replay")
    }
}

/// The decision behind the mark, whatever follows it.
fn marked(text: &str) -> Option<Line> {
    let start = text.find(MARK)?.checked_add(MARK.len())?.checked_sub(1)?;
    let mut values = serde_json::Deserializer::from_str(text.get(start..)?).into_iter::<Value>();
    match values.next()?.ok()? {
        Value::Object(members) if members.contains_key("verdict") => Some(Line { members }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_found_in_every_log() {
        let decision = r#"{"verdict":"deny","status":7,"method":"/a.B/C","more":2,"namespaces":["x",7]}"#;
        let inside = serde_json::json!({"level": "warning", "msg": format!("wasm log: temporal-auth {decision} x")});
        for line in [
            decision.to_owned(),
            format!("[2026-12-01][warning][wasm] wasm log temporal_auth: temporal-auth {decision}"),
            format!("temporal-auth {decision} thread=12"),
            inside.to_string(),
        ] {
            let line = Line::read(&line).unwrap();
            assert_eq!((line.status(), line.count(), line.text("method")), (Some(7), 3, Some("/a.B/C")));
            assert_eq!(line.namespaces(), ["x"]);
        }
        for other in ["", "x", "{}", "temporal-auth {", "temporal-auth: fetching", "temporal-auth {\"a\":1}", "[1]"] {
            assert!(Line::read(other).is_none(), "{other}");
        }
    }
}
