//! Reads the answers that must be read: answers of which the caller may see only a part, and answers that give the server's
//! version. All other answers pass untouched. What a caller may see is a matter of policy, but no decision about the call, so
//! this file applies `mode: shadow` itself and says in the log what is withheld.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::FilterState;
use super::held::{HeldBytes, NoRoom};
use crate::answer::{Reply, Trailers};
use crate::policy::{AnswerView, Permit, Principal};
use crate::report::{Notice, WithholdReason};
use crate::temporal::list::described_namespace;
use crate::temporal::{GET_SYSTEM_INFO, ListView, MethodRef, ReducedList, Target, server_version};
use crate::time::Timestamp;
use crate::wire::DecodeError;
use crate::wire::grpc::{Body, Encoding, frame};
use crate::wire::headers::Headers;
use crate::work::{Piece, Work};

/// An answer that must be read.
#[derive(Debug)]
pub(super) struct AnswerReader {
    method: MethodRef,
    task: Task,
    state: AnswerState,
}

/// Why the answer is read.
#[derive(Debug)]
enum Task {
    /// To send only the entries of a list that the caller may see.
    Reduce(ListView, Caller),
    /// To hide the description of a namespace that the caller may not describe. The request names it by this id.
    Check(String, Caller),
    /// To note the server's version. The answer passes untouched.
    NoteVersion,
}

/// The caller, and when the call arrived.
#[derive(Debug)]
struct Caller {
    principal: Rc<Principal>,
    arrived: Timestamp,
}

#[derive(Debug)]
enum AnswerState {
    /// Nothing has arrived, or nothing that needs reading.
    New,
    /// The headers say that the body cannot be read. None of it has arrived.
    Unreadable,
    Reading {
        body: Body,
        message: HeldBytes,
    },
    /// The JSON of the HTTP API, which ends with the answer.
    ReadingJson(HeldBytes),
    /// An error of the HTTP API.
    Error,
    /// The answer was sent, or the part of it that the caller may see.
    Sent,
    /// Nothing of the answer is sent.
    Withheld,
    /// Nothing of the answer is sent, and it ends as if the id were unknown.
    Hidden,
}

/// What the host does with a part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum ResponseAction {
    Forward,
    /// Send these bytes in place of those that have arrived.
    Replace(Vec<u8>),
    /// Send nothing more: the answer is cut off.
    End,
}

/// The headers say that an answer cannot be read, so something else must be answered.
#[derive(Debug, PartialEq, Eq)]
pub struct UnreadableAnswer;

impl Caller {
    /// Returns a test: whether the caller may describe a namespace.
    fn may_describe<'a>(&'a self, state: &'a FilterState, clock: impl Fn() -> Timestamp) -> impl Fn(&str) -> bool + 'a {
        let now = if self.principal.depends_on_time() { clock().max(self.arrived) } else { self.arrived };
        state.config.policy.describable(&self.principal, now)
    }

    /// Runs `reduce` with a test: whether the caller may describe a namespace.
    ///
    /// # Errors
    /// `reduce` fails, or the caller cannot pay for the work.
    fn reduce<E>(
        &self,
        state: &FilterState,
        clock: impl Fn() -> Timestamp,
        reduce: impl FnOnce(&dyn Fn(&str) -> bool) -> Result<ReducedList, E>,
    ) -> Result<ReducedList, WithholdReason> {
        let may_describe = self.may_describe(state, clock);
        let work = RefCell::new(Work::charged_to(Rc::clone(&self.principal.account)));
        let is_unpaid = Cell::new(false);
        let reduced = reduce(&|namespace| {
            let comparisons = self.principal.comparisons_of(namespace);
            let paid = work.try_borrow_mut().is_ok_and(|mut work| {
                work.spend(Piece::Entry, 1).and_then(|()| work.spend(Piece::Comparison, comparisons)).is_ok()
            });
            is_unpaid.set(is_unpaid.get() || !paid);
            !is_unpaid.get() && may_describe(namespace)
        });
        match reduced {
            _ if is_unpaid.get() => Err(WithholdReason::Unpaid),
            Ok(reduced) => Ok(reduced),
            Err(_) => Err(WithholdReason::Unreadable),
        }
    }
}

