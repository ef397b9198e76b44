//! An answer's body on its way into a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};

use crate::patience::{Phase, Watch};

/// An answer's body that says when it is over; none at all for HEAD.
pub(super) struct Answer<B> {
    body: Option<B>,
    watch: Watch,
}

impl<B: Body> Answer<B> {
    pub(super) fn response(response: Response<B>, watch: Watch, is_head: bool) -> Response<Self> {
        if watch.phase() != Phase::Body {
            watch.enter(Phase::Body);
        }
        let (mut head, body) = response.into_parts();
        if is_head && let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
        let body = (!is_head && !body.is_end_stream()).then_some(body);
        let answer = Self { body, watch };
        answer.note_end();
        Response::from_parts(head, answer)
    }

    fn note_end(&self) {
        if self.body.as_ref().is_none_or(Body::is_end_stream) {
            self.watch.enter(Phase::Idle);
        }
    }
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None) = polled {
            self.body = None;
        }
        if polled.is_ready() {
            self.note_end();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
