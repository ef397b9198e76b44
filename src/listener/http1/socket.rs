//! A client's socket, with two things hyper does not do: it hands requests on one at a time and strictly framed, and it
//! gives a proper body to the answers hyper makes by itself to what is no request.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::framing::{Framing, Turn};
use super::half_closed::HalfClosed;
use crate::listener::last_call::LastWord;
use crate::listener::{Refuse, Slot, farewell};
use crate::patience::{Phase, Watch};
use crate::stream::Stream;

pub(super) struct Socket {
    stream: Stream,
    _slot: Slot,
    watch: Watch,
    refuse: Refuse,
    framing: Framing,
    turn: Arc<Turn>,
    max_head: usize,
    /// What came after the end of the current request, for when that has been answered.
    held: BytesMut,
    /// What remains to be written in place of an answer of hyper's.
    instead: Option<Bytes>,
    /// Whether hyper may hold back a part of what it has to write.
    unflushed: bool,
    /// Whether some of the last answer may not have gone out, although all of it is there.
    unsent: bool,
    half_closed: HalfClosed,
}

impl Socket {
    /// Of a client that sends its next request early, this much is read.
    const MAX_HELD: usize = 8 * 1024;

    /// To tell a client that stands still so; it may not listen either.
    const LAST_WORD: Duration = Duration::from_secs(1);

    pub(super) fn new(
        (stream, slot): (Stream, Slot),
        watch: Watch,
        turn: Arc<Turn>,
        max_head: usize,
        refuse: Refuse,
    ) -> Self {
        Self {
            stream,
            _slot: slot,
            watch,
            refuse,
            framing: Framing::new(),
            turn,
            max_head,
            held: BytesMut::new(),
            instead: None,
            unflushed: false,
            unsent: false,
            half_closed: HalfClosed::new(),
        }
    }

    /// Waits for the first bytes of a request. `false` when there is no more to wait for.
    pub(super) async fn something_came(&mut self, watch: &Watch, last_word: &mut LastWord) -> bool {
        if !self.held.is_empty() {
            return true;
        }
        std::future::poll_fn(|cx| {
            watch.wakes(cx);
            match self.stream.poll_something(cx, &mut self.held, Self::MAX_HELD) {
                Poll::Ready(came) => Poll::Ready(came.unwrap_or(false)),
                Poll::Pending if watch.is_overdue() || last_word.is_over(watch, cx) => Poll::Ready(false),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// The end of a connection that stood still: a client that has begun a request is told why. One that has not might
    /// take such an answer for that to its next.
    pub(super) async fn give_up(mut self) {
        if self.watch.phase() == Phase::Head && !self.framing.is_fresh() {
            let answer = (self.refuse)(StatusCode::REQUEST_TIMEOUT);
            let told = async {
                self.stream.write_all(&answer).await?;
                self.stream.shutdown().await
            };
            let _ = tokio::time::timeout(Self::LAST_WORD, told).await;
        }
    }

    /// Whether a request's body is still to come.
    pub(super) fn expects_body(&self) -> bool {
        self.framing.expects_body(&self.turn)
    }

    /// The end of a connection whose last answer did not wait for the request's body. To close it while that still comes
    /// would be a reset, which may overtake the answer; so what comes is read for a while, for nobody.
    pub(super) async fn linger(mut self) {
        let watch = &self.watch;
        farewell::hear_out(&mut self.stream, |cx| {
            watch.wakes(cx);
            watch.patience().is_draining()
        })
        .await;
    }

    /// Bytes that hyper had read and not used.
    pub(super) fn take_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let later = std::mem::take(&mut self.held);
            self.held.extend_from_slice(bytes);
            self.held.extend_from_slice(&later);
        }
    }

    /// hyper reads on during its answer, to see whether the client is still there.
    fn poll_early(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_over = self.held.is_empty() && !ready!(self.stream.poll_held(cx, &mut self.held, Self::MAX_HELD))?;
        // Whoever finishes the answer wakes this task.
        self.turn.waiting.store(true, Ordering::Relaxed);
        if is_over { self.half_closed.poll_gone(cx).map(Ok) } else { Poll::Pending }
    }

    /// While no request has been handed on, what hyper writes is an answer of its own to a malformed one.
    fn own_answer(&self, buf: &[u8]) -> Option<Bytes> {
        if self.watch.phase() != Phase::Head || !buf.ends_with(b"\r\n\r\n") {
            return None;
        }
        let code = buf.strip_prefix(b"HTTP/1.1 ").or_else(|| buf.strip_prefix(b"HTTP/1.0 "))?.first_chunk::<3>()?;
        let status = StatusCode::from_bytes(code).ok()?;
        let status = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if self.is_request_line_too_long() => StatusCode::URI_TOO_LONG,
            status => status,
        };
        status.is_client_error().then(|| (self.refuse)(status))
    }

    fn is_request_line_too_long(&self) -> bool {
        self.framing.in_request_line() || self.turn.request_line.load(Ordering::Relaxed) > self.max_head
    }

    fn poll_instead(&mut self, cx: &mut Context<'_>, replaced: usize) -> Poll<io::Result<usize>> {
        while let Some(rest) = &mut self.instead {
            match Pin::new(&mut self.stream).poll_write(cx, rest) {
                Poll::Ready(Ok(written)) => rest.advance(written),
                other => return other,
            }
            if rest.is_empty() {
                self.instead = None;
            }
        }
        Poll::Ready(Ok(replaced))
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let was_done = this.framing.is_done();
        this.framing.proceed(&this.turn, this.watch.phase() == Phase::Idle);
        if this.framing.is_done() {
            return this.poll_early(cx);
        }
        this.unsent |= was_done;
        let before = buf.filled().len();
        let held = this.held.len().min(buf.remaining());
        if held == 0 {
            let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
            let at_rest = polled.is_pending() && this.framing.is_fresh() && !this.unflushed;
            this.turn.at_rest.store(at_rest, Ordering::Relaxed);
            ready!(polled)?;
        } else {
            buf.put_slice(&this.held[..held]);
        }
        let fresh = &mut buf.filled_mut()[before..];
        if fresh.is_empty() {
            // hyper would go with the last of an answer still in its hands.
            return if this.unsent { this.half_closed.poll_gone(cx).map(Ok) } else { Poll::Ready(Ok(())) };
        }
        if this.framing.in_head() && this.watch.phase() == Phase::Idle {
            this.watch.enter(Phase::Head);
        }
        let taken = this.framing.advance(fresh, &this.turn);
        if held == 0 {
            this.held.extend_from_slice(&fresh[taken..]);
        } else {
            this.held.advance(taken);
            if this.held.is_empty() {
                // A connection at rest keeps no buffer.
                this.held = BytesMut::new();
            }
        }
        buf.set_filled(before + taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.unflushed = true;
        if self.instead.is_none() {
            self.instead = self.own_answer(buf);
        }
        if self.instead.is_some() {
            return self.poll_instead(cx, buf.len());
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.half_closed.offered(polled.is_ready());
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.watch.phase() == Phase::Head {
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            return self.poll_write(cx, first);
        }
        self.unflushed = true;
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.half_closed.offered(polled.is_ready());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = false;
        if std::mem::take(&mut self.unsent) && self.half_closed.is_waited_for() {
            // All there is left to do is to go.
            self.watch.wake();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
