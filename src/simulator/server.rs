//! Connections, and which room a request belongs to.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::control::faults;
use super::exchange::{Answer, Ask, reply};
use super::{Shared, api, browser, control, jssdk};

/// The largest body that is read: a long list of users still fits.
const MAX_BODY: usize = 1024 * 1024;
/// How long a connection may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after a failed accept, which usually means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => { connections.spawn(converse(stream, peer.ip(), Arc::clone(&shared))); }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

/// Serves one connection to its end, which may be a reset.
async fn converse(stream: TcpStream, peer: IpAddr, shared: Arc<Shared>) {
    // Best effort: without it answers are only slower.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let service = {
        let reset = Arc::clone(&reset);
        service_fn(move |request| -> Pin<Box<dyn Future<Output = Answer> + Send>> {
            let (shared, reset) = (Arc::clone(&shared), Arc::clone(&reset));
            Box::pin(async move {
                let answer = serve(request, peer, &shared).await;
                reset.store(answer.is_err(), Ordering::Relaxed);
                answer
            })
        })
    };
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(128 * 1024);
    let mut connection = builder.serve_connection(TokioIo::new(stream), service);
    let outcome = std::future::poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::Relaxed) {
        // Closing with nothing to linger for sends RST, which is what a reset looks like to the other side.
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    } else if outcome.is_ok() {
        let mut stream = stream;
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut stream).await;
    }
}

async fn serve(request: Request<Incoming>, peer: IpAddr, shared: &Arc<Shared>) -> Answer {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            let explained = "the body is longer than 1 MiB, or broke off\n";
            return Ok(reply(StatusCode::PAYLOAD_TOO_LARGE, "text/plain; charset=utf-8", explained));
        }
    };
    let ask = Ask {
        peer,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body,
    };
    if jssdk::is_asked(&ask.path) {
        return Ok(jssdk::answer(&ask, shared));
    }
    if ask.path == "/" || ask.path.starts_with("/__sim/") {
        return control::answer(&ask, shared).await;
    }
    let fault = shared.world().faults.take(&ask.path);
    match fault {
        None => route(&ask, shared).await,
        Some(fault) => faults::apply(fault, &ask, shared).await,
    }
}

/// The room a request belongs to, and its answer when nothing is made to go wrong.
pub(super) async fn route(ask: &Ask, shared: &Arc<Shared>) -> Answer {
    match ask.path.as_str() {
        path if path.starts_with("/connect/") || path.starts_with("/wwlogin/") => browser::answer(ask, shared).await,
        path if path.starts_with("/mmopen/") => browser::avatar::answer(ask, shared),
        path if path.starts_with("/sns/") || path.starts_with("/cgi-bin/") => api::answer(ask, shared),
        _ => Ok(reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "there is nothing here\n")),
    }
}
