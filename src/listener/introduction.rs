//! Who is really there, as a trusted proxy says ahead of the connection it hands on (`server.proxy_protocol`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, ready};

use ipnet::IpNet;

use super::proxy_header::{self, Header};
use crate::config;
use crate::patience::Watch;
use crate::stream::Plain;

/// Of whom a PROXY header is asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Introducers(Arc<[IpNet]>);

impl Introducers {
    /// Nobody, unless the configuration wants headers.
    pub(super) fn new(server: &config::Server) -> Self {
        Self(if server.proxy_protocol { server.trusted_proxies.as_slice().into() } else { Arc::default() })
    }

    /// The address that counts as the peer's: its own, or the one that it tells where it has to tell one.
    ///
    /// Not a byte of what follows the header is taken.
    ///
    /// # Errors
    /// A header that is malformed, or does not come in time.
    pub(super) async fn peer(&self, stream: &Plain, peer: SocketAddr, watch: &Watch) -> io::Result<SocketAddr> {
        let own = peer.ip().to_canonical();
        if !self.0.iter().any(|network| network.contains(&own)) {
            return Ok(peer);
        }
        let source = Box::pin(header(stream, watch)).await?.source;
        Ok(source.unwrap_or(peer))
    }
}

async fn header(stream: &Plain, watch: &Watch) -> io::Result<Header> {
    let mut taken = Vec::new();
    std::future::poll_fn(|cx| {
        watch.wakes(cx);
        watch.hurry();
        if watch.is_overdue() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        loop {
            ready!(stream.poll_read_ready(cx))?;
            match take_some(stream, &mut taken) {
                Ok(Some(header)) => return Poll::Ready(Ok(header)),
                // That there was nothing has been noted: the next look waits.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    })
    .await
}

/// Takes as much of the header as is there. What may lie behind it is only looked at.
fn take_some(stream: &Plain, taken: &mut Vec<u8>) -> io::Result<Option<Header>> {
    let mut ahead = [0; 512];
    let seen = stream.peek(&mut ahead)?;
    if seen == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let before = taken.len();
    taken.extend_from_slice(&ahead[..seen]);
    let found = proxy_header::read(taken).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    // A header that is not complete is all there is.
    let own = found.map_or(seen, |header| header.length - before);
    let read = stream.try_read(&mut ahead[..own])?;
    debug_assert_eq!(read, own, "what was seen is there");
    Ok(found)
}
