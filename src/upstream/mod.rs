//! The site behind the gate: a [`Stamped`] request in, its answer out. Bodies are streamed and never copied.

mod body;
mod dial;
mod pool;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;

pub use body::Body;
use body::Outgoing;
use pool::{Connection, Pool};

use crate::config::{self, UpstreamAddress};
use crate::identity::Stamped;
use crate::metrics::Traffic;
use crate::patience::{Phase, Watch};
use crate::policy::Target;

/// One worker's way to the site and to the routes' own upstreams.
#[derive(Debug)]
pub struct Upstream {
    site: Site,
    /// By the index of their route.
    routes: Vec<Option<Site>>,
}

#[derive(Debug)]
struct Site {
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
    #[error("the client broke off its request or stood still")]
    ClientTooSlow,
}

impl Upstream {
    #[must_use]
    pub fn new(site: &config::Upstream, routes: &[config::Route], traffic: &Arc<Traffic>) -> Self {
        let route = |route: &config::Route| route.upstream.as_ref().map(|own| Site::new(own, traffic));
        Self { site: Site::new(site, traffic), routes: routes.iter().map(route).collect() }
    }

    /// Sends a request on and gives the head of the answer as soon as it is there.
    ///
    /// # Errors
    /// [`Error`] when there is no answer to be had. Once there is one, a failure shows as a broken body.
    pub async fn forward(&self, stamped: Stamped<Incoming>, watch: &Watch) -> Result<Response<Body>, Error> {
        let site = match stamped.target {
            Target::Site => &self.site,
            Target::Route(index) => self.routes.get(index).and_then(Option::as_ref).unwrap_or(&self.site),
        };
        site.forward(stamped, watch).await
    }

    /// Closes pooled connections that have been idle for too long; called every tick.
    pub fn sweep(&self) {
        self.site.pool.sweep();
        self.routes.iter().flatten().for_each(|site| site.pool.sweep());
    }
}

impl Site {
    fn new(upstream: &config::Upstream, traffic: &Arc<Traffic>) -> Self {
        let host = match &upstream.address {
            UpstreamAddress::Unix(_) => HeaderValue::from_static("localhost"),
            UpstreamAddress::Http { host, port } => {
                let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
                let text = if *port == 80 { bracketed } else { format!("{bracketed}:{port}") };
                HeaderValue::try_from(text).expect("configuration checked the host")
            }
        };
        Self {
            pool: Arc::new(Pool::new(&upstream.address, upstream.connect_timeout, traffic.clone())),
            host,
            preserve_host: upstream.preserve_host,
            response_timeout: upstream.response_timeout,
            idle_timeout: upstream.idle_timeout,
        }
    }

