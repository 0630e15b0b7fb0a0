//! The only code that knows proxy-wasm. Thin: it moves bytes between Envoy and [`crate::call`], [`crate::engine`].

mod hostcalls;
mod root;
mod stream;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::answer::Answer;
use crate::engine::Engine;
use crate::report::{Count, Decision};
use crate::wire::headers;
use hostcalls::{Level, Map};
use stream::Held;

/// How many requests may wait for a key at a time; further ones are told to come back.
const MAX_WAITING: usize = 1024;
/// How often the root context ticks while a key is awaited, and otherwise, in milliseconds.
const BUSY_TICK: u32 = 10;
const IDLE_TICK: u32 = 1000;

/// What the root context of one configuration and its streams have in common.
struct Shared {
    engine: RefCell<Engine>,
    /// Streams that wait for a key, by context id.
    waiting: RefCell<BTreeMap<u32, Rc<RefCell<Held>>>>,
    /// The host's numbers of the counters, in the order of [`Count::ALL`].
    metrics: Vec<u32>,
    tick: Cell<u32>,
}

impl Shared {
    /// Ticks at this period from now on. Called from a stream it acts on that stream's root context.
    fn tick_at(&self, period: u32) {
        if self.tick.replace(period) != period && hostcalls::set_tick_period(period).is_err() {
            hostcalls::log(Level::Error, "temporal-auth: the host refuses to tick; keys are not refreshed");
        }
    }
}

fn start() {
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}

/// Milliseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Answers in the server's place. Whether or not the host takes the answer, nothing goes on.
fn send(answer: &Answer) {
    let details = format!("temporal_auth_{}", answer.reason().name());
    let headers = answer.headers();
    let pairs: Vec<(&[u8], &[u8])> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let headers = headers::serialize(&pairs);
    let sent = hostcalls::answer(answer.http_status(), &details, &answer.message(), &headers, answer.grpc_status());
    if let Err(refused) = sent {
        hostcalls::log(Level::Error, &format!("temporal-auth: the host refused an answer: {refused:?}"));
    }
}

/// Reports a decision: the log line, and the state for the access log.
fn report(decision: &Decision, log_allowed: bool, access_log_state: bool) {
    let tells = !decision.allow || decision.shadow.is_some();
    if tells || log_allowed {
        let level = if tells { Level::Warn } else { Level::Info };
        hostcalls::log(level, &format!("temporal-auth {}", decision.line()));
    }
    if access_log_state && let Err(refused) = hostcalls::set_property(b"temporal_auth", decision.state().as_bytes()) {
        hostcalls::log(Level::Error, &format!("temporal-auth: the host refused the access-log state: {refused:?}"));
    }
}

/// The host's numbers of all counters.
fn define_counters() -> Option<Vec<u32>> {
    Count::ALL.iter().map(|count| hostcalls::define_counter(&count.name()).ok()).collect()
}

/// Removes the request's trailers: an empty map ends the request without any.
fn clear_trailers() -> bool {
    hostcalls::clear_header_map(Map::RequestTrailers).is_ok()
}
