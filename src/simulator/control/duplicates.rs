//! Callbacks that come more than once: WeChat's own machines, without cookies, ask for them beside the browser.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::simulator::Shared;

/// How long the site may take to answer WeChat's machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// As much of an answer as is read, in bytes.
const MAX_ANSWER: u64 = 1024 * 1024;

/// How sign-ins are doubled.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulator) struct Duplicates {
    pub(super) mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<SocketAddr>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::simulator) enum Mode {
    #[default]
    Off,
    SameCode,
    Prefetch,
    TwoCodes,
}

impl Duplicates {
    /// The way this sign-in is doubled, counted off.
    pub(in crate::simulator) const fn take(&mut self) -> Mode {
        let mode = self.mode;
        match &mut self.times {
            None => {}
            Some(left @ 2..) => *left -= 1,
            Some(_) => (self.mode, self.times) = (Mode::Off, None),
        }
        mode
    }
}

/// Another request for a callback, made by the simulator.
#[derive(Debug)]
pub(in crate::simulator) struct Duplicate {
    pub(in crate::simulator) mode: Mode,
    pub(in crate::simulator) url: String,
    pub(in crate::simulator) user_agent: String,
}

impl Duplicate {
    /// Makes the request: to its end when the mode says so, else beside the browser's.
    pub(in crate::simulator) async fn send(self, shared: &Arc<Shared>) {
        match self.mode {
            Mode::Off => {}
            Mode::Prefetch | Mode::TwoCodes => self.fetch(shared).await,
            Mode::SameCode => {
                let shared = Arc::clone(shared);
                tokio::spawn(async move { self.fetch(&shared).await });
            }
        }
    }

    async fn fetch(self, shared: &Shared) {
        let via = shared.world().duplicates.via;
        let answer = tokio::time::timeout(PATIENCE, get(&self.url, via, &self.user_agent)).await;
        let outcome = match answer {
            Ok(Ok(answer)) => {
                let Answer { status, set_cookie } = answer;
                json!({"mode": self.mode, "url": self.url, "status": status, "set_cookie": set_cookie})
            }
            Ok(Err(problem)) => json!({"mode": self.mode, "url": self.url, "error": problem.to_string()}),
            Err(_) => json!({"mode": self.mode, "url": self.url, "error": "no answer in ten seconds"}),
        };
        shared.world().note("duplicate", outcome);
    }
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// What the site answered, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    set_cookie: bool,
}

impl Answer {
    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
        let mut names = lines.filter_map(|line| line.split_once(':'));
        Some(Self { status, set_cookie: names.any(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) })
    }
}

/// One GET without a cookie, over a connection of its own, to the end of the answer.
async fn get(url: &str, via: Option<SocketAddr>, user_agent: &str) -> Result<Answer, Problem> {
    let uri: Uri = url.parse()?;
    let authority = uri.authority().ok_or("the callback has no host")?;
    let mut stream = match via {
        Some(address) => connect(address).await?,
        None if uri.scheme_str() == Some("https") => return Err("https is not spoken here: say where with via".into()),
        None => {
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            let found = tokio::net::lookup_host((host, authority.port_u16().unwrap_or(80))).await?;
            connect_any(found).await?
        }
    };
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {user_agent}\r\n\
         Accept: text/html,*/*;q=0.8\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    let (head, _) = text.split_once("\r\n\r\n").ok_or("the site's answer has no end of its head")?;
    Answer::parse(head).ok_or_else(|| "the site does not answer in HTTP".into())
}

async fn connect_any(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the callback's host has no address");
    for address in addresses {
        match connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Connects, on this machine from another address than the browser's: WeChat's machines have their own.
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    if address.ip() == IpAddr::from(Ipv4Addr::LOCALHOST) {
        let socket = TcpSocket::new_v4()?;
        // Not every system has the rest of 127.0.0.0/8. Where it is missing the usual address serves.
        if socket.bind((Ipv4Addr::new(127, 0, 0, 2), 0).into()).is_ok() {
            return socket.connect(address).await;
        }
    }
    TcpStream::connect(address).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_status_and_whether_it_sets_a_cookie() {
        let check = |head: &str, expected| assert_eq!(Answer::parse(head), expected, "{head}");
        check("HTTP/1.1 303 See Other\r\nSet-Cookie: a=b", Some(Answer { status: 303, set_cookie: true }));
        check("HTTP/1.0 403 \r\nx: set-cookie", Some(Answer { status: 403, set_cookie: false }));
        check("HTTP/2 200", None);
        check("HTTP/1.1 ok", None);
        check("", None);
    }
}
