//! Bodies on their way: the request's to the upstream, the answer's back. They note that they move, nothing else.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use super::pool::Pool;
use crate::metrics::UpstreamTrouble;
use crate::patience::{Phase, Watch};
use crate::request::{CleanBody, Lines};

/// In a watch's ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub upload: u32,
    pub answer: u32,
}

/// A request's body on its way to the upstream.
#[derive(Debug)]
pub(super) struct Outgoing {
    inner: Option<CleanBody<Incoming>>,
    watch: Watch,
    limits: Limits,
    upload: Option<Upload>,
    /// To be added to the request's head.
    lines: Lines,
}

/// A body under way: hyper drops it as soon as all of it is sent, or none of it is wanted any more.
#[derive(Debug, Clone, Default)]
pub(super) struct Upload(Arc<()>);

impl Upload {
    pub(super) fn is_over(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// The client broke off its upload.
#[derive(Debug, thiserror::Error)]
#[error("the client's body broke off")]
pub(super) struct ClientFailure(#[source] hyper::Error);

impl Outgoing {
    pub(super) fn new(body: CleanBody<Incoming>, lines: Lines, watch: Watch, limits: Limits) -> Self {
        let inner = (!body.is_end_stream()).then_some(body);
        let upload = inner.as_ref().map(|_| Upload::default());
        Self { inner, watch, limits, upload, lines }
    }

    /// What there is to be sent, if anything.
    pub(super) fn upload(&self) -> Option<Upload> {
        self.upload.clone()
    }

    /// What the request's head does not hold yet.
    pub(super) fn lines(&self) -> &[u8] {
        self.lines.as_bytes()
    }

    /// From here on the client or the upstream is waited for.
    pub(super) fn begin(&self) {
        match self.inner {
            Some(_) => self.watch.enter_for(Phase::Upload, self.limits.upload),
            None => self.watch.enter_for(Phase::Upstream, self.limits.answer),
        }
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = ClientFailure;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientFailure>>> {
        let Some(body) = &mut self.inner else { return Poll::Ready(None) };
        let polled = Pin::new(&mut *body).poll_frame(cx);
        let ended = body.is_end_stream() || matches!(polled, Poll::Ready(None));
        match (&polled, self.watch.phase()) {
            (Poll::Ready(_), Phase::Upload | Phase::Upstream) if ended => {
                self.watch.enter_for(Phase::Upstream, self.limits.answer);
            }
            // Whoever asked for this has to make room before it asks again.
            (Poll::Ready(_), Phase::Upload | Phase::Upstream) => {
                self.watch.wait_for(Phase::Upstream);
                self.watch.progress();
            }
            (Poll::Pending, Phase::Upload | Phase::Upstream) => self.watch.wait_for(Phase::Upload),
            // An answer has begun before the upload ended: the pace of both counts.
            (Poll::Ready(_), _) => self.watch.progress(),
            (Poll::Pending, _) => {}
        }
        polled.map_err(ClientFailure)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// An answer's body on its way to the client. Read to its end, it gives the connection back to the pool; dropped
/// before, it takes the connection with it, and the upstream sees that nobody listens any more.
#[derive(Debug)]
pub struct Body(Option<Moving>);

#[derive(Debug)]
struct Moving {
    inner: Incoming,
    connection: Connection,
    pool: Arc<Pool>,
    watch: Watch,
    /// How it broke off, until that is told.
    failure: Option<hyper::Error>,
}

impl Body {
    pub(super) const fn empty() -> Self {
        Self(None)
    }

    pub(super) fn new(inner: Incoming, connection: Connection, pool: Arc<Pool>, watch: Watch) -> Self {
        let mut body = Self(Some(Moving { inner, connection, pool, watch, failure: None }));
        body.release_at_end();
        body
    }

    fn release_at_end(&mut self) {
        if let Some(moving) = self.0.take_if(|moving| moving.inner.is_end_stream()) {
            release(moving.connection, moving.pool);
        }
    }
}

/// A connection whose answer came before all of the request was sent is ready again later, or never.
fn release(connection: Connection, pool: Arc<Pool>) {
    if connection.is_ready() {
        pool.put(connection);
    } else if !connection.is_closed() {
        tokio::spawn(async move {
            if let Some(connection) = connection.ready().await {
                pool.put(connection);
            }
        });
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(moving) = &mut self.0 else { return Poll::Ready(None) };
        if let Some(failure) = moving.failure.take() {
            return Poll::Ready(Some(Err(failure)));
        }
        let Moving { inner, connection, .. } = moving;
        let mut look = |connection: &Connection, cx: &mut Context<'_>| {
            connection.look(cx, |cx| Pin::new(&mut *inner).poll_frame(cx))
        };
        let polled = match look(connection, cx) {
            Poll::Pending => {
                connection.drive(cx);
                look(connection, cx)
            }
            polled @ Poll::Ready(_) => polled,
        };
        match polled {
            Poll::Ready(Some(Ok(_))) => {
                moving.watch.progress();
                self.release_at_end();
            }
            Poll::Ready(None) => {
                if let Some(moving) = self.0.take() {
                    release(moving.connection, moving.pool);
                }
            }
            Poll::Ready(Some(Err(failure))) => {
                moving.pool.traffic().upstream_failed(UpstreamTrouble::Cut);
                // The client's connection breaks off at once, so what came before goes out first.
                moving.failure = Some(failure);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|moving| moving.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |moving| moving.inner.size_hint())
    }
}
