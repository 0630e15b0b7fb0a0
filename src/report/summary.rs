//! Sums up refusals of callers without a good token, and of callers who take too much: they could otherwise fill the log.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{Decision, Rejection, clip, plain};
use crate::time::Timestamp;

/// How many refusals are logged one by one in each period.
const MAX_LINES: u32 = 50;
const PERIOD: Duration = Duration::from_secs(1);
/// How many different reasons are told apart in each period.
const MAX_REASONS: usize = 16;
/// How many bytes of a reason are kept.
const MAX_REASON: usize = 200;

/// The refusals of a period that were not logged one by one.
#[derive(Debug, Default)]
pub struct RefusalSummary {
    since: Timestamp,
    /// How many were logged one by one: of unknown callers, and of known ones.
    lines: [u32; 2],
    /// How many others there were, by status and reason.
    more: BTreeMap<(u32, String), u64>,
}

impl RefusalSummary {
    /// Whether this decision is to be logged by itself. Otherwise it is counted.
    pub fn admits(&mut self, decision: &Decision, clock: impl Fn() -> Timestamp) -> bool {
        let takes_too_much = decision.rejection.as_ref().is_some_and(Rejection::protects_others);
        let is_known = decision.principal.is_some();
        if decision.rejection.is_none() || (is_known && !takes_too_much) {
            return true;
        }
        let now = clock();
        if self.more.is_empty() && self.is_over(now) {
            (self.since, self.lines) = (now, [0; 2]);
        }
        let [unknown, known] = &mut self.lines;
        let lines = if is_known { known } else { unknown };
        if *lines < MAX_LINES {
            *lines = lines.saturating_add(1);
            return true;
        }
        let mut key = (decision.status, clip(&decision.reason(), MAX_REASON));
        if self.more.len() >= MAX_REASONS && !self.more.contains_key(&key) {
            key = (0, "other reasons".to_owned());
        }
        let count = self.more.entry(key).or_default();
        *count = count.saturating_add(1);
        false
    }

    /// A line for each reason with the number of refusals that were not logged, once their period is over.
    pub fn take(&mut self, now: Timestamp) -> Vec<String> {
        if self.more.is_empty() || !self.is_over(now) {
            return Vec::new();
        }
        (self.since, self.lines) = (now, [0; 2]);
        let line = |((status, reason), more): ((u32, String), u64)| {
            plain(&json!({"verdict": "deny", "status": status, "reason": reason, "more": more}))
        };
        std::mem::take(&mut self.more).into_iter().map(line).collect()
    }

    fn is_over(&self, now: Timestamp) -> bool {
        // A clock that was set back must not make a period longer.
        now < self.since || now.saturating_since(self.since) >= PERIOD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn refusal(rejection: Rejection) -> Decision {
        Decision {
            allow: false,
            status: 16,
            method: "/x".into(),
            http: None,
            namespaces: vec![],
            namespace_header: None,
            principal: None,
            rule: None,
            rejection: Some(rejection),
            shadow: None,
        }
    }

    #[test]
    fn refusals_beyond_the_rate_are_counted_by_reason() {
        let mut summary = RefusalSummary::default();
        let no_token = refusal(Rejection::NoToken { elsewhere: None });
        let admitted = (0..1000).filter(|_| summary.admits(&no_token, || NOW)).count();
        assert_eq!(admitted, 50);
        assert!(!summary.admits(&refusal(Rejection::TooManyTokens), || NOW));
        assert_eq!(summary.take(NOW), [""; 0], "the period is not over");
        let later = NOW.saturating_add(PERIOD);
        assert_eq!(
            summary.take(later),
            [
                r#"{"more":950,"reason":"no token","status":16,"verdict":"deny"}"#,
                r#"{"more":1,"reason":"too many tokens to verify","status":16,"verdict":"deny"}"#
            ]
        );
        assert!(summary.admits(&no_token, || later) && summary.take(later.saturating_add(PERIOD)).is_empty());
    }

    #[test]
    fn reasons_that_callers_make_up_are_bounded() {
        let mut summary = RefusalSummary::default();
        for index in 0..10_000 {
            let unknown = format!("/{index}");
            let rejection = Rejection::Token(crate::token::TokenRefusal::unknown_issuer(&unknown, None));
            summary.admits(&refusal(rejection), || NOW);
        }
        let lines = summary.take(NOW.saturating_add(PERIOD));
        assert_eq!(lines.len(), 17);
        assert!(lines.first().is_some_and(|line| line.contains("other reasons") && line.contains("9934")), "{lines:?}");
        assert!(lines.iter().all(|line| line.len() < 300));
    }

    #[test]
    fn decisions_about_known_callers_are_always_logged() {
        let mut summary = RefusalSummary::default();
        let allowed = Decision { allow: true, rejection: None, ..refusal(Rejection::HostCallFailed) };
        assert!((0..1000).all(|_| summary.admits(&allowed, || NOW)));
    }
}
