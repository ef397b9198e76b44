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
use std::sync::Arc;

use tokio::sync::watch;

pub use desk::Parts;

use crate::config;
use desk::Desk;

/// The listener, its address taken.
#[derive(Debug)]
pub struct Admin {
    section: config::Admin,
    socket: TcpListener,
    address: SocketAddr,
    parts: Parts,
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("admin.listen: cannot listen on {address}: {source}")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl Admin {
    /// Takes the address.
    ///
    /// # Errors
    /// [`BindError`] with the system's reason.
    pub fn bind(section: &config::Admin, parts: Parts) -> Result<Self, BindError> {
        let of = |source| BindError { address: section.listen, source };
        let socket = TcpListener::bind(section.listen).map_err(of)?;
        socket.set_nonblocking(true).map_err(of)?;
        let address = socket.local_addr().map_err(of)?;
        Ok(Self { section: section.clone(), socket, address, parts })
    }

    /// Where it listens, its port found.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`; says that the gate is not ready from when `draining` is true.
    ///
    /// # Errors
    /// When the runtime cannot take the socket over.
    pub async fn serve(self, draining: watch::Receiver<bool>, stop: impl Future<Output = ()>) -> io::Result<()> {
        let listener = tokio::net::TcpListener::from_std(self.socket)?;
        let desk = Arc::new(Desk::new(&self.section, self.parts, draining));
        connections::serve(listener, desk, stop).await;
        Ok(())
    }
}
