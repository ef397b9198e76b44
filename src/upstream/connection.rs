//! A connection to the upstream, moved by whoever waits for it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest;
use tokio::task::coop::has_budget_remaining;

use super::body::Outgoing;
use super::replay::Errand;

/// A connection that carries one request at a time.
///
/// It moves while whoever waits for an answer, or for an answer's body, drives it. A task of its own would have to be
/// woken for every request, and to wake the client's in turn.
pub(super) struct Connection {
    sender: SendRequest<Outgoing>,
    driver: Driver,
    bell: Arc<Bell>,
    waker: Waker,
    errand: Arc<Errand>,
    since: Instant,
}

/// What reads and writes.
enum Driver {
    Here(Driving),
    /// In a task of its own after all.
    Apart,
    Over,
}

/// hyper's end of a connection.
pub(super) type Driving = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

impl Connection {
    pub(super) fn new(sender: SendRequest<Outgoing>, driving: Driving, errand: Arc<Errand>) -> Self {
        let bell = Arc::<Bell>::default();
        Self { sender, driver: Driver::Here(driving), waker: bell.clone().into(), bell, errand, since: Instant::now() }
    }

    /// Sends a request; what is awaited is the answer, while the connection is driven. With `again` it may be written a
    /// second time, should the upstream have closed the connection by now.
    pub(super) fn send(
        &mut self,
        request: Request<Outgoing>,
        again: bool,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>> + use<> {
        self.errand.begin(again, request.body().lines());
        let _quiet = self.bell.mute();
        self.sender.try_send_request(request)
    }

    /// Reads and writes what can be read and written now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Driver::Here(driving) = &mut self.driver {
            self.bell.is_for(cx.waker());
            if let Poll::Ready(ended) = driving.as_mut().poll(&mut Context::from_waker(&self.waker)) {
                told(ended);
                // With it goes what was never sent: whoever waits for that gets it back.
                self.driver = Driver::Over;
            }
        }
    }

    /// Looks at what has come of that.
    pub(super) fn look<T>(&self, cx: &mut Context<'_>, look: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        if let Driver::Apart = self.driver {
            return look(cx);
        }
        // Nothing comes but by driving, so that nobody else need be told where to call.
        let _quiet = self.bell.mute();
        let seen = look(&mut Context::from_waker(Waker::noop()));
        if seen.is_ready() {
            self.errand.answered();
        }
        // Unless it is this task's turn that is over: it has to come back.
        if seen.is_pending() && !has_budget_remaining() {
            cx.waker().wake_by_ref();
        }
        seen
    }

    /// Lets it move by itself from here on: for an answer that came before all of the request was sent, since a client
    /// may read nothing of it before then; and for a change of protocols.
    pub(super) fn drive_apart(&mut self) {
        if let Driver::Here(driving) = std::mem::replace(&mut self.driver, Driver::Apart) {
            tokio::spawn(async move { told(driving.await) });
        }
    }

    /// Whether the upstream had closed it, and it was replaced.
    pub(super) fn was_replaced(&self) -> bool {
        self.errand.was_replaced()
    }

    /// When it was opened.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// For one that nobody waits for: whether the upstream has kept its end open.
    pub(super) fn is_still_ready(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.is_ready()
    }

    /// Waits until the rest of a request is sent and the connection may carry another.
    pub(super) async fn ready(mut self) -> Option<Self> {
        self.drive_apart();
        self.sender.ready().await.is_ok().then_some(self)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// Whoever waits for an answer on a connection is told of its failure by that answer.
fn told(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "upstream connection ended");
    }
}

/// Calls the task that drives a connection, except for what that task is doing itself.
#[derive(Debug)]
struct Bell {
    muted: AtomicBool,
    task: Mutex<Waker>,
}

impl Default for Bell {
    fn default() -> Self {
        Self { muted: AtomicBool::new(false), task: Mutex::new(Waker::noop().clone()) }
    }
}

impl Bell {
    fn is_for(&self, task: &Waker) {
        self.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(task);
    }

    fn mute(&self) -> Muted<'_> {
        self.muted.store(true, Ordering::Relaxed);
        Muted(self)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.muted.load(Ordering::Relaxed) {
            self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
        }
    }
}

struct Muted<'a>(&'a Bell);

impl Drop for Muted<'_> {
    fn drop(&mut self) {
        self.0.muted.store(false, Ordering::Relaxed);
    }
}
