//! HTTP/2 on one connection (RFC 9113): streams beside each other, each with a watch of its own, so that one that stands
//! still is cut and the others go on.

mod answer;
mod streams;

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::first_words::FirstWords;
use super::{BoxError, Limits, farewell};
use crate::patience::{Phase, Watch};
use crate::stream::Stream;
use answer::Answer;
use streams::Streams;

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

/// Has `answer` answer every request of a connection.
pub(super) async fn serve<H, F, B>(stream: Stream, settings: &Limits, watch: Watch, answer: H)
where
    H: Fn(Request<Incoming>, Option<Watch>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let streams = Streams::new(watch.clone(), settings.slots.clone());
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
        Box::pin(farewell::hear_out(&mut noted.stream, |_| false)).await;
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