impl AnswerReader {
    /// `None` if the answer passes untouched.
    pub(super) fn new(
        permit: &Permit,
        target: &Target,
        principal: &Rc<Principal>,
        now: Timestamp,
    ) -> Option<Box<Self>> {
        let caller = || Caller { principal: Rc::clone(principal), arrived: now };
        let task = match permit.view() {
            AnswerView::Whole => return Self::for_version(&target.method),
            AnswerView::Entries(view) => Task::Reduce(view, caller()),
            AnswerView::DescribableNamespace => Task::Check(target.namespace_id.clone(), caller()),
        };
        Some(Box::new(Self { method: target.method.clone(), task, state: AnswerState::New }))
    }

    /// Reads the server's version. `None` if the answers to this method do not have it.
    pub(super) fn for_version(method: &MethodRef) -> Option<Box<Self>> {
        let has_version = method.path == GET_SYSTEM_INFO;
        let reader = || Self { method: method.clone(), task: Task::NoteVersion, state: AnswerState::New };
        has_version.then(|| Box::new(reader()))
    }

    /// Whether the caller may see only a part of the answer.
    pub(super) fn may_withhold(&self) -> bool {
        !matches!(self.task, Task::NoteVersion)
    }

    /// Whether nothing of the answer changes.
    fn passes(&self, state: &FilterState) -> bool {
        state.config.shadow || !self.may_withhold()
    }

    /// The headers have arrived. Adds to `drop` the names of headers that no longer fit.
    pub(super) fn on_headers(
        &mut self,
        state: &FilterState,
        headers: Headers<'_>,
        end_stream: bool,
        drop: &mut Vec<Box<[u8]>>,
    ) {
        // There is nothing to withhold: an error of the server, or an answer of this filter.
        if end_stream {
            return;
        }
        if !self.passes(state) {
            drop.push(b"content-length".as_slice().into());
        }
        self.state = match encoding(headers) {
            Some(encoding) => {
                let message = HeldBytes::new(&state.held_answers);
                AnswerState::Reading { body: Body::new(encoding, Work::default()), message }
            }
            None => AnswerState::Unreadable,
        };
    }

    /// The headers of an answer of the HTTP API have arrived.
    pub(super) fn on_json_headers(
        &mut self,
        state: &FilterState,
        headers: Headers<'_>,
        drop: &mut Vec<Box<[u8]>>,
    ) -> Result<(), UnreadableAnswer> {
        let has = |wanted: &[u8], is_met: fn(&[u8]) -> bool| {
            headers.iter().any(|(name, value)| name == wanted && is_met(value))
        };
        if matches!(self.task, Task::NoteVersion) || !has(b":status", |status| status == b"200") {
            self.state = AnswerState::Error;
            return Ok(());
        }
        if has(b"content-encoding", |encoding| encoding != b"identity") && !self.passes(state) {
            return Err(UnreadableAnswer);
        }
        if !self.passes(state) {
            drop.push(b"content-length".as_slice().into());
        }
        self.state = AnswerState::ReadingJson(HeldBytes::new(&state.held_answers));
        Ok(())
    }

    /// The answer is complete.
    pub(super) fn on_end(&mut self, state: &mut FilterState, clock: impl Fn() -> Timestamp) -> ResponseAction {
        let AnswerState::ReadingJson(message) = &self.state else { return ResponseAction::Forward };
        let reduced = match (&self.task, std::str::from_utf8(message.bytes())) {
            (Task::Reduce(view, caller), Ok(text)) => {
                caller.reduce(state, clock, |may_describe| view.reduce_json(text, may_describe))
            }
            _ => Err(WithholdReason::Unreadable),
        };
        let reduced = match reduced {
            Ok(reduced) => reduced,
            Err(why) => {
                self.withhold(state, why);
                return if self.passes(state) { ResponseAction::Forward } else { ResponseAction::End };
            }
        };
        self.state = AnswerState::Sent;
        self.note_removed(state, &reduced);
        if self.passes(state) { ResponseAction::Forward } else { ResponseAction::Replace(reduced.message) }
    }

    /// Notes in shadow what would be removed.
    fn note_removed(&self, state: &mut FilterState, reduced: &ReducedList) {
        if state.config.shadow {
            let ReducedList { entries, removed, .. } = *reduced;
            state.notices.push(Notice::WouldReduce { method: self.method.clone(), entries, removed });
        }
    }

