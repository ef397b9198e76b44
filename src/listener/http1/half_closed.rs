//! A client that will say no more while it is owed an answer: it may be gone, or have closed its own half only.
//!
//! The two look alike until something is sent. So an answer has a moment to come, and another after whatever of it has
//! gone out; then the site stops working for nobody.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Most answers take less, and a site can afford as much for somebody who is gone.
const MOMENT: Duration = Duration::from_secs(1);

/// Keeps a client's time from when it has said all.
#[derive(Debug)]
pub(super) struct HalfClosed {
    moment: Duration,
    over: Option<Pin<Box<Sleep>>>,
    moved: bool,
    /// It takes nothing for now. Were it gone, it would have said so to what was sent before.
    slow: bool,
}

impl HalfClosed {
    pub(super) const fn new() -> Self {
        Self { moment: MOMENT, over: None, moved: false, slow: false }
    }

    /// Something was to be sent; `taken`: and it was.
    pub(super) const fn offered(&mut self, taken: bool) {
        self.moved = true;
        self.slow = !taken;
    }

    /// Ready once the client counts as gone.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let over = self.over.get_or_insert_with(|| {
            self.moved = false;
            Box::pin(tokio::time::sleep(self.moment))
        });
        loop {
            ready!(over.as_mut().poll(cx));
            if !std::mem::take(&mut self.moved) && !self.slow {
                return Poll::Ready(());
            }
            over.as_mut().reset(Instant::now() + self.moment);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(50);

    /// For how many moments at least a client is waited for, with which this happened before and after it had said all.
    async fn moments(before: fn(&mut HalfClosed), after: fn(&mut HalfClosed), finally: fn(&mut HalfClosed)) -> u128 {
        let mut client = HalfClosed { moment: MOMENT, ..HalfClosed::new() };
        before(&mut client);
        let began = Instant::now();
        assert!(poll_fn(|cx| Poll::Ready(client.poll_gone(cx))).await.is_pending());
        after(&mut client);
        let waited = tokio::time::timeout(MOMENT * 3, poll_fn(|cx| client.poll_gone(cx))).await;
        if waited.is_err() {
            finally(&mut client);
            poll_fn(|cx| client.poll_gone(cx)).await;
        }
        began.elapsed().as_nanos() / MOMENT.as_nanos()
    }

    #[tokio::test]
    async fn a_client_counts_as_gone_once_nothing_was_sent_for_a_moment() {
        let nothing: fn(&mut HalfClosed) = |_| {};
        let sent: fn(&mut HalfClosed) = |client| client.offered(true);
        assert!(moments(nothing, nothing, nothing).await >= 1);
        assert!(moments(nothing, sent, nothing).await >= 2);
    }

    #[tokio::test]
    async fn a_client_that_is_slow_to_take_what_is_sent_is_not_gone() {
        assert!(moments(|client| client.offered(false), |_| {}, |client| client.offered(true)).await >= 3);
    }
}
