//! One request.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action as HostAction;

use super::hostcalls::{self, Buffer, Map};
use super::{BUSY_TICK, Shared, clear_trailers, report, send};
use temporal_auth::answer::Reply;
use temporal_auth::filter::{Action, ConnectionInfo, FilterState, RequestFilter};
use temporal_auth::time::Timestamp;
use temporal_auth::wire::headers::Headers;

/// A request's state, shared with the root context while it waits for a key.
pub(super) struct Held {
    call: RequestFilter,
    /// What arrived while it waited: how much of the body, and whether that is all of it. Hosts that let the body through
    /// while headers are held (`allow_on_headers_stop_iteration`) keep it in their buffer.
    body: usize,
    end: bool,
}

/// The stream context.
pub(super) struct Stream {
    id: u32,
    shared: Rc<Shared>,
    held: Rc<RefCell<Held>>,
}

impl Stream {
    pub(super) fn new(id: u32, shared: Rc<Shared>) -> Self {
        let held = Held { call: RequestFilter::new(Timestamp::now()), body: 0, end: false };
        Self { id, shared, held: Rc::new(RefCell::new(held)) }
    }

    /// Runs a part of the call. Neither state is ever in use already: hosts do not call back from within a host call.
    /// Should one do so all the same, the request does not go on.
    fn run(&self, part: impl FnOnce(&mut Held, &mut FilterState) -> Action) -> HostAction {
        let (Ok(mut held), Ok(mut state)) = (self.held.try_borrow_mut(), self.shared.state.try_borrow_mut()) else {
            log::error!("temporal-auth: re-entrant callback");
            send(&Reply::UNAVAILABLE);
            return HostAction::Pause;
        };
        let mut step = part(&mut held, &mut state);
        if step == Action::Wait
            && let Some(connection) = held.call.waiting_connection()
            && let Ok(mut waiting) = self.shared.waiting.try_borrow_mut()
        {
            if waiting.insert(self.id, connection, Rc::clone(&self.held)) {
                self.shared.tick_at(BUSY_TICK);
            } else {
                state.no_room(connection, Timestamp::now());
                step = held.call.stop_waiting(&mut state);
            }
        }
        held.settle(&mut state, &step);
        match step {
            Action::Forward => HostAction::Continue,
            Action::Wait | Action::Answer(_) => HostAction::Pause,
        }
    }
}

impl Held {
    /// What the request waits for.
    pub(super) fn call(&self) -> &RequestFilter {
        &self.call
    }

    /// The key may have come. The effective context is this request's. Says whether it is still waiting.
    pub(super) fn wake(&mut self, state: &mut FilterState) -> bool {
        let mut step = match self.call.wake(state, Timestamp::now()) {
            None => return false,
            Some(Action::Wait) => return true,
            Some(step) => step,
        };
        if step == Action::Forward && (self.body > 0 || self.end) {
            // The host does not call again for what it has buffered.
            step = self.feed(state, self.body, self.end);
        }
        self.settle(state, &step);
        if step == Action::Forward && hostcalls::continue_request().is_err() {
            log::error!("temporal-auth: cannot continue a request");
        }
        false
    }

    /// Hands the call what the host has of the body. Bytes that cannot be read must not go on.
    fn feed(&mut self, state: &mut FilterState, size: usize, end: bool) -> Action {
        let bytes = if size == 0 { Ok(Vec::new()) } else { hostcalls::buffer(Buffer::RequestBody, size) };
        match bytes {
            Ok(bytes) if bytes.len() == size => self.call.on_body(state, &bytes, end, Timestamp::now),
            _ => self.call.host_failed(state),
        }
    }

    /// Answers and reports.
    fn settle(&mut self, state: &mut FilterState, step: &Action) {
        if let Action::Answer(answer) = step {
            send(answer);
        }
        for notice in state.take_notices() {
            log::warn!("{notice}");
        }
        if let Some(decision) = self.call.take_decision() {
            report(&decision, state.config.log_allowed, state.config.access_log_state);
        }
    }
}

/// What Envoy tells of a request by its attributes.
struct Properties;

impl ConnectionInfo for Properties {
    fn cluster(&self) -> Option<Vec<u8>> {
        hostcalls::property(b"xds\0cluster_name").ok()
    }

    fn peer(&self) -> Option<String> {
        let names: [&[u8]; 3] = [
            b"connection\0uri_san_peer_certificate",
            b"connection\0dns_san_peer_certificate",
            b"connection\0subject_peer_certificate",
        ];
        let found = names.into_iter().filter_map(|name| hostcalls::property(name).ok());
        // A name that is not UTF-8 must not hide the peer from denials.
        found.into_iter().find(|value| !value.is_empty()).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    fn id(&self) -> u64 {
        let id = hostcalls::property(b"connection\0id").ok();
        // All whose number cannot be read are one.
        id.and_then(|id| Some(u64::from_le_bytes(*id.first_chunk()?))).unwrap_or_default()
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> HostAction {
        self.run(|held, state| {
            let Ok(bytes) = hostcalls::header_map(Map::RequestHeaders) else { return held.call.host_failed(state) };
            let mut drop = Vec::new();
            let step = held.call.on_headers(state, Headers::new(&bytes), end_of_stream, Properties, &mut drop);
            // Now or never: once the headers have gone on, or wait, they cannot be changed in every host.
            let mut dropped = drop.iter().map(|name| hostcalls::remove_header(Map::RequestHeaders, name).is_ok());
            if !matches!(step, Action::Answer(_)) && !dropped.all(|done| done) {
                return held.call.host_failed(state);
            }
            step
        })
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> HostAction {
        self.run(|held, state| {
            if held.call.is_waiting() {
                // While the body is held, the host counts all of it.
                held.body = held.body.max(size);
                held.end |= end_of_stream;
                return Action::Wait;
            }
            if !held.call.reads_body() {
                return held.call.on_body(state, &[], false, Timestamp::now);
            }
            held.feed(state, size, end_of_stream)
        })
    }

    fn on_http_request_trailers(&mut self, _: usize) -> HostAction {
        self.run(|held, state| {
            if held.call.drops_trailers() && !clear_trailers() {
                return held.call.host_failed(state);
            }
            if held.call.is_waiting() {
                held.end = true;
                return Action::Wait;
            }
            held.call.on_trailers(state, Timestamp::now)
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Ok(mut waiting) = self.shared.waiting.try_borrow_mut() {
            waiting.remove(self.id);
        }
        if let (Ok(held), Ok(mut state)) = (self.held.try_borrow(), self.shared.state.try_borrow_mut())
            && held.call.is_waiting()
        {
            held.call.on_end(&mut state, Timestamp::now());
        }
    }
}
