//! The streams of one connection: what has become of them, and each a task of its own.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::rt::Executor;
use pin_project_lite::pin_project;

use crate::listener::Slots;
use crate::patience::{Followed, Host, Phase, Watch};

/// Streams that were cut short. A client that reached this and cuts most of what it asks for is no browser: each cost
/// the upstream a connection.
const MAX_CUT: usize = 500;

/// For a client to take notice that it should leave.
const GOODBYE: Duration = Duration::from_secs(5);

/// The streams of one connection, and what has become of them. hyper gives each to it as a future to run.
#[derive(Clone)]
pub(super) struct Streams(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connection: Watch,
    slots: Arc<Slots>,
    next: Mutex<Next>,
    counts: Counts,
}

/// What hyper will presently have run.
#[derive(Debug, Default)]
enum Next {
    /// The sending half of a tunnel, of which nothing is said before.
    #[default]
    Tunnel,
    /// The request that it has just asked to be answered.
    Request(Watch),
    /// The answer to one that found no place.
    Refusal,
}

/// Changed by one thread: that of the connection.
#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    /// Open, or with something left that waits to be sent: beyond one of these each has a place from [`Slots`].
    placed: AtomicUsize,
    begun: AtomicUsize,
    cut: AtomicUsize,
    /// Whether the client has been asked to leave.
    leaving: AtomicBool,
}

impl Streams {
    pub(super) fn new(connection: Watch, slots: Arc<Slots>) -> Self {
        Self(Arc::new(Shared { connection, slots, next: Mutex::default(), counts: Counts::default() }))
    }

    /// A request has come; `None`: there is no place for it.
    pub(super) fn begin(&self) -> Option<Watch> {
        let Shared { connection, slots, counts, .. } = &*self.0;
        // The first has the connection's own. Which that is does not matter: the last to go leaves no place behind.
        if counts.placed.load(Ordering::Relaxed) > 0 && !slots.take_beside() {
            self.expect(Next::Refusal);
            return None;
        }
        counts.placed.fetch_add(1, Ordering::Relaxed);
        counts.begun.fetch_add(1, Ordering::Relaxed);
        if counts.open.fetch_add(1, Ordering::Relaxed) == 0 {
            // Each stream has limits of its own.
            connection.enter(Phase::Own);
        }
        let watch = connection.patience().watch_for(Phase::Own, self.0.clone());
        self.expect(Next::Request(watch.clone()));
        Some(watch)
    }

    fn expect(&self, next: Next) {
        *self.0.next.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }

    fn over(&self, watch: &Watch) {
        let counts = &self.0.counts;
        // An answer that was given to its end says so.
        if watch.phase() != Phase::Idle && counts.cut.fetch_add(1, Ordering::Relaxed) >= MAX_CUT {
            self.0.connection.wake();
        }
        self.closed();
    }

    fn closed(&self) {
        if self.0.counts.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.rest();
        }
    }

    /// Nothing is under way.
    fn rest(&self) {
        let connection = &self.0.connection;
        if self.0.counts.leaving.load(Ordering::Relaxed) {
            connection.enter_for(Phase::Idle, connection.limit(GOODBYE));
        } else {
            connection.enter(Phase::Idle);
        }
    }

    /// The client has been asked to go.
    pub(super) fn leave(&self) {
        self.0.counts.leaving.store(true, Ordering::Relaxed);
        if self.0.counts.open.load(Ordering::Relaxed) == 0 {
            self.rest();
        }
    }

    pub(super) fn are_mostly_cut(&self) -> bool {
        let counts = &self.0.counts;
        let cut = counts.cut.load(Ordering::Relaxed);
        cut > MAX_CUT && cut > counts.begun.load(Ordering::Relaxed) / 2
    }
}

impl Host for Shared {
    /// A request has ended, in whatever way, and nothing of its answer waits to be sent.
    fn gone(&self) {
        if self.counts.placed.fetch_sub(1, Ordering::Relaxed) > 1 {
            self.slots.give_back_beside();
        }
    }
}

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        let next = std::mem::take(&mut *self.0.next.lock().unwrap_or_else(PoisonError::into_inner));
        match next {
            Next::Request(watch) => {
                let _here = watch.until_dropped();
                tokio::spawn(OneStream { future, _here, watch, streams: self.clone() });
            }
            // It is ready, and goes out whole at once unless the client has no window for it; for that nobody waits.
            Next::Refusal => {
                let _ = std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop()));
            }
            // The sending half of a tunnel: it ends with the tunnel, and so long there is something under way.
            Next::Tunnel => {
                self.0.counts.open.fetch_add(1, Ordering::Relaxed);
                let streams = self.clone();
                tokio::spawn(async move {
                    let _open = Open(streams);
                    future.await;
                });
            }
        }
    }
}

/// A tunnel that is there.
struct Open(Streams);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.closed();
    }
}

pin_project! {
    /// A stream from its request to the end of its answer. What stands still for too long is reset.
    struct OneStream<F> {
        #[pin]
        future: F,
        watch: Watch,
        streams: Streams,
        _here: Followed,
    }

    impl<F> PinnedDrop for OneStream<F> {
        fn drop(this: Pin<&mut Self>) {
            this.streams.over(&this.watch);
        }
    }
}

impl<F: Future<Output = ()>> Future for OneStream<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.watch.wakes(cx);
        match this.future.poll(cx) {
            // Whatever could still answer has just had its chance.
            Poll::Pending if this.watch.is_overdue() => Poll::Ready(()),
            polled => polled,
        }
    }
}
