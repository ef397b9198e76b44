//! The sample site behind the gate: a tea house that keeps no passwords and shows what it was told about a visitor.
//!
//! It uses nothing of the gate, exactly like the sites the gate is made for. What it knows is in [`Options`].

mod echo;
mod html;
mod kettle;
mod pages;
mod visitor;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use kettle::Kettle;
use pages::Pages;
use visitor::Told;

/// Answers in flight may take this long once the site is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// When no connection can be accepted (no file descriptor left, say), trying at once would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the site's owner was told about the gate in front.
#[derive(Debug, Clone)]
pub struct Options {
    /// `paths.prefix` of the gate: where its sign-out, sign-in and public keys are.
    pub gate_prefix: String,
    /// `identity.jwt.header` of the gate.
    pub jwt_header: HeaderName,
}

impl Default for Options {
    fn default() -> Self {
        Self { gate_prefix: "/_wechat".to_owned(), jwt_header: HeaderName::from_static("x-wechat-jwt") }
    }
}

type Body = Either<Full<Bytes>, Kettle>;

/// Ends when the site is told to stop.
type Closing = watch::Receiver<()>;

struct Site {
    pages: Pages,
    jwt_header: HeaderName,
    closing: Closing,
}

/// Serves the site on `listener` until `shutdown` completes and the answers in flight are finished,
/// or two seconds later.
pub async fn serve(listener: TcpListener, options: Options, shutdown: impl Future<Output = ()>) {
    let (close, closing) = watch::channel(());
    let pages = Pages::new(&options.gate_prefix);
    let site = Arc::new(Site { pages, jwt_header: options.jwt_header, closing });
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&site)));
                }
                Err(error) => {
                    tracing::warn!(%error, "the sample site cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop((listener, close));
    // What is still open after the grace is cut when the set is dropped.
    let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection(stream: TcpStream, site: Arc<Site>) {
    let (upgrades, mut upgraded) = mpsc::channel(1);
    let service = service_fn(|request| {
        let answer = site.answer(request, &upgrades);
        async { Ok::<_, Infallible>(answer) }
    });
    let http = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    let http = http.with_upgrades();
    tokio::pin!(http);
    let served = tokio::select! {
        served = http.as_mut() => served,
        () = closed(site.closing.clone()) => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the sample site broke");
        return;
    }
    if let Ok(upgrade) = upgraded.try_recv() {
        talk(upgrade, site.closing.clone()).await;
    }
}

async fn talk(upgrade: OnUpgrade, closing: Closing) {
    let spoken = match upgrade.await {
        Ok(stream) => echo::echo(TokioIo::new(stream), closed(closing)).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = spoken {
        tracing::debug!(error, "an echo ended early");
    }
}

async fn closed(mut closing: Closing) {
    while closing.changed().await.is_ok() {}
}

impl Site {
    fn answer(&self, mut request: Request<Incoming>, upgrades: &mpsc::Sender<OnUpgrade>) -> Response<Body> {
        let path = request.uri().path();
        if !["/", "/home", "/api/whoami", "/events", "/ws"].contains(&path) {
            return self.page(StatusCode::NOT_FOUND, self.pages.missing());
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "this page is only for reading\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match path {
            "/ws" => upgrade(&mut request, upgrades),
            "/events" => self.events(),
            "/api/whoami" => whoami(&Told::read(request.headers(), &self.jwt_header)),
            "/home" => self.home(request.headers()),
            _ => self.page(StatusCode::OK, self.pages.landing(&Told::read(request.headers(), &self.jwt_header))),
        }
    }

    fn home(&self, headers: &HeaderMap) -> Response<Body> {
        let told = Told::read(headers, &self.jwt_header);
        if told.is_signed_in() {
            self.page(StatusCode::OK, self.pages.member(&told))
        } else {
            self.page(StatusCode::UNAUTHORIZED, self.pages.stranger())
        }
    }

    fn events(&self) -> Response<Body> {
        let mut answer = Response::new(Either::Right(Kettle::new(self.closing.clone())));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        answer
    }

    fn page(&self, status: StatusCode, html: String) -> Response<Body> {
        let mut answer = text(status, "text/html; charset=utf-8", html);
        let headers = answer.headers_mut();
        headers.insert(http::header::CONTENT_SECURITY_POLICY, self.pages.policy());
        headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Not "no-referrer": browsers then send "Origin: null" with the sign-out form, and the gate would refuse it.
        headers.insert(http::header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        answer
    }
}

fn upgrade(request: &mut Request<Incoming>, upgrades: &mpsc::Sender<OnUpgrade>) -> Response<Body> {
    let asked = request.method() == Method::GET;
    let Some(accept) = asked.then(|| echo::accept(request.headers())).flatten() else {
        let mut answer = plain(StatusCode::UPGRADE_REQUIRED, "this address speaks WebSocket, version 13\n");
        answer.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        return answer;
    };
    if upgrades.try_send(hyper::upgrade::on(request)).is_err() {
        return plain(StatusCode::BAD_REQUEST, "one upgrade a connection\n");
    }
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    answer
}

fn whoami(told: &Told) -> Response<Body> {
    text(StatusCode::OK, "application/json", format!("{:#}\n", told.to_json()))
}

fn plain(status: StatusCode, line: &'static str) -> Response<Body> {
    text(status, "text/plain; charset=utf-8", line)
}

fn text(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // Every page depends on who asks.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests;
