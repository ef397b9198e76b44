//! Idle connections to one upstream, kept by one worker: the last one used is the first one taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;

use super::Error;
use super::connection::Connection;
use super::dial::Dialler;
use super::replay::{Errand, Replaying};
use crate::metrics::Traffic;

/// Keeps what may be used again.
#[derive(Debug)]
pub(super) struct Pool {
    dialler: Arc<Dialler>,
    idle: Mutex<Idle>,
    traffic: Arc<Traffic>,
    max_age: Duration,
}

/// What is at rest, and since when.
#[derive(Debug)]
struct Idle {
    connections: Vec<(Connection, Instant)>,
    /// As of the last sweep: nobody looks at a clock for every request.
    now: Instant,
    /// So many at the most.
    room: usize,
}

impl Pool {
    /// Node closes after 5 s, gunicorn after 2: what is older than this, and a sweep, is more often dead than worth a try.
    const IDLE: Duration = Duration::from_secs(3);

    /// So that a name that leads elsewhere by now is followed, and a site behind a balancer of connections gets its share
    /// again. A new connection costs less than a request does, and there is one of them in these five minutes.
    const MAX_AGE: Duration = Duration::from_mins(5);

    /// What was under way at once a moment ago will be so again, and [`Pool::IDLE`] sees to what is not. With 256 of them two
    /// thousand clients had a connection opened and closed for every other request, until there was no port left to open one
    /// from. Only a flood leaves more than this.
    const MAX_IDLE: usize = 8192;

    /// hyper's default is 400 KiB per connection; a response head still fits.
    const MAX_BUFFER: usize = 128 * 1024;

    pub(super) fn new(dialler: Dialler, traffic: Arc<Traffic>) -> Self {
        let idle = Mutex::new(Idle { connections: Vec::new(), now: Instant::now(), room: Self::MAX_IDLE });
        Self { dialler: Arc::new(dialler), idle, traffic, max_age: Self::MAX_AGE }
    }

    /// Where this worker counts.
    pub(super) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = self.lock();
        while let Some((connection, _)) = idle.connections.pop() {
            if connection.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back whose answer has been read to the end.
    pub(super) fn put(&self, connection: Connection) {
        let mut idle = self.lock();
        let now = idle.now;
        let is_young = now.saturating_duration_since(connection.since()) < self.max_age;
        if is_young && connection.is_ready() && idle.connections.len() < idle.room {
            idle.connections.push((connection, now));
        }
    }

    pub(super) fn clear(&self) {
        self.lock().connections.clear();
    }

    /// Keeps nothing any more: nobody will ask for it.
    pub(super) fn retire(&self) {
        let mut idle = self.lock();
        idle.connections.clear();
        idle.room = 0;
    }

    /// Closes what has been idle for too long.
    pub(super) fn sweep(&self) {
        let mut idle = self.lock();
        idle.now = Instant::now();
        let Idle { connections, now, .. } = &mut *idle;
        let is_over = |(connection, since): &mut (Connection, Instant)| {
            now.saturating_duration_since(*since) > Self::IDLE || !connection.is_still_ready()
        };
        let over: Vec<_> = connections.extract_if(.., is_over).collect();
        if !over.is_empty() {
            tokio::spawn(close(over));
        }
    }

    pub(super) async fn dial(&self) -> Result<Connection, Error> {
        let stream = self.dialler.dial().await?;
        let mut builder = Builder::new();
        builder.max_buf_size(Self::MAX_BUFFER);
        let errand = Arc::<Errand>::default();
        let io = TokioIo::new(Replaying::new(stream, self.dialler.clone(), errand.clone()));
        let (sender, connection) = builder.handshake(io).await.map_err(|error| Error::Broken(error.into()))?;
        Ok(Connection::new(sender, Box::pin(connection.with_upgrades()), errand))
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One at a time: a burst leaves thousands, and whoever asks meanwhile should not wait for them all.
async fn close(connections: Vec<(Connection, Instant)>) {
    for connection in connections {
        drop(connection);
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::CertificateDer;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{Upstream, UpstreamAddress};

    async fn site() -> (TcpListener, Pool) {
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
        (listener, Pool::new(Dialler::new(&upstream), Arc::default()))
    }

    async fn dialled(pool: &Pool) -> Connection {
        pool.dial().await.expect("somebody listens").ready().await.expect("it is new")
    }

    #[tokio::test]
    async fn a_connection_is_used_again_until_it_is_old() {
        for (max_age, kept) in [(Duration::from_mins(1), true), (Duration::ZERO, false)] {
            let (_listener, pool) = site().await;
            let pool = Pool { max_age, ..pool };
            pool.put(dialled(&pool).await);
            assert_eq!(pool.take().is_some(), kept, "{max_age:?}");
        }
    }

    #[tokio::test]
    async fn what_a_burst_leaves_serves_the_next_and_is_closed_when_there_is_none() {
        let (listener, pool) = site().await;
        let (mut opened, mut accepted) = (Vec::new(), Vec::new());
        for _ in 0..300 {
            opened.push(dialled(&pool).await);
            accepted.push(listener.accept().await.expect("a connection").0);
        }
        // Whatever time that took: they are at rest from now on.
        pool.sweep();
        opened.into_iter().for_each(|connection| pool.put(connection));
        pool.sweep();
        let again: Vec<_> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(again.len(), 300);

        again.into_iter().for_each(|connection| pool.put(connection));
        for (_, since) in &mut pool.lock().connections {
            *since = since.checked_sub(Pool::IDLE * 2).expect("the machine has been up for a while");
        }
        pool.sweep();
        assert!(pool.take().is_none());
        for mut site_side in accepted {
            assert_eq!(site_side.read(&mut [0]).await.expect("it ends well"), 0);
        }
    }
}
