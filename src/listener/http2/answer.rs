//! An answer's body on its way into a stream.

use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue, Response};
use http_body::{Body, Frame, SizeHint};

use crate::patience::{Phase, Watch};

/// An answer's body that says when it is over; none at all for HEAD.
pub(super) struct Answer<B> {
    body: Option<B>,
    trailers: Option<Box<HeaderMap>>,
    /// `None`: that of a request that there was no room for.
    watch: Option<Watch>,
}

/// A piece of a body. The last one keeps the request's watch until it has been sent: what a client does not take is in
/// memory, and takes up the request's place.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    _watch: Option<Watch>,
}

impl<B: Body<Data = Bytes>> Answer<B> {
    pub(super) fn response(response: Response<B>, watch: Option<Watch>, is_head: bool) -> Response<Self> {
        if let Some(watch) = watch.as_ref().filter(|watch| watch.phase() != Phase::Body) {
            watch.enter(Phase::Body);
        }
        let (mut head, body) = response.into_parts();
        if is_head && let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
            head.headers.entry(CONTENT_LENGTH).or_insert_with(|| HeaderValue::from(length));
        }
        let mut answer = Self { body: (!is_head).then_some(body), trailers: None, watch };
        answer.note_end();
        Response::from_parts(head, answer)
    }

    /// Whether this is the end of its bytes.
    fn note_end(&mut self) -> bool {
        let is_over = self.body.as_ref().is_none_or(Body::is_end_stream);
        if is_over {
            self.body = None;
            if let Some(watch) = &self.watch {
                watch.enter(Phase::Idle);
            }
        }
        is_over
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Piece>, B::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))));
        };
        let bytes = match ready!(Pin::new(body).poll_frame(cx)).transpose()?.map(Frame::into_data) {
            Some(Ok(bytes)) => bytes,
            // Without bytes of its own the end is a piece as well.
            other => {
                self.trailers = other.and_then(Result::err).and_then(|frame| frame.into_trailers().ok()).map(Box::new);
                self.body = None;
                Bytes::new()
            }
        };
        let last = self.note_end();
        let watch = self.watch.as_ref().filter(|_| last).cloned();
        Poll::Ready(Some(Ok(Frame::data(Piece { bytes, _watch: watch }))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.bytes.chunks_vectored(slices)
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        self.bytes.copy_to_bytes(length)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::stream;
    use http_body_util::combinators::UnsyncBoxBody;
    use http_body_util::{BodyExt, Empty, Full, StreamBody};

    use super::*;
    use crate::patience::{Host, Limits, Patience};

    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl Host for Counting {
        fn gone(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    type Frames = Vec<Frame<Bytes>>;

    fn streamed(frames: Frames) -> UnsyncBoxBody<Bytes, std::convert::Infallible> {
        StreamBody::new(stream::iter(frames.into_iter().map(Ok))).boxed_unsync()
    }

    /// Gives the answer away piece by piece: what it said, and how many bytes it was before the last of them was.
    async fn check(body: UnsyncBoxBody<Bytes, std::convert::Infallible>, is_head: bool, bytes: &str, trailers: bool) {
        let limit = Duration::from_secs(1);
        let patience = Patience::new(&Limits { header: limit, keepalive: limit, response: limit, body: limit });
        let host = Arc::<Counting>::default();
        let told = || host.0.load(Ordering::Relaxed);
        let watch = patience.watch_for(Phase::Own, host.clone());
        let mut answer = Answer::response(Response::new(body), Some(watch), is_head).into_body();
        let (mut pieces, mut ends) = (Vec::new(), Vec::new());
        while !answer.is_end_stream() {
            match answer.frame().await.expect("it said there was more").expect("a good one").into_data() {
                Ok(piece) => pieces.push(piece),
                Err(end) => ends.extend(end.into_trailers()),
            }
        }
        drop(answer);
        assert_eq!((ends.len() == 1, told()), (trailers, usize::from(pieces.is_empty())), "{bytes}");
        let mut said = Vec::new();
        for mut piece in std::mem::take(&mut pieces) {
            assert_eq!(told(), 0, "some of {bytes} is still to be sent");
            said.extend_from_slice(&piece.copy_to_bytes(piece.remaining()));
        }
        assert_eq!((said, told()), (bytes.as_bytes().to_vec(), 1));
    }

    #[tokio::test]
    async fn a_place_is_kept_until_the_last_piece_is_sent() {
        let data = |text: &'static str| Frame::data(Bytes::from(text));
        let trailers = || Frame::trailers(HeaderMap::new());
        check(Full::from("whole").boxed_unsync(), false, "whole", false).await;
        check(Full::from("whole").boxed_unsync(), true, "", false).await;
        check(Empty::new().boxed_unsync(), false, "", false).await;
        check(streamed(vec![data("in "), data(""), data("pieces")]), false, "in pieces", false).await;
        check(streamed(vec![data("with "), data("trailers"), trailers()]), false, "with trailers", true).await;
        check(streamed(vec![]), false, "", false).await;
        check(streamed(vec![trailers()]), false, "", true).await;
    }
}
