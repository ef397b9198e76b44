//! Closes a door without slamming it: whoever knocks from now on is not let in, whoever is in already is served.
//!
//! A listening socket that is closed resets what its queue holds, and between the last look at the queue and the end there
//! is always a moment. Where it is one of ours, the kernel is asked not to hear of new connections any more; a moment later
//! the queue is empty for good. A client that knocks within that moment does so again after a second, and is refused.

use std::os::fd::AsFd;
use std::time::Duration;

use socket2::{SockFilter, SockRef};

/// For handshakes under way: some times what a packet needs to go and come within a data centre.
pub(super) const MOMENT: Duration = Duration::from_millis(100);

/// `struct tcphdr`: the flags are its fourteenth byte, and SYN the second of them.
const FLAGS: u32 = 13;
const SYN: u32 = 0x02;

/// Classic BPF (<https://www.kernel.org/doc/html/latest/networking/filter.html>).
const LOAD_BYTE: u16 = 0x30;
const JUMP_IF_SET: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Has the kernel drop the packets that begin a connection; all others pass. Does nothing where that cannot be had.
pub(super) fn turn_away(socket: &impl AsFd) {
    let program = [
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(JUMP_IF_SET, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    if let Err(error) = SockRef::from(socket).attach_filter(&program) {
        tracing::debug!(%error, "new connections cannot be turned away");
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn who_is_in_is_served_and_nobody_else_is_let_in() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut waiting = TcpStream::connect(address).expect("it listens");
        turn_away(&listener);
        assert!(TcpStream::connect_timeout(&address, Duration::from_millis(50)).is_err());
        let (mut accepted, _) = listener.accept().expect("it waited");
        waiting.write_all(b"ping").expect("it is connected");
        let mut heard = [0; 4];
        accepted.read_exact(&mut heard).expect("it was sent");
        assert_eq!(&heard, b"ping");
    }
}
