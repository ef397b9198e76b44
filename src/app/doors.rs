//! The places that visitors come to, as they open and close.

use std::sync::Arc;

use rustls::ServerConfig;

use super::StartError;
use super::lasting::Lasting;
use crate::config::{Listen, Server};
use crate::listener::{self, Bound, Entrance, Sign, Socket, SocketFile};

/// A place that is listened at.
#[derive(Debug)]
pub(super) struct Door {
    /// As configured.
    listen: Listen,
    tls: bool,
    /// Ports found; by a name of systemd's there may be several.
    addresses: Vec<Listen>,
    sign: Sign,
    /// Gone with the door.
    files: Vec<SocketFile>,
}

/// Doors that have just been opened, and what each worker gets of them.
#[derive(Debug)]
pub(super) struct Opened {
    pub doors: Vec<Door>,
    pub entrances: Vec<Vec<Entrance<Socket>>>,
}

impl Door {
    pub(super) fn addresses(&self) -> &[Listen] {
        &self.addresses
    }

    pub(super) const fn is_for_tls(&self) -> bool {
        self.tls
    }

    pub(super) fn remove_files(&mut self) {
        self.files.clear();
    }

    /// Nobody is let in any more; whoever is in may stay.
    pub(super) fn close(&self) {
        self.sign.turn();
    }

    /// Whether a configuration still wants it.
    pub(super) fn is_in(&self, server: &Server) -> bool {
        wanted(server).any(|(_, listen, tls)| *listen == self.listen && tls == self.tls)
    }
}

impl Opened {
    /// Opens what a configuration wants and is not open yet.
    ///
    /// # Errors
    /// The place that cannot be taken.
    pub(super) fn new(
        server: &Server,
        handshake: Option<&Arc<ServerConfig>>,
        open: &[Door],
        lasting: &Lasting,
    ) -> Result<Self, StartError> {
        let workers = lasting.workers.len();
        let mut opened = Self { doors: Vec::new(), entrances: (0..workers).map(|_| Vec::new()).collect() };
        for (key, listen, tls) in wanted(server) {
            if open.iter().any(|door| door.listen == *listen && door.tls == tls) {
                continue;
            }
            let Bound { addresses, sockets, files } =
                listener::bind(key, std::slice::from_ref(listen), &lasting.options.inherited, workers)?;
            let sign = Sign::default();
            let spoken = handshake.filter(|_| tls);
            for (entrances, sockets) in opened.entrances.iter_mut().zip(sockets) {
                let entrance = |socket| Entrance { socket, tls: spoken.cloned(), sign: sign.clone() };
                entrances.extend(sockets.into_iter().map(entrance));
            }
            opened.doors.push(Door { listen: listen.clone(), tls, addresses, sign, files });
        }
        Ok(opened)
    }
}

/// Every place, by what key, and whether TLS is spoken there.
fn wanted(server: &Server) -> impl Iterator<Item = (&'static str, &Listen, bool)> {
    let of_tls: &[Listen] = server.tls.as_ref().map_or(&[], |section| &section.listen);
    let plain = server.listen.iter().map(|listen| ("server.listen", listen, false));
    plain.chain(of_tls.iter().map(|listen| ("server.tls.listen", listen, true)))
}
