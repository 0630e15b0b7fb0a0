//! The stream context: one request.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action as HostAction;

use super::hostcalls::{self, Buffer, HeaderMap};
use super::{BUSY_TICK, PluginState, clear_trailers, log_notices, report, send};
use temporal_auth::answer::Reply;
use temporal_auth::filter::{Action, ConnectionInfo, FilterState, RequestFilter, ResponseAction};
use temporal_auth::time::Timestamp;
use temporal_auth::wire::headers::{self, Headers};

/// A request's state, shared with the root context while the request waits for a key.
pub(super) struct StreamState {
    request: RequestFilter,
    /// How many bytes of the body arrived while the request waited. Hosts that accept the body while headers are paused
    /// (`allow_on_headers_stop_iteration`) keep it in their buffer.
    buffered: usize,
    /// Whether the request ended while it waited.
    has_ended: bool,
}

pub(super) struct Stream {
    id: u32,
    plugin: Rc<PluginState>,
    state: Rc<RefCell<StreamState>>,
}

impl Stream {
    pub(super) fn new(id: u32, plugin: Rc<PluginState>) -> Self {
        let state = StreamState { request: RequestFilter::new(Timestamp::now()), buffered: 0, has_ended: false };
        Self { id, plugin, state: Rc::new(RefCell::new(state)) }
    }

    /// Runs one step of the request. Neither state is in use already, because hosts do not call back from within a host
    /// call. If a host does so nevertheless, the request is not forwarded.
    fn run(&self, step: impl FnOnce(&mut StreamState, &mut FilterState) -> Action) -> HostAction {
        let (Ok(mut stream), Ok(mut filter)) = (self.state.try_borrow_mut(), self.plugin.filter.try_borrow_mut())
        else {
            log::error!("temporal-auth: re-entrant callback");
            send(&Reply::UNAVAILABLE);
            return HostAction::Pause;
        };
        let mut action = step(&mut stream, &mut filter);
        if action == Action::Wait
            && let Some((connection, size)) = stream.request.waiting()
            && let Ok(mut wait_queue) = self.plugin.wait_queue.try_borrow_mut()
        {
            if wait_queue.insert(self.id, connection, size, Rc::clone(&self.state)) {
                self.plugin.set_tick_period(BUSY_TICK);
            } else {
                filter.authenticator.no_room(connection, Timestamp::now());
                action = stream.request.stop_waiting(&mut filter);
            }
        }
        stream.answer_and_report(&mut filter, &action);
        match action {
            Action::Forward | Action::Hold | Action::Release(_) => HostAction::Continue,
            Action::Wait | Action::Answer(_) => HostAction::Pause,
        }
    }
}

impl Stream {
    /// Runs one step of an answer that must be read. If the step fails, the answer ends: nothing of it may go on.
    fn run_answer(&self, step: impl FnOnce(&mut RequestFilter, &mut FilterState) -> bool) -> HostAction {
        let Ok(mut stream) = self.state.try_borrow_mut() else { return end_answer() };
        if !stream.request.reads_answer() {
            return HostAction::Continue;
        }
        let Ok(mut filter) = self.plugin.filter.try_borrow_mut() else { return end_answer() };
        let has_succeeded = step(&mut stream.request, &mut filter);
        log_notices(&mut filter);
        if has_succeeded { HostAction::Continue } else { end_answer() }
    }
}

/// Resets the stream if the answer's headers were sent, and answers otherwise.
fn end_answer() -> HostAction {
    log::error!("temporal-auth: an answer is cut off: it cannot be read, or a required host call failed");
    send(&Reply::UNREADABLE_ANSWER);
    HostAction::Pause
}

impl StreamState {
    pub(super) fn request(&self) -> &RequestFilter {
        &self.request
    }

    /// Continues the request if its key has come or can no longer come. The effective context must be this request's.
    /// Returns whether the request still waits.
    pub(super) fn wake(&mut self, filter: &mut FilterState) -> bool {
        let mut action = match self.request.wake(filter, Timestamp::now()) {
            None => return false,
            Some(Action::Wait) => return true,
            Some(action) => action,
        };
        if action == Action::Forward && (self.buffered > 0 || self.has_ended) {
            // The host does not call again for data that it has buffered.
            action = self.read_body(filter, self.buffered, self.has_ended);
            action = self.replace_body(filter, self.buffered, action);
        }
        self.answer_and_report(filter, &action);
        if action == Action::Forward && hostcalls::continue_request().is_err() {
            log::error!("temporal-auth: cannot continue a request");
        }
        false
    }

    /// Passes the bytes of the body that the host has to the request. Bytes that cannot be read must not be forwarded.
    fn read_body(&mut self, filter: &mut FilterState, size: usize, has_ended: bool) -> Action {
        let bytes = if size == 0 { Ok(Vec::new()) } else { hostcalls::buffer(Buffer::RequestBody, size) };
        match bytes {
            Ok(bytes) if bytes.len() == size => self.request.on_body(filter, &bytes, has_ended, Timestamp::now),
            _ => self.request.host_failed(filter),
        }
    }

