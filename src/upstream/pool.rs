//! Idle connections to one upstream, kept by one worker: the last one used is the first one taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;

use super::Error;
use super::body::Outgoing;
use super::dial::Dialler;
use super::replay::{Chance, Replaying};
use crate::metrics::Traffic;

/// A connection that carries one request at a time.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Outgoing>,
    chance: Arc<Chance>,
    since: Instant,
}

impl Connection {
    /// Sends a request at once; what is awaited is the answer. With `again` it may be written a second time, should
    /// the upstream have closed the connection by now.
    pub(super) fn send(
        &mut self,
        request: Request<Outgoing>,
        again: bool,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>> + use<> {
        self.chance.give(again);
        self.sender.try_send_request(request)
    }

    /// Whether the upstream had closed it, and it was replaced.
    pub(super) fn was_replaced(&self) -> bool {
        self.chance.was_taken()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(super) async fn ready(&mut self) -> hyper::Result<()> {
        self.sender.ready().await
    }
}

/// Keeps what may be used again.
#[derive(Debug)]
pub(super) struct Pool {
    dialler: Arc<Dialler>,
    idle: Mutex<Vec<(Connection, Instant)>>,
    traffic: Arc<Traffic>,
    max_age: Duration,
}

impl Pool {
    /// Node closes after 5 s, gunicorn after 2: what is older than this is more often dead than worth a try.
    const IDLE: Duration = Duration::from_secs(4);

    /// So that a name that leads elsewhere by now is followed, and a site behind a balancer of connections gets its share
    /// again. A new connection costs less than a request does, and there is one of them in these five minutes.
    const MAX_AGE: Duration = Duration::from_mins(5);

    /// More than this many at rest serve nobody.
    const MAX_IDLE: usize = 256;

    /// hyper's default is 400 KiB per connection; a response head still fits.
    const MAX_BUFFER: usize = 128 * 1024;

    pub(super) fn new(dialler: Dialler, traffic: Arc<Traffic>) -> Self {
        Self { dialler: Arc::new(dialler), idle: Mutex::default(), traffic, max_age: Self::MAX_AGE }
    }

    /// Where this worker counts.
    pub(super) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = self.lock();
        while let Some((connection, since)) = idle.pop() {
            if since.elapsed() > Self::IDLE {
                idle.clear();
                return None;
            }
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back whose answer has been read to the end.
    pub(super) fn put(&self, connection: Connection) {
        let now = Instant::now();
        let is_young = now.duration_since(connection.since) < self.max_age;
        let mut idle = self.lock();
        if is_young && connection.is_ready() && idle.len() < Self::MAX_IDLE {
            idle.push((connection, now));
        }
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Closes what has been idle for too long.
    pub(super) fn sweep(&self) {
        let mut idle = self.lock();
        if !idle.is_empty() {
            idle.retain(|(connection, since)| since.elapsed() <= Self::IDLE && connection.is_ready());
        }
    }

    pub(super) async fn dial(&self) -> Result<Connection, Error> {
        let stream = self.dialler.dial().await?;
        let mut builder = Builder::new();
        builder.max_buf_size(Self::MAX_BUFFER);
        let chance = Arc::<Chance>::default();
        let io = TokioIo::new(Replaying::new(stream, self.dialler.clone(), chance.clone()));
        let (sender, connection) = builder.handshake(io).await.map_err(|error| Error::Broken(error.into()))?;
        tokio::spawn(async move {
            // Whoever waits for an answer on this connection is told of its failure by that answer.
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "upstream connection ended");
            }
        });
        Ok(Connection { sender, chance, since: Instant::now() })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{Upstream, UpstreamAddress};

    #[tokio::test]
    async fn a_connection_is_used_again_until_it_is_old() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let upstream = Upstream {
            address: UpstreamAddress::Http { host: address.ip().to_string(), port: address.port() },
            connect_timeout: Duration::from_secs(20),
            response_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(20),
            preserve_host: true,
            extra_roots: Vec::<CertificateDer<'static>>::new(),
        };
        for (max_age, kept) in [(Duration::from_mins(1), true), (Duration::ZERO, false)] {
            let pool = Pool { max_age, ..Pool::new(Dialler::new(&upstream), Arc::default()) };
            let mut connection = pool.dial().await.expect("somebody listens");
            connection.ready().await.expect("it is new");
            pool.put(connection);
            assert_eq!(pool.take().is_some(), kept, "{max_age:?}");
        }
    }
}
