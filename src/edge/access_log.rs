//! One line per request. Written by hand, in batches, off the worker's thread: it must cost next to nothing.

use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode, Uri};

use crate::clock::Clock;
use crate::config::LogFormat;
use crate::request::RequestId;

/// Takes finished lines; must not block.
pub type Sink = Box<dyn Write + Send>;

/// One worker's part of the access log.
pub struct AccessLog {
    format: LogFormat,
    clock: Clock,
    pending: Mutex<Pending>,
}

struct Pending {
    lines: Vec<u8>,
    sink: Sink,
}

impl AccessLog {
    /// Lines wait together until there is this much, or until the next tick.
    const BATCH: usize = 16 * 1024;

    #[must_use]
    pub fn new(format: LogFormat, clock: Clock, sink: Sink) -> Self {
        let pending = Pending { lines: Vec::with_capacity(Self::BATCH + 1024), sink };
        Self { format, clock, pending: Mutex::new(pending) }
    }

    /// Notes a request. The path only, without its query: codes and states travel in queries (R28).
    pub fn write(
        &self,
        id: &RequestId,
        client: IpAddr,
        method: &Method,
        uri: &Uri,
        status: StatusCode,
        took: Duration,
    ) {
        let (now, path, status, micros) = (self.clock.now().0, uri.path(), status.as_u16(), took.as_micros());
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = &mut pending.lines;
        // Writing to a Vec cannot fail.
        let _ = match self.format {
            LogFormat::Text => {
                let path = Plain(path);
                writeln!(
                    lines,
                    "{now} access request_id={id} client={client} method={method} path={path} status={status} us={micros}"
                )
            }
            LogFormat::Json => {
                let path = serde_json::Value::from(path);
                writeln!(
                    lines,
                    r#"{{"time":{now},"log":"access","request_id":"{id}","client":"{client}","method":"{method}","path":{path},"status":{status},"us":{micros}}}"#
                )
            }
        };
        if pending.lines.len() >= Self::BATCH {
            pending.flush();
        }
    }

    /// Hands on what has gathered; called every tick.
    pub fn flush(&self) {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }
}

/// A path that no terminal takes for a command, and no reader for two lines: hyper lets through what Unicode has of
/// control characters beyond ASCII.
struct Plain<'a>(&'a str);

impl std::fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            return f.write_str(self.0);
        }
        self.0.chars().try_for_each(|c| match c {
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => write!(f, "{}", c.escape_unicode()),
            c => f.write_char(c),
        })
    }
}

impl Pending {
    fn flush(&mut self) {
        if !self.lines.is_empty() {
            // A full queue loses lines rather than hold up requests.
            let _ = self.sink.write_all(&self.lines);
            self.lines.clear();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
    }
}

impl std::fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessLog").field("format", &self.format).finish_non_exhaustive()
    }
}
