//! One connection from accept to close: told to go when the gate stops, closed when it stands still.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper::service::Service;
use hyper_util::rt::TokioIo;

use super::BoxError;
use super::framing::Turn;
use super::socket::Socket;
use crate::patience::{Phase, Watch};

/// Drives a client's connection to its end and minds its watch.
///
/// hyper's part of it is some twenty KiB, so it is there only while there is something to do: it is made when the first
/// bytes come, and put away when the client has asked for nothing for a while.
pub(super) async fn drive<S, B>(mut socket: Socket, http: Builder, mut service: S, watch: Watch, turn: Arc<Turn>)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    while socket.something_came(&watch).await {
        let mut connection = Box::new(http.serve_connection(TokioIo::new(socket), service).with_upgrades());
        if let Outcome::Over = busy(&mut connection, &watch, &turn).await {
            return;
        }
        let Some(parts) = connection.into_parts() else { return };
        (socket, service) = (parts.io.into_inner(), parts.service);
        socket.take_back(&parts.read_buf);
    }
}

enum Outcome {
    Over,
    /// Everything asked has been answered, and nothing new has come.
    AtRest,
}

async fn busy<S, B>(connection: &mut UpgradeableConnection<TokioIo<Socket>, S>, watch: &Watch, turn: &Turn) -> Outcome
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let mut leaving = false;
    std::future::poll_fn(|cx| {
        watch.wakes(cx);
        if !leaving && watch.patience().is_draining() {
            leaving = true;
            Pin::new(&mut *connection).graceful_shutdown();
        }
        match Pin::new(&mut *connection).poll(cx) {
            Poll::Ready(ended) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "client connection ended");
                }
                Poll::Ready(Outcome::Over)
            }
            // Whatever could still answer has just had its chance.
            Poll::Pending if watch.is_overdue() => Poll::Ready(Outcome::Over),
            Poll::Pending if watch.may_rest() && turn.at_rest.load(Ordering::Relaxed) => Poll::Ready(Outcome::AtRest),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// An answer's body that says when it is over.
#[derive(Debug)]
pub(super) struct Tracked<B> {
    inner: B,
    watch: Watch,
    turn: Arc<Turn>,
    next: Phase,
}

impl<B> Tracked<B> {
    pub(super) fn response(response: Response<B>, watch: Watch, turn: Arc<Turn>) -> Response<Self> {
        if watch.phase() != Phase::Body {
            watch.enter(Phase::Body);
        }
        // After a change of protocol the bytes that follow are no next request's.
        let next = if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            turn.tunnel_began();
            Phase::Own
        } else {
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
