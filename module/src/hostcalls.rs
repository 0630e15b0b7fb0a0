//! Every host call except `proxy_http_call` (see `root.rs`). Each returns a `Result`, except `log`: the SDK's own
//! wrappers panic on an unexpected status, and a panic ends every request of the worker thread.
//!
//! The ABI is proxy-wasm 0.2.1. The host writes through the pointers that it is given and allocates with this module's
//! allocator (`proxy_on_memory_allocate` of the SDK), so returned data is taken over as a vector.
#![allow(unsafe_code, reason = "the only file that calls the host")]

use std::fmt;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// The host refused the call with this status of the ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused(pub u32);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the host refused, with status {}", self.0)
    }
}

/// The header maps of the ABI.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(super) enum HeaderMap {
    RequestHeaders = 0,
    RequestTrailers = 1,
    ResponseHeaders = 2,
    ResponseTrailers = 3,
    CallResponseHeaders = 6,
}

/// The buffers of the ABI.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(super) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    CallResponseBody = 4,
    PluginConfiguration = 7,
}

/// The log levels of the ABI.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(super) enum LogLevel {
    Info = 2,
    Warn = 3,
    Error = 4,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_header_map_pairs(map: u32, data: *const u8, size: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, size: usize) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_buffer_bytes(buffer: u32, start: usize, length: usize, data: *const u8, size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_get_shared_data(
        name: *const u8,
        size: usize,
        data: *mut *mut u8,
        data_size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(name: *const u8, size: usize, data: *const u8, data_size: usize, cas: u32) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

unsafe extern "C" {
    /// Defined by the linker.
    fn __wasm_call_ctors();
}

/// The module's entry point: runs the constructors, then registers the root context with the SDK.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: the constructors run once, before everything else.
    unsafe { __wasm_call_ctors() }
    super::start();
}

fn check(status: u32) -> Result<(), Refused> {
    if status == 0 { Ok(()) } else { Err(Refused(status)) }
}

/// Takes over the data that the host allocated.
fn take_over(status: u32, data: *mut u8, size: usize) -> Result<Vec<u8>, Refused> {
    check(status)?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the host got this memory from `proxy_on_memory_allocate`, which allocates exactly this size, and does not
    // keep the pointer.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Writes a line to the host's log.
pub(super) fn log(level: LogLevel, text: &str) {
    // SAFETY: the host reads the text during the call. A failure cannot be reported anywhere.
    unsafe { proxy_log(level as u32, text.as_ptr(), text.len()) };
}

/// A whole header map, in the ABI's serialization.
pub(super) fn header_map(map: HeaderMap) -> Result<Vec<u8>, Refused> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: both pointers are valid for writes.
    let status = unsafe { proxy_get_header_map_pairs(map as u32, &mut data, &mut size) };
    take_over(status, data, size)
}

/// Replaces a whole header map by this one, in the ABI's serialization.
pub(super) fn set_header_map(map: HeaderMap, pairs: &[u8]) -> Result<(), Refused> {
    // SAFETY: the host reads the map during the call.
    check(unsafe { proxy_set_header_map_pairs(map as u32, pairs.as_ptr(), pairs.len()) })
}

/// Replaces the first `length` bytes of a buffer.
pub(super) fn set_buffer(buffer: Buffer, length: usize, bytes: &[u8]) -> Result<(), Refused> {
    // SAFETY: the host reads the bytes during the call.
    check(unsafe { proxy_set_buffer_bytes(buffer as u32, 0, length, bytes.as_ptr(), bytes.len()) })
}

/// Removes all headers with this name.
pub(super) fn remove_header(map: HeaderMap, name: &[u8]) -> Result<(), Refused> {
    // SAFETY: the host reads the name during the call.
    check(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// The first bytes of a buffer, at most `max`.
pub(super) fn buffer(buffer: Buffer, max: usize) -> Result<Vec<u8>, Refused> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: both pointers are valid for writes.
    let status = unsafe { proxy_get_buffer_bytes(buffer as u32, 0, max, &mut data, &mut size) };
    take_over(status, data, size)
}

/// A property. The parts of its path are separated by zero bytes.
pub(super) fn property(path: &[u8]) -> Result<Vec<u8>, Refused> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host reads the path during the call; both pointers are valid for writes.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &mut data, &mut size) };
    take_over(status, data, size)
}

