//! What holds of every line that a stranger's request leaves in the access log.

use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode, Uri};

use super::access_log::AccessLog;
use crate::clock::{Clock, Timestamp};
use crate::config::LogFormat;
use crate::request::Asker;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// R28: one line for one request, without its query; no reader and no terminal takes a part of it for anything else.
pub(crate) fn a_request_leaves_one_plain_line(method: &str, target: &str) {
    let (Ok(method), Ok(uri)) = (Method::from_bytes(method.as_bytes()), target.parse::<Uri>()) else { return };
    let text = line(LogFormat::Text, &method, &uri);
    assert!(!text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')), "{text:?}");
    let words: Vec<&str> = text.split(' ').collect();
    let names: Vec<&str> = words[2..].iter().map(|word| word.split('=').next().unwrap_or_default()).collect();
    assert_eq!(names, ["request_id", "client", "method", "path", "status", "us"], "{text:?}");
    let json: serde_json::Value = serde_json::from_str(&line(LogFormat::Json, &method, &uri)).expect("JSON");
    assert_eq!(json["path"], uri.path());
    assert_eq!(json["method"], method.as_str());
}

fn line(format: LogFormat, method: &Method, uri: &Uri) -> String {
    let lines = Lines::default();
    let log = AccessLog::new(format, Clock::fixed(Timestamp(1_000_000)), Box::new(lines.clone()));
    let client = IpAddr::from([203, 0, 113, 9]);
    log.write(&Asker::unknown().id, client, method, uri, StatusCode::OK, Duration::from_micros(17));
    drop(log);
    let written = String::from_utf8(lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone()).expect("UTF-8");
    written.strip_suffix('\n').expect("a whole line").to_owned()
}