    /// Replaces the bytes of the body that the host has, if the action says so.
    fn replace_body(&mut self, filter: &mut FilterState, size: usize, action: Action) -> Action {
        let bytes = match action {
            Action::Hold if size == 0 => return Action::Forward,
            Action::Hold => Vec::new(),
            Action::Release(bytes) => bytes,
            action => return action,
        };
        match hostcalls::set_buffer(Buffer::RequestBody, size, &bytes) {
            Ok(()) => Action::Forward,
            Err(_) => self.request.host_failed(filter),
        }
    }

    fn answer_and_report(&mut self, filter: &mut FilterState, action: &Action) {
        if let Action::Answer(reply) = action {
            send(reply);
        }
        log_notices(filter);
        if let Some(decision) = self.request.take_decision() {
            report(&decision, filter);
        }
    }
}

/// Envoy's attributes of the connection.
struct ConnectionAttributes;

impl ConnectionInfo for ConnectionAttributes {
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
        // Connections whose id cannot be read count as one connection.
        id.and_then(|id| Some(u64::from_le_bytes(*id.first_chunk()?))).unwrap_or_default()
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> HostAction {
        self.run(|stream, filter| {
            let Ok(bytes) = hostcalls::header_map(HeaderMap::RequestHeaders) else {
                return stream.request.host_failed(filter);
            };
            let mut drop = Vec::new();
            let headers = Headers::new(&bytes);
            let action = stream.request.on_headers(filter, headers, end_of_stream, ConnectionAttributes, &mut drop);
            // Not later: not every host can change headers that wait or have been forwarded.
            let mut removed = drop.iter().map(|name| hostcalls::remove_header(HeaderMap::RequestHeaders, name).is_ok());
            if !matches!(action, Action::Answer(_)) && !removed.all(|is_removed| is_removed) {
                return stream.request.host_failed(filter);
            }
            action
        })
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> HostAction {
        self.run(|stream, filter| {
            if stream.request.is_waiting() {
                // While the request waits, `size` is that of the whole buffer.
                stream.buffered = stream.buffered.max(size);
                stream.has_ended |= end_of_stream;
                return Action::Wait;
            }
            if !stream.request.reads_body() {
                return stream.request.on_body(filter, &[], false, Timestamp::now);
            }
            let action = stream.read_body(filter, size, end_of_stream);
            stream.replace_body(filter, size, action)
        })
    }

    fn on_http_request_trailers(&mut self, _: usize) -> HostAction {
        self.run(|stream, filter| {
            if stream.request.drops_trailers() && !clear_trailers() {
                return stream.request.host_failed(filter);
            }
            if stream.request.is_waiting() {
                stream.has_ended = true;
                return Action::Wait;
            }
            stream.request.on_trailers(filter, Timestamp::now)
        })
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> HostAction {
        if self.state.try_borrow().is_ok_and(|stream| stream.request.awaits_verdict_over_http()) {
            return self.run(|stream, filter| stream.request.answered_early(filter));
        }
        self.run_answer(|request, filter| {
            let Ok(bytes) = hostcalls::header_map(HeaderMap::ResponseHeaders) else { return false };
            let mut drop = Vec::new();
            let read = request.on_answer_headers(filter, Headers::new(&bytes), end_of_stream, &mut drop);
            read.is_ok() && drop.iter().all(|name| hostcalls::remove_header(HeaderMap::ResponseHeaders, name).is_ok())
        })
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> HostAction {
        self.run_answer(|request, filter| {
            let bytes = if size == 0 { Ok(Vec::new()) } else { hostcalls::buffer(Buffer::ResponseBody, size) };
            let Some(bytes) = bytes.ok().filter(|bytes| bytes.len() == size) else { return false };
            let mut action = request.on_answer_body(filter, &bytes, Timestamp::now);
            if end_of_stream {
                let end = request.on_answer_end(filter, Timestamp::now);
                action = if end == ResponseAction::Forward { action } else { end };
            }
            match action {
                ResponseAction::Forward => true,
                ResponseAction::Replace(bytes) if size == 0 && bytes.is_empty() => true,
                ResponseAction::Replace(bytes) => hostcalls::set_buffer(Buffer::ResponseBody, size, &bytes).is_ok(),
                ResponseAction::End => false,
            }
        })
    }

    fn on_http_response_trailers(&mut self, _: usize) -> HostAction {
        self.run_answer(|request, filter| {
            let Some(trailers) = request.on_answer_trailers(filter) else { return true };
            let pairs: Vec<(&[u8], &[u8])> =
                trailers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
            hostcalls::set_header_map(HeaderMap::ResponseTrailers, &headers::serialize(&pairs)).is_ok()
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Ok(mut wait_queue) = self.plugin.wait_queue.try_borrow_mut() {
            wait_queue.remove(self.id);
        }
        if let (Ok(stream), Ok(mut filter)) = (self.state.try_borrow(), self.plugin.filter.try_borrow_mut())
            && stream.request.must_end()
        {
            stream.request.on_end(&mut filter, Timestamp::now());
        }
    }
}
