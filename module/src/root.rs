//! One configuration: loads it, fetches keys, wakes the requests that wait for them, reports counters.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::hostcalls::{self, Buffer, Map};
use super::stream::Stream;
use super::waiting::Waiting;
use super::{AT_ONCE, BUSY_TICK, EnvoyHost, IDLE_TICK, Metrics, Shared, WAKING_TICK};
use temporal_auth::config::Config;
use temporal_auth::filter::FilterState;
use temporal_auth::keys::{FetchProgress, HttpRequest};
use temporal_auth::time::Timestamp;
use temporal_auth::wire::headers::Headers;

thread_local! {
    /// The configurations of this VM, which is one thread's. After an update the old one stays for a while.
    static CONFIGURATIONS: RefCell<Vec<Weak<Shared>>> = const { RefCell::new(Vec::new()) };
}

/// The root context. Without a configuration nothing goes through.
pub(super) struct Root {
    id: u32,
    shared: Option<Rc<Shared>>,
    /// Which issuer's fetch a call of the host belongs to.
    calls: HashMap<u32, usize>,
    /// When expired tokens were last forgotten and counters reported.
    tidied: Option<Timestamp>,
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        Self { id, shared: None, calls: HashMap::new(), tidied: None }
    }

    /// Sends a request for keys. The host answers with [`Context::on_http_call_response`].
    fn fetch(&mut self, state: &mut FilterState, issuer: usize, request: &HttpRequest) {
        // An answer that was given up must not be taken for this one's.
        self.calls.retain(|_, other| *other != issuer);
        let headers = [
            (":method", "GET"),
            (":path", request.url.path.as_str()),
            (":authority", request.url.authority.as_str()),
            (":scheme", if request.url.https { "https" } else { "http" }),
            ("accept", "application/json"),
            ("user-agent", concat!("temporal-auth-filter/", env!("CARGO_PKG_VERSION"))),
        ];
        // The SDK's wrapper, because it must learn the call's number; the statuses on which it panics are for
        // arguments outside this module's memory.
        match proxy_wasm::hostcalls::dispatch_http_call(
            &request.cluster,
            headers.to_vec(),
            None,
            Vec::new(),
            request.timeout,
        ) {
            Ok(call) => {
                self.calls.insert(call, issuer);
            }
            Err(status) => {
                let why = format!("the host cannot send to cluster {:?}: {status:?}", request.cluster);
                self.answered(state, issuer, None, Some(why));
            }
        }
    }

    /// A fetch has come to an end, or to its next request.
    fn answered(
        &mut self,
        state: &mut FilterState,
        issuer: usize,
        answer: Option<(&[u8], &[u8])>,
        why: Option<String>,
    ) {
        match state.on_response(issuer, answer, Timestamp::now()) {
            FetchProgress::Request(request) => self.fetch(state, issuer, &request),
            FetchProgress::Loaded => {}
            FetchProgress::Failed(reason) => {
                let name = state.config.issuers.get(issuer).map_or("", |issuer| &issuer.name);
                let why = why.unwrap_or_else(|| reason.to_string());
                log::warn!("temporal-auth: fetching the keys of issuer {name} failed: {why}");
            }
        }
    }

    /// Wakes requests whose key has come or whose time is up, and paces the ticks after it.
    fn wake(&self, shared: &Shared, state: &mut FilterState) {
        let now = Timestamp::now();
        let due: Vec<_> = match shared.waiting.try_borrow() {
            Ok(waiting) => waiting
                .iter()
                .filter(|(_, held)| held.try_borrow().is_ok_and(|held| held.call().is_due(state, now)))
                .map(|(id, held)| (id, Rc::clone(held)))
                .take(AT_ONCE)
                .collect(),
            Err(_) => Vec::new(),
        };
        for (id, held) in &due {
            let still = match (hostcalls::set_effective_context(*id), held.try_borrow_mut()) {
                (Ok(()), Ok(mut held)) => held.wake(state),
                // The request is gone.
                _ => false,
            };
            if !still && let Ok(mut waiting) = shared.waiting.try_borrow_mut() {
                waiting.remove(*id);
            }
        }
        if !due.is_empty() && hostcalls::set_effective_context(self.id).is_err() {
            log::error!("temporal-auth: cannot switch to the root context");
        }
        let waits = shared.waiting.try_borrow().is_ok_and(|waiting| !waiting.is_empty());
        shared.tick_at(if due.len() >= AT_ONCE {
            WAKING_TICK
        } else if waits || state.is_busy() {
            BUSY_TICK
        } else {
            IDLE_TICK
        });
    }

    fn count(shared: &Shared, state: &mut FilterState) {
        for (counter, by) in shared.metrics.counters.iter().zip(state.counters.take()) {
            let by = i64::try_from(by).unwrap_or(i64::MAX);
            if by > 0 && hostcalls::increment(*counter, by).is_err() {
                log::error!("temporal-auth: cannot increment a counter");
            }
        }
        shared.metrics.tell_waiting(shared.waiting.try_borrow().map_or(0, |waiting| waiting.len()));
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body: usize, _: usize) {
        let (Some(issuer), Some(shared)) = (self.calls.remove(&call), self.shared.clone()) else { return };
        let Ok(mut state) = shared.state.try_borrow_mut() else { return };
        // Without headers there was no answer, and reading them would be an error.
        let headers = if headers == 0 { None } else { hostcalls::header_map(Map::CallResponseHeaders).ok() };
        let most = body.min(temporal_auth::keys::jwk::MAX_DOCUMENT.saturating_add(1));
        let body = if body == 0 { Ok(Vec::new()) } else { hostcalls::buffer(Buffer::CallResponseBody, most) };
        let status =
            headers.as_ref().and_then(|headers| Headers::new(headers).iter().find(|(name, _)| *name == b":status"));
        let answer = status.and_then(|(_, status)| Some((status, body.as_deref().ok()?)));
        self.answered(&mut state, issuer, answer, None);
        self.wake(&shared, &mut state);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let text = if size == 0 { Ok(Vec::new()) } else { hostcalls::buffer(Buffer::PluginConfiguration, size) };
        let Ok(text) = text else {
            log::error!("temporal-auth: configuration: cannot read it from the host");
            return false;
        };
        let config = match Config::parse(&text) {
            Ok(config) => config,
            Err(problems) => {
                for problem in problems {
                    log::error!("temporal-auth: configuration: {problem}");
                }
                return false;
            }
        };
        let Some(metrics) = Metrics::define() else {
            log::error!("temporal-auth: cannot define metrics");
            return false;
        };
        let mut state = FilterState::on(Rc::new(EnvoyHost), config);
        tell_verifiers(&state, &metrics);
        for other in configurations() {
            if let Ok(other) = other.state.try_borrow() {
                state.inherit(&other);
            }
        }
        state.sync(Timestamp::now());
        let shared = Shared {
            state: RefCell::new(state),
            waiting: RefCell::new(Waiting::default()),
            metrics,
            tick: Cell::default(),
        };
        // Keys that are not there yet are fetched from the first tick: clusters may not be ready before.
        shared.tick_at(BUSY_TICK);
        let shared = Rc::new(shared);
        CONFIGURATIONS.with_borrow_mut(|all| {
            all.retain(|other| other.strong_count() > 0);
            all.push(Rc::downgrade(&shared));
        });
        self.shared = Some(shared);
        true
    }

    fn on_tick(&mut self) {
        let Some(shared) = self.shared.clone() else { return };
        let Ok(mut state) = shared.state.try_borrow_mut() else { return };
        let now = Timestamp::now();
        state.sync(now);
        for (issuer, request) in state.poll(now) {
            self.fetch(&mut state, issuer, &request);
        }
        // Not on every tick of a busy time.
        if self.tidied.is_none_or(|last| now >= last.saturating_add(IDLE_TICK)) {
            self.tidied = Some(now);
            state.forget(now);
            Self::count(&shared, &mut state);
        }
        self.wake(&shared, &mut state);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        match &self.shared {
            Some(shared) => Some(Box::new(Stream::new(id, Rc::clone(shared)))),
            None => Some(Box::new(Unconfigured)),
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// The configurations that are alive in this VM.
fn configurations() -> Vec<Rc<Shared>> {
    CONFIGURATIONS.with_borrow(|all| all.iter().filter_map(Weak::upgrade).collect())
}

/// Tells whose signatures the host verifies.
fn tell_verifiers(state: &FilterState, metrics: &Metrics) {
    let native = state.host_algorithms();
    let names: Vec<_> = native.iter().map(|algorithm| algorithm.name()).collect();
    let text = match names.as_slice() {
        [] => "the host verifies no signatures; all are verified in WebAssembly, which is slower".to_owned(),
        names => format!("the host verifies signatures of {}", names.join(", ")),
    };
    log::info!("temporal-auth: {text}");
    if hostcalls::record(metrics.native, u64::try_from(native.len()).unwrap_or_default()).is_err() {
        log::error!("temporal-auth: cannot set a gauge");
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let Some(shared) = self.shared.take() else { return };
        shared.metrics.tell_waiting(0);
        let Ok(state) = shared.state.try_borrow() else { return };
        let is_same = |other: &Rc<Shared>| {
            let theirs = other.state.try_borrow();
            !Rc::ptr_eq(other, &shared) && theirs.is_ok_and(|theirs| theirs.config.share_key == state.config.share_key)
        };
        // A host tries a configuration in a virtual machine of its own first, which never ticks and has shared nothing.
        if self.tidied.is_some() && !configurations().iter().any(is_same) {
            state.withdraw();
        }
    }
}

/// A request before there is a configuration, which hosts do not send.
struct Unconfigured;

impl Context for Unconfigured {}

impl HttpContext for Unconfigured {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> proxy_wasm::types::Action {
        super::send(&temporal_auth::answer::Reply::UNAVAILABLE);
        proxy_wasm::types::Action::Pause
    }
}
