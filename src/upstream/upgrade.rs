//! Tunnels: after both sides have changed protocols (WebSocket and others) bytes pass unread.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};

use crate::patience::{Patience, Phase, Watch};

/// WebSocket frames are small; two of these per tunnel.
const BUFFER: usize = 16 * 1024;

/// Joins the two sides once both have switched. Ends when either side does, or stands still for too long.
pub(super) fn tunnel(client: OnUpgrade, upstream: OnUpgrade, patience: &Arc<Patience>, idle: u32) {
    let watch = patience.watch(Phase::Body);
    watch.enter_for(Phase::Body, idle);
    tokio::spawn(async move {
        let _here = watch.until_dropped();
        let joined = async {
            let (client, upstream) = tokio::try_join!(client, upstream)?;
            let mut client = Moving { inner: TokioIo::new(client), watch: watch.clone() };
            let mut upstream = TokioIo::new(upstream);
            watch.progress();
            // A reset from either side is how tunnels usually end.
            let _ = copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER, BUFFER).await;
            Ok::<_, hyper::Error>(())
        };
        let mut joined = std::pin::pin!(joined);
        let ended = std::future::poll_fn(|cx| {
            watch.wakes(cx);
            if watch.is_overdue() { Poll::Ready(Ok(())) } else { joined.as_mut().poll(cx) }
        });
        if let Err(error) = ended.await {
            tracing::debug!(%error, "a tunnel never began");
        }
    });
}

/// Notes every byte that passes.
struct Moving<S> {
    inner: S,
    watch: Watch,
}

impl<S> Moving<S> {
    fn noted<T>(&self, polled: Poll<T>) -> Poll<T> {
        if polled.is_ready() {
            self.watch.progress();
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Moving<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        self.noted(polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Moving<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.noted(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
