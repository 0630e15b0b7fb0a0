//! The WebAssembly module, and the only code that knows proxy-wasm. It moves bytes between Envoy and the library.

// Tests may panic: that is how they fail.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

mod hostcalls;
mod logger;
mod metrics;
mod root;
mod stream;
mod wait_queue;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hostcalls::HeaderMap;
use log::Level;
use metrics::Metrics;
use stream::StreamState;
use temporal_auth::answer::Reply;
use temporal_auth::authentication::HostServices;
use temporal_auth::authentication::host_verifier::ForeignFunctions;
use temporal_auth::filter::FilterState;
use temporal_auth::keys::SharedData;
use temporal_auth::report::Decision;
use temporal_auth::time::Timestamp;
use temporal_auth::wire::headers;
use wait_queue::WaitQueue;

/// How many waiting requests are woken in one callback. The host acts on the module's answers only after the callback,
/// and each answered stream calls the module again before the next stream is answered. So these calls are nested, and
/// some hundreds of them overflow the stack.
const MAX_WOKEN: usize = 16;
/// The tick period while requests are woken, while a key is awaited, and otherwise.
const WAKING_TICK: Duration = Duration::from_millis(1);
const BUSY_TICK: Duration = Duration::from_millis(10);
const IDLE_TICK: Duration = Duration::from_secs(1);

/// The state of one configuration, shared by its root context and its streams.
struct PluginState {
    filter: RefCell<FilterState>,
    /// The streams that wait for a key.
    wait_queue: RefCell<WaitQueue<Rc<RefCell<StreamState>>>>,
    metrics: Metrics,
    tick: Cell<Duration>,
}

/// The services of Envoy that the library uses.
struct EnvoyHost;

impl SharedData for EnvoyHost {
    fn load(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        hostcalls::shared_data(name).ok()
    }

    fn store(&self, name: &str, value: &[u8], cas: u32) -> bool {
        hostcalls::set_shared_data(name, value, cas).is_ok()
    }
}

impl ForeignFunctions for EnvoyHost {
    fn call(&self, function: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        hostcalls::call_foreign_function(function, arguments).ok()
    }
}

impl HostServices for EnvoyHost {
    fn clock(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl PluginState {
    /// Sets the tick period of the root context. When a stream calls this, the host acts on the stream's root context.
    fn set_tick_period(&self, period: Duration) {
        if self.tick.replace(period) != period && hostcalls::set_tick_period(period).is_err() {
            log::error!("temporal-auth: cannot set the timer; keys are not refreshed");
        }
    }
}

fn start() {
    logger::install();
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}

/// Answers in the server's place. The request is not forwarded even if the host refuses the answer.
fn send(reply: &Reply) {
    let details = format!("temporal_auth_{}", reply.answer().word());
    let headers = reply.headers();
    let pairs: Vec<(&[u8], &[u8])> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let headers = headers::serialize(&pairs);
    let sent =
        hostcalls::send_local_response(reply.http_status(), &details, &reply.body(), &headers, reply.code().number());
    if let Err(refused) = sent {
        log::error!("temporal-auth: cannot send an answer: {refused}");
    }
}

/// Logs what operators should know, once.
fn log_notices(filter: &mut FilterState) {
    for notice in filter.take_notices() {
        log::warn!("temporal-auth: {notice}");
    }
}

/// Reports a decision to the log and to the access log.
fn report(decision: &Decision, filter: &mut FilterState) {
    let is_notable = decision.is_notable();
    let is_logged =
        if is_notable { filter.refusals.admits(decision, Timestamp::now) } else { filter.config.log_allowed };
    if is_logged {
        let level = if is_notable { Level::Warn } else { Level::Info };
        log::log!(level, "temporal-auth {}", decision.line());
    }
    if filter.config.access_log_state
        && let Err(refused) = hostcalls::set_property(b"temporal_auth", decision.state().as_bytes())
    {
        log::error!("temporal-auth: cannot set the access-log state: {refused}");
    }
}

/// Removes the request's trailers. With an empty map, the request ends without trailers.
fn clear_trailers() -> bool {
    hostcalls::set_header_map(HeaderMap::RequestTrailers, &headers::serialize(&[])).is_ok()
}
