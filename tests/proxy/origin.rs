//! A site of which every byte is under control: it reads strictly, notes what came, and misbehaves on cue.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::wire::{Message, Wire};
use crate::support::eventually;
use crate::support::ports::free_listener;

/// Ends, with all of its connections, when dropped.
pub struct Origin {
    pub address: SocketAddr,
    log: Log,
    accepting: JoinHandle<()>,
}

#[derive(Clone, Default)]
struct Log {
    requests: Arc<Mutex<Vec<Message>>>,
    connections: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

enum Listener {
    Tcp(TcpListener),
    Tls(TcpListener, TlsAcceptor),
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self) -> std::io::Result<Wire> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, _)| Wire::over(stream)),
            Self::Tls(listener, tls) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tls.accept(stream).await.map(Wire::over_other)
            }
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Wire::over_other(stream)),
        }
    }
}

/// At an address of its own, where it can come and go.
fn listener() -> TcpListener {
    let listener = free_listener();
    listener.set_nonblocking(true).expect("a socket takes options");
    // As many as tokio lets wait.
    socket2::SockRef::from(&listener).listen(1024).expect("it listens already");
    TcpListener::from_std(listener).expect("there is a runtime")
}

/// The site's side of one connection.
pub struct Conversation {
    pub wire: Wire,
    log: Log,
}

/// After so long, at the earliest, a gate gives up a connection to its site that nobody uses.
pub const REST: Duration = Duration::from_secs(2);

/// What the simplest site says.
pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

impl Origin {
    /// Has each connection handled by `handler`.
    pub async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Conversation) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::on(listener(), handler)
    }

    /// At an address that was another's.
    pub async fn at<H, F>(address: SocketAddr, handler: H) -> Self
    where
        H: Fn(Conversation) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::on(TcpListener::bind(address).await.unwrap_or_else(|error| panic!("{address}: {error}")), handler)
    }

    fn on<H, F>(listener: TcpListener, handler: H) -> Self
    where
        H: Fn(Conversation) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().expect("an address");
        Self::run(address, Listener::Tcp(listener), handler)
    }

    /// Over TLS.
    pub async fn tls<H, F>(config: Arc<ServerConfig>, handler: H) -> Self
    where
        H: Fn(Conversation) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = listener();
        let address = listener.local_addr().expect("an address");
        Self::run(address, Listener::Tls(listener, config.into()), handler)
    }

    /// On a unix socket.
    pub fn unix<H, F>(path: &Path, handler: H) -> Self
    where
        H: Fn(Conversation) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = UnixListener::bind(path).expect("a socket");
        Self::run(([0, 0, 0, 0], 0).into(), Listener::Unix(listener), handler)
    }

    fn run<H, F>(address: SocketAddr, listener: Listener, handler: H) -> Self
    where
        H: Fn(Conversation) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let log = Log::default();
        let noted = log.clone();
        let accepting = tokio::spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let Ok(wire) = listener.accept().await else { continue };
                noted.connections.fetch_add(1, Ordering::SeqCst);
                let handled = handler(Conversation { wire, log: noted.clone() });
                let ended = noted.ended.clone();
                open.spawn(async move {
                    handled.await;
                    ended.fetch_add(1, Ordering::SeqCst);
                });
                while open.try_join_next().is_some() {}
            }
        });
        Self { address, log, accepting }
    }

    /// Says the same to everybody.
    pub async fn saying(answer: &'static str) -> Self {
        Self::start(move |conversation| conversation.always(answer)).await
    }

    /// What came so far.
    pub fn requests(&self) -> Vec<Message> {
        self.log.requests.lock().expect("no test panicked with it").clone()
    }

    /// The last request that came.
    pub fn last(&self) -> Message {
        self.requests().pop().expect("a request came")
    }

    pub fn connections(&self) -> usize {
        self.log.connections.load(Ordering::SeqCst)
    }

    /// Holds that so many connections have carried everything since `began`. A gate gives up what has been at rest for two
    /// or three seconds, which on a machine that stands still any of them may have been.
    #[track_caller]
    pub fn had_connections(&self, needed: usize, began: Instant) {
        let (had, passed) = (self.connections(), began.elapsed());
        let given_up = usize::try_from(passed.as_secs() / REST.as_secs()).expect("a short time");
        assert!((needed..=needed + given_up).contains(&had), "{had} connections in {passed:?}");
    }

    /// Waits until every connection has come to its end, from the client's side or by the handler.
    pub async fn is_left_alone(&self) {
        eventually("the site's connections end", async || self.log.ended.load(Ordering::SeqCst) == self.connections())
            .await;
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Conversation {
    /// The next request, body and all; `None` when the other side is gone.
    pub async fn request(&mut self) -> Option<Message> {
        let mut request = self.wire.head().await.ok()?;
        let whole = self.wire.body(&mut request).await.is_ok();
        self.note(request.clone());
        whole.then_some(request)
    }

    /// The head of the next request; noted.
    pub async fn head(&mut self) -> Option<Message> {
        let request = self.wire.head().await.ok()?;
        self.note(request.clone());
        Some(request)
    }

    fn note(&self, request: Message) {
        self.log.requests.lock().expect("no test panicked with it").push(request);
    }

    pub async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // A client that is gone is none of the site's business.
        let _ = self.wire.try_send(bytes).await;
    }

    /// Closes the connection; whoever has it at the other end can know.
    pub async fn leave(self) {
        self.wire.leave().await;
    }

    /// Answers every request alike.
    pub async fn always(mut self, answer: &'static str) {
        while self.request().await.is_some() {
            self.say(answer).await;
        }
    }
}