    async fn forward(&self, stamped: Stamped<Incoming>, watch: &Watch) -> Result<Response<Body>, Error> {
        let Stamped { mut parts, body, upgrade, wants_trailers, .. } = stamped;
        let client_side = upgrade.as_ref().and_then(|_| parts.extensions.remove::<hyper::upgrade::OnUpgrade>());
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

        let limits =
            body::Limits { upload: watch.limit(self.idle_timeout), answer: watch.limit(self.response_timeout) };
        let repeatable = body.is_end_stream() && is_idempotent(&parts.method);
        let outgoing = Outgoing::new(body, watch.clone(), limits);
        let (mut response, connection) = self.send(Request::from_parts(parts, outgoing), repeatable, watch).await?;

        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let Some(client_side) = client_side else {
                return Err(Error::Broken("the upstream changed protocols unasked".into()));
            };
            upgrade::tunnel(
                client_side,
                hyper::upgrade::on(&mut response),
                watch.patience(),
                watch.limit(self.idle_timeout),
            );
            let (mut parts, _) = response.into_parts();
            let protocol = parts.headers.get(UPGRADE).cloned();
            strip_hop_headers(&mut parts.headers);
            parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            if let Some(protocol) = protocol {
                parts.headers.insert(UPGRADE, protocol);
            }
            return Ok(Response::from_parts(parts, Body::empty()));
        }
        let (mut parts, incoming) = response.into_parts();
        strip_hop_headers(&mut parts.headers);
        parts.version = Version::HTTP_11;
        parts.extensions.clear();
        watch.enter_for(Phase::Body, limits.upload);
        Ok(Response::from_parts(parts, Body::new(incoming, connection, self.pool.clone(), watch.clone())))
    }

    /// Sends on a pooled connection while there is one. A connection that the upstream had closed by then is replaced
    /// unseen, when the request was not sent at all or can be sent again.
    async fn send(
        &self,
        mut request: Request<Outgoing>,
        repeatable: bool,
        watch: &Watch,
    ) -> Result<(Response<Incoming>, Connection), Error> {
        while let Some(mut connection) = self.pool.take() {
            let copy = repeatable.then(|| copy_of(&request));
            match attempt(&mut connection, request, watch).await {
                Ok(response) => return Ok((response, connection)),
                Err(Failure { unsent: Some(unsent), .. }) => request = *unsent,
                Err(Failure { stale: true, .. }) if copy.is_some() => {
                    request = copy.expect("just seen").map(|()| Outgoing::empty(watch.clone()));
                    // What was pooled with it is likely as dead.
                    self.pool.clear();
                }
                Err(failure) => return Err(failure.error),
            }
        }
        watch.enter(Phase::Own);
        let mut connection = Box::pin(self.pool.dial()).await?;
        match attempt(&mut connection, request, watch).await {
            Ok(response) => Ok((response, connection)),
            Err(failure) => Err(failure.error),
        }
    }
}

struct Failure {
    error: Error,
    /// The request, if not a byte of it was written.
    unsent: Option<Box<Request<Outgoing>>>,
    /// Whether the connection ended before a byte of an answer came.
    stale: bool,
}

async fn attempt(
    connection: &mut Connection,
    request: Request<Outgoing>,
    watch: &Watch,
) -> Result<Response<Incoming>, Failure> {
    request.body().begin();
    let mut answer = std::pin::pin!(connection.try_send_request(request));
    let overdue = || match watch.phase() {
        Phase::Upload => Error::ClientTooSlow,
        _ => Error::Timeout,
    };
    std::future::poll_fn(|cx| match answer.as_mut().poll(cx) {
        std::task::Poll::Pending if watch.is_overdue() => {
            std::task::Poll::Ready(Err(Failure { error: overdue(), unsent: None, stale: false }))
        }
        polled => polled.map_err(|mut failed| {
            let unsent = failed.take_message().map(Box::new);
            let error = failed.into_error();
            let stale = error.is_incomplete_message() || error.is_closed() || error.is_canceled() || is_reset(&error);
            let error = match find::<body::ClientFailure>(&error) {
                Some(_) => Error::ClientTooSlow,
                None => Error::Broken(error.into()),
            };
            Failure { error, unsent, stale }
        }),
    })
    .await
}

fn is_reset(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    find::<std::io::Error>(error).is_some_and(|io| {
        matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
    })
}

fn find<E: std::error::Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// The head of a request that may have to be sent twice.
fn copy_of(request: &Request<Outgoing>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
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

/// What an answer says of the upstream connection is not for the client's.
fn strip_hop_headers(headers: &mut HeaderMap) {
    let mut doomed: Vec<HeaderName> = headers.keys().filter(|name| is_hop(name)).cloned().collect();
    if doomed.contains(&CONNECTION) {
        let named = headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        doomed.extend(
            named
                .map(<[u8]>::trim_ascii)
                .filter(|token| !matches!(*token, b"close" | b"keep-alive"))
                .filter_map(|token| HeaderName::from_bytes(token).ok())
                .filter(|name| *name != CONTENT_LENGTH),
        );
    }
    if doomed.contains(&TRANSFER_ENCODING) {
        // Chunks outrank a length, which must not go on beside them (RFC 9112 section 6.3).
        doomed.push(CONTENT_LENGTH);
    }
    for name in doomed {
        headers.remove(name);
    }
}

fn is_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "keep-alive" | "proxy-connection" | "transfer-encoding" | "upgrade" | "proxy-authenticate"
    )
}
