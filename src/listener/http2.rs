//! HTTP/2 on one connection (RFC 9113): streams beside each other, each with a watch of its own, so that one that stands
//! still is cut and the others go on.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::first_words::FirstWords;
use super::{BoxError, Limits, farewell};
use crate::patience::{Followed, Phase, Watch};
use crate::stream::Stream;

/// Requests under way at once; nginx allows as many.
const MAX_STREAMS: u32 = 128;

/// Of an upload this much may lie unread, per stream and per connection: hyper's 1 MiB times 20,000 connections is more
/// than anybody has.
const WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 512 * 1024;

/// Of an answer this much may wait for a slow client, per stream; hyper's 400 KiB is for few connections.
const MAX_UNSENT: usize = 64 * 1024;

/// Streams reset by the client before they reached us; more than this and the connection is closed (CVE-2023-44487).
const MAX_RESETS_UNSEEN: usize = 20;

/// Streams that were cut short. A client that reached this and cuts most of what it asks for is no browser: each cost
/// the upstream a connection.
const MAX_CUT: usize = 500;

/// For a client to take notice that it should leave.
const GOODBYE: Duration = Duration::from_secs(5);

/// Has `answer` answer every request of a connection.
pub(super) async fn serve<H, F, B>(stream: Stream, settings: &Limits, watch: Watch, answer: H)
where
    H: Fn(Request<Incoming>, Watch) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let streams =
        Streams(Arc::new(Shared { connection: watch.clone(), next: Mutex::default(), counts: Counts::default() }));
    let begun = streams.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let watch = begun.begin();
        let is_head = *request.method() == Method::HEAD;
        let answered = answer(request, watch.clone());
        async move { Ok::<_, Infallible>(Answer::response(answered.await, watch, is_head)) }
    });
    let mut noted = Noted { stream, watch: watch.clone(), first_words: FirstWords::new(), chatter: 0 };
    let mut connection = builder(settings, streams.clone()).serve_connection(TokioIo::new(&mut noted), service);
    let mut leaving = false;
    let in_good_order = std::future::poll_fn(|cx| {
        watch.wakes(cx);
        let told_to = watch.patience().is_draining() || watch.is_overdue() || streams.are_mostly_cut();
        if told_to && !leaving {
            leaving = true;
            Pin::new(&mut connection).graceful_shutdown();
            streams.leave();
        }
        match Pin::new(&mut connection).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(true),
            Poll::Ready(Err(error)) => {
                tracing::debug!(%error, "client connection ended");
                Poll::Ready(false)
            }
            Poll::Pending if watch.is_overdue() || streams.are_mostly_cut() => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    drop(connection);
    if in_good_order {
        Box::pin(farewell::hear_out(&mut noted.stream)).await;
    }
}

fn builder(settings: &Limits, streams: Streams) -> Builder<Streams> {
    let mut http = Builder::new(streams);
    // What is not much longer than allowed gets a proper answer; h2's own has no words.
    http.max_header_list_size(u32::try_from(settings.max_head * 2).unwrap_or(u32::MAX))
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(MAX_UNSENT)
        .max_pending_accept_reset_streams(MAX_RESETS_UNSEEN)
        // WebSockets come by it (RFC 8441).
        .enable_connect_protocol();
    http
}

/// The streams of one connection, and what has become of them. hyper gives each to it as a future to run.
#[derive(Clone)]
struct Streams(Arc<Shared>);

struct Shared {
    connection: Watch,
    /// Of the request that hyper has just asked to be answered, and will presently have run.
    next: Mutex<Option<Watch>>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    open: AtomicUsize,
    begun: AtomicUsize,
    cut: AtomicUsize,
    /// Whether the client has been asked to leave.
    leaving: AtomicBool,
}

impl Streams {
    /// A request has come.
    fn begin(&self) -> Watch {
        let Shared { connection, next, counts } = &*self.0;
        counts.begun.fetch_add(1, Ordering::Relaxed);
        if counts.open.fetch_add(1, Ordering::Relaxed) == 0 {
            // Each stream has limits of its own.
            connection.enter(Phase::Own);
        }
        let watch = connection.patience().watch(Phase::Own);
        *next.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch.clone());
        watch
    }

    fn over(&self, watch: &Watch) {
        let counts = &self.0.counts;
        // An answer that was given to its end says so.
        if watch.phase() != Phase::Idle && counts.cut.fetch_add(1, Ordering::Relaxed) >= MAX_CUT {
            self.0.connection.wake();
        }
        self.closed();
    }

    fn closed(&self) {
        if self.0.counts.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.rest();
        }
    }

    /// Nothing is under way.
    fn rest(&self) {
        let connection = &self.0.connection;
        if self.0.counts.leaving.load(Ordering::Relaxed) {
            connection.enter_for(Phase::Idle, connection.limit(GOODBYE));
        } else {
            connection.enter(Phase::Idle);
        }
    }

    /// The client has been asked to go.
    fn leave(&self) {
        self.0.counts.leaving.store(true, Ordering::Relaxed);
        if self.0.counts.open.load(Ordering::Relaxed) == 0 {
            self.rest();
        }
    }

    fn are_mostly_cut(&self) -> bool {
        let counts = &self.0.counts;
        let cut = counts.cut.load(Ordering::Relaxed);
        cut > MAX_CUT && cut > counts.begun.load(Ordering::Relaxed) / 2
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        match self.0.next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(watch) => {
                let _here = watch.until_dropped();
                tokio::spawn(OneStream { future, _here, watch, streams: self.clone() });
            }
            // The sending half of a tunnel: it ends with the tunnel, and so long there is something under way.
            None => {
                self.0.counts.open.fetch_add(1, Ordering::Relaxed);
                let streams = self.clone();
                tokio::spawn(async move {
                    let _open = Open(streams);
                    future.await;
                });
            }
        }
    }
}

