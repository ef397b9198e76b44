//! One connection from accept to close: told to go when the gate stops, closed when it stands still.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1::UpgradeableConnection;
use hyper::service::Service;
use hyper_util::rt::TokioIo;

use super::BoxError;
use super::framing::Turn;
use super::socket::Socket;
use crate::patience::{Phase, Watch};

/// Drives hyper's connection to its end and minds its watch.
pub(super) async fn drive<S, B>(connection: UpgradeableConnection<TokioIo<Socket>, S>, watch: Watch)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + 'static,
{
    let mut connection = std::pin::pin!(connection);
    let mut leaving = false;
    std::future::poll_fn(|cx| {
        watch.wakes(cx);
        if !leaving && watch.patience().is_draining() {
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
        match connection.as_mut().poll(cx) {
            Poll::Ready(ended) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "client connection ended");
                }
                Poll::Ready(())
            }
            // Whatever could still answer has just had its chance.
            Poll::Pending if watch.is_overdue() => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
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
