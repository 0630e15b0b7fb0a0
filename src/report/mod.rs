//! What operators see: one line per decision, counters, and the state for the access log.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::answer::Reason;
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

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Calls that went on.
    Allowed,
    /// Calls that did not.
    Denied(Reason),
    /// Calls that went on although a rule in shadow, or any rule in `mode: shadow`, would have denied them.
    ShadowDenied(Reason),
    /// Denied calls that a grant in shadow would have allowed.
    ShadowAllowed,
    /// Fetches that brought keys.
    FetchOk,
    /// Fetches that did not.
    FetchFailed,
    /// Tokens that were in the cache.
    CacheHit,
    /// Tokens that were not, good or bad.
    CacheMiss,
    /// Tokens that were not looked at, as too many had to be verified.
    OverBudget,
    /// Fields and values in requests of callers with a good token that the method table does not know.
    UnknownFields,
}

/// Gauge: how many algorithms' signatures the host verifies.
pub const NATIVE_ALGORITHMS: &str = "temporal_auth.native_algorithms";
/// Gauge: how many requests wait for a key.
pub const WAITING: &str = "temporal_auth.waiting";

impl Count {
    /// Everything that is counted, in the order of [`Counters::take`].
    pub const ALL: [Self; 20] = [
        Self::Allowed,
        Self::Denied(Reason::Unauthenticated),
        Self::Denied(Reason::Permission),
        Self::Denied(Reason::Unavailable),
        Self::Denied(Reason::Encoding),
        Self::Denied(Reason::Malformed),
        Self::Denied(Reason::TooLarge),
        Self::Denied(Reason::UnknownMethod),
        Self::Denied(Reason::Closed),
        Self::ShadowDenied(Reason::Unauthenticated),
        Self::ShadowDenied(Reason::Permission),
        Self::ShadowDenied(Reason::Unavailable),
        Self::ShadowDenied(Reason::Closed),
        Self::ShadowAllowed,
        Self::FetchOk,
        Self::FetchFailed,
        Self::CacheHit,
        Self::CacheMiss,
        Self::OverBudget,
        Self::UnknownFields,
    ];

    /// The name of the metric.
    #[must_use]
    pub fn name(self) -> String {
        let name = match self {
            Self::Allowed => "allowed",
            Self::Denied(reason) => return format!("temporal_auth.denied.{}", reason.name()),
            Self::ShadowDenied(reason) => return format!("temporal_auth.shadow.denied.{}", reason.name()),
            Self::ShadowAllowed => "shadow.allowed",
            Self::FetchOk => "keys.fetch_ok",
            Self::FetchFailed => "keys.fetch_failed",
            Self::CacheHit => "tokens.cache_hit",
            Self::CacheMiss => "tokens.cache_miss",
            Self::OverBudget => "tokens.over_budget",
            Self::UnknownFields => "unknown_fields",
        };
        format!("temporal_auth.{name}")
    }
}

/// Counts since they were last taken: reporting each at once would cost a call into the host.
#[derive(Debug, Default)]
pub struct Counters([u64; Count::ALL.len()]);

impl Counters {
    /// Counts one.
    pub fn add(&mut self, count: Count) {
        self.add_many(count, 1);
    }

    /// Counts so many at once.
    pub fn add_many(&mut self, count: Count, many: u64) {
        if let Some(place) = Count::ALL.iter().position(|known| *known == count)
            && let Some(value) = self.0.get_mut(place)
        {
            *value = value.saturating_add(many);
        }
    }

    /// What was counted, in the order of [`Count::ALL`]; counting begins anew.
    pub fn take(&mut self) -> [u64; Count::ALL.len()] {
        std::mem::take(&mut self.0)
    }
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

    #[test]
    fn counters_are_taken_once() {
        let mut counters = Counters::default();
        for count in Count::ALL {
            counters.add(count);
        }
        counters.add_many(Count::UnknownFields, 2);
        assert_eq!(counters.take(), [[1; 19].as_slice(), &[3]].concat()[..]);
        assert_eq!(counters.take(), [0; 20]);
    }
}
