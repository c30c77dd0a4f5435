//! The log of the process: one line for each event, on stderr.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::FormatTime;

use super::Failure;
use crate::registry::LogLevel;

/// Starts the log. `RUST_LOG` goes before the configured level, in the syntax of `tracing`: `burgee=debug`.
pub(super) fn start(level: LogLevel) -> Result<(), Failure> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(wanted) if !wanted.trim().is_empty() => EnvFilter::try_new(&wanted).map_err(|error| {
            Failure::new(format!("RUST_LOG is not a filter: {error}; try RUST_LOG=burgee=debug"))
        })?,
        _ => EnvFilter::new(level.name()),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never)
        .with_target(false)
        .with_timer(Clock)
        .compact();
    // Only a second start fails, and the first one's log serves as well.
    let _ = log.try_init();
    Ok(())
}

/// Milliseconds are enough to read, and UTC is what every other log has.
struct Clock;

impl FormatTime for Clock {
    fn format_time(&self, out: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        write!(out, "{}", humantime::format_rfc3339_millis(std::time::SystemTime::now()))
    }
}
