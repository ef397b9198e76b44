//! The site behind the gate: tells what it received, and misbehaves on request.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Ends when dropped.
pub struct Site {
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Site {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (requests, connections) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (requested, connected) = (requests.clone(), connections.clone());
        let accepting = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                connected.fetch_add(1, Ordering::SeqCst);
                let requested = requested.clone();
                let service = service_fn(move |request| {
                    requested.fetch_add(1, Ordering::SeqCst);
                    async move { Ok::<_, Infallible>(tell(request).await) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        Self { address, requests, connections, accepting }
    }

    /// How many requests have reached it.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many connections it has accepted.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What was received, as JSON: `method`, `target`, `headers` as pairs in order, `body`, `trailers`. The answer's
/// `Cache-Control` is what the request's `X-Site-Cache-Control` says.
async fn tell(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let pairs = |headers: &http::HeaderMap| {
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect::<Vec<_>>()
    };
    let collected = body.collect().await;
    let (body, trailers) = match collected {
        Ok(collected) => {
            let trailers = collected.trailers().map(pairs).unwrap_or_default();
            (String::from_utf8_lossy(&collected.to_bytes()).into_owned(), trailers)
        }
        Err(_) => ("broken".to_owned(), Vec::new()),
    };
    let told = json!({
        "method": parts.method.as_str(),
        "target": parts.uri.to_string(),
        "headers": pairs(&parts.headers),
        "body": body,
        "trailers": trailers,
    });
    let caching = parts.headers.get("x-site-cache-control").map(|value| ("cache-control", value));
    caching
        .into_iter()
        .fold(Response::builder(), |answer, (name, value)| answer.header(name, value))
        .header("content-type", "application/json")
        .body(Full::new(told.to_string().into()))
        .expect("an answer")
}
