//! The body of any answer: the gate's own bytes, the upstream's as they come, or news for a desktop that waits.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::Full;

use crate::login::handoff::Waiting;
use crate::patience::Watch;
use crate::upstream;

/// What follows an answer's head.
#[derive(Debug)]
pub enum Body {
    Own(Full<Bytes>),
    Upstream(upstream::Body),
    News(Box<News>),
}

/// Server-sent events (WHATWG HTML, section 9.2), until there is no more to tell or the gate stops.
#[derive(Debug)]
pub struct News {
    waiting: Waiting,
    watch: Watch,
}

impl Body {
    #[must_use]
    pub(super) fn news(waiting: Waiting, watch: Watch) -> Self {
        Self::News(Box::new(News { waiting, watch }))
    }

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
            Self::News(news) => news.poll_event(cx).map(|event| event.map(|event| Ok(Frame::data(event)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(own) => own.is_end_stream(),
            Self::Upstream(upstream) => upstream.is_end_stream(),
            Self::News(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(own) => own.size_hint(),
            Self::Upstream(upstream) => upstream.size_hint(),
            Self::News(_) => SizeHint::default(),
        }
    }
}

impl News {
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        // The page asks again by other means, or at another replica.
        if self.watch.patience().is_draining() {
            return Poll::Ready(None);
        }
        self.waiting.poll_next(cx).map(|progress| {
            self.watch.progress();
            progress.map(|progress| format!("data: {}\n\n", progress.word()).into())
        })
    }
}