/// A tunnel that is there.
struct Open(Streams);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed();
    }
}

pin_project! {
    /// A stream from its request to the end of its answer. What stands still for too long is reset.
    struct OneStream<F> {
        #[pin]
        future: F,
        watch: Watch,
        streams: Streams,
        _here: Followed,
    }

    impl<F> PinnedDrop for OneStream<F> {
        fn drop(this: Pin<&mut Self>) {
            this.streams.over(&this.watch);
        }
    }
}

impl<F: Future<Output = ()>> Future for OneStream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.watch.wakes(cx);
        match this.future.poll(cx) {
            // Whatever could still answer has just had its chance.
            Poll::Pending if this.watch.is_overdue() => Poll::Ready(()),
            polled => polled,
        }
    }
}

/// An answer's body that says when it is over; none at all for HEAD.
struct Answer<B> {
    body: Option<B>,
    watch: Watch,
}

impl<B: Body> Answer<B> {
    fn response(response: Response<B>, watch: Watch, is_head: bool) -> Response<Self> {
        if watch.phase() != Phase::Body {
            watch.enter(Phase::Body);
        }
        let (mut head, body) = response.into_parts();
        if is_head && let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
        let body = (!is_head && !body.is_end_stream()).then_some(body);
        let answer = Self { body, watch };
        answer.note_end();
        Response::from_parts(head, answer)
    }

    fn note_end(&self) {
        if self.body.as_ref().is_none_or(Body::is_end_stream) {
            self.watch.enter(Phase::Idle);
        }
    }
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None) = polled {
            self.body = None;
        }
        if polled.is_ready() {
            self.note_end();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Notes that answers move, for what hyper has done with may still wait for a slow client; and hears how the client begins.
struct Noted {
    stream: Stream,
    watch: Watch,
    first_words: FirstWords,
    /// What has come while nothing was asked, and not been replied to.
    chatter: usize,
}

impl Noted {
    /// The gate's own SETTINGS and the like, for which nobody asks.
    const UNASKED: usize = 64;

    fn heard(&mut self, count: usize) {
        let nothing_is_asked = matches!(self.watch.phase(), Phase::Head | Phase::Idle);
        self.chatter = if nothing_is_asked { self.chatter.saturating_add(count) } else { 0 };
    }

    /// The reply to a ping, or to settings, is no longer than they are: a client that says nothing else is idle.
    fn noted(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = polled {
            if count > self.chatter.saturating_add(Self::UNASKED) {
                self.watch.progress();
            }
            self.chatter = self.chatter.saturating_sub(count);
        }
        polled
    }
}

impl AsyncRead for Noted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let fresh = &buf.filled()[before..];
        self.heard(fresh.len());
        Poll::Ready(self.first_words.hear(fresh))
    }
}

impl AsyncWrite for Noted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.noted(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.noted(polled)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
