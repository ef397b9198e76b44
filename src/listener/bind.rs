//! Takes the addresses that the gate listens on.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};

use socket2::{Domain, Protocol, Socket as RawSocket, Type};

use crate::config::Listen;

/// Connections waiting to be accepted, per socket.
const BACKLOG: i32 = 4096;

/// Sockets for each worker, all on the same addresses: the kernel spreads connections among them (`SO_REUSEPORT`).
///
/// # Errors
/// The address that cannot be listened on, with the system's reason.
pub fn bind(listen: &[Listen], workers: usize) -> Result<(Vec<SocketAddr>, Vec<Vec<StdListener>>), BindError> {
    let mut addresses = Vec::new();
    let mut sockets: Vec<Vec<StdListener>> = (0..workers).map(|_| Vec::new()).collect();
    for wanted in listen.iter().filter_map(Listen::tcp) {
        // With port 0 the first socket finds the port that the others share.
        let mut address = wanted;
        is_free(address).map_err(|source| BindError::new(address, source))?;
        for worker in &mut sockets {
            let socket = listen_on(address).map_err(|source| BindError::new(address, source))?;
            address = socket.local_addr().map_err(|source| BindError::new(address, source))?;
            worker.push(socket);
        }
        addresses.push(address);
    }
    Ok((addresses, sockets))
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{key}: cannot listen on {address}: {source}")]
pub struct BindError {
    key: &'static str,
    address: SocketAddr,
    source: io::Error,
}

impl BindError {
    const fn new(address: SocketAddr, source: io::Error) -> Self {
        Self { key: "server.listen", address, source }
    }

    /// The same, said of another key of the configuration.
    #[must_use]
    pub fn named(self, key: &'static str) -> Self {
        Self { key, ..self }
    }
}

/// Sockets that share their port would share it with another gate's, too: two would run where one was meant.
fn is_free(address: SocketAddr) -> io::Result<()> {
    let probe = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    probe.set_reuse_address(true)?;
    probe.bind(&address.into())
}

fn listen_on(address: SocketAddr) -> io::Result<StdListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
