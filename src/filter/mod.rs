//! How one call passes through the filter, from its headers to a verdict.
//!
//! Each step goes on or ends in a [`Rejection`], as early as possible: is the route ours, which method does the path name,
//! is it open to everybody, is the token good, could any grant cover the call, and what does the request say. Only
//! [`conclusion`] counts, logs, applies `mode: shadow` and answers a call. The server's answer, if it must be read, is the
//! matter of [`response`].

mod api;
mod called;
mod conclusion;
mod held;
mod input;
mod parked;
mod rejection;
mod request_headers;
mod response;
mod state;
mod steps;

use std::rc::Rc;

use crate::answer::{Form, Reply, Trailers};
use crate::authentication::AwaitedKey;
use crate::policy::{Permit, Principal};
use crate::report::{Decision, Rejection};
use crate::temporal::{MethodRef, RequestReader};
use crate::time::Timestamp;
use crate::wire::DecodeError;
use crate::wire::grpc::Encoding;
use crate::wire::headers::Headers;
use crate::wire::http::HttpFault;
use conclusion::Passage;
use input::{ApiInput, Input, PendingInput};
use parked::{Arrival, ParkedId};
use rejection::{Evidence, Rejected};
use response::AnswerReader;
pub use response::{ResponseAction, UnreadableAnswer};
pub use state::FilterState;

/// What the host does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Let everything that has arrived go on.
    Forward,
    /// Take what has arrived of the body out of the request, and let the rest go on.
    Hold,
    /// Let everything go on, with these bytes in place of what has arrived of the body.
    Release(Vec<u8>),
    /// Hold everything that has arrived, until [`RequestFilter::wake`] returns another action.
    Wait,
    /// Answer in the server's place.
    Answer(Reply),
}

/// The filter's state for one call.
#[derive(Debug)]
pub struct RequestFilter {
    arrived: Timestamp,
    /// The part of the path that is reported. Over HTTP, it is the path of the method that was called.
    path: Box<[u8]>,
    /// How a call over HTTP was made: the verb and the path.
    http: Option<Box<[u8]>>,
    /// How answers are written.
    form: Form,
    /// The body of a call over HTTP, until the verdict. While the request is parked, the parked request has it.
    held: Vec<u8>,
    stage: Stage,
    decision: Option<Decision>,
    /// `None` if the answer passes untouched.
    answer: Option<Box<AnswerReader>>,
}

#[derive(Debug)]
enum Stage {
    /// Nothing has arrived.
    New,
    /// The route leads to another cluster: its traffic is not touched.
    NotOurs,
    AwaitingKey(AwaitingKey),
    Reading(PendingRequest),
    /// A part of the body has arrived. The rest of the request's state is among the parked requests.
    Parked {
        id: ParkedId,
        principal: Rc<Principal>,
    },
    /// The call goes on.
    Passing(Passage),
    /// The call was answered.
    Answered,
}

/// A call whose token's key is being fetched.
#[derive(Debug)]
struct AwaitingKey {
    route: MatchedRoute,
    token: Vec<u8>,
    /// The header that carried the token.
    header: String,
    connection: u64,
    key: AwaitedKey,
}

impl AwaitingKey {
    /// Its size in memory, in bytes, roughly.
    fn size(&self) -> usize {
        let input = self.route.input.size().saturating_add(self.route.peer.as_ref().map_or(0, String::len));
        input.saturating_add(self.token.len())
    }
}

/// A call that some grant could allow, and whose request is being read.
#[derive(Debug)]
struct PendingRequest {
    input: PendingInput,
    request: Box<RequestReader>,
    principal: Rc<Principal>,
    /// How the answer is read, if that is known: an answer may come before the request is complete.
    answer: Option<Box<AnswerReader>>,
    /// What has arrived of the body of a call over HTTP, while the request is parked.
    held: Vec<u8>,
    arrival: Arrival,
}

/// What the headers said about the call, except for its token.
#[derive(Debug, Clone)]
struct MatchedRoute {
    method: MethodRef,
    input: Input,
    /// The compression of gRPC messages.
    encoding: Encoding,
    /// The TLS peer, if a rule asks for it.
    peer: Option<String>,
}

/// How a step ends if it does not reject the call.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "nearly every call is allowed, and a box would cost it an allocation")]
enum Progress {
    NotOurs,
    AwaitKey(AwaitingKey),
    Read(PendingRequest),
    /// The body goes on: it is not complete yet, or the verdict was given before.
    Continue,
    /// The body is held: it is not complete yet.
    Hold,
    Allowed(Allowed),
}

