//! Just enough of HTTP/1.1 to knock at an example's door.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Far more than an answer takes; only a hung program meets it.
const LONG: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// All values of a header, which is named in lower case.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// Where a redirect leads.
    pub(crate) fn location(&self) -> &str {
        self.headers("location").first().copied().unwrap_or_else(|| panic!("no Location: {self:?}"))
    }
}

/// Sends one request; `url` is absolute, `headers` are whole lines.
pub(crate) fn ask(method: &str, url: &str, headers: &[&str]) -> Answer {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("a plain http URL: {url}"));
    let (host, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let path = path.split('#').next().unwrap_or(path);
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{length}{lines}\r\n");
    let mut stream = TcpStream::connect(host).expect("a connection");
    stream.set_read_timeout(Some(LONG)).expect("a timeout");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Answer { status: status.expect("a status"), head: head.to_owned(), body: body.to_owned() }
}

/// As [`ask`] with GET.
pub(crate) fn get(url: &str, headers: &[&str]) -> Answer {
    ask("GET", url, headers)
}
