//! Gives the result of a step its effect: counts, the decision to report, `mode: shadow`, the answer.

use super::rejection::{Evidence, Rejected};
use super::{Action, Allowed, FilterState, Progress, RequestFilter, RestOfBody, Stage, StepResult};
use crate::answer::{Answer, shown};
use crate::counters::Counter;
use crate::policy::{Permit, Principal, Rule, ShadowOutcome};
use crate::report::replay::record;
use crate::report::{Decision, Rejection};
use crate::temporal::Target;

/// Permission for a call to go on. Only this file can make a passage: from the policy's permit, or in `mode: shadow`.
#[derive(Debug)]
pub(super) struct Passage {
    rest: RestOfBody,
}

impl Passage {
    fn by(_: &Permit, rest: RestOfBody) -> Self {
        Self { rest }
    }

    fn in_shadow(rest: RestOfBody) -> Self {
        Self { rest }
    }

    pub(super) fn rest(&self) -> RestOfBody {
        self.rest
    }
}

impl RequestFilter {
    pub(super) fn conclude(&mut self, state: &mut FilterState, outcome: StepResult) -> Action {
        match outcome {
            Ok(Progress::Continue) => Action::Forward,
            Ok(Progress::Hold) => Action::Hold,
            Ok(Progress::NotOurs) => {
                self.stage = Stage::NotOurs;
                Action::Forward
            }
            Ok(Progress::Read(mut pending)) => {
                self.answer = pending.answer.take();
                self.stage = Stage::Reading(pending);
                Action::Forward
            }
            Ok(Progress::AwaitKey(waiting)) => {
                self.stage = Stage::AwaitingKey(waiting);
                Action::Wait
            }
            Ok(Progress::Allowed(allowed)) => self.allow(state, allowed),
            Err(rejected) => self.reject(state, *rejected),
        }
    }

    fn allow(&mut self, state: &mut FilterState, Allowed { permit, rest, evidence, answer }: Allowed) -> Action {
        // Part of the answer may have come already.
        if self.answer.is_none() {
            self.answer = answer;
        }
        self.stage = Stage::Passing(Passage::by(&permit, rest));
        state.counters.add(Counter::Allowed, 1);
        count_evidence(state, &evidence);
        if state.config.log_allowed || state.config.access_log_state || evidence.shadow.is_some() {
            self.decision = Some(self.decision(state, true, 0, Some(permit.rule().clone()), None, evidence));
        }
        self.pass()
    }

    /// Lets the call go on, with the body that was held.
    fn pass(&mut self) -> Action {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() { Action::Forward } else { Action::Release(held) }
    }

    fn reject(&mut self, state: &mut FilterState, Rejected { rejection, rest, evidence }: Rejected) -> Action {
        let reply = rejection.reply(state.config.explain_to_client).in_form(self.form);
        let answer = reply.answer();
        count_evidence(state, &evidence);
        let goes_on = state.config.shadow && rejection.may_be_forwarded() && answer.row().forwarded_in_shadow;
        let rule = rejection.rule();
        let status = answer.row().code.number();
        let decision = self.decision(state, goes_on, status, rule, Some(rejection), evidence);
        if goes_on {
            self.stage = Stage::Passing(Passage::in_shadow(rest));
            state.counters.add(Counter::Allowed, 1);
            state.counters.shadow_denied(answer);
        } else {
            self.stage = Stage::Answered;
            state.counters.denied(answer);
        }
        self.decision = Some(decision);
        if goes_on {
            return self.pass();
        }
        self.held = Vec::new();
        Action::Answer(reply)
    }

    fn decision(
        &self,
        state: &FilterState,
        allow: bool,
        status: u32,
        rule: Option<Rule>,
        rejection: Option<Rejection>,
        Evidence { principal, target, shadow, namespace_header }: Evidence,
    ) -> Decision {
        let record = self.record(state, principal.as_deref(), target.as_ref(), rejection.as_ref());
        Decision {
            allow,
            status,
            method: shown(&self.path),
            http: self.http.as_deref().map(shown),
            namespaces: target.as_ref().map(namespaces).unwrap_or_default(),
            namespace_header,
            principal,
            rule,
            rejection,
            shadow,
            record,
        }
    }

    /// What the policy's decision was made from. `None` if the policy made none, or the log does not record it.
    fn record(
        &self,
        state: &FilterState,
        principal: Option<&Principal>,
        target: Option<&Target>,
        rejection: Option<&Rejection>,
    ) -> Option<String> {
        let inputs = state.config.policy.recorded.as_ref()?;
        let caller = principal?.inputs.as_deref()?;
        let by_policy = rejection.is_none_or(|rejection| rejection.rule().is_some());
        let was_read = !rejection.is_some_and(Rejection::is_before_reading);
        let target = target.filter(|_| by_policy)?;
        Some(record(inputs, caller, target, was_read, self.arrived))
    }
}

/// Counts what rules in shadow would have changed, and parts of the request that are newer than the method table.
fn count_evidence(state: &mut FilterState, evidence: &Evidence) {
    match evidence.shadow {
        Some(ShadowOutcome::Denied(_)) => state.counters.shadow_denied(Answer::Denied),
        Some(ShadowOutcome::Allowed(_)) => state.counters.add(Counter::ShadowAllowed, 1),
        None => {}
    }
    if let Some(target) = evidence.target.as_ref().filter(|target| target.newer.count > 0) {
        state.note_newer(target);
    }
}

fn namespaces(target: &Target) -> Vec<String> {
    let named = target.effects_by_namespace().map(|(namespace, _)| namespace);
    named.filter(|namespace| !namespace.is_empty()).map(str::to_owned).collect()
}
