//! Reads where connections come in: addresses, paths of unix sockets, names of sockets that systemd holds.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
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
    let pairs =
        places.iter().enumerate().flat_map(|(index, one)| places[..index].iter().map(move |other| (one, other)));
    let meeting: Vec<_> = pairs.filter(|(one, other)| one.meets(other)).collect();
    if meeting.iter().any(|(one, other)| one == other) {
        read.refuse(key, Fault::new("names an address twice", "Keep one of them."));
    } else if !meeting.is_empty() {
        let remedy = "Keep the wider one: 0.0.0.0 is every IPv4 address of this machine, [::] every address at all.";
        read.refuse(key, Fault::new("names an address that another one includes", remedy));
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

    /// Whether both cannot be had.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(other)) => meet(*one, *other),
            _ => self == other,
        }
    }
}

/// Whether both cannot be listened on: a port that the system chooses is another each time, and `[::]` is for IPv4, too.
pub(super) fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    let includes = |wide: IpAddr, ip: IpAddr| wide.is_unspecified() && (wide.is_ipv6() || ip.is_ipv4());
    let (port, ips) = (one.port(), (one.ip().to_canonical(), other.ip().to_canonical()));
    port != 0 && port == other.port() && (ips.0 == ips.1 || includes(ips.0, ips.1) || includes(ips.1, ips.0))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_meet_where_one_includes_the_other() {
        for (one, other, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("[::]:80", "[::1]:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "0.0.0.0:80", true),
            ("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true),
        ] {
            let [one, other] = [one, other].map(|text: &str| text.parse().expect("an address"));
            assert_eq!((meet(one, other), meet(other, one)), (expected, expected), "{one} and {other}");
        }
    }
}
