//! The way of an answer whose list is reduced to what the caller may see. All other answers pass untouched.

use std::cell::Cell;
use std::rc::Rc;

use super::FilterState;
use crate::policy::Principal;
use crate::temporal::{ListView, MethodRef, ReducedList};
use crate::time::Timestamp;
use crate::wire::DecodeError;
use crate::wire::grpc::{Body, Encoding, frame};
use crate::wire::headers::Headers;

/// How many bytes of answers are held at a time. A page of a thousand namespaces has half a megabyte.
const MAX_HELD: usize = 16 << 20;

/// The trailers of an answer that could not be reduced.
const UNREADABLE: [(&str, &str); 2] =
    [("grpc-status", "14"), ("grpc-message", "The list cannot be reduced to what you may see; try again.")];

/// An answer on its way to a caller who may see only a part of it.
#[derive(Debug)]
pub(super) struct ReducedAnswer {
    method: MethodRef,
    view: ListView,
    principal: Rc<Principal>,
    arrived: Timestamp,
    state: AnswerState,
}

#[derive(Debug)]
enum AnswerState {
    /// Nothing has arrived, or nothing that needs reading.
    New,
    /// The headers say that the body cannot be read. None of it has arrived.
    Unreadable,
    Reading {
        body: Body,
        message: HeldMessage,
    },
    /// The reduced answer was sent.
    Sent,
    /// Nothing of the answer is sent.
    Withheld,
}

/// What the host does with a part of an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum ResponseAction {
    Forward,
    /// Send these bytes in place of those that have arrived.
    Replace(Vec<u8>),
}

/// The bytes of a message, counted among those of the other answers that are held.
#[derive(Debug)]
struct HeldMessage {
    bytes: Vec<u8>,
    held: Rc<Cell<usize>>,
}

impl HeldMessage {
    fn append(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let held = self.held.get().saturating_add(bytes.len());
        if held > MAX_HELD {
            return Err(DecodeError::TooLarge);
        }
        self.held.set(held);
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

impl Drop for HeldMessage {
    fn drop(&mut self) {
        self.held.set(self.held.get().saturating_sub(self.bytes.len()));
    }
}

impl ReducedAnswer {
    pub(super) fn new(method: MethodRef, view: ListView, principal: Rc<Principal>, arrived: Timestamp) -> Self {
        Self { method, view, principal, arrived, state: AnswerState::New }
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
        // In shadow, the answer is only counted.
        if !state.config.shadow {
            drop.push(b"content-length".as_slice().into());
        }
        self.state = match encoding(headers) {
            Some(encoding) => {
                let message = HeldMessage { bytes: Vec::new(), held: Rc::clone(&state.held_answers) };
                AnswerState::Reading { body: Body::new(encoding), message }
            }
            None => AnswerState::Unreadable,
        };
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
            AnswerState::Reading { body, message } => match body.feed(chunk, |bytes| message.append(bytes)) {
                Err(_) => self.withhold(state),
                Ok(()) if body.is_complete() => self.reduced(state, clock),
                Ok(()) => Vec::new(),
            },
            AnswerState::Withheld => Vec::new(),
            // Without headers, it is not known how to read the body; after the message, there must be no more.
            AnswerState::New | AnswerState::Unreadable | AnswerState::Sent => self.withhold(state),
        };
        if state.config.shadow { ResponseAction::Forward } else { ResponseAction::Replace(frame) }
    }

    /// The trailers in place of the server's, if something was withheld.
    pub(super) fn on_trailers(&mut self, state: &mut FilterState) -> Option<&'static [(&'static str, &'static str)]> {
        if let AnswerState::Reading { body, .. } = &self.state
            && !body.is_empty()
        {
            self.withhold(state);
        }
        // Otherwise nothing was withheld: an error of the server comes without a message.
        let is_withheld = matches!(self.state, AnswerState::Withheld);
        (is_withheld && !state.config.shadow).then_some(&UNREADABLE)
    }

    /// Gives up on the answer, once. Nothing more of it is sent, except in shadow.
    fn withhold(&mut self, state: &mut FilterState) -> Vec<u8> {
        self.state = AnswerState::Withheld;
        let (name, verb) = (self.method.name(), if state.config.shadow { "would be" } else { "is" });
        state.notices.push(format!("temporal-auth: {name}: the server's answer cannot be read and {verb} withheld"));
        Vec::new()
    }

    /// The reduced answer, when the whole message has arrived.
    fn reduced(&mut self, state: &mut FilterState, clock: impl Fn() -> Timestamp) -> Vec<u8> {
        let AnswerState::Reading { message, .. } = std::mem::replace(&mut self.state, AnswerState::Sent) else {
            return Vec::new();
        };
        let now = if self.principal.depends_on_time() { clock().max(self.arrived) } else { self.arrived };
        let may_see = state.config.policy.describable(&self.principal, now);
        let Ok(reduced) = self.view.reduce(&message.bytes, may_see) else { return self.withhold(state) };
        if state.config.shadow {
            let ReducedList { entries, removed, .. } = reduced;
            let name = self.method.name();
            state.notices.push(format!("temporal-auth: {name}: {removed} of {entries} entries would be removed"));
        }
        frame(&reduced.message)
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
