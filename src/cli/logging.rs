//! Where log lines go: standard error, off the threads that serve.

use std::io;
use std::sync::Arc;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;

use crate::config::{Log, LogFormat, LogLevel};
use crate::edge::access_log::Sink;

/// Lines that may wait while standard error is slow; more are lost rather than waited for.
const QUEUE: usize = 8 * 1024;

/// Keeps the writer going; what still waits is written when this is dropped.
pub(super) struct Logging {
    writer: NonBlocking,
    _guard: WorkerGuard,
}

impl Logging {
    /// Starts logging for the whole process.
    pub(super) fn start(log: Log) -> Self {
        let (writer, guard) = NonBlockingBuilder::default()
            .lossy(true)
            .buffered_lines_limit(QUEUE)
            .thread_name("wxgate-log")
            .finish(io::stderr());
        let level = match log.level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
        };
        let lines = tracing_subscriber::fmt().with_writer(writer.clone()).with_max_level(level).with_target(false);
        // A second start in one process keeps the first: only tests do that.
        let _ = match log.format {
            LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
            LogFormat::Json => lines.json().flatten_event(true).try_init(),
        };
        Self { writer, _guard: guard }
    }

    /// For the workers' access lines.
    pub(super) fn access_log(&self) -> Arc<dyn Fn() -> Sink + Send + Sync> {
        let writer = self.writer.clone();
        Arc::new(move || Box::new(writer.clone()))
    }
}
