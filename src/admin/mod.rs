//! The operator's own listener: health, readiness, metrics, tokens for other programs, the end of sessions.
//!
//! It shares no address and no code path with visitors (R27). Health, readiness and metrics are open to whoever reaches
//! it; all else needs the bearer token, and is closed while there is none (R29).

mod answer;
mod cgi_bin;
mod confirm;
mod connections;
mod desk;
mod exposition;
mod guard;
mod health;
mod process;
mod revoke;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

pub use desk::Parts;

use crate::config;
use desk::Desk;

/// The listener, its address taken.
#[derive(Debug)]
pub struct Admin {
    socket: TcpListener,
    address: SocketAddr,
    front: Front,
}

/// Whoever answers the operator at the moment. Cheap to clone; clones know of the same.
#[derive(Debug, Clone)]
pub struct Front(Arc<Mutex<Arc<Desk>>>);

impl Front {
    /// From the next request on the operator is told of these parts, and has to bring this section's token.
    pub fn renew(&self, section: &config::Admin, parts: Parts) {
        let mut desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *desk = Arc::new(Desk::new(section, parts, Some(&desk)));
    }

    fn desk(&self) -> Arc<Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("admin.listen: cannot listen on {address}: {source}")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl Admin {
    /// Takes the address. Where there is one already, `before`, what it has handed out is known here too.
    ///
    /// # Errors
    /// [`BindError`] with the system's reason.
    pub fn bind(section: &config::Admin, parts: Parts, before: Option<&Front>) -> Result<Self, BindError> {
        let of = |source| BindError { address: section.listen, source };
        let socket = TcpListener::bind(section.listen).map_err(of)?;
        socket.set_nonblocking(true).map_err(of)?;
        let address = socket.local_addr().map_err(of)?;
        let desk = Desk::new(section, parts, before.map(Front::desk).as_deref());
        Ok(Self { socket, address, front: Front(Arc::new(Mutex::new(Arc::new(desk)))) })
    }

    /// Where it listens, its port found.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where what is answered can be changed.
    #[must_use]
    pub fn front(&self) -> Front {
        self.front.clone()
    }

    /// Serves until `stop`.
    ///
    /// # Errors
    /// When the runtime cannot take the socket over.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.socket)?;
        connections::serve(listener, self.front, stop).await;
        Ok(())
    }
}
