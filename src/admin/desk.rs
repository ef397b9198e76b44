//! Which request gets which answer: open ones first, the guarded ones behind the token.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use tokio::sync::watch;
use tokio::time::timeout;

use super::answer::{Answer, Refusal};
use super::cgi_bin::CgiBin;
use super::exposition::Exposition;
use super::guard::Guard;
use super::{health, revoke};
use crate::clock::Clock;
use crate::config;
use crate::listener::Slots;
use crate::login::Login;
use crate::metrics::{Calls, Traffic};
use crate::session::Sessions;
use crate::store::Store;
use crate::wechat::{Client, Platform, wecom};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Ten times the longest thing anybody has to say here.
const MAX_BODY: usize = 8 * 1024;
/// Programs that come here are on this machine or next to it.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What the operator's listener tells of, and what it can do.
#[derive(Debug)]
pub struct Parts {
    /// What is configured of those that have tokens.
    pub official_account: Option<(Client, Platform)>,
    pub wecom: Option<(wecom::Client, Platform)>,
    /// Of all accounts.
    pub calls: Calls,
    pub sessions: Arc<Sessions>,
    pub login: Arc<Login>,
    /// Every worker's.
    pub traffic: Vec<Arc<Traffic>>,
    pub slots: Arc<Slots>,
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    /// Says that the gate is not ready from when this is true.
    pub draining: watch::Receiver<bool>,
}

/// Answers the operator.
#[derive(Debug)]
pub struct Desk {
    pub(super) parts: Arc<Parts>,
    guard: Guard,
    cgi_bin: CgiBin,
    exposition: Exposition,
}

/// An address of this listener's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Health,
    Ready,
    Metrics,
    Token,
    StableToken,
    Ticket,
    Revoke,
}

impl Endpoint {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/healthz" => Self::Health,
            "/readyz" => Self::Ready,
            "/metrics" => Self::Metrics,
            "/cgi-bin/token" => Self::Token,
            "/cgi-bin/stable_token" => Self::StableToken,
            "/cgi-bin/ticket/getticket" => Self::Ticket,
            "/sessions/revoke" => Self::Revoke,
            _ => return None,
        })
    }

    const fn is_open(self) -> bool {
        matches!(self, Self::Health | Self::Ready | Self::Metrics)
    }
}

impl Parts {
    /// Who keeps tokens.
    pub(super) fn platforms(&self) -> impl Iterator<Item = &Platform> {
        let official = self.official_account.as_ref().map(|(_, platform)| platform);
        official.into_iter().chain(self.wecom.as_ref().map(|(_, platform)| platform))
    }
}

impl Desk {
    /// Knows what the one before has handed out.
    pub(super) fn new(section: &config::Admin, parts: Parts, before: Option<&Self>) -> Self {
        let parts = Arc::new(parts);
        let before = before.map(|before| &before.cgi_bin);
        Self {
            guard: Guard::new(section.token.as_ref(), &parts.clock),
            cgi_bin: CgiBin::new(parts.official_account.clone(), parts.clock.clone(), before),
            exposition: Exposition::new(parts.clone()),
            parts,
        }
    }

    /// Whether the gate is finishing what is in flight and takes nothing new.
    pub(super) fn is_draining(&self) -> bool {
        *self.parts.draining.borrow()
    }

    /// Never fails: what is refused is an answer too.
    pub(super) async fn answer<B: Body<Data = Bytes, Error: Into<BoxError>>>(
        &self,
        request: Request<B>,
        peer: IpAddr,
    ) -> Answer {
        self.serve(request, peer).await.unwrap_or_else(Answer::from)
    }

    async fn serve<B: Body<Data = Bytes, Error: Into<BoxError>>>(
        &self,
        request: Request<B>,
        peer: IpAddr,
    ) -> Result<Answer, Refusal> {
        let (head, body) = request.into_parts();
        let endpoint = Endpoint::at(head.uri.path()).ok_or(Refusal::NotFound)?;
        if !endpoint.is_open() {
            self.guard.admit(&head.headers, peer)?;
        }
        let query = head.uri.query().unwrap_or_default();
        match endpoint {
            Endpoint::Health | Endpoint::Ready | Endpoint::Metrics if !is_read(&head.method) => {
                Err(Refusal::Method("GET, HEAD"))
            }
            Endpoint::Health => Ok(health::live()),
            Endpoint::Ready => Ok(health::ready(self)),
            Endpoint::Metrics => Ok(self.exposition.answer(&head.headers)),
            Endpoint::Token => Ok(self.cgi_bin.token(&head.method, query).await),
            Endpoint::StableToken => Ok(self.cgi_bin.stable_token(&head.method, &read(body).await?).await),
            Endpoint::Ticket => Ok(self.cgi_bin.ticket(&head.method, query).await),
            Endpoint::Revoke if head.method != Method::POST => Err(Refusal::Method("POST")),
            Endpoint::Revoke => revoke::answer(&self.parts.sessions, &read(body).await?),
        }
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

async fn read(body: impl Body<Data = Bytes, Error: Into<BoxError>>) -> Result<Bytes, Refusal> {
    match timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => Err(Refusal::BadRequest("the body is longer than 8 KiB, or broke off")),
        Err(_) => Err(Refusal::BadRequest("the body did not come in time")),
    }
}
