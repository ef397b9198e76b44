//! How much a site may say before its answer: hyper passes over 1xx as long as they come, and comes to nothing else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that may yet come before the answer is there.
#[derive(Debug)]
pub(super) struct Prelude(AtomicUsize);

impl Default for Prelude {
    fn default() -> Self {
        Self(AtomicUsize::new(Self::NO_LIMIT))
    }
}

impl Prelude {
    /// Far more than the longest head that is taken and the beginning of a body, which may come with it.
    const LIMIT: usize = 1 << 20;

    const NO_LIMIT: usize = usize::MAX;

    /// An answer is waited for.
    pub(super) fn begin(&self) {
        self.0.store(Self::LIMIT, Ordering::Relaxed);
    }

    /// It is there.
    pub(super) fn end(&self) {
        self.0.store(Self::NO_LIMIT, Ordering::Relaxed);
    }

    fn take(&self, bytes: usize) -> io::Result<()> {
        let left = self.0.load(Ordering::Relaxed);
        if left == Self::NO_LIMIT {
            return Ok(());
        }
        let left = left.checked_sub(bytes).ok_or_else(|| io::Error::other("too much before the answer"))?;
        self.0.store(left, Ordering::Relaxed);
        Ok(())
    }
}

/// A connection that ends where there is too much of it.
pub(super) struct Measured<S> {
    stream: S,
    prelude: Arc<Prelude>,
}

impl<S> Measured<S> {
    pub(super) fn new(stream: S, prelude: Arc<Prelude>) -> Self {
        Self { stream, prelude }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Measured<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        Poll::Ready(self.prelude.take(buf.filled().len() - before))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Measured<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
