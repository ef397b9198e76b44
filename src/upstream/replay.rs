//! A connection that replaces itself: when a used one turns out closed before a byte of the answer came, what was
//! written of the request is written once more, on a new connection, and nobody notices.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::dial::{Dialler, Stream};

/// What the sender of a request and its connection tell each other.
#[derive(Debug, Default)]
pub(super) struct Chance {
    /// The request under way may be written twice.
    given: AtomicBool,
    /// It has been.
    taken: AtomicBool,
}

impl Chance {
    pub(super) fn give(&self, given: bool) {
        self.given.store(given, Ordering::Relaxed);
    }

    /// Whether the connection was closed and replaced since this was last asked.
    pub(super) fn was_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed) && self.taken.swap(false, Ordering::Relaxed)
    }
}

pub(super) struct Replaying {
    stream: Stream,
    dialler: Arc<Dialler>,
    chance: Arc<Chance>,
    /// Of a request that may be written twice, what has been written so far.
    written: Vec<u8>,
    successor: Option<Successor>,
}

type Successor = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

impl Replaying {
    pub(super) fn new(stream: Stream, dialler: Arc<Dialler>, chance: Arc<Chance>) -> Self {
        Self { stream, dialler, chance, written: Vec::new(), successor: None }
    }

    fn is_given(&self) -> bool {
        self.chance.given.load(Ordering::Relaxed)
    }

    /// Begins anew where that is allowed, once.
    fn begin_again(&mut self) -> bool {
        if !self.is_given() {
            return false;
        }
        self.chance.given.store(false, Ordering::Relaxed);
        self.chance.taken.store(true, Ordering::Relaxed);
        let (dialler, written) = (self.dialler.clone(), std::mem::take(&mut self.written));
        self.successor = Some(Box::pin(async move {
            let mut stream = dialler.dial().await.map_err(|error| io::Error::other(NoSuccessor(error)))?;
            stream.write_all(&written).await?;
            stream.flush().await?;
            Ok(stream)
        }));
        true
    }

    fn poll_successor(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(successor) = &mut self.successor {
            let stream = ready!(successor.as_mut().poll(cx));
            self.successor = None;
            self.stream = stream?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
        mut write: impl FnMut(Pin<&mut Stream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_successor(cx))?;
            match ready!(write(Pin::new(&mut self.stream), cx)) {
                Ok(count) => {
                    if self.is_given() {
                        self.note(bufs, count);
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if is_gone(&error) && self.begin_again() => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn note(&mut self, bufs: &[io::IoSlice<'_>], mut count: usize) {
        for buf in bufs {
            let taken = &buf[..count.min(buf.len())];
            self.written.extend_from_slice(taken);
            count -= taken.len();
        }
    }
}

/// The upstream closed the connection and takes no other.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct NoSuccessor(super::Error);

/// How a connection fails whose other end had closed it.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
}

impl AsyncRead for Replaying {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            ready!(this.poll_successor(cx))?;
            let read = ready!(Pin::new(&mut this.stream).poll_read(cx, buf));
            let over = match &read {
                Ok(()) => buf.filled().len() == before,
                Err(error) => is_gone(error),
            };
            // A connection that ends before anything was written is hyper's to report: it gives the request back.
            if over && !this.written.is_empty() && this.begin_again() {
                continue;
            }
            // An answer has begun, and no other will.
            if !this.written.is_empty() {
                this.written.clear();
                this.chance.give(false);
            }
            return Poll::Ready(read);
        }
    }
}

impl AsyncWrite for Replaying {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_written(cx, &[io::IoSlice::new(buf)], |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_written(cx, bufs, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            ready!(this.poll_successor(cx))?;
            match ready!(Pin::new(&mut this.stream).poll_flush(cx)) {
                Err(error) if is_gone(&error) && this.begin_again() => {}
                flushed => return Poll::Ready(flushed),
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
