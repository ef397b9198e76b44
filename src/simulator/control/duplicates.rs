//! Callbacks that come more than once: WeChat's own machines, without cookies, ask for them beside the browser.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpStream;

use crate::simulator::Shared;

/// How long the site may take to answer WeChat's machine.
const PATIENCE: Duration = Duration::from_secs(10);

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
                let cookie = answer.headers().contains_key(http::header::SET_COOKIE);
                json!({"mode": self.mode, "url": self.url, "status": answer.status().as_u16(), "set_cookie": cookie})
            }
            Ok(Err(problem)) => json!({"mode": self.mode, "url": self.url, "error": problem.to_string()}),
            Err(_) => json!({"mode": self.mode, "url": self.url, "error": "no answer in ten seconds"}),
        };
        shared.world().note("duplicate", outcome);
    }
}

type Problem = Box<dyn std::error::Error + Send + Sync>;

/// One GET without a cookie, over a connection of its own.
async fn get(url: &str, via: Option<SocketAddr>, user_agent: &str) -> Result<Response<Incoming>, Problem> {
    let uri: Uri = url.parse()?;
    let authority = uri.authority().ok_or("the callback has no host")?;
    let stream = match via {
        Some(address) => TcpStream::connect(address).await?,
        None if uri.scheme_str() == Some("https") => return Err("https is not spoken here: say where with via".into()),
        None => {
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?
        }
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let request = Request::get(target)
        .header(http::header::HOST, authority.as_str())
        .header(http::header::USER_AGENT, user_agent)
        .header(http::header::ACCEPT, "text/html,*/*;q=0.8")
        .body(Empty::<Bytes>::new())?;
    // The connection only moves while it is polled; it ends when the sender is dropped.
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await;
    connection.abort();
    Ok(answer?)
}
