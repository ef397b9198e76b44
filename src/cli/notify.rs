//! Tells systemd how the gate is doing, where it wants to know (`Type=notify`).
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Whoever comes is served.
pub(super) fn ready() {
    tell("READY=1");
}

/// What is in flight is finished, then the process ends.
pub(super) fn stopping() {
    tell("STOPPING=1");
}

/// Nobody to tell it to is the usual thing, and no word of this is worth failing for.
fn tell(state: &str) {
    let Some(listener) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(state, &listener) {
        tracing::warn!(%error, state, "systemd cannot be told");
    }
}

fn send(state: &str, listener: &OsStr) -> io::Result<()> {
    let address = match listener.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_arrives_at_a_path_and_at_a_name_without_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let name = format!("wxgate-test-{}", std::process::id());
        let at_path = UnixDatagram::bind(&path).expect("a socket");
        let at_name =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).expect("a name")).expect("a socket");
        for (listener, socket) in [(path.into_os_string(), at_path), (format!("@{name}").into(), at_name)] {
            send("READY=1", &listener).expect("somebody listens");
            let mut heard = [0; 16];
            let length = socket.recv(&mut heard).expect("a word");
            assert_eq!(&heard[..length], b"READY=1");
        }
        assert!(send("READY=1", OsStr::new("/nowhere/at/all")).is_err());
    }
}
