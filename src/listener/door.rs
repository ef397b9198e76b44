//! Where connections come in, one at a time.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, UnixListener};

use super::bind::{Kind, Socket};
use super::last_call;

use crate::stream::Plain;

/// A peer at a unix socket has no address, and is on this machine.
const THIS_MACHINE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A socket that connections are accepted on, and how it is closed.
#[derive(Debug)]
pub(super) struct Door {
    socket: Listening,
    is_own: bool,
}

#[derive(Debug)]
enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Door {
    /// Hands a socket to the runtime.
    ///
    /// # Errors
    /// When the runtime cannot take it.
    pub(super) fn of(Socket { kind, is_own }: Socket) -> io::Result<Self> {
        let socket = match kind {
            Kind::Tcp(socket) => Listening::Tcp(TcpListener::from_std(socket)?),
            Kind::Unix(socket) => Listening::Unix(UnixListener::from_std(socket)?),
        };
        Ok(Self { socket, is_own })
    }

    /// The next connection, and whose it is.
    pub(super) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Plain, SocketAddr)>> {
        match &self.socket {
            Listening::Tcp(socket) => socket.poll_accept(cx).map_ok(|(stream, peer)| {
                // Without it small answers wait for the client's delayed acknowledgement.
                let _ = stream.set_nodelay(true);
                (Plain::Tcp(stream), peer)
            }),
            Listening::Unix(socket) => socket.poll_accept(cx).map_ok(|(stream, _)| (Plain::Unix(stream), THIS_MACHINE)),
        }
    }

    /// Hears of no more newcomers, and gives `welcome` those who have come already, within about this time.
    pub(super) async fn close(self, within: Duration, mut welcome: impl FnMut(Plain, SocketAddr)) {
        if !self.is_own {
            // Whoever listens next takes them.
            return;
        }
        if let Listening::Tcp(socket) = &self.socket {
            last_call::turn_away(socket);
        }
        let mut moment = std::pin::pin!(tokio::time::sleep(last_call::MOMENT.min(within)));
        while let Some(Ok((stream, peer))) = std::future::poll_fn(|cx| match self.poll_accept(cx) {
            Poll::Ready(accepted) => Poll::Ready(Some(accepted)),
            Poll::Pending => Pin::new(&mut moment).poll(cx).map(|()| None),
        })
        .await
        {
            welcome(stream, peer);
        }
    }
}
