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
    pub(super) struct Attempt<A> {
        #[pin]
        answer: A,
        connection: Option<Connection>,
        watch: Watch,
    }
}

/// Sends the request at once. With `again` it may be written a second time where the connection turns out closed.
pub(super) fn attempt(
    mut connection: Connection,
    request: Request<Outgoing>,
    again: bool,
    watch: &Watch,
) -> Attempt<impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>> + use<>> {
    request.body().begin();
    let answer = connection.send(request, again);
    Attempt { answer, connection: Some(connection), watch: watch.clone() }
}

impl<A: Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>>> Future for Attempt<A> {
    type Output = Result<Answered, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let connection = this.connection.as_mut().expect("an answer comes once");
        connection.drive(cx);
        match connection.look(cx, |cx| this.answer.poll(cx)) {
            Poll::Pending if this.watch.is_overdue() => {
                let late = if this.watch.phase() == Phase::Upload { Error::ClientTooSlow } else { Error::Timeout };
                Poll::Ready(Err(Failure { error: late, unsent: None }))
            }
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(response)) => {
                Poll::Ready(Ok((response, this.connection.take().expect("an answer comes once"))))
            }
            Poll::Ready(Err(failure)) => Poll::Ready(Err(failed(failure))),
        }
    }
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
