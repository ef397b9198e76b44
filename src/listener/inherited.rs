//! Sockets that systemd opened before the gate was there, and hands over by name: they outlive it, so that nobody is
//! turned away while it restarts.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html>

use std::sync::Arc;

use listenfd::ListenFd;
use socket2::SockRef;

use super::bind::{Kind, Socket};

/// What was handed to this process, by name. It stays open as long as one of these does.
#[derive(Debug, Clone, Default)]
pub struct Inherited(Arc<[(String, Socket)]>);

impl Inherited {
    /// Takes over what the environment tells of. To be called once and before there are threads, since the environment
    /// is changed: what has been taken is no longer there for anybody.
    #[must_use]
    pub fn from_env() -> Self {
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut given = ListenFd::from_env();
        let mut names = names.split(':');
        let sockets = (0..given.len()).filter_map(|index| {
            // As systemd calls what has no name.
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
            Some((name, usable(&mut given, index)?))
        });
        Self(sockets.collect())
    }

    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Socket> {
        self.0.iter().filter(move |(own, _)| own == name).map(|(_, socket)| socket)
    }

    /// The rest of a sentence about what there is.
    pub(super) fn described(&self) -> String {
        let mut names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.dedup();
        if names.is_empty() { "it holds none at all".to_owned() } else { format!("it holds {}", names.join(", ")) }
    }
}

/// What connections can be accepted on; anything else that came along is left alone.
fn usable(given: &mut ListenFd, index: usize) -> Option<Socket> {
    let kind = match given.take_tcp_listener(index) {
        Ok(socket) => Kind::Tcp(socket?),
        Err(_) => Kind::Unix(given.take_unix_listener(index).ok()??),
    };
    let (listens, ready) = match &kind {
        Kind::Tcp(socket) => (SockRef::from(socket).is_listener(), socket.set_nonblocking(true)),
        Kind::Unix(socket) => (SockRef::from(socket).is_listener(), socket.set_nonblocking(true)),
    };
    (listens.unwrap_or(false) && ready.is_ok()).then_some(Socket { kind, is_own: false })
}
