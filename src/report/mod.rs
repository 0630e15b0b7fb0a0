//! What operators see of one call: a line in the log and the state for the access log.

mod notice;
mod rejection;
pub mod replay;
mod summary;

use std::rc::Rc;

use serde_json::{Value, json};

use crate::policy::{Principal, Rule, ShadowOutcome};
pub use notice::{Notice, WithholdReason};
pub use rejection::{HttpSurface, Rejection};
pub use summary::RefusalSummary;

/// How long a line may be, in bytes. A name from a token or a request may have a thousand bytes, and six thousand once escaped.
const MAX_LINE: usize = 2048;
/// How many namespaces a line shows if it would be too long otherwise.
const MAX_NAMESPACES: usize = 3;
/// The member that has what the decision was made from.
const RECORD: &str = "replay";

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
    pub rule: Option<Rule>,
    /// Why the call was rejected. `None` if policy allows it.
    pub rejection: Option<Rejection>,
    /// What the rules in shadow would have changed.
    pub shadow: Option<ShadowOutcome>,
    /// What the decision was made from, as JSON, if the configuration asks for it.
    pub record: Option<String>,
}

impl Decision {
    /// The line for the log, as JSON, of at most [`MAX_LINE`] bytes. It contains no control characters, whatever the token or the
    /// request says.
    #[must_use]
    pub fn line(&self) -> String {
        let Some(record) = &self.record else { return bounded(|clip| self.line_with(clip)) };
        let whole = with_record(plain(&self.line_with(whole_text).to_string()), &plain(record));
        if whole.len() <= MAX_LINE {
            return whole;
        }
        // A part of the record would be worth nothing.
        bounded(|clip| {
            let mut line = self.line_with(clip);
            add(&mut line, RECORD, Some("too long".to_owned()));
            line
        })
    }

    /// The state for the access log, as JSON, of at most [`MAX_LINE`] bytes.
    #[must_use]
    pub fn state(&self) -> String {
        bounded(|clip| self.state_with(clip))
    }

    /// The line, with each text clipped to its share.
    fn line_with(&self, clip: Clip) -> Value {
        let principal = self.principal.as_deref();
        let mut line = json!({
            "verdict": verdict(self.allow),
            "status": self.status,
            "method": clip(&self.method, 200),
            "namespaces": self.namespaces_with(clip),
            "issuer": principal.and_then(|principal| principal.issuer.as_deref()).map(|name| clip(name, 64)),
            "subject": principal.map(|principal| clip(&principal.subject, 200)),
            "kind": principal.and_then(|principal| principal.kind).map(crate::identity::Kind::name),
            "rule": self.rule.as_ref().map(|rule| clip(rule.name(), 100)),
            "reason": clip(&self.reason(), 300),
            "shadow": self.shadow().map(|shadow| clip(&shadow, 100)),
        });
        let doubt = principal.and_then(|known| known.doubt.as_ref()).map(ToString::to_string);
        let azp = principal.and_then(|known| known.azp.as_deref());
        add(&mut line, "http", self.http.as_deref().map(|http| clip(http, 200)));
        add(&mut line, "azp", azp.map(|azp| clip(azp, 80)));
        add(&mut line, "doubt", doubt.map(|doubt| clip(&doubt, 120)));
        add(&mut line, "namespace_header", self.namespace_header.as_deref().map(|name| clip(name, 100)));
        line
    }

    fn state_with(&self, clip: Clip) -> Value {
        let principal = self.principal.as_deref();
        let mut state = json!({
            "verdict": verdict(self.allow),
            "subject": principal.map(|principal| clip(&principal.subject, 400)),
            "namespace": self.namespaces.first().map(|namespace| clip(namespace, 400)),
            "rule": self.rule.as_ref().map(|rule| clip(rule.name(), 400)),
        });
        add(&mut state, "azp", principal.and_then(|principal| principal.azp.as_deref()).map(|azp| clip(azp, 200)));
        add(&mut state, "shadow", self.shadow().map(|shadow| clip(&shadow, 200)));
        state
    }

    /// The first namespaces, and how many more there are.
    fn namespaces_with(&self, clip: Clip) -> Vec<String> {
        let mut shown: Vec<_> = self.namespaces.iter().map(|namespace| clip(namespace, 110)).collect();
        let more = shown.len().saturating_sub(MAX_NAMESPACES);
        if more > 0 {
            shown.truncate(MAX_NAMESPACES);
            shown.push(format!("… and {more} more"));
        }
        shown
    }