/// How a step ends.
type StepResult = Result<Progress, Box<Rejected>>;

/// An allowed call.
#[derive(Debug)]
struct Allowed {
    permit: Permit,
    rest: RestOfBody,
    evidence: Evidence,
    /// `None` if the answer passes untouched.
    answer: Option<Box<AnswerReader>>,
}

/// What the rest of the body may be after a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RestOfBody {
    /// The verdict did not depend on the request.
    Anything,
    /// The verdict was on the whole message.
    Nothing,
}

/// What the host knows about a request, except for its headers. Each method costs a host call, so it is called only if the
/// result matters.
pub trait ConnectionInfo {
    /// The cluster that the route leads to.
    fn cluster(&self) -> Option<Vec<u8>>;
    /// The TLS peer: the first URI SAN of its certificate, else the first DNS SAN, else the subject.
    fn peer(&self) -> Option<String>;
    /// A number that is unique to the connection.
    fn id(&self) -> u64;
}

/// A host that knows nothing about its requests.
impl ConnectionInfo for () {
    fn cluster(&self) -> Option<Vec<u8>> {
        None
    }

    fn peer(&self) -> Option<String> {
        None
    }

    fn id(&self) -> u64 {
        0
    }
}

impl RequestFilter {
    /// A call that arrives now.
    pub fn new(now: Timestamp) -> Self {
        Self {
            arrived: now,
            path: Box::default(),
            http: None,
            form: Form::default(),
            held: Vec::new(),
            stage: Stage::New,
            decision: None,
            answer: None,
        }
    }

    /// The decision that was made since this method was last called, if it is to be reported.
    pub fn take_decision(&mut self) -> Option<Decision> {
        self.decision.take()
    }

    /// Whether the request's trailers must be dropped: they make grpc-go close the connection that other callers share.
    pub fn drops_trailers(&self) -> bool {
        !matches!(self.stage, Stage::NotOurs)
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting().is_some()
    }

    /// The connection of a call that waits for its token's key, and how many bytes of memory the call holds.
    pub fn waiting(&self) -> Option<(u64, usize)> {
        match &self.stage {
            Stage::AwaitingKey(waiting) => Some((waiting.connection, waiting.size())),
            _ => None,
        }
    }

    /// Whether [`RequestFilter::on_body`] needs the body's bytes.
    pub fn reads_body(&self) -> bool {
        match &self.stage {
            Stage::NotOurs | Stage::Answered => false,
            Stage::Passing(passage) => passage.rest() == RestOfBody::Nothing,
            Stage::New | Stage::AwaitingKey(_) | Stage::Reading(_) | Stage::Parked { .. } => true,
        }
    }

    /// The headers have arrived. Adds to `drop` the names of headers that must not go on.
    pub fn on_headers(
        &mut self,
        state: &mut FilterState,
        headers: Headers<'_>,
        end_stream: bool,
        connection: impl ConnectionInfo,
        drop: &mut Vec<Box<[u8]>>,
    ) -> Action {
        let mut outcome = self.headers(state, headers, end_stream, &connection, drop);
        if let Err(rejected) = &mut outcome
            && rejected.evidence.principal.is_some()
        {
            rejected.evidence.namespace_header = request_headers::namespace(headers);
        }
        self.conclude(state, outcome)
    }

    /// Bytes of the body have arrived; `end` says that they are the last. `clock` returns the time.
    pub fn on_body(
        &mut self,
        state: &mut FilterState,
        chunk: &[u8],
        end: bool,
        clock: impl Fn() -> Timestamp,
    ) -> Action {
        if matches!(self.stage, Stage::AwaitingKey(_) | Stage::Answered) {
            return Action::Wait;
        }
        let outcome = self.unpark(state).and_then(|()| {
            if let Stage::Reading(pending) = &mut self.stage {
                pending.arrival.add(chunk.len());
            }
            self.body(state, chunk, end, &clock)
        });
        let outcome = outcome.and_then(|progress| self.park(state, progress, &clock));
        self.conclude(state, outcome)
    }

    /// The request ends with trailers.
    pub fn on_trailers(&mut self, state: &mut FilterState, clock: impl Fn() -> Timestamp) -> Action {
        // The host cannot add a body any more.
        let unparked = self.unpark(state);
        if unparked.is_ok() && self.held.is_empty() {
            return self.on_body(state, &[], true, clock);
        }
        let outcome = unparked.and_then(|()| Err(self.rejected(DecodeError::from(HttpFault::Trailers).into())));
        self.conclude(state, outcome)
    }

