//! The site behind the gate: a [`Stamped`] request in, its answer out. Bodies are streamed and never copied.

mod answer;
mod attempt;
mod body;
mod connection;
mod dial;
mod forwarding;
mod pool;
mod prelude;
mod replay;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;

use attempt::Answered;
pub use body::Body;
use body::Outgoing;
use connection::Connection;
use dial::Dialler;
use forwarding::Order;
use pool::Pool;
use upgrade::ClientSide;

use crate::config::{self, UpstreamAddress};
use crate::identity::Stamped;
use crate::metrics::Traffic;
use crate::patience::{Phase, Watch};
use crate::policy::Target;

/// One worker's way to the site and to the routes' own upstreams.
#[derive(Debug)]
pub struct Upstream {
    site: Arc<Site>,
    /// By the index of their route.
    routes: Vec<Option<Arc<Site>>>,
}

#[derive(Debug)]
struct Site {
    made_of: config::Upstream,
    pool: Arc<Pool>,
    /// The upstream's own `Host`.
    host: HeaderValue,
    preserve_host: bool,
    response_timeout: Duration,
    idle_timeout: Duration,
}

/// Why there is no answer from the upstream.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the upstream cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the upstream broke off or answered nonsense")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the upstream did not answer in time")]
    Timeout,
    #[error("the client stood still in the middle of its request")]
    ClientTooSlow,
    #[error("the client broke off its request")]
    ClientGone,
}

impl Upstream {
    /// Where an upstream is as it was `before`, its connections go on being used.
    #[must_use]
    pub fn new(
        site: &config::Upstream,
        routes: &[config::Route],
        traffic: &Arc<Traffic>,
        before: Option<&Self>,
    ) -> Self {
        let site_of = |upstream: &config::Upstream| {
            let kept = before.and_then(|before| before.sites().find(|site| site.made_of == *upstream));
            kept.cloned().unwrap_or_else(|| Arc::new(Site::new(upstream, traffic)))
        };
        Self { site: site_of(site), routes: routes.iter().map(|route| route.upstream.as_ref().map(site_of)).collect() }
    }

    /// Sends a request on and gives the head of the answer as soon as it is there.
    ///
    /// The request is on its way at once; what is awaited is small.
    ///
    /// # Errors
    /// [`Error`] when there is no answer to be had. Once there is one, a failure shows as a broken body.
    pub fn forward(
        &self,
        stamped: Stamped<Incoming>,
        watch: &Watch,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send + use<> {
        let site = match stamped.target {
            Target::Site => &self.site,
            Target::Route(index) => self.routes.get(index).and_then(Option::as_ref).unwrap_or(&self.site),
        };
        site.clone().forward(stamped, watch)
    }

    /// Closes pooled connections that have been idle for too long; called every tick.
    pub fn sweep(&self) {
        self.sites().for_each(|site| site.pool.sweep());
    }

    /// Another has taken this one's place: what it has not taken over is closed as soon as it is at rest.
    pub fn retire(&self, successor: &Self) {
        let is_taken_over = |site: &Arc<Site>| successor.sites().any(|other| Arc::ptr_eq(other, site));
        self.sites().filter(|site| !is_taken_over(site)).for_each(|site| site.pool.retire());
    }

    fn sites(&self) -> impl Iterator<Item = &Arc<Site>> {
        std::iter::once(&self.site).chain(self.routes.iter().flatten())
    }
}

impl Site {
    fn new(upstream: &config::Upstream, traffic: &Arc<Traffic>) -> Self {
        let host = match &upstream.address {
            UpstreamAddress::Unix(_) => HeaderValue::from_static("localhost"),
            UpstreamAddress::Http { host, port } => host_header(host, *port, 80),
            UpstreamAddress::Https { host, port } => host_header(host, *port, 443),
        };
        Self {
            made_of: upstream.clone(),
            pool: Arc::new(Pool::new(Dialler::new(upstream), traffic.clone())),
            host,
            preserve_host: upstream.preserve_host,
            response_timeout: upstream.response_timeout,
            idle_timeout: upstream.idle_timeout,
        }
    }