    /// Why the call was rejected, as text. Empty if policy allows it.
    #[must_use]
    pub fn reason(&self) -> String {
        self.rejection.as_ref().map(Rejection::to_string).unwrap_or_default()
    }

    /// What `shadow` says: what the rules in shadow would have changed, or that the call goes on only because of `mode: shadow`.
    #[must_use]
    pub fn shadow(&self) -> Option<String> {
        let is_spared = self.allow && self.rejection.is_some();
        let outcome = self.shadow.as_ref().map(ToString::to_string);
        outcome.or_else(|| is_spared.then(|| "mode: shadow lets it go on".to_owned()))
    }

    /// Whether it is logged even if allowed calls are not.
    #[must_use]
    pub fn is_notable(&self) -> bool {
        self.rejection.is_some() || self.shadow.is_some()
    }
}

/// What `verdict` says about a call that went on, or did not.
fn verdict(allow: bool) -> &'static str {
    if allow { "allow" } else { "deny" }
}

/// Clips a text to this many bytes of JSON.
type Clip = fn(&str, usize) -> String;

/// The JSON, with clipped texts if it would be too long otherwise.
fn bounded(json: impl Fn(Clip) -> Value) -> String {
    let whole = plain(&json(whole_text).to_string());
    if whole.len() <= MAX_LINE { whole } else { plain(&json(clip).to_string()) }
}

/// The line, an object, with what the decision was made from.
fn with_record(mut line: String, record: &str) -> String {
    if line.pop().is_some() {
        line.push_str(&format!(",\"{RECORD}\":{record}}}"));
    }
    line
}

/// A text as it is.
fn whole_text(text: &str, _: usize) -> String {
    text.to_owned()
}

/// The start of a text that takes at most `max` bytes of JSON, with an ellipsis if it is not all of it.
fn clip(text: &str, max: usize) -> String {
    let mut size = 0usize;
    let mut clipped = String::new();
    for char in text.chars() {
        size = size.saturating_add(match char {
            '"' | '\\' => 2,
            char if is_escaped(char) => 6,
            char => char.len_utf8(),
        });
        if size > max {
            clipped.push('…');
            break;
        }
        clipped.push(char);
    }
    clipped
}

/// Adds a member that is only there if it has a value.
fn add(object: &mut Value, name: &str, value: Option<String>) {
    if let (Some(value), Some(members)) = (value, object.as_object_mut()) {
        members.insert(name.to_owned(), value.into());
    }
}

/// JSON with every character escaped that a terminal or a log reader could misinterpret.
fn plain(json: &str) -> String {
    let mut line = String::new();
    for char in json.chars() {
        if is_escaped(char) {
            line.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            line.push(char);
        }
    }
    line
}

fn is_escaped(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::limits::LimitMiss;
    use crate::policy::{DenyReason, LimitedGrant, NeededGrant, NotCovered};
    use crate::temporal::EffectSet;

    /// A principal whose issuer and subject have this name.
    pub(super) fn principal(name: &str) -> Rc<Principal> {
        Rc::new(crate::policy::Policy::default().principal(crate::identity::Identity {
            issuer: Some(name.into()),
            subject: name.to_owned(),
            kind: None,
            doubt: None,
            claims: serde_json::Map::new(),
            claim_rules: Rc::default(),
            peer: None,
        }))
    }

    #[test]
    fn a_line_is_bounded_whatever_it_contains() {
        for text in ["x", "\"", "\u{1}", "\u{202e}", "é", "\u{1f600}"] {
            let long = text.repeat(1000);
            let decision = Decision {
                allow: false,
                status: 7,
                method: long.clone(),
                http: Some(long.clone()),
                namespaces: vec![long.clone(); 17],
                namespace_header: Some(long.clone()),
                principal: Some(principal(&long)),
                rule: Some(Rule::Grant(long.as_str().into())),
                rejection: Some(Rejection::UnsupportedEncoding(long.as_bytes().into())),
                shadow: Some(ShadowOutcome::Denied(long.into())),
                record: None,
            };
            for written in [decision.line(), decision.state()] {
                assert!(written.len() <= MAX_LINE, "{} bytes: {written}", written.len());
                let read: Value = serde_json::from_str(&written).unwrap();
                assert!(read["subject"].as_str().unwrap().ends_with('…'), "{written}");
            }
            let read: Value = serde_json::from_str(&decision.line()).unwrap();
            assert_eq!(
                (read["namespaces"].as_array().unwrap().len(), &read["namespaces"][3]),
                (4, &"… and 14 more".into())
            );
        }
    }

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
            record: None,
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
