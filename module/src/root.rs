//! The root context: loads a configuration, fetches keys, wakes the requests that wait for them, and reports counters.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, Status};

use super::hostcalls::{self, Buffer, HeaderMap};
use super::metrics::Metrics;
use super::stream::Stream;
use super::wait_queue::WaitQueue;
use super::{BUSY_TICK, EnvoyHost, IDLE_TICK, MAX_WOKEN, PluginState, WAKING_TICK, log_notices};
use temporal_auth::config::Config;
use temporal_auth::filter::FilterState;
use temporal_auth::keys::{FetchProgress, HttpRequest, KeyResponse, KeySet, NoResponse};
use temporal_auth::time::Timestamp;
use temporal_auth::wire::headers::Headers;

thread_local! {
    /// The configurations of this VM, which belongs to one thread. After an update, the old configuration stays for a
    /// while.
    static CONFIGURATIONS: RefCell<Vec<Weak<PluginState>>> = const { RefCell::new(Vec::new()) };
}

/// The root context. Without a configuration, it forwards nothing.
pub(super) struct Root {
    id: u32,
    plugin: Option<Rc<PluginState>>,
    /// The issuer of each HTTP call in progress, by the host's id of the call.
    calls: HashMap<u32, usize>,
    /// When expired tokens were last removed and counters reported.
    last_cleanup: Option<Timestamp>,
}

impl Root {
    pub(super) fn new(id: u32) -> Self {
        Self { id, plugin: None, calls: HashMap::new(), last_cleanup: None }
    }