    fn forward(
        self: Arc<Self>,
        stamped: Stamped<Incoming>,
        watch: &Watch,
    ) -> impl Future<Output = Result<Response<Body>, Error>> + Send + use<> {
        let Stamped { mut parts, lines, body, upgrade, wants_trailers, .. } = stamped;
        let client_side = upgrade.as_ref().and_then(|_| ClientSide::of(&mut parts));
        parts.extensions.clear();
        parts.version = Version::HTTP_11;
        if parts.uri.authority().is_some() {
            parts.uri = origin_form(&parts.uri);
        }
        // HTTP/1.0 clients may leave Host out; what goes on is HTTP/1.1.
        if !self.preserve_host || !parts.headers.contains_key(HOST) {
            parts.headers.insert(HOST, self.host.clone());
        }
        add_hop_headers(&mut parts.headers, upgrade.as_ref(), wants_trailers);
        if !body.is_end_stream() && body.size_hint().exact().is_none() {
            // hyper takes GET and HEAD to have no body unless they are said to.
            parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }

        let limits =
            body::Limits { upload: watch.limit(self.idle_timeout), answer: watch.limit(self.response_timeout) };
        let repeatable = body.is_end_stream() && is_idempotent(&parts.method);
        let outgoing = Outgoing::new(body, lines, watch.clone(), limits);
        let request = Request::from_parts(parts, outgoing);
        forwarding::forward(self, Order { request, repeatable, client_side, idle: limits.upload }, watch)
    }

    fn answered(
        self: &Arc<Self>,
        (response, connection): Answered,
        client_side: Option<ClientSide>,
        watch: &Watch,
        idle: u32,
    ) -> Result<Response<Body>, Error> {
        if connection.was_replaced() {
            // What was pooled with it is likely as dead.
            self.pool.clear();
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return self.switch(response, connection, client_side, watch);
        }
        if client_side.is_some_and(|client| client.would_mistake(response.status())) {
            return Err(Error::Broken("the upstream did not change protocols".into()));
        }
        let (mut parts, incoming) = response.into_parts();
        answer::pass_on(&mut parts)?;
        watch.enter_for(Phase::Body, idle);
        Ok(Response::from_parts(parts, Body::new(incoming, connection, self.pool.clone(), watch.clone())))
    }

    /// Both sides speak another protocol from here on.
    fn switch(
        &self,
        mut response: Response<Incoming>,
        mut connection: Connection,
        client_side: Option<ClientSide>,
        watch: &Watch,
    ) -> Result<Response<Body>, Error> {
        let Some(client_side) = client_side else {
            return Err(Error::Broken("the upstream changed protocols unasked".into()));
        };
        let upstream_side = hyper::upgrade::on(&mut response);
        connection.drive_apart();
        let (mut parts, _) = response.into_parts();
        client_side.agree(&mut parts)?;
        upgrade::tunnel(client_side, upstream_side, watch.clone(), watch.limit(self.idle_timeout));
        Ok(Response::from_parts(parts, Body::empty()))
    }
}

fn host_header(host: &str, port: u16, default_port: u16) -> HeaderValue {
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let text = if port == default_port { bracketed } else { format!("{bracketed}:{port}") };
    HeaderValue::try_from(text).expect("configuration checked the host")
}

/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || *method == Method::PUT || *method == Method::DELETE
}

fn origin_form(uri: &Uri) -> Uri {
    let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    Uri::from(target)
}

fn add_hop_headers(headers: &mut HeaderMap, upgrade: Option<&HeaderValue>, trailers: bool) {
    match (upgrade, trailers) {
        (Some(protocol), _) => {
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, protocol.clone());
        }
        // Whoever sends TE also names it (RFC 9110 section 10.1.4).
        (None, true) => {
            headers.insert(CONNECTION, HeaderValue::from_static("te"));
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
        (None, false) => {}
    }
}