    /// Bytes of the answer have arrived.
    pub(super) fn on_body(
        &mut self,
        state: &mut FilterState,
        chunk: &[u8],
        clock: impl Fn() -> Timestamp,
    ) -> ResponseAction {
        let frame = match &mut self.state {
            _ if chunk.is_empty() => Vec::new(),
            AnswerState::Reading { body, message } => {
                match body.feed(chunk, |bytes| message.append(bytes).map_err(|NoRoom| DecodeError::TooLarge)) {
                    Err(_) => self.withhold(state, WithholdReason::Unreadable),
                    Ok(()) if body.is_complete() => self.complete(state, clock),
                    Ok(()) => Vec::new(),
                }
            }
            AnswerState::ReadingJson(message) => match message.append(chunk) {
                Ok(()) => Vec::new(),
                Err(_) if self.passes(state) => self.withhold(state, WithholdReason::Unreadable),
                Err(_) => {
                    self.withhold(state, WithholdReason::Unreadable);
                    return ResponseAction::End;
                }
            },
            AnswerState::Error => return ResponseAction::Forward,
            AnswerState::Withheld | AnswerState::Hidden => Vec::new(),
            // Without headers, it is not known how to read the body; after the message, there must be no more.
            AnswerState::New | AnswerState::Unreadable | AnswerState::Sent => {
                self.withhold(state, WithholdReason::Unreadable)
            }
        };
        if self.passes(state) { ResponseAction::Forward } else { ResponseAction::Replace(frame) }
    }

    /// The trailers in place of the server's, if something was withheld.
    pub(super) fn on_trailers(&mut self, state: &mut FilterState) -> Option<Trailers> {
        if let AnswerState::Reading { body, .. } = &self.state
            && !body.is_empty()
        {
            self.withhold(state, WithholdReason::Unreadable);
        }
        match (&self.state, &self.task) {
            _ if self.passes(state) => None,
            (AnswerState::Hidden, Task::Check(id, _)) => Some(Reply::namespace_not_found(id.clone()).trailers()),
            (AnswerState::Hidden | AnswerState::Withheld, _) => Some(Reply::UNREADABLE_ANSWER.trailers()),
            // Otherwise nothing was withheld: an error of the server comes without a message.
            _ => None,
        }
    }

    /// Gives up on the answer, once. Nothing more of it is sent, unless it passes in any case.
    fn withhold(&mut self, state: &mut FilterState, why: WithholdReason) -> Vec<u8> {
        self.state = AnswerState::Withheld;
        if self.may_withhold() {
            let (method, in_shadow) = (self.method.clone(), state.config.shadow);
            state.notices.push(Notice::Withheld { method, why, in_shadow });
        }
        Vec::new()
    }

    /// The whole message has arrived. Returns what is sent of it.
    fn complete(&mut self, state: &mut FilterState, clock: impl Fn() -> Timestamp) -> Vec<u8> {
        let AnswerState::Reading { message, .. } = std::mem::replace(&mut self.state, AnswerState::Sent) else {
            return Vec::new();
        };
        match &self.task {
            Task::Reduce(view, caller) => {
                let reduced = caller.reduce(state, clock, |may_describe| view.reduce(message.bytes(), may_describe));
                match reduced {
                    Ok(reduced) => {
                        self.note_removed(state, &reduced);
                        frame(&reduced.message)
                    }
                    Err(why) => self.withhold(state, why),
                }
            }
            Task::Check(_, caller) => {
                let is_visible = described_namespace(message.bytes()).is_some_and(caller.may_describe(state, clock));
                if is_visible {
                    return frame(message.bytes());
                }
                if state.config.shadow {
                    state.notices.push(Notice::WouldHide { method: self.method.clone() });
                }
                self.state = AnswerState::Hidden;
                Vec::new()
            }
            Task::NoteVersion => {
                if let Some(version) = server_version(message.bytes()) {
                    state.note_server(version);
                }
                Vec::new()
            }
        }
    }
}

/// How to read an answer. `None` if it is not a gRPC answer, or is compressed in another way.
fn encoding(headers: Headers<'_>) -> Option<Encoding> {
    let (mut is_ok, mut is_grpc, mut encoding) = (false, false, Encoding::Identity);
    for (name, value) in headers.iter() {
        match (name, value) {
            (b":status", value) => is_ok = value == b"200",
            (b"content-type", value) => is_grpc = value.starts_with(b"application/grpc"),
            (b"grpc-encoding", b"identity") => {}
            (b"grpc-encoding", b"gzip") => encoding = Encoding::Gzip,
            (b"grpc-encoding" | b"content-encoding", _) => return None,
            _ => {}
        }
    }
    (is_ok && is_grpc).then_some(encoding)
}