    /// Whether the answer must be read, because the caller may see only a part of it, or for the server's version.
    pub fn reads_answer(&self) -> bool {
        self.answer.is_some()
    }

    /// Whether the caller may see only a part of the answer.
    pub fn reduces_answer(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.may_withhold())
    }

    /// The answer's headers have arrived. Adds to `drop` the names of headers that no longer fit.
    ///
    /// # Errors
    /// The answer cannot be read.
    pub fn on_answer_headers(
        &mut self,
        state: &FilterState,
        headers: Headers<'_>,
        end_stream: bool,
        drop: &mut Vec<Box<[u8]>>,
    ) -> Result<(), UnreadableAnswer> {
        match &mut self.answer {
            Some(answer) if matches!(self.form, Form::Api(_)) => answer.on_json_headers(state, headers, drop),
            Some(answer) => {
                answer.on_headers(state, headers, end_stream, drop);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// The last bytes of the answer have arrived, and there are no trailers. Called after [`RequestFilter::on_answer_body`];
    /// what it returns counts, unless it is [`ResponseAction::Forward`].
    pub fn on_answer_end(&mut self, state: &mut FilterState, clock: impl Fn() -> Timestamp) -> ResponseAction {
        self.answer.as_mut().map_or(ResponseAction::Forward, |answer| answer.on_end(state, clock))
    }

    /// Bytes of the answer's body have arrived.
    pub fn on_answer_body(
        &mut self,
        state: &mut FilterState,
        chunk: &[u8],
        clock: impl Fn() -> Timestamp,
    ) -> ResponseAction {
        match &mut self.answer {
            Some(answer) => answer.on_body(state, chunk, clock),
            None => ResponseAction::Forward,
        }
    }

    /// The answer's trailers have arrived. Returns the trailers to send instead, if there are any.
    pub fn on_answer_trailers(&mut self, state: &mut FilterState) -> Option<Trailers> {
        self.answer.as_mut()?.on_trailers(state)
    }

    /// Whether [`RequestFilter::wake`] would do anything: the call waits, and its key has arrived or its time is up.
    pub fn is_due(&self, state: &mut FilterState, now: Timestamp) -> bool {
        let Stage::AwaitingKey(waiting) = &self.stage else { return false };
        // A clock that was set back must not make a call wait longer.
        let arrived = self.arrived.min(now);
        state.authenticator.is_settled(&waiting.key, arrived, now)
            || now >= state.authenticator.deadline(&waiting.key, arrived)
    }

    /// The key may have arrived, or the time may be up. `None` if the call does not wait for a key.
    pub fn wake(&mut self, state: &mut FilterState, now: Timestamp) -> Option<Action> {
        self.arrived = self.arrived.min(now);
        let Stage::AwaitingKey(waiting) = &self.stage else { return None };
        let outcome = if state.authenticator.is_settled(&waiting.key, self.arrived, now) {
            self.key_settled(state, now)
        } else if now >= state.authenticator.deadline(&waiting.key, self.arrived) {
            Err(Rejection::KeyNotAvailable.into())
        } else {
            return Some(Action::Wait);
        };
        Some(self.conclude(state, outcome))
    }

    /// The call can wait no longer for its key.
    pub fn stop_waiting(&mut self, state: &mut FilterState) -> Action {
        self.conclude(state, Err(Rejection::KeyNotAvailable.into()))
    }

    /// Whether the call is on the HTTP port and has no verdict yet. An answer of the server must not pass then: it would be the
    /// answer to a request that the filter has not read.
    pub fn awaits_verdict_over_http(&self) -> bool {
        self.http.is_some() && matches!(self.stage, Stage::Reading(_) | Stage::Parked { .. })
    }

    /// The server has answered before the verdict.
    pub fn answered_early(&mut self, state: &mut FilterState) -> Action {
        let outcome = self.unpark(state).and_then(|()| Err(self.rejected(Rejection::AnsweredEarly)));
        self.conclude(state, outcome)
    }

    /// A host call on which the request depends has failed.
    pub fn host_failed(&mut self, state: &mut FilterState) -> Action {
        // Whether it was given up does not matter any more.
        let _ = self.unpark(state);
        let rejected = self.rejected(Rejection::HostCallFailed);
        self.conclude(state, Err(rejected))
    }
}

#[cfg(test)]
mod tests;
