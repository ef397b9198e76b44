//! The addresses that visitors come to, as they open and close.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustls::ServerConfig;

use super::StartError;
use crate::config::{Listen, Server};
use crate::listener::{self, Entrance, Sign};

/// An address that is listened on.
#[derive(Debug, Clone)]
pub(super) struct Door {
    listen: Listen,
    tls: bool,
    /// Its port found.
    address: SocketAddr,
    sign: Sign,
}

/// Doors that have just been opened, and what each worker gets of them.
#[derive(Debug, Default)]
pub(super) struct Opened {
    pub doors: Vec<Door>,
    pub entrances: Vec<Vec<Entrance<TcpListener>>>,
}

impl Door {
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn is_for_tls(&self) -> bool {
        self.tls
    }

    /// Nobody is let in any more; whoever is in may stay.
    pub(super) fn close(&self) {
        self.sign.turn();
    }

    /// Whether a configuration still wants it.
    pub(super) fn is_in(&self, server: &Server) -> bool {
        wanted(server).any(|(listen, tls)| *listen == self.listen && tls == self.tls)
    }
}

impl Opened {
    /// Opens what a configuration wants and is not open yet.
    ///
    /// # Errors
    /// The address that cannot be taken.
    pub(super) fn new(
        server: &Server,
        handshake: Option<&Arc<ServerConfig>>,
        open: &[Door],
        workers: usize,
    ) -> Result<Self, StartError> {
        let mut opened = Self { doors: Vec::new(), entrances: (0..workers).map(|_| Vec::new()).collect() };
        let is_open = |listen: &Listen, tls| open.iter().any(|door| door.listen == *listen && door.tls == tls);
        for (listen, tls) in wanted(server).filter(|(listen, tls)| !is_open(listen, *tls)) {
            let (addresses, sockets) = listener::bind(std::slice::from_ref(listen), workers)
                .map_err(|error| if tls { error.named("server.tls.listen") } else { error })?;
            let sign = Sign::default();
            let doors = addresses.into_iter();
            opened.doors.extend(doors.map(|address| Door { listen: listen.clone(), tls, address, sign: sign.clone() }));
            for (entrances, sockets) in opened.entrances.iter_mut().zip(sockets) {
                let tls = handshake.filter(|_| tls).cloned();
                let entrance = |socket| Entrance { socket, tls: tls.clone(), sign: sign.clone() };
                entrances.extend(sockets.into_iter().map(entrance));
            }
        }
        Ok(opened)
    }
}

/// Every address, and whether TLS is spoken there.
fn wanted(server: &Server) -> impl Iterator<Item = (&Listen, bool)> {
    let of_tls: &[Listen] = server.tls.as_ref().map_or(&[], |section| &section.listen);
    server.listen.iter().map(|listen| (listen, false)).chain(of_tls.iter().map(|listen| (listen, true)))
}