/// Sets a property, which Envoy keeps as filter state.
pub(super) fn set_property(path: &[u8], value: &[u8]) -> Result<(), Refused> {
    // SAFETY: the host reads the path and the value during the call.
    check(unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) })
}

/// Forwards the request of the effective context.
pub(super) fn continue_request() -> Result<(), Refused> {
    // SAFETY: no pointers.
    check(unsafe { proxy_continue_stream(0) })
}

/// Makes the following host calls act on this context.
pub(super) fn set_effective_context(context: u32) -> Result<(), Refused> {
    // SAFETY: no pointers.
    check(unsafe { proxy_set_effective_context(context) })
}

/// Sets how often the root context ticks.
pub(super) fn set_tick_period(period: Duration) -> Result<(), Refused> {
    let millis = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: no pointers.
    check(unsafe { proxy_set_tick_period_milliseconds(millis) })
}

/// The kinds of metrics of the ABI.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub(super) enum MetricKind {
    Counter = 0,
    Gauge = 1,
}

/// Defines a metric and returns its id.
pub(super) fn define_metric(kind: MetricKind, name: &str) -> Result<u32, Refused> {
    let mut id = 0;
    // SAFETY: the host reads the name during the call; the pointer is valid for writes.
    check(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) })?;
    Ok(id)
}

/// Adds to a metric.
pub(super) fn increment_metric(id: u32, by: i64) -> Result<(), Refused> {
    // SAFETY: no pointers.
    check(unsafe { proxy_increment_metric(id, by) })
}

/// Sets a gauge.
pub(super) fn record_metric(id: u32, value: u64) -> Result<(), Refused> {
    // SAFETY: no pointers.
    check(unsafe { proxy_record_metric(id, value) })
}

/// A value of the shared data, and its compare-and-swap number.
pub(super) fn shared_data(name: &str) -> Result<(Vec<u8>, u32), Refused> {
    let (mut data, mut size, mut cas) = (null_mut(), 0, 0);
    // SAFETY: the host reads the name during the call; the pointers are valid for writes.
    let status = unsafe { proxy_get_shared_data(name.as_ptr(), name.len(), &mut data, &mut size, &mut cas) };
    Ok((take_over(status, data, size)?, cas))
}

/// Sets a value of the shared data if its compare-and-swap number is still `cas`; 0 sets it in any case.
pub(super) fn set_shared_data(name: &str, value: &[u8], cas: u32) -> Result<(), Refused> {
    // SAFETY: the host reads the name and the value during the call.
    check(unsafe { proxy_set_shared_data(name.as_ptr(), name.len(), value.as_ptr(), value.len(), cas) })
}

/// Calls a function of the host that is not part of the ABI.
pub(super) fn call_foreign_function(name: &str, arguments: &[u8]) -> Result<Vec<u8>, Refused> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host reads the name and the arguments during the call; the pointers are valid for writes.
    let status = unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            &mut data,
            &mut size,
        )
    };
    take_over(status, data, size)
}

/// Answers in the server's place. gRPC clients get `grpc_status`, other clients `status`.
pub(super) fn send_local_response(
    status: u32,
    details: &str,
    body: &str,
    headers: &[u8],
    grpc_status: u32,
) -> Result<(), Refused> {
    let grpc_status = i32::try_from(grpc_status).unwrap_or(2);
    let headers_start = if headers.is_empty() { null() } else { headers.as_ptr() };
    // SAFETY: the host reads all arguments during the call.
    check(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers_start,
            headers.len(),
            grpc_status,
        )
    })
}

/// Ends in `+` if the host can call the module for answers. `tools/strip_exports.py --lean` drops these callbacks, which cost
/// every request, and changes the sign.
#[used]
static READS_ANSWERS: [u8; 30] = *b"temporal-auth reads answers: +";

/// Whether the host calls the module for answers, so that lists can be reduced.
pub(super) fn reads_answers() -> bool {
    // SAFETY: the pointer is that of a static. Volatile, because the compiler must not assume bytes that a tool changes.
    let marker = unsafe { std::ptr::read_volatile(&raw const READS_ANSWERS) };
    marker.last() == Some(&b'+')
}
