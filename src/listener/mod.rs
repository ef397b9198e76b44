//! Accepts connections and reads requests off them; what answers is a function it is handed.
//!
//! One per worker: its sockets, connections and watches belong to one thread.

mod bind;
mod clear;
mod door;
mod http1;
mod http2;
mod inherited;
mod introduction;
mod last_call;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
pub mod proxy_header;
mod stream;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use crate::config;
use crate::patience::{Patience, Phase, Watch};
pub use bind::{BindError, Bound, Socket, SocketFile, bind};
use door::Door;
pub use inherited::Inherited;
use introduction::Introducers;
use stream::{Plain, Stream};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// After an accept that failed for want of descriptors or memory. Whoever waits meanwhile is in the kernel's queue.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);

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

/// One connection's place; a tunnel keeps it.
#[derive(Debug)]
struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one worker's listener needs to know.
#[derive(Debug, Clone)]
pub struct Settings(Arc<Limits>);

#[derive(Debug)]
struct Limits {
    http1: hyper::server::conn::http1::Builder,
    max_head: usize,
    slots: Arc<Slots>,
    introducers: Introducers,
    grace: Duration,
}

impl Settings {
    #[must_use]
    pub fn new(server: &config::Server, slots: Arc<Slots>) -> Self {
        let max_head = server.max_header_bytes;
        Self(Arc::new(Limits {
            http1: http1::builder(max_head),
            max_head,
            slots,
            introducers: Introducers::new(server),
            grace: server.shutdown_grace,
        }))
    }
}

/// What a client of TLS may choose from, the best first (RFC 7301).
pub const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// A socket to accept connections on, and how they speak TLS if they do.
#[derive(Debug, Clone)]
pub struct Entrance<S> {
    pub socket: S,
    pub tls: Option<Arc<ServerConfig>>,
}

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    pub address: SocketAddr,
    /// Whether it speaks TLS with the gate itself.
    pub tls: bool,
}

/// Writes the answer to what is no request at all; the whole of it, head and body. "Upgrade Required" stands for a request
/// in the clear where TLS is spoken.
pub type Refuse = Arc<dyn Fn(StatusCode) -> Bytes + Send + Sync>;

/// Serves until `stop`, then lets what is in flight finish within the grace period.
///
/// `connected` is called once per connection and gives the function that answers its requests; `each_tick` is called
/// whenever time is kept.
///
/// # Errors
/// When the runtime cannot take the sockets over.
pub async fn serve<C, H, F, B>(
    entrances: Vec<Entrance<Socket>>,
    settings: Settings,
    patience: Arc<Patience>,
    connected: C,
    refuse: Refuse,
    each_tick: impl Fn(),
    stop: impl Future<Output = ()>,
) -> io::Result<()>
where
    C: Fn(Origin) -> H + Clone + Send + 'static,
    H: Fn(Request<Incoming>, Watch) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let reception = Reception { settings: settings.clone(), patience: patience.clone(), connected, refuse };
    let mut accepting = Vec::new();
    for Entrance { socket, tls } in entrances {
        let entrance = Entrance { socket: Door::of(socket)?, tls };
        accepting.push(tokio::spawn(reception.clone().open(entrance)));
    }
    drop(reception);

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
    let deadline = tokio::time::Instant::now() + settings.0.grace;
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

/// Takes connections in and sees to each of them.
#[derive(Clone)]
struct Reception<C> {
    settings: Settings,
    patience: Arc<Patience>,
    connected: C,
    refuse: Refuse,
}

impl<C, H, F, B> Reception<C>
where
    C: Fn(Origin) -> H + Clone + Send + 'static,
    H: Fn(Request<Incoming>, Watch) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    /// Accepts connections at one entrance until the gate stops.
    async fn open(self, Entrance { socket: door, tls }: Entrance<Door>) {
        // Draining must find this task too.
        let watch = self.patience.watch(Phase::Own);
        let _here = watch.until_dropped();
        let mut is_short = false;
        loop {
            let accepted = std::future::poll_fn(|cx| {
                watch.wakes(cx);
                if self.patience.is_draining() { Poll::Ready(None) } else { door.poll_accept(cx).map(Some) }
            });
            match accepted.await {
                Some(Ok((stream, peer))) => {
                    is_short = false;
                    self.welcome(stream, peer, tls.clone());
                }
                Some(Err(error)) if is_about_one_connection(&error) => {}
                Some(Err(error)) => {
                    // Out of descriptors or memory: what is open goes on, and something will close soon.
                    if !is_short {
                        warn!(%error, "cannot accept connections for now");
                    }
                    is_short = true;
                    tokio::time::sleep(SHORTAGE_PAUSE).await;
                }
                None => break,
            }
        }
        let within = self.settings.0.grace;
        door.close(within, move |stream, peer| self.welcome(stream, peer, tls.clone())).await;
    }

    fn welcome(&self, stream: Plain, peer: SocketAddr, tls: Option<Arc<ServerConfig>>) {
        let Some(slot) = self.settings.0.slots.take() else {
            if tls.is_none() {
                // The socket's buffer is empty: this either goes out whole at once or the peer is not worth waiting for.
                let _ = stream.try_write(&(self.refuse)(StatusCode::SERVICE_UNAVAILABLE));
            }
            return;
        };
        let watch = self.patience.watch(Phase::Head);
        let here = watch.until_dropped();
        let reception = self.clone();
        tokio::spawn(async move {
            let _here = here;
            reception.attend(stream, peer, tls, watch, slot).await;
        });
    }

    /// Everything a connection is for, from its first byte to its last.
    async fn attend(self, stream: Plain, peer: SocketAddr, tls: Option<Arc<ServerConfig>>, watch: Watch, slot: Slot) {
        let peer = match self.settings.0.introducers.peer(&stream, peer, &watch).await {
            Ok(peer) => peer,
            Err(error) => {
                tracing::debug!(%error, %peer, "a connection without a PROXY header");
                return;
            }
        };
        let origin = Origin { address: peer, tls: tls.is_some() };
        let (stream, speaks_http2) = match tls {
            None => (Stream::Plain(stream), false),
            Some(tls) => match Box::pin(handshake(stream, tls, &watch, &self.refuse)).await {
                Some(stream) => stream,
                None => return,
            },
        };
        let Self { settings, patience: _, connected, refuse } = self;
        let answer = connected(origin);
        // Its future is the larger one.
        if speaks_http2 {
            let _slot = slot;
            Box::pin(http2::serve(stream, &settings.0, watch, answer)).await;
        } else {
            http1::serve((stream, slot), &settings.0, &watch, answer, refuse).await;
        }
    }
}

/// Speaks TLS as long as the watch lets it; tells whether HTTP/2 was agreed on (RFC 7301).
async fn handshake(stream: Plain, tls: Arc<ServerConfig>, watch: &Watch, refuse: &Refuse) -> Option<(Stream, bool)> {
    if clear::is_clear(&stream, watch).await? {
        clear::turn_away(&stream, &refuse(StatusCode::UPGRADE_REQUIRED));
        return None;
    }
    let mut accepting = TlsAcceptor::from(tls).accept(stream);
    let accepted = std::future::poll_fn(|cx| {
        watch.wakes(cx);
        watch.hurry();
        match Pin::new(&mut accepting).poll(cx) {
            Poll::Pending if watch.is_overdue() => Poll::Ready(None),
            polled => polled.map(Some),
        }
    });
    match accepted.await? {
        Ok(stream) => {
            let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            Some((Stream::Tls(Box::new(stream)), speaks_http2))
        }
        Err(error) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
