//! The end of a connection over which everything has been said: what its client still says is heard for a while, for
//! nobody.
//!
//! To close a socket that something unread lies in, or comes to, is a reset, and that overtakes what is on its way to the
//! client. That may be the rest of a body that nobody wanted; over HTTP/2 there is always something, since whoever takes
//! in an answer says so, frame by frame.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::timeout;

use crate::stream::Stream;

/// nginx's `lingering_time` and `lingering_timeout`.
const LONGEST: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(5);

/// Reads until the client has closed its side as well, says nothing for a while, or has talked too long; and, once
/// `is_hurried` says so, no more than is there.
pub(super) async fn hear_out(stream: &mut Stream, mut is_hurried: impl FnMut(&mut Context<'_>) -> bool) {
    let hearing = async { while let Ok(true) = timeout(QUIET, something(stream, &mut is_hurried)).await {} };
    let _ = timeout(LONGEST, hearing).await;
}

/// Whether there was something, and no end.
async fn something(stream: &mut Stream, is_hurried: &mut impl FnMut(&mut Context<'_>) -> bool) -> bool {
    std::future::poll_fn(|cx| {
        let mut nobody = [0; 8 * 1024];
        let mut heard = ReadBuf::new(&mut nobody);
        match Pin::new(&mut *stream).poll_read(cx, &mut heard) {
            Poll::Ready(read) => Poll::Ready(read.is_ok() && !heard.filled().is_empty()),
            Poll::Pending if is_hurried(cx) => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
