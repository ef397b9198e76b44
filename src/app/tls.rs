//! What the gate speaks TLS with.

use std::sync::Arc;

use rustls::ServerConfig;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::StartError;
use crate::clock::Clock;
use crate::config;
use crate::listener;
use crate::tls::{self, Certificates};

/// The certificates in force, and how a handshake goes with them.
#[derive(Debug)]
pub(super) struct Tls {
    pub certificates: Arc<Certificates>,
    pub handshake: Arc<ServerConfig>,
    watching: Option<AbortHandle>,
}

impl Tls {
    pub(super) fn new(section: &config::Tls, clock: Clock) -> Result<Self, StartError> {
        let certificates = Arc::new(Certificates::read(&section.pairs, clock)?);
        let handshake = tls::server(certificates.clone(), listener::PROTOCOLS).map_err(StartError::Tickets)?;
        Ok(Self { certificates, handshake, watching: None })
    }

    /// Looks at the files from now on, until this is dropped.
    pub(super) fn keep_watching(&mut self, control: &Handle) {
        let watching = control.spawn(self.certificates.clone().watch()).abort_handle();
        self.watching = Some(watching);
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        if let Some(watching) = &self.watching {
            watching.abort();
        }
    }
}
