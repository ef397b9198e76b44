//! One try to have a request answered on one connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use pin_project_lite::pin_project;

use super::Error;
use super::body::{ClientFailure, Outgoing};
use super::connection::Connection;
use super::replay::NoSuccessor;
use crate::patience::{Phase, Watch};

/// The head of an answer, and the connection its body comes on.
pub(super) type Answered = (Response<Incoming>, Connection);

pub(super) struct Failure {
    pub error: Error,
    /// The request, if not a byte of it was written.
    pub unsent: Option<Box<Request<Outgoing>>>,
}

pin_project! {
    /// Waits for an answer as long as the watch lets it.
    ///
    /// Before the request is written, and before what writes the answer gets it, all who have something to read by now
    /// have their turn. So a worker reads all there is and then writes in a row: the first of these writes wakes the other
    /// end, which would fall asleep and be woken once more between writes that come one by one, and to wake somebody costs
    /// more than to send.
    pub(super) struct Attempt<A> {
        #[pin]
        answer: A,
        connection: Option<Connection>,
        next: Next,
        watch: Watch,
    }
}

/// What an attempt does when it is called.
enum Next {
    GiveWay,
    Exchange,
    HandOver(Response<Incoming>),
}

/// Sends the request. With `again` it may be written a second time where the connection turns out closed.
pub(super) fn attempt(
    mut connection: Connection,
    request: Request<Outgoing>,
    again: bool,
    watch: &Watch,
) -> Attempt<impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>> + use<>> {
    request.body().begin();
    let answer = connection.send(request, again);
    Attempt { answer, connection: Some(connection), next: Next::GiveWay, watch: watch.clone() }
}

impl<A: Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>>> Future for Attempt<A> {
    type Output = Result<Answered, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match std::mem::replace(this.next, Next::Exchange) {
            Next::GiveWay => return give_way(cx),
            Next::Exchange => {}
            Next::HandOver(response) => {
                return Poll::Ready(Ok((response, this.connection.take().expect("an answer comes once"))));
            }
        }
        let connection = this.connection.as_mut().expect("an answer comes once");
        connection.drive(cx);
        match connection.look(cx, |cx| this.answer.poll(cx)) {
            Poll::Pending if this.watch.is_overdue() => {
                let late = if this.watch.phase() == Phase::Upload { Error::ClientTooSlow } else { Error::Timeout };
                Poll::Ready(Err(Failure { error: late, unsent: None }))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(response)) => {
                *this.next = Next::HandOver(response);
                give_way(cx)
            }
            Poll::Ready(Err(failure)) => Poll::Ready(Err(failed(failure))),
        }
    }
}

/// To the end of the worker's queue.
fn give_way<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

fn failed(mut failure: TrySendError<Request<Outgoing>>) -> Failure {
    let unsent = failure.take_message().map(Box::new);
    let error = failure.into_error();
    let error = if find::<ClientFailure>(&error).is_some() {
        Error::ClientGone
    } else if find::<NoSuccessor>(&error).is_some() {
        Error::Unreachable(error.into())
    } else {
        Error::Broken(error.into())
    };
    Failure { error, unsent }
}

fn find<E: std::error::Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        // An I/O error passes over what it wraps when it is asked for its source.
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(found) = cause.downcast_ref().or_else(|| wrapped?.downcast_ref()) {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};
    use std::time::Duration;

    use hyper::client::conn::http1::handshake;
    use hyper_util::rt::TokioIo;
    use tokio::net::UnixStream;

    use super::*;
    use crate::patience::{Limits, Patience};

    #[derive(Default)]
    struct Calls(AtomicUsize);

    impl Wake for Calls {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn others_have_their_turn_before_a_request_is_written() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
        let (sender, driving) = handshake(TokioIo::new(ours)).await.expect("nothing is said yet");
        let connection = Connection::new(sender, Box::pin(driving), Arc::default());
        let long = Duration::from_mins(1);
        let patience = Patience::new(&Limits { header: long, keepalive: long, response: long, body: long });
        let looked = AtomicUsize::new(0);
        let answer = std::future::poll_fn(|_| {
            looked.fetch_add(1, Ordering::Relaxed);
            Poll::Pending
        });
        let watch = patience.watch(Phase::Upstream);
        let mut attempt = std::pin::pin!(Attempt { answer, connection: Some(connection), next: Next::GiveWay, watch });
        let calls = Arc::<Calls>::default();
        let waker = Waker::from(calls.clone());
        for (turn, seen) in [(1, 0), (2, 1)] {
            assert!(attempt.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!(looked.load(Ordering::Relaxed), seen, "turn {turn}");
            assert_eq!(calls.0.load(Ordering::Relaxed), 1, "it comes back by itself, once: turn {turn}");
        }
    }
}
