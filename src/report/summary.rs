//! Sums up refusals of callers without a good token, and of callers who take too much: they could otherwise fill the log.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{Decision, Rejection, clip, plain, verdict};
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
    /// How many were logged one by one, of unknown callers and of known callers.
    lines: [u32; 2],
    /// How many others there were.
    more: BTreeMap<Refusals, u64>,
    /// How many others there were beyond these, by whether the call went on.
    other_reasons: [u64; 2],
}

/// Refusals that a line sums up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Refusals {
    /// Whether the calls went on all the same: in `mode: shadow`.
    allow: bool,
    status: u32,
    reason: String,
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
        let Decision { allow, status, .. } = *decision;
        let refusals = Refusals { allow, status, reason: clip(&decision.reason(), MAX_REASON) };
        let is_full = self.more.len() >= MAX_REASONS && !self.more.contains_key(&refusals);
        let [denied, spared] = &mut self.other_reasons;
        let count = match (is_full, allow) {
            (false, _) => self.more.entry(refusals).or_default(),
            (true, false) => denied,
            (true, true) => spared,
        };
        *count = count.saturating_add(1);
        false
    }

    /// A line for each reason with the number of refusals that were not logged, once their period is over.
    pub fn take(&mut self, now: Timestamp) -> Vec<String> {
        if self.more.is_empty() || !self.is_over(now) {
            return Vec::new();
        }
        (self.since, self.lines) = (now, [0; 2]);
        let mut lines = Vec::new();
        let mut add = |allow, status: Option<u32>, reason: &str, more| {
            let line = json!({"verdict": verdict(allow), "status": status, "reason": reason, "more": more});
            lines.push(plain(&line.to_string()));
        };
        for (Refusals { allow, status, reason }, more) in std::mem::take(&mut self.more) {
            add(allow, Some(status), &reason, more);
        }
        for (allow, more) in [false, true].into_iter().zip(std::mem::take(&mut self.other_reasons)) {
            if more > 0 {
                add(allow, None, "other reasons", more);
            }
        }
        lines
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
            record: None,
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
        assert_eq!(lines.last().unwrap(), r#"{"more":9934,"reason":"other reasons","status":null,"verdict":"deny"}"#);
        assert!(lines.iter().all(|line| line.len() < 300));
    }

    #[test]
    fn only_floods_of_known_callers_are_summed_up() {
        let mut summary = RefusalSummary::default();
        let allowed = Decision { allow: true, rejection: None, ..refusal(Rejection::HostCallFailed) };
        assert!((0..1000).all(|_| summary.admits(&allowed, || NOW)));
        let known = |rejection| Decision { principal: Some(super::super::tests::principal("a")), ..refusal(rejection) };
        let denied = known(Rejection::UnknownRoute);
        assert!((0..1000).all(|_| summary.admits(&denied, || NOW)));
        let greedy = known(Rejection::NoRoomForBody);
        assert_eq!((0..1000).filter(|_| summary.admits(&greedy, || NOW)).count(), 50);
    }

    #[test]
    fn calls_that_go_on_in_shadow_are_told_from_denied_ones() {
        let mut summary = RefusalSummary::default();
        let spared = Decision { allow: true, ..refusal(Rejection::NoToken { elsewhere: None }) };
        for _ in 0..60 {
            summary.admits(&spared, || NOW);
        }
        let lines = summary.take(NOW.saturating_add(PERIOD));
        assert_eq!(lines, [r#"{"more":10,"reason":"no token","status":16,"verdict":"allow"}"#]);
    }
}
