//! Reads where connections come in: addresses, paths of unix sockets, names of sockets that systemd holds.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::problem::Fault;
use super::reader::Reader;
use super::{Listen, Server};

const EXAMPLE: &str = r#"Write an IP address and a port, such as "127.0.0.1:4180" or "[::]:4180"; or "unix:/path.sock", or "systemd:NAME"."#;

/// As systemd has it (`FileDescriptorName=`).
const MAX_NAME_BYTES: usize = 255;

/// `sun_path` is 108 bytes with its NUL on Linux.
const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Every place a key names; no two the same. None is a mistake, unless there is another key that names some.
pub(super) fn places(read: &mut Reader<'_>, key: &str, elsewhere: bool) -> Vec<Listen> {
    let before = read.source.problems.len();
    let places = read.list(key, place);
    if places.is_empty() && !elsewhere && read.source.problems.len() == before {
        read.refuse(key, Fault::new("is empty", EXAMPLE));
    }
    if places.iter().enumerate().any(|(index, place)| places[..index].iter().any(|other| other.is_also(place))) {
        read.refuse(key, Fault::new("names an address twice", "Keep one of them."));
    }
    places
}

fn place(text: &str) -> Result<Listen, Fault> {
    if let Some(path) = text.strip_prefix("unix:") {
        return socket_path(path).map(Listen::Unix);
    }
    if let Some(name) = text.strip_prefix("systemd:") {
        return socket_name(name).map(Listen::Systemd);
    }
    text.parse().map(Listen::Tcp).map_err(|_| Fault::new("is not an address and a port", EXAMPLE))
}

fn socket_name(name: &str) -> Result<String, Fault> {
    let is_good = |byte: u8| byte != b':' && (byte.is_ascii_graphic() || byte == b' ');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(is_good) {
        let remedy =
            "Write \"systemd:\" and FileDescriptorName of the socket unit, or the unit's own name with \".socket\".";
        return Err(Fault::new("is not the name of a socket that systemd holds", remedy));
    }
    Ok(name.to_owned())
}

/// What follows `unix:`, here or in the address of an upstream.
pub(super) fn socket_path(path: &str) -> Result<PathBuf, Fault> {
    let fault = |message| Fault::new(message, r#"Write "unix:" and an absolute path, such as "unix:/run/app.sock"."#);
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        Err(fault("is not the absolute path of a socket"))
    } else if path.len() > MAX_SOCKET_PATH_BYTES {
        Err(fault("is longer than a socket's path can be"))
    } else {
        Ok(PathBuf::from(path))
    }
}

impl Server {
    /// Every place where visitors come in, by TLS or without.
    pub fn places(&self) -> impl Iterator<Item = &Listen> {
        self.listen.iter().chain(self.tls.iter().flat_map(|tls| &tls.listen))
    }
}

impl Listen {
    /// The address, where it is one.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) | Self::Systemd(_) => None,
        }
    }

    /// Whether both cannot be had: a port that the system chooses is another each time.
    pub(super) fn is_also(&self, other: &Self) -> bool {
        self == other && self.tcp().is_none_or(|address| address.port() != 0)
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}
