//! Takes the places that the gate listens on: addresses, unix sockets, and what systemd holds for it.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, Protocol, SockAddr, Socket as RawSocket, Type};

use super::inherited::Inherited;
use crate::config::Listen;

/// Connections waiting to be accepted, per socket.
const BACKLOG: i32 = 4096;

/// As nginx has it: the directory decides who comes as far as the socket.
const SOCKET_MODE: u32 = 0o666;

/// A socket that connections are accepted on.
#[derive(Debug)]
pub struct Socket {
    pub(super) kind: Kind,
    /// Whether it ends with the gate; what systemd holds does not.
    pub(super) is_own: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Everything that a key named, taken.
#[derive(Debug)]
pub struct Bound {
    /// In the order of the key, ports found.
    pub addresses: Vec<Listen>,
    /// For each worker.
    pub sockets: Vec<Vec<Socket>>,
    /// Gone with the gate.
    pub files: Vec<SocketFile>,
}

/// A place that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{key}: cannot listen on {place}: {reason}")]
pub struct BindError {
    key: &'static str,
    place: Listen,
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error(transparent)]
    System(#[from] io::Error),
    #[error("another process listens there")]
    Taken,
    #[error("there is a file of that name, and it is no socket")]
    NoSocket,
    #[error("systemd holds no socket of that name for this process; {0}")]
    NotGiven(String),
}

/// Takes what a key of the configuration names, for this many workers.
///
/// At an address every worker has a socket of its own, and the kernel spreads connections among them (`SO_REUSEPORT`).
/// Any other socket they share.
///
/// # Errors
/// The place that cannot be listened on, and why.
pub fn bind(key: &'static str, listen: &[Listen], inherited: &Inherited, workers: usize) -> Result<Bound, BindError> {
    let sockets = (0..workers).map(|_| Vec::new()).collect();
    let mut bound = Bound { addresses: Vec::new(), sockets, files: Vec::new() };
    for place in listen {
        let taken = match place {
            Listen::Tcp(address) => bound.tcp(*address),
            Listen::Unix(path) => bound.unix(path),
            Listen::Systemd(name) => bound.systemd(name, inherited),
        };
        taken.map_err(|reason| BindError { key, place: place.clone(), reason })?;
    }
    Ok(bound)
}

impl Bound {
    fn tcp(&mut self, mut address: SocketAddr) -> Result<(), Reason> {
        is_free(address)?;
        for worker in &mut self.sockets {
            let socket = listen_on(address)?;
            // With port 0 the first socket finds the port that the others share.
            address = socket.local_addr()?;
            worker.push(Socket { kind: Kind::Tcp(socket), is_own: true });
        }
        self.addresses.push(Listen::Tcp(address));
        Ok(())
    }

    fn unix(&mut self, path: &Path) -> Result<(), Reason> {
        make_room(path)?;
        let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        self.files.push(SocketFile::at(path)?);
        fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE))?;
        socket.set_nonblocking(true)?;
        // Nobody gets in before this.
        socket.listen(BACKLOG)?;
        self.share(&Socket { kind: Kind::Unix(socket.into()), is_own: true })?;
        self.addresses.push(Listen::Unix(path.to_owned()));
        Ok(())
    }

    fn systemd(&mut self, name: &str, inherited: &Inherited) -> Result<(), Reason> {
        let before = self.addresses.len();
        for socket in inherited.named(name) {
            self.share(socket)?;
            self.addresses.push(socket.address().unwrap_or_else(|| Listen::Systemd(name.to_owned())));
        }
        if self.addresses.len() > before { Ok(()) } else { Err(Reason::NotGiven(inherited.described())) }
    }

    fn share(&mut self, socket: &Socket) -> io::Result<()> {
        for worker in &mut self.sockets {
            worker.push(socket.try_clone()?);
        }
        Ok(())
    }
}

impl Socket {
    /// Another handle of the same socket.
    ///
    /// # Errors
    /// When there are too many open files.
    pub fn try_clone(&self) -> io::Result<Self> {
        let kind = match &self.kind {
            Kind::Tcp(socket) => Kind::Tcp(socket.try_clone()?),
            Kind::Unix(socket) => Kind::Unix(socket.try_clone()?),
        };
        Ok(Self { kind, is_own: self.is_own })
    }

    /// Where it listens, unless that has no name.
    fn address(&self) -> Option<Listen> {
        match &self.kind {
            Kind::Tcp(socket) => socket.local_addr().ok().map(Listen::Tcp),
            Kind::Unix(socket) => socket.local_addr().ok()?.as_pathname().map(|path| Listen::Unix(path.to_owned())),
        }
    }
}

/// Sockets that share their port would share it with another gate's, too: two would run where one was meant.
fn is_free(address: SocketAddr) -> io::Result<()> {
    let probe = socket_for(address)?;
    probe.bind(&address.into())
}

fn listen_on(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket_for(address)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn socket_for(address: SocketAddr) -> io::Result<RawSocket> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` is for IPv4, too, whatever the system's own default is: the configuration is checked by that.
        socket.set_only_v6(false)?;
    }
    Ok(socket)
}

/// Removes the socket of a gate that is no more. Whatever else is there stays.
fn make_room(path: &Path) -> Result<(), Reason> {
    let there = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        there => there?,
    };
    if !there.file_type().is_socket() {
        return Err(Reason::NoSocket);
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(fs::remove_file(path)?),
        Err(error) => Err(error.into()),
        Ok(_) => Err(Reason::Taken),
    }
}

/// The file of a unix socket; removed when dropped, unless another has taken its place.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = identity(&self.path).is_ok_and(|there| there == self.identity);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a socket is left behind");
        }
    }
}

/// What no two files share.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|there| (there.dev(), there.ino()))
}
