//! Accepts connections and reads requests off them; what answers is a function it is handed.
//!
//! One per worker: its sockets, connections and watches belong to one thread.

mod bind;
mod change;
mod clear;
mod door;
mod farewell;
mod first_words;
mod http1;
mod http2;
mod inherited;
mod introduction;
mod last_call;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
pub mod proxy_header;
mod slots;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use crate::config;
use crate::patience::{Patience, Phase, Watch};
use crate::stream::{Plain, Stream};
pub use bind::{BindError, Bound, Socket, SocketFile, bind};
use change::InForce;
pub use change::{Change, Sign};
use door::Door;
pub use inherited::Inherited;
use introduction::Introducers;
use slots::Slot;
pub use slots::Slots;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A gate that stops looks this often whether everybody has gone.
const LOOK: Duration = Duration::from_millis(20);

/// After an accept that failed for want of descriptors or memory. Whoever waits meanwhile is in the kernel's queue.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);

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
    pub sign: Sign,
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
/// The first change is from nothing; other `changes` are taken as they come, and disturb no connection that is there.
/// `connected` is called once per connection and gives the function that answers its requests, without a watch those
/// that there is no room for: at once, by saying so. `each_tick` is called whenever time is kept.
///
/// # Errors
/// When the runtime cannot take the sockets over.
pub async fn serve<C, H, F, B>(
    Change { settings, limits, entrances }: Change,
    mut changes: mpsc::UnboundedReceiver<Change>,
    connected: C,
    refuse: Refuse,
    each_tick: impl Fn(),
    stop: impl Future<Output = ()>,
) -> io::Result<()>
where
    C: Fn(Origin) -> H + Clone + Send + 'static,
    H: Fn(Request<Incoming>, Option<Watch>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let (settings, patience) = (InForce::new(settings), Patience::new(&limits));
    let reception = Reception { settings: settings.clone(), patience: patience.clone(), connected, refuse };
    let mut accepting =
        entrances.into_iter().map(|entrance| reception.listen(entrance)).collect::<io::Result<Vec<_>>>()?;

    let mut ticks = ticks(&patience);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            _ = ticks.tick() => { patience.sweep(); each_tick(); }
            Some(Change { settings: new, limits, entrances }) = changes.recv() => {
                settings.replace(new);
                patience.adopt(&limits);
                ticks = self::ticks(&patience);
                accepting.retain(|task| !task.is_finished());
                for entrance in entrances {
                    match reception.listen(entrance) {
                        Ok(task) => accepting.push(task),
                        Err(error) => warn!(%error, "cannot listen"),
                    }
                }
                patience.wake_all();
            }
            () = &mut stop => break,
        }
    }
    drop(reception);
    patience.drain();
    let deadline = tokio::time::Instant::now() + settings.now().0.grace;
    for task in accepting {
        // It ends by itself once nobody is left waiting to be accepted.
        let _ = task.await;
    }
    while patience.count() > 0 && tokio::time::Instant::now() < deadline {
        tokio::select! {
            _ = ticks.tick() => { patience.sweep(); each_tick(); }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    Ok(())
}

/// The first is due at once.
fn ticks(patience: &Patience) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(patience.tick());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// Takes connections in and sees to each of them.
#[derive(Clone)]
struct Reception<C> {
    settings: InForce,
    patience: Arc<Patience>,
    connected: C,
    refuse: Refuse,
}

impl<C, H, F, B> Reception<C>
where
    C: Fn(Origin) -> H + Clone + Send + 'static,
    H: Fn(Request<Incoming>, Option<Watch>) -> F + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    fn listen(&self, Entrance { socket, tls, sign }: Entrance<Socket>) -> io::Result<JoinHandle<()>> {
        let entrance = Entrance { socket: Door::of(socket)?, tls, sign };
        Ok(tokio::spawn(self.clone().open(entrance)))
    }

    /// Accepts connections at one entrance until it closes, or the gate stops.
    async fn open(self, Entrance { socket: door, tls, sign }: Entrance<Door>) {
        // Draining must find this task too.
        let watch = self.patience.watch(Phase::Own);
        let _here = watch.until_dropped();
        let mut is_short = false;
        loop {
            let accepted = std::future::poll_fn(|cx| {
                watch.wakes(cx);
                let is_over = self.patience.is_draining() || sign.says_closed();
                if is_over { Poll::Ready(None) } else { door.poll_accept(cx).map(Some) }
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
        let within = self.settings.now().0.grace;
        door.close(within, move |stream, peer| self.welcome(stream, peer, tls.clone())).await;
    }

    fn welcome(&self, stream: Plain, peer: SocketAddr, tls: Option<Arc<ServerConfig>>) {
        let settings = self.settings.now();
        let Some(slot) = settings.0.slots.take() else {
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
            reception.attend(stream, peer, tls, settings, (watch, slot)).await;
        });
    }

    /// Everything a connection is for, from its first byte to its last.
    async fn attend(
        self,
        stream: Plain,
        peer: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        settings: Settings,
        (watch, slot): (Watch, Slot),
    ) {
        let peer = match settings.0.introducers.peer(&stream, peer, &watch).await {
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
        let Self { settings: _, patience: _, connected, refuse } = self;
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
            Some((Stream::Tls(Box::new(stream.into())), speaks_http2))
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
