//! What the gate speaks TLS with.

use std::sync::Arc;

use rustls::ServerConfig;

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
}

impl Tls {
    pub(super) fn new(section: &config::Tls, clock: Clock) -> Result<Self, StartError> {
        let certificates = Arc::new(Certificates::read(&section.pairs, clock)?);
        let handshake = tls::server(certificates.clone(), listener::PROTOCOLS).map_err(StartError::Tickets)?;
        Ok(Self { certificates, handshake })
    }
}
