//! Idle connections to one upstream, kept by one worker: the last one used is the first one taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::Builder;
use hyper_util::rt::TokioIo;

use super::Error;
use super::connection::Connection;
use super::dial::Dialler;
use super::replay::{Chance, Replaying};
use crate::metrics::Traffic;

/// Keeps what may be used again.
#[derive(Debug)]
pub(super) struct Pool {
    dialler: Arc<Dialler>,
    idle: Mutex<Vec<(Connection, Instant)>>,
    traffic: Arc<Traffic>,
}

impl Pool {
    /// Node closes after 5 s, gunicorn after 2: what is older than this is more often dead than worth a try.
    const IDLE: Duration = Duration::from_secs(4);

    /// More than this many at rest serve nobody.
    const MAX_IDLE: usize = 256;

    /// hyper's default is 400 KiB per connection; a response head still fits.
    const MAX_BUFFER: usize = 128 * 1024;

    pub(super) fn new(dialler: Dialler, traffic: Arc<Traffic>) -> Self {
        Self { dialler: Arc::new(dialler), idle: Mutex::default(), traffic }
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
        let mut idle = self.lock();
        if connection.is_ready() && idle.len() < Self::MAX_IDLE {
            idle.push((connection, Instant::now()));
        }
    }

    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Closes what has been idle for too long.
    pub(super) fn sweep(&self) {
        let mut idle = self.lock();
        if !idle.is_empty() {
            idle.retain_mut(|(connection, since)| since.elapsed() <= Self::IDLE && connection.is_still_ready());
        }
    }

    pub(super) async fn dial(&self) -> Result<Connection, Error> {
        let stream = self.dialler.dial().await?;
        let mut builder = Builder::new();
        builder.max_buf_size(Self::MAX_BUFFER);
        let chance = Arc::<Chance>::default();
        let io = TokioIo::new(Replaying::new(stream, self.dialler.clone(), chance.clone()));
        let (sender, connection) = builder.handshake(io).await.map_err(|error| Error::Broken(error.into()))?;
        Ok(Connection::new(sender, Box::pin(connection.with_upgrades()), chance))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Connection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
