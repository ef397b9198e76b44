//! A request's body as it may go on: byte for byte, its trailers cleaned like its headers (R7).

use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderName;
use http_body::{Body, Frame, SizeHint};

use super::headers;

/// The body of a [`super::Clean`] request.
#[derive(Debug)]
pub struct CleanBody<B> {
    inner: B,
    jwt_header: Option<HeaderName>,
}

impl<B> CleanBody<B> {
    pub(super) fn new(inner: B, jwt_header: Option<HeaderName>) -> Self {
        Self { inner, jwt_header }
    }

    /// As it came, for those who read a small form themselves.
    #[must_use]
    pub fn into_inner(self) -> B {
        self.inner
    }
}

impl<B: Body + Unpin> Body for CleanBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        polled.map_ok(|frame| match frame.into_trailers() {
            Ok(mut trailers) => {
                headers::strip_trailers(&mut trailers, self.jwt_header.as_ref());
                Frame::trailers(trailers)
            }
            Err(frame) => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
