//! HTTP/1 on one connection, from its first byte to its last: told to go when the gate stops, closed when it stands still.

mod framing;
mod half_closed;
#[cfg(any(test, fuzzing))]
pub(super) mod properties;
mod socket;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;

use super::last_call::LastWord;
use super::{BoxError, Limits, Refuse, Slot};
use crate::patience::{Phase, Watch};
use crate::stream::Stream;
use framing::Turn;
use socket::Socket;

/// hyper's default is 400 KiB per connection.
const BUFFER: usize = 64 * 1024;

/// What hyper is told of every connection.
pub(super) fn builder(max_head: usize) -> Builder {
    let mut http = Builder::new();
    // Time is kept by `Patience`: hyper's own timer is re-armed for every request.
    http.header_read_timeout(None);
    http.max_header_size(max_head);
    http.max_buf_size(BUFFER.max(max_head + 8 * 1024));
    http.half_close(false);
    http
}

/// Has `answer` answer every request of a connection.
pub(super) async fn serve<H, F, B>(stream: (Stream, Slot), settings: &Limits, watch: &Watch, answer: H, refuse: Refuse)
where
    H: Fn(Request<Incoming>, Option<Watch>) -> F,
    F: Future<Output = Response<B>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let turn = Arc::new(Turn::new());
    let socket = Socket::new(stream, watch.clone(), turn.clone(), settings.max_head, refuse);
    let (requests, taking) = (watch.clone(), turn.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        requests.enter(Phase::Own);
        let turn = taking.clone();
        if turn.ambiguous.load(Ordering::Relaxed) {
            show_ambiguity(request.uri_mut());
        }
        turn.request_began(request.body().size_hint().exact());
        let watch = requests.clone();
        let answered = answer(request, Some(watch.clone()));
        async move { Ok::<_, Infallible>(Tracked::response(answered.await, watch, turn)) }
    });
    drive(socket, settings, service, watch, &turn).await;
}

/// What hyper left of an ambiguous target looks harmless; with a backslash nobody takes it for that (R6).
fn show_ambiguity(target: &mut Uri) {
    let shown = format!("{}\\", target.path());
    *target = shown.parse().unwrap_or_else(|_| Uri::from_static("/\\"));
}

/// Drives a client's connection to its end and minds its watch.
///
/// hyper's part of it is some twenty KiB, so it is there only while there is something to do: it is made when the first
/// bytes come, and put away when the client has asked for nothing for a while.
async fn drive<S, B>(mut socket: Socket, settings: &Limits, mut service: S, watch: &Watch, turn: &Turn)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let mut last_word = LastWord::within(settings.grace);
    while socket.something_came(watch, &mut last_word).await {
        let mut connection = Box::new(settings.http1.serve_connection(TokioIo::new(socket), service).with_upgrades());
        let outcome = busy(&mut connection, watch, turn, &mut last_word).await;
        let Some(parts) = connection.into_parts() else { return };
        (socket, service) = (parts.io.into_inner(), parts.service);
        match outcome {
            // Rare, and not to be carried along by every connection.
            Outcome::Over if socket.expects_body() => return Box::pin(socket.linger()).await,
            Outcome::Over => return,
            Outcome::Overdue => return socket.give_up().await,
            Outcome::AtRest => socket.take_back(&parts.read_buf),
        }
    }
}

enum Outcome {
    Over,
    /// Somebody stood still for too long.
    Overdue,
    /// Everything asked has been answered, and nothing new has come.
    AtRest,
}

async fn busy<S, B>(
    connection: &mut UpgradeableConnection<TokioIo<Socket>, S>,
    watch: &Watch,
    turn: &Turn,
    last_word: &mut LastWord,
) -> Outcome
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    std::future::poll_fn(|cx| {
        watch.wakes(cx);
        match Pin::new(&mut *connection).poll(cx) {
            Poll::Ready(ended) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "client connection ended");
                }
                Poll::Ready(Outcome::Over)
            }
            // Whatever could still answer has just had its chance.
            Poll::Pending if watch.is_overdue() => Poll::Ready(Outcome::Overdue),
            Poll::Pending if !turn.at_rest.load(Ordering::Relaxed) => {
                last_word.begin_again();
                Poll::Pending
            }
            Poll::Pending if last_word.is_over(watch, cx) => Poll::Ready(Outcome::Over),
            Poll::Pending if watch.may_rest() => Poll::Ready(Outcome::AtRest),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// An answer's body that says when it is over.
#[derive(Debug)]
struct Tracked<B> {
    inner: B,
    watch: Watch,
    turn: Arc<Turn>,
    next: Phase,
}

impl<B> Tracked<B> {
    fn response(mut response: Response<B>, watch: Watch, turn: Arc<Turn>) -> Response<Self> {
        if watch.phase() != Phase::Body {
            watch.enter(Phase::Body);
        }
        // After a change of protocol the bytes that follow are no next request's.
        let next = if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            turn.tunnel_began();
            Phase::Own
        } else {
            if watch.patience().is_draining() {
                // Said with an answer, it meets no request on its way here; to close in silence might.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Phase::Idle
        };
        response.map(|inner| Self { inner, watch, turn, next })
    }
}

impl<B> Drop for Tracked<B> {
    fn drop(&mut self) {
        self.watch.enter(self.next);
        if self.turn.waiting.swap(false, Ordering::Relaxed) {
            self.watch.wake();
        }
    }
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
