//! The body of any answer: the gate's own bytes, or the upstream's as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;

use crate::upstream;

/// What follows an answer's head.
#[derive(Debug)]
pub enum Body {
    Own(Full<Bytes>),
    Upstream(upstream::Body),
}

impl Body {
    #[must_use]
    pub fn empty() -> Self {
        Self::Own(Full::default())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Own(Full::new(bytes))
    }
}

impl From<upstream::Body> for Body {
    fn from(body: upstream::Body) -> Self {
        Self::Upstream(body)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Own(own) => Pin::new(own).poll_frame(cx).map_err(|never: Infallible| match never {}),
            Self::Upstream(upstream) => Pin::new(upstream).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(own) => own.is_end_stream(),
            Self::Upstream(upstream) => upstream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(own) => own.size_hint(),
            Self::Upstream(upstream) => upstream.size_hint(),
        }
    }
}