    /// Sends a request for keys. The host answers with [`Context::on_http_call_response`].
    fn fetch(&mut self, filter: &mut FilterState, issuer: usize, request: &HttpRequest) {
        // The response to a call that was given up must not be taken for the response to this call.
        self.calls.retain(|_, other| *other != issuer);
        let headers = [
            (":method", "GET"),
            (":path", request.url.path.as_str()),
            (":authority", request.url.authority.as_str()),
            (":scheme", if request.url.https { "https" } else { "http" }),
            ("accept", "application/json"),
            ("user-agent", concat!("temporal-auth-filter/", env!("CARGO_PKG_VERSION"))),
        ];
        // The SDK's wrapper, because it must learn the call's id. It panics only on statuses for arguments outside of
        // this module's memory.
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
                let why = match status {
                    Status::BadArgument => NoResponse::UnknownCluster,
                    Status::InternalFailure => NoResponse::NoHost,
                    other => NoResponse::Refused(other as u32),
                };
                self.take_response(filter, issuer, Err(why));
            }
        }
    }

    fn take_response(&mut self, filter: &mut FilterState, issuer: usize, response: KeyResponse<'_>) {
        match filter.on_response(issuer, response, Timestamp::now()) {
            FetchProgress::Request(request) => self.fetch(filter, issuer, &request),
            FetchProgress::Loaded => log_notices(filter),
            FetchProgress::Failed(failed) => {
                let name = filter.config.issuers.get(issuer).map_or("", |issuer| &issuer.name);
                log::warn!("temporal-auth: fetching the keys of issuer {name} failed: {failed}");
            }
        }
    }

    /// Wakes requests whose key has come or whose time is up, and sets the tick period.
    fn wake(&self, plugin: &PluginState, filter: &mut FilterState) {
        let now = Timestamp::now();
        let due: Vec<_> = match plugin.wait_queue.try_borrow() {
            Ok(wait_queue) => wait_queue
                .iter()
                .filter(|(_, stream)| stream.try_borrow().is_ok_and(|stream| stream.request().is_due(filter, now)))
                .map(|(id, stream)| (id, Rc::clone(stream)))
                .take(MAX_WOKEN)
                .collect(),
            Err(_) => Vec::new(),
        };
        for (id, stream) in &due {
            let still_waits = match (hostcalls::set_effective_context(*id), stream.try_borrow_mut()) {
                (Ok(()), Ok(mut stream)) => stream.wake(filter),
                // The request is gone.
                _ => false,
            };
            if !still_waits && let Ok(mut wait_queue) = plugin.wait_queue.try_borrow_mut() {
                wait_queue.remove(*id);
            }
        }
        if !due.is_empty() && hostcalls::set_effective_context(self.id).is_err() {
            log::error!("temporal-auth: cannot switch to the root context");
        }
        let has_waiting = plugin.wait_queue.try_borrow().is_ok_and(|wait_queue| !wait_queue.is_empty());
        plugin.set_tick_period(if due.len() >= MAX_WOKEN {
            WAKING_TICK
        } else if has_waiting || filter.authenticator.is_busy() {
            BUSY_TICK
        } else {
            IDLE_TICK
        });
    }

    fn report_metrics(plugin: &PluginState, filter: &mut FilterState) {
        let metrics = &plugin.metrics;
        metrics.report_counts(filter.counters.take());
        let authenticator = &filter.authenticator;
        metrics.waiting.report(plugin.wait_queue.try_borrow().map_or(0, |wait_queue| wait_queue.len()));
        metrics.cached_tokens.report(authenticator.cached_tokens());
        let usable = authenticator.key_sets(Timestamp::now()).map(|(_, set)| set.map_or(0, KeySet::key_count));
        metrics.report_keys(usable, authenticator.key_lifetimes());
        metrics.report_info(true);
    }
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, body: usize, _: usize) {
        let (Some(issuer), Some(plugin)) = (self.calls.remove(&call), self.plugin.clone()) else { return };
        let Ok(mut filter) = plugin.filter.try_borrow_mut() else { return };
        // Without headers, there was no response, and reading them would be an error.
        let headers = if headers == 0 { None } else { hostcalls::header_map(HeaderMap::CallResponseHeaders).ok() };
        let max = body.min(temporal_auth::keys::MAX_DOCUMENT.saturating_add(1));
        let body = if body == 0 { Ok(Vec::new()) } else { hostcalls::buffer(Buffer::CallResponseBody, max) };
        let status =
            headers.as_ref().and_then(|headers| Headers::new(headers).iter().find(|(name, _)| *name == b":status"));
        let response = status.and_then(|(_, status)| Some((status, body.as_deref().ok()?)));
        self.take_response(&mut filter, issuer, response.ok_or(NoResponse::Lost));
        self.wake(&plugin, &mut filter);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let text = if size == 0 { Ok(Vec::new()) } else { hostcalls::buffer(Buffer::PluginConfiguration, size) };
        let Ok(text) = text else {
            log::error!("temporal-auth: configuration: cannot read it from the host");
            return false;
        };
        let parsed = if hostcalls::reads_answers() { Config::parse(&text) } else { Config::parse_for_lean(&text) };
        let config = match parsed {
            Ok(config) => config,
            Err(problems) => {
                for problem in problems {
                    log::error!("temporal-auth: configuration: {problem}");
                }
                return false;
            }
        };
        let Some(metrics) = Metrics::define(&config) else {
            log::error!("temporal-auth: cannot define metrics");
            return false;
        };
        let mut filter = FilterState::on(Rc::new(EnvoyHost), config);
        report_host_algorithms(&filter, &metrics);
        for other in configurations() {
            if let Ok(other) = other.filter.try_borrow() {
                filter.authenticator.inherit(&other.authenticator);
            }
        }
        filter.authenticator.sync(Timestamp::now());
        filter.note_left_out(Timestamp::now());
        log_notices(&mut filter);
        let plugin = PluginState {
            filter: RefCell::new(filter),
            wait_queue: RefCell::new(WaitQueue::default()),
            metrics,
            tick: Cell::default(),
        };
        // Missing keys are fetched from the first tick, because clusters may not be ready before.
        plugin.set_tick_period(BUSY_TICK);
        let plugin = Rc::new(plugin);
        CONFIGURATIONS.with_borrow_mut(|all| {
            all.retain(|other| other.strong_count() > 0);
            all.push(Rc::downgrade(&plugin));
        });
        self.plugin = Some(plugin);
        true
    }

    fn on_tick(&mut self) {
        let Some(plugin) = self.plugin.clone() else { return };
        let Ok(mut filter) = plugin.filter.try_borrow_mut() else { return };
        let now = Timestamp::now();
        filter.authenticator.sync(now);
        for (issuer, request) in filter.authenticator.poll(now) {
            self.fetch(&mut filter, issuer, &request);
        }
        // Busy ticks are too frequent for this.
        if self.last_cleanup.is_none_or(|last| now >= last.saturating_add(IDLE_TICK)) {
            self.last_cleanup = Some(now);
            filter.authenticator.forget(now);
            Self::report_metrics(&plugin, &mut filter);
            for line in filter.refusals.take(now) {
                log::warn!("temporal-auth {line}");
            }
        }
        self.wake(&plugin, &mut filter);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        match &self.plugin {
            Some(plugin) => Some(Box::new(Stream::new(id, Rc::clone(plugin)))),
            None => Some(Box::new(Unconfigured)),
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// The configurations that are alive in this VM.
fn configurations() -> Vec<Rc<PluginState>> {
    CONFIGURATIONS.with_borrow(|all| all.iter().filter_map(Weak::upgrade).collect())
}

/// Reports the algorithms whose signatures the host verifies.
fn report_host_algorithms(filter: &FilterState, metrics: &Metrics) {
    let algorithms = filter.authenticator.host_algorithms();
    let names: Vec<_> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
    let text = match names.as_slice() {
        [] => "the host verifies no signatures; all are verified in WebAssembly, which is slower".to_owned(),
        names => format!("the host verifies signatures of {}", names.join(", ")),
    };
    log::info!("temporal-auth: {text}");
    metrics.report_native_algorithms(algorithms.len());
}

impl Drop for Root {
    fn drop(&mut self) {
        let Some(plugin) = self.plugin.take() else { return };
        plugin.metrics.waiting.report(0);
        plugin.metrics.cached_tokens.report(0);
        // Hosts first try a configuration in a VM of its own, which never ticks and has shared nothing.
        if self.last_cleanup.is_none() {
            return;
        }
        let Ok(filter) = plugin.filter.try_borrow() else { return };
        let has_like = |is_like: fn(&Config, &Config) -> bool| {
            configurations().iter().any(|other| {
                let theirs = other.filter.try_borrow();
                !Rc::ptr_eq(other, &plugin) && theirs.is_ok_and(|theirs| is_like(&theirs.config, &filter.config))
            })
        };
        if !has_like(|other, ours| other.share_key == ours.share_key) {
            filter.authenticator.withdraw();
        }
        if !has_like(|other, ours| other.fingerprint == ours.fingerprint) {
            plugin.metrics.report_info(false);
        }
    }
}

/// The context of a request without a configuration. Hosts do not send such requests.
struct Unconfigured;

impl Context for Unconfigured {}

impl HttpContext for Unconfigured {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> proxy_wasm::types::Action {
        super::send(&temporal_auth::answer::Reply::UNAVAILABLE);
        proxy_wasm::types::Action::Pause
    }
}
