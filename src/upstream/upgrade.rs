//! Tunnels: after both sides have changed protocols (WebSocket and others) bytes pass unread.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional_with_sizes};

use super::Error;
use super::answer::strip_hop_headers;
use crate::patience::{Phase, Watch};

/// WebSocket frames are small; two of these per tunnel.
const BUFFER: usize = 16 * 1024;

/// For the words by which a side learns that this is the end (a FIN, or its like within TLS and HTTP/2).
const GOODBYE: Duration = Duration::from_secs(1);

/// The client's side of a change of protocols.
pub(super) struct ClientSide {
    side: OnUpgrade,
    /// It came by HTTP/2, where a tunnel is a stream and its answer an ordinary one (RFC 8441).
    is_stream: bool,
}

impl ClientSide {
    /// That of a request which wants to change to `protocol`.
    pub(super) fn of(request: &mut Parts) -> Option<Self> {
        let is_stream = request.version == Version::HTTP_2;
        request.extensions.remove().map(|side| Self { side, is_stream })
    }

    /// Whether this answer of an upstream that did not agree would tell the client that it did.
    pub(super) fn would_mistake(&self, status: StatusCode) -> bool {
        self.is_stream && status.is_success()
    }

    /// Says in the client's way that the upstream agreed.
    pub(super) fn agree(&self, answer: &mut http::response::Parts) -> Result<(), Error> {
        let protocol = answer.headers.remove(UPGRADE);
        strip_hop_headers(&mut answer.headers)?;
        if self.is_stream {
            answer.status = StatusCode::OK;
            answer.headers.remove(SEC_WEBSOCKET_ACCEPT);
            return Ok(());
        }
        answer.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        if let Some(protocol) = protocol {
            answer.headers.insert(UPGRADE, protocol);
        }
        Ok(())
    }
}

/// Joins the two sides once both have switched. Ends when either side does, or stands still for too long.
///
/// A gate that is to stop waits for a pause only, so that nobody is cut off in the middle of a message: a page whose
/// WebSocket ends connects anew, and to wait for the last of them would be to wait for ever.
///
/// `request` is the watch of the request that asked for it, which takes up its place as long as there is a tunnel.
pub(super) fn tunnel(client: ClientSide, upstream: OnUpgrade, request: Watch, idle: u32) {
    let watch = request.patience().watch(Phase::Body);
    watch.enter_for(Phase::Body, idle);
    tokio::spawn(async move {
        let _place = request;
        let _here = watch.until_dropped();
        let (client, upstream) = match patiently(&watch, async { tokio::try_join!(client.side, upstream) }).await {
            Some(Ok(both)) => both,
            Some(Err(error)) => {
                tracing::debug!(%error, "a tunnel never began");
                return;
            }
            None => return,
        };
        let mut client = Moving { inner: TokioIo::new(client), watch: watch.clone() };
        let mut upstream = TokioIo::new(upstream);
        watch.progress();
        let copying = copy_bidirectional_with_sizes(&mut client, &mut upstream, BUFFER, BUFFER);
        // A reset from either side is how tunnels usually end.
        if patiently(&watch, copying).await.is_none() {
            let goodbye = async { tokio::join!(client.shutdown(), upstream.shutdown()) };
            let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        }
    });
}

/// Works on as long as the watch lets it, `None` when that is over.
async fn patiently<F: Future>(watch: &Watch, work: F) -> Option<F::Output> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(|cx| {
        watch.wakes(cx);
        watch.hurry();
        match work.as_mut().poll(cx) {
            Poll::Pending if watch.is_overdue() => Poll::Ready(None),
            polled => polled.map(Some),
        }
    })
    .await
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
