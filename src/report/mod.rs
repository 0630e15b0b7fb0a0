//! What operators see of one call: a line in the log and the state for the access log.

mod rejection;

use std::rc::Rc;

use serde_json::{Value, json};

use crate::policy::Principal;
pub use rejection::{HttpSurface, Rejection};

/// One decision, for the log and the access log.
#[derive(Debug)]
pub struct Decision {
    /// Whether the call went on.
    pub allow: bool,
    /// The gRPC status of the answer; 0 if policy allows the call.
    pub status: u32,
    /// The part of the path that answers show.
    pub method: String,
    /// How a call over HTTP was made: the verb and the path. `None` for gRPC.
    pub http: Option<String>,
    /// The namespaces that the request names, its own first.
    pub namespaces: Vec<String>,
    /// The namespace that the caller's SDK says it calls, if the call was rejected before its request was read.
    pub namespace_header: Option<String>,
    /// The caller, once the token is verified.
    pub principal: Option<Rc<Principal>>,
    /// The rule that decided, if policy did.
    pub rule: Option<String>,
    /// Why the call was rejected. `None` if policy allows it.
    pub rejection: Option<Rejection>,
    /// What the rules in shadow would have changed, or that the call goes on only because of `mode: shadow`.
    pub shadow: Option<String>,
}

impl Decision {
    /// The line for the log, as JSON. It contains no control characters, whatever the token or the request says.
    #[must_use]
    pub fn line(&self) -> String {
        let principal = self.principal.as_deref();
        let mut line = json!({
            "verdict": self.verdict(),
            "status": self.status,
            "method": self.method,
            "namespaces": self.namespaces,
            "issuer": principal.and_then(|principal| principal.issuer.as_deref()),
            "subject": principal.map(|principal| principal.subject.as_str()),
            "kind": principal.and_then(|principal| principal.kind).map(crate::identity::Kind::name),
            "rule": self.rule,
            "reason": self.reason(),
            "shadow": self.shadow,
        });
        let doubt = principal.and_then(|known| known.doubt.as_ref()).map(ToString::to_string);
        add(&mut line, "http", self.http.as_deref());
        add(&mut line, "azp", principal.and_then(|known| known.azp.as_deref()));
        add(&mut line, "doubt", doubt.as_deref());
        add(&mut line, "namespace_header", self.namespace_header.as_deref());
        plain(&line)
    }

    /// The state for the access log, as JSON.
    #[must_use]
    pub fn state(&self) -> String {
        let mut state = json!({
            "verdict": self.verdict(),
            "subject": self.principal.as_deref().map(|principal| principal.subject.as_str()),
            "namespace": self.namespaces.first(),
            "rule": self.rule,
        });
        add(&mut state, "azp", self.principal.as_deref().and_then(|principal| principal.azp.as_deref()));
        add(&mut state, "shadow", self.shadow.as_deref());
        plain(&state)
    }

    /// Why the call was rejected, as text. Empty if policy allows it.
    #[must_use]
    pub fn reason(&self) -> String {
        self.rejection.as_ref().map(Rejection::to_string).unwrap_or_default()
    }

    fn verdict(&self) -> &'static str {
        if self.allow { "allow" } else { "deny" }
    }
}

/// Adds a member that is only there if it has a value.
fn add(object: &mut Value, name: &str, value: Option<&str>) {
    if let (Some(value), Some(members)) = (value, object.as_object_mut()) {
        members.insert(name.to_owned(), value.into());
    }
}

/// JSON with every character escaped that a terminal or a log reader could misinterpret.
fn plain(value: &Value) -> String {
    let mut line = String::new();
    for char in value.to_string().chars() {
        if char.is_control()
            || matches!(char, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
        {
            line.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            line.push(char);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::limits::LimitMiss;
    use crate::policy::{DenyReason, LimitedGrant, NeededGrant, NotCovered};
    use crate::temporal::EffectSet;

    #[test]
    fn a_decision_is_one_line_whatever_it_contains() {
        let reason = NotCovered {
            effects: EffectSet::START,
            needed: NeededGrant::SomeNamespace,
            limited: Some(LimitedGrant { grant: "\r\n".into(), miss: LimitMiss::RequestNotRead }),
            expired: None,
        };
        let decision = Decision {
            allow: false,
            status: 7,
            method: "/x\n{\"verdict\":\"allow\"}".into(),
            http: None,
            namespaces: vec!["a\u{7f}\u{85}\u{2028}\u{202e}b\u{1b}[31m".into()],
            namespace_header: Some("\r\n\u{9b}".into()),
            principal: None,
            rule: None,
            rejection: Some(Rejection::Denied(DenyReason::NotCovered(Box::new(reason)))),
            shadow: None,
        };
        let line = decision.line();
        assert!(line.chars().all(|char| !char.is_control() && !('\u{2028}'..='\u{202e}').contains(&char)), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (read["verdict"].as_str(), read["namespaces"][0].as_str()),
            (Some("deny"), Some(decision.namespaces[0].as_str()))
        );
    }
}
