//! The host's log, behind the `log` facade.

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::hostcalls;

struct HostLogger;

impl Log for HostLogger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Info
    }

    fn log(&self, record: &Record<'_>) {
        let level = match record.level() {
            Level::Error => hostcalls::LogLevel::Error,
            Level::Warn => hostcalls::LogLevel::Warn,
            Level::Info => hostcalls::LogLevel::Info,
            Level::Debug | Level::Trace => return,
        };
        match record.args().as_str() {
            Some(text) => hostcalls::log(level, text),
            None => hostcalls::log(level, &record.args().to_string()),
        }
    }

    fn flush(&self) {}
}

/// Sends log records to the host. Only the first call has an effect.
pub(super) fn install() {
    if log::set_logger(&HostLogger).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
