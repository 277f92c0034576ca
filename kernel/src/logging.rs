//! The log: lines with time, process and thread, level and module, to a descriptor of the host.
//!
//! A level that is off costs one comparison with `log`'s maximal level.

use crate::prelude::*;
use core::fmt::Write;
use core::time::Duration;
use frame::ocall::file::{self, HostFd};
use frame::ocall::time::{Clock, now};
use frame::sync::Once;
use log::{LevelFilter, Log, Metadata, Record};

struct Logger;

struct Output {
    fd: HostFd,
    started: Duration,
}

static OUTPUT: Once<Output> = Once::new();

/// Logs as `config` says from now on.
pub fn init(config: &config::Log) {
    OUTPUT.call_once(|| Output { fd: descriptor(config.output), started: now(Clock::Monotonic) });
    // It fails only if there is a logger already, which can't be: this runs once, at boot.
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(match config.level {
            config::Level::Off => LevelFilter::Off,
            config::Level::Error => LevelFilter::Error,
            config::Level::Warn => LevelFilter::Warn,
            config::Level::Info => LevelFilter::Info,
            config::Level::Debug => LevelFilter::Debug,
            config::Level::Trace => LevelFilter::Trace,
        });
    }
}

/// The host's descriptor that lines are written to; it stays open for good.
pub(crate) fn descriptor(output: config::Output) -> HostFd {
    match output {
        config::Output::Stderr => frame::ocall::process::standard_error(),
        config::Output::Fd(fd) => HostFd::from_launcher(fd),
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        let Some(output) = OUTPUT.get() else { return };
        let mut line = String::with_capacity(160);
        // Nothing can be done about a log that can't be written.
        if format(&mut line, now(Clock::Monotonic).saturating_sub(output.started), record).is_ok() {
            let _ = file::write_message(&output.fd, line.as_bytes());
        }
    }

    fn flush(&self) {}
}

/// One line: `[   0.001234] 1/2 DEBUG fs::path: …`.
fn format(line: &mut String, since_start: Duration, record: &Record<'_>) -> core::fmt::Result {
    write!(line, "[{:4}.{:06}] ", since_start.as_secs(), since_start.subsec_micros())?;
    match frame::thread::current_ids() {
        Some((pid, tid)) => write!(line, "{pid}/{tid}")?,
        None => line.push('-'),
    }
    let module = record.target();
    let module = module.strip_prefix("kernel::").unwrap_or(module);
    writeln!(line, " {:5} {module}: {}", record.level(), record.args())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_time_level_and_module() {
        let mut line = String::new();
        let record = Record::builder()
            .level(log::Level::Warn)
            .target("kernel::fs::path")
            .args(format_args!("a message"))
            .build();
        format(&mut line, Duration::from_micros(1_234_567), &record).unwrap();
        assert_eq!(line, "[   1.234567] - WARN  fs::path: a message\n");
    }
}
