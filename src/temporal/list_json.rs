//! Lists as the HTTP API answers them, and what is left of them for callers who may see only some.

use std::borrow::Cow;

use super::list::{ListMethod, ListView, ReducedList};
use crate::wire::json::{Cursor, Next, NotJson, Scalar};

/// An entry of a list.
enum Entry<'a> {
    InNamespace(Cow<'a, str>),
    /// A Nexus endpoint with an external URL.
    External,
}

impl ListView {
    /// Keeps the entries of namespaces that `may_see` accepts, and the token of the next page, as [`ListView::reduce`] does it.
    /// Entries are kept as they are written.
    ///
    /// # Errors
    /// The text is not the object that the HTTP API answers.
    pub fn reduce_json(self, text: &str, may_see: impl Fn(&str) -> bool) -> Result<ReducedList, NotJson> {
        // Source: ListNamespacesResponse, ListNexusEndpointsResponse.
        let list = match self.list {
            ListMethod::Namespaces => "namespaces",
            ListMethod::NexusEndpoints => "endpoints",
        };
        let (mut kept, mut token) = (Vec::new(), None);
        let mut entries = 0usize;
        let mut json = Cursor::new(text)?;
        if json.read()? != Next::Object {
            return Err(NotJson);
        }
        while let Some(key) = json.next_key()? {
            if key == "nextPageToken" {
                token = Some(json.raw());
            } else if key == list && json.read()? == Next::List {
                while json.next_element() {
                    let entry = json.raw();
                    entries = entries.saturating_add(1);
                    let is_kept = match self.list.entry_json(Cursor::within(entry)) {
                        Ok(Some(Entry::InNamespace(namespace))) => may_see(&namespace),
                        Ok(Some(Entry::External)) => self.with_external,
                        Ok(None) | Err(NotJson) => false,
                    };
                    if is_kept {
                        kept.push(entry);
                    }
                }
            } else if key == list {
                return Err(NotJson);
            } else {
                json.skip();
            }
        }
        let mut message = format!("{{\"{list}\":[{}]", kept.join(","));
        if let Some(token) = token {
            message.push_str(&format!(",\"nextPageToken\":{token}"));
        }
        message.push_str("}\n");
        Ok(ReducedList { message: message.into_bytes(), entries, removed: entries.saturating_sub(kept.len()) })
    }
}

impl ListMethod {
    /// `None` if the entry has no namespace, or could be read in two ways.
    fn entry_json(self, json: Cursor<'_>) -> Result<Option<Entry<'_>>, NotJson> {
        let path: &[&str] = match self {
            Self::Namespaces => &["namespaceInfo", "name"],
            Self::NexusEndpoints => &["spec", "target", "worker", "namespace"],
        };
        if let Some(mut found) = only(json, path)?
            && let Next::Scalar(Scalar::String(namespace)) = found.read()?
        {
            let is_ambiguous = self == Self::NexusEndpoints && only(json, &["spec", "target", "external"])?.is_some();
            return Ok((!is_ambiguous).then_some(Entry::InNamespace(namespace)));
        }
        let is_external = self == Self::NexusEndpoints
            && only(json, &["spec", "target", "external"])?.is_some()
            && only(json, &["spec", "target", "worker"])?.is_none();
        Ok(is_external.then_some(Entry::External))
    }
}

/// The value at this path of keys. `None` if a key is missing or occurs twice.
fn only<'a>(mut json: Cursor<'a>, path: &[&str]) -> Result<Option<Cursor<'a>>, NotJson> {
    let Some((first, rest)) = path.split_first() else { return Ok(Some(json)) };
    if json.read()? != Next::Object {
        return Ok(None);
    }
    let mut found = None;
    while let Some(key) = json.next_key()? {
        if key == *first && found.replace(json).is_some() {
            return Ok(None);
        }
        json.skip();
    }
    found.map_or(Ok(None), |value| only(value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduce(list: ListMethod, with_external: bool, text: &str) -> Result<(String, usize, usize), NotJson> {
        let view = ListView { list, with_external };
        let ReducedList { message, entries, removed } = view.reduce_json(text, |namespace| namespace == "payroll")?;
        Ok((String::from_utf8(message).unwrap(), entries, removed))
    }

    #[test]
    fn only_namespaces_that_the_caller_may_see_are_left() {
        let text = r#"{"namespaces":[{"namespaceInfo":{"name":"payroll", "id":"1"}},{"namespaceInfo":{"name":"secret"}},
            {"namespaceInfo":{"name":"payroll","name":"secret"}},{"namespaceInfo":{}},{},7],"nextPageToken":"AA==","future":["secret"]}"#;
        let left = r#"{"namespaces":[{"namespaceInfo":{"name":"payroll", "id":"1"}}],"nextPageToken":"AA=="}"#;
        assert_eq!(reduce(ListMethod::Namespaces, false, text), Ok((format!("{left}\n"), 6, 5)));
        assert_eq!(reduce(ListMethod::Namespaces, false, "{}"), Ok(("{\"namespaces\":[]}\n".into(), 0, 0)));
    }

    #[test]
    fn endpoints_are_left_if_their_worker_is_in_such_a_namespace() {
        let worker = |namespace: &str| format!(r#"{{"spec":{{"target":{{"worker":{{"namespace":"{namespace}"}}}}}}}}"#);
        let external = r#"{"spec":{"target":{"external":{"url":"https://x"}}}}"#;
        let both = r#"{"spec":{"target":{"worker":{"namespace":"payroll"},"external":{"url":"https://x"}}}}"#;
        let (mine, other) = (worker("payroll"), worker("secret"));
        let text = format!(r#"{{"endpoints":[{mine},{other},{external},{both}]}}"#);
        let seen = |with_external| reduce(ListMethod::NexusEndpoints, with_external, &text).unwrap();
        assert_eq!(seen(false), (format!("{{\"endpoints\":[{mine}]}}\n"), 4, 3));
        assert_eq!(seen(true), (format!("{{\"endpoints\":[{mine},{external}]}}\n"), 4, 2));
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in ["", "[]", "{} {}", r#"{"namespaces":{}}"#, r#"{"namespaces":null}"#, "{\"namespaces\":["] {
            assert_eq!(reduce(ListMethod::Namespaces, false, text), Err(NotJson), "{text}");
        }
    }
}
