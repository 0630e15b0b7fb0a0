//! What operators see of one call: a line in the log and the state for the access log.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::policy::Principal;

/// One decision, for the log and the access log.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Whether the call went on.
    pub allow: bool,
    /// The gRPC status of the answer; 0 when allowed.
    pub status: u32,
    /// The path called, at most the part that answers show.
    pub method: String,
    /// The namespaces that the request names, its own first.
    pub namespaces: Vec<String>,
    /// The caller, once their token is verified.
    pub principal: Option<Rc<Principal>>,
    /// The rule that decided, where policy did.
    pub rule: Option<String>,
    /// Why, when denied.
    pub reason: String,
    /// What rules in shadow, or all rules in `mode: shadow`, would have made of it.
    pub shadow: Option<String>,
}

impl Decision {
    /// The line for the log: JSON, without control characters whatever the token or the request says.
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
            "reason": self.reason,
            "shadow": self.shadow,
        });
        if let (Some(doubt), Some(members)) = (principal.and_then(|known| known.doubt.as_ref()), line.as_object_mut()) {
            members.insert("doubt".to_owned(), doubt.to_string().into());
        }
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
        if let (Some(shadow), Some(members)) = (&self.shadow, state.as_object_mut()) {
            members.insert("shadow".to_owned(), shadow.as_str().into());
        }
        plain(&state)
    }

    fn verdict(&self) -> &'static str {
        if self.allow { "allow" } else { "deny" }
    }
}

/// JSON in which every character that a terminal or a log reader could take for something else is escaped.
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

    #[test]
    fn a_line_is_one_line_whatever_it_says() {
        let decision = Decision {
            allow: false,
            status: 7,
            method: "/x\n{\"verdict\":\"allow\"}".into(),
            namespaces: vec!["a\u{7f}\u{85}\u{2028}\u{202e}b\u{1b}[31m".into()],
            principal: None,
            rule: None,
            reason: "\r\n".into(),
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
