//! Accepts connections and reads requests off them; what answers is a function it is handed.
//!
//! One per worker: its sockets, connections and watches belong to one thread.

mod bind;
mod connection;
mod framing;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
pub mod proxy_header;
mod socket;

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

use crate::config;
use crate::patience::{Patience, Phase, Watch};
pub use bind::{BindError, bind};
use connection::Tracked;
use framing::Turn;
use socket::Socket;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How many connections the whole process has; shared by the workers, touched only when one comes or goes.
#[derive(Debug)]
pub struct Slots {
    taken: AtomicUsize,
    most: usize,
}

impl Slots {
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { taken: AtomicUsize::new(0), most }
    }

    /// How many there are now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed).min(self.most)
    }

    fn take(self: &Arc<Self>) -> Option<Slot> {
        let before = self.taken.fetch_add(1, Ordering::Relaxed);
        let slot = Slot(self.clone());
        (before < self.most).then_some(slot)
    }
}

/// One connection's place.
struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one worker's listener needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    http: http1::Builder,
    max_head: usize,
    slots: Arc<Slots>,
    grace: Duration,
}

impl Settings {
    /// hyper's default is 400 KiB per connection.
    const BUFFER: usize = 64 * 1024;

    #[must_use]
    pub fn new(server: &config::Server, slots: Arc<Slots>) -> Self {
        let mut http = http1::Builder::new();
        // Time is kept by `Patience`: hyper's own timer is re-armed for every request.
        http.header_read_timeout(None);
        http.max_header_size(server.max_header_bytes);
        http.max_buf_size(Self::BUFFER.max(server.max_header_bytes + 8 * 1024));
        http.half_close(false);
        Self { http, max_head: server.max_header_bytes, slots, grace: server.shutdown_grace }
    }
}

/// Writes the answer to what is no request at all; the whole of it, head and body.
pub type Refuse = Arc<dyn Fn(StatusCode) -> Bytes + Send + Sync>;

/// Serves until `stop`, then lets what is in flight finish within the grace period.
///
/// `connected` is called once per connection and gives the function that answers its requests; `each_tick` is called
/// whenever time is kept.
///
/// # Errors
/// When the runtime cannot take the sockets over.
pub async fn serve<C, H, F, B>(
    sockets: Vec<StdListener>,
    settings: Settings,
    patience: Arc<Patience>,
    connected: C,
    refuse: Refuse,
    each_tick: impl Fn(),
    stop: impl Future<Output = ()>,
) -> io::Result<()>
where
    C: Fn(SocketAddr) -> H + Clone + Send + 'static,
    H: Fn(Request<Incoming>, Watch) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let acceptor = Acceptor { settings: settings.clone(), patience: patience.clone(), connected, refuse };
    let mut accepting = Vec::new();
    for socket in sockets {
        let listener = TcpListener::from_std(socket)?;
        accepting.push(tokio::spawn(accept(listener, acceptor.clone())));
    }
    drop(acceptor);

    let mut ticks = tokio::time::interval(patience.tick());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            _ = ticks.tick() => { patience.sweep(); each_tick(); }
            () = &mut stop => break,
        }
    }
    patience.drain();
    let deadline = tokio::time::Instant::now() + settings.grace;
    for task in accepting {
        // It ends by itself once nobody is left waiting to be accepted.
        let _ = task.await;
    }
    while patience.count() > 0 && tokio::time::Instant::now() < deadline {
        ticks.tick().await;
        patience.sweep();
        each_tick();
    }
    Ok(())
}

struct Acceptor<C> {
    settings: Settings,
    patience: Arc<Patience>,
    connected: C,
    refuse: Refuse,
}

impl<C: Clone> Clone for Acceptor<C> {
    fn clone(&self) -> Self {
        Self {
            settings: self.settings.clone(),
            patience: self.patience.clone(),
            connected: self.connected.clone(),
            refuse: self.refuse.clone(),
        }
    }
}

async fn accept<C, H, F, B>(listener: TcpListener, acceptor: Acceptor<C>)
where
    C: Fn(SocketAddr) -> H + Clone + Send + 'static,
    H: Fn(Request<Incoming>, Watch) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    // Draining must find this task too.
    let watch = acceptor.patience.watch(Phase::Own);
    let _here = watch.until_dropped();
    loop {
        let accepted = std::future::poll_fn(|cx| {
            watch.wakes(cx);
            match listener.poll_accept(cx) {
                std::task::Poll::Pending if acceptor.patience.is_draining() => std::task::Poll::Ready(None),
                polled => polled.map(Some),
            }
        });
        match accepted.await {
            Some(Ok((stream, peer))) => acceptor.welcome(stream, peer),
            Some(Err(error)) if is_about_one_connection(&error) => {}
            Some(Err(error)) => {
                // Out of descriptors or memory: what is open goes on, and something will close soon.
                warn!(%error, "cannot accept connections");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            None => return,
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What hyper left of an ambiguous target looks harmless; with a backslash nobody takes it for that (R6).
fn show_ambiguity(target: &mut Uri) {
    let shown = format!("{}\\", target.path());
    *target = shown.parse().unwrap_or_else(|_| Uri::from_static("/\\"));
}

impl<C, H, F, B> Acceptor<C>
where
    C: Fn(SocketAddr) -> H + Clone + Send + 'static,
    H: Fn(Request<Incoming>, Watch) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    fn welcome(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(slot) = self.settings.slots.take() else {
            // The socket's buffer is empty: this either goes out whole at once or the peer is not worth waiting for.
            let _ = stream.try_write(&(self.refuse)(StatusCode::SERVICE_UNAVAILABLE));
            return;
        };
        // Without it small answers wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let watch = self.patience.watch(Phase::Head);
        let answer = (self.connected)(peer);
        let turn = Arc::new(Turn::new());
        let socket = Socket::new(stream, watch.clone(), turn.clone(), self.settings.max_head, self.refuse.clone());
        let (requests, taking) = (watch.clone(), turn.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            requests.enter(Phase::Own);
            let turn = taking.clone();
            if turn.ambiguous.load(Ordering::Relaxed) {
                show_ambiguity(request.uri_mut());
            }
            turn.request_began(request.body().size_hint().exact());
            let watch = requests.clone();
            let answered = answer(request, watch.clone());
            async move { Ok::<_, Infallible>(Tracked::response(answered.await, watch, turn)) }
        });
        let http = self.settings.http.clone();
        tokio::spawn(async move {
            let _here = (slot, watch.until_dropped());
            connection::drive(socket, http, service, watch, turn).await;
        });
    }
}
