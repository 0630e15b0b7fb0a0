//! The only code that knows proxy-wasm. Thin: it moves bytes between Envoy and [`temporal_auth::filter`], [`temporal_auth::authentication`].

mod hostcalls;
mod logger;
mod root;
mod stream;
mod waiting;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hostcalls::{Map, Metric};
use log::Level;
use stream::Held;
use temporal_auth::answer::Reply;
use temporal_auth::authentication::HostServices;
use temporal_auth::authentication::host_verifier::ForeignFunctions;
use temporal_auth::counters::{self, Counters};
use temporal_auth::filter::FilterState;
use temporal_auth::keys::SharedData;
use temporal_auth::report::Decision;
use temporal_auth::wire::headers;
use waiting::Waiting;

/// How many waiting requests are woken in one call of the host. It acts on what the module says only after that call, and
/// each answered stream calls the module once more before the next is answered: so many calls lie on the stack at a time,
/// and at some hundreds the virtual machine fails.
const AT_ONCE: usize = 16;
/// How often the root context ticks while requests are woken, while a key is awaited, and otherwise.
const WAKING_TICK: Duration = Duration::from_millis(1);
const BUSY_TICK: Duration = Duration::from_millis(10);
const IDLE_TICK: Duration = Duration::from_secs(1);

/// What the root context of one configuration and its streams have in common.
struct Shared {
    state: RefCell<FilterState>,
    /// Streams that wait for a key, by context id.
    waiting: RefCell<Waiting<Rc<RefCell<Held>>>>,
    metrics: Metrics,
    tick: Cell<Duration>,
}

/// The host's numbers of the metrics.
struct Metrics {
    /// In the order of [`Counters::take`].
    counters: Vec<u32>,
    native: u32,
    waiting: u32,
    /// What of the gauge of waiting requests is this context's: that of all worker threads is one.
    waiting_told: Cell<i64>,
}

/// What the library asks of Envoy.
struct EnvoyHost;

impl SharedData for EnvoyHost {
    fn load(&self, name: &str) -> Option<(Vec<u8>, u32)> {
        hostcalls::shared_data(name).ok()
    }

    fn store(&self, name: &str, value: &[u8], number: u32) -> bool {
        hostcalls::set_shared_data(name, value, number).is_ok()
    }
}

impl ForeignFunctions for EnvoyHost {
    fn call(&self, function: &str, arguments: &[u8]) -> Option<Vec<u8>> {
        hostcalls::call_foreign(function, arguments).ok()
    }
}

impl HostServices for EnvoyHost {
    fn clock(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl Shared {
    /// Ticks at this period from now on. Called from a stream it acts on that stream's root context.
    fn tick_at(&self, period: Duration) {
        if self.tick.replace(period) != period && hostcalls::set_tick_period(period).is_err() {
            log::error!("temporal-auth: cannot set the timer; keys are not refreshed");
        }
    }
}

fn start() {
    logger::install();
    proxy_wasm::set_root_context(|id| Box::new(root::Root::new(id)));
}

/// Answers in the server's place. Whether or not the host takes the answer, nothing goes on.
fn send(reply: &Reply) {
    let details = format!("temporal_auth_{}", reply.answer().word());
    let headers = reply.headers();
    let pairs: Vec<(&[u8], &[u8])> = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let headers = headers::serialize(&pairs);
    let sent = hostcalls::answer(reply.http_status(), &details, reply.message(), &headers, reply.grpc_status());
    if let Err(refused) = sent {
        log::error!("temporal-auth: cannot send an answer: {refused:?}");
    }
}

/// Reports a decision: the log line, and the state for the access log.
fn report(decision: &Decision, log_allowed: bool, access_log_state: bool) {
    let tells = !decision.allow || decision.shadow.is_some();
    if tells || log_allowed {
        let level = if tells { Level::Warn } else { Level::Info };
        log::log!(level, "temporal-auth {}", decision.line());
    }
    if access_log_state && let Err(refused) = hostcalls::set_property(b"temporal_auth", decision.state().as_bytes()) {
        log::error!("temporal-auth: cannot set the access-log state: {refused:?}");
    }
}

impl Metrics {
    fn define() -> Option<Self> {
        let counter = |name: &String| hostcalls::define(Metric::Counter, name).ok();
        Some(Self {
            counters: Counters::names().iter().map(counter).collect::<Option<_>>()?,
            native: hostcalls::define(Metric::Gauge, counters::NATIVE_ALGORITHMS).ok()?,
            waiting: hostcalls::define(Metric::Gauge, counters::WAITING).ok()?,
            waiting_told: Cell::new(0),
        })
    }

    /// Tells how many requests of this context wait.
    fn tell_waiting(&self, waiting: usize) {
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        let change = waiting.saturating_sub(self.waiting_told.replace(waiting));
        if change != 0 && hostcalls::increment(self.waiting, change).is_err() {
            log::error!("temporal-auth: cannot set a gauge");
        }
    }
}

/// Removes the request's trailers: an empty map ends the request without any.
fn clear_trailers() -> bool {
    hostcalls::clear_header_map(Map::RequestTrailers).is_ok()
}
