//! Who speaks HTTP where TLS is spoken: told so, rather than met with an alert that nothing of theirs can read.

use std::task::Poll;

use bytes::Bytes;
use tokio::io::ReadBuf;

use crate::patience::Watch;
use crate::stream::Plain;

/// Whether the client's first byte is one of a request; a handshake begins with 22 (RFC 8446 section 5.1). `None` when
/// nothing comes.
pub(super) async fn is_clear(stream: &Plain, watch: &Watch) -> Option<bool> {
    // What is in front of a unix socket is the operator's.
    let Plain::Tcp(stream) = stream else { return Some(false) };
    std::future::poll_fn(|cx| {
        watch.wakes(cx);
        watch.hurry();
        let mut first = [0];
        let polled = stream.poll_peek(cx, &mut ReadBuf::new(&mut first));
        match polled {
            Poll::Ready(Ok(1..)) => Poll::Ready(Some(first[0].is_ascii_alphabetic())),
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending if watch.is_overdue() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Sends the answer and is done with the client.
pub(super) fn turn_away(stream: &Plain, answer: &Bytes) {
    const SHORT_REQUEST: usize = 8 * 1024;
    // What has come and is not read would make the system take the answer back.
    let _ = stream.try_read(&mut [0; SHORT_REQUEST]);
    let _ = stream.try_write(answer);
}
