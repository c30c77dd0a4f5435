//! The wishes of whoever started the process: SIGTERM, SIGINT (Ctrl-C), SIGHUP.

use std::io;

use super::Failure;

/// Hears every signal from its making on, also between two calls of [`Signals::next`].
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// To be called inside a runtime, before anything is started that wants to be ended well.
    pub(super) fn listen() -> Result<Signals, Failure> {
        Signals::new().map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))
    }

    #[cfg(unix)]
    fn new() -> io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Signals { terminate, interrupt })
    }

    #[cfg(windows)]
    fn new() -> io::Result<Signals> {
        Ok(Signals { interrupt: tokio::signal::windows::ctrl_c()? })
    }

    /// Ready when the process is asked to end.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ready when the process is asked to end.
    #[cfg(windows)]
    pub(super) async fn next(&mut self) {
        self.interrupt.recv().await;
    }
}

/// SIGHUP: read the configuration anew. Several that come before it is asked for count as one.
pub(super) struct Hangup {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Hangup {
    /// To be called inside a runtime. From then on SIGHUP no longer ends the process.
    #[cfg(unix)]
    pub(super) fn listen() -> Result<Hangup, Failure> {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        let signal = signal.map_err(|error| Failure::new(format!("cannot listen for signals: {error}")))?;
        Ok(Hangup { signal })
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> Result<Hangup, Failure> {
        Ok(Hangup {})
    }

    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        self.signal.recv().await;
    }

    /// Never, where there is no such signal.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        std::future::pending().await
    }
}
