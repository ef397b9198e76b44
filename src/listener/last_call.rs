//! The end of a gate without a slammed door: whoever knocks is not let in any more, whoever is in has a last word.
//!
//! A listening socket that is closed resets what its queue holds, and between the last look at the queue and the end there
//! is always a moment. Where it is one of ours, the kernel is asked not to hear of new connections any more; a moment later
//! the queue is empty for good. A client that knocks within that moment does so again after a second, and is refused.
//!
//! A connection at rest is much the same: the next request may be on its way. It is waited for, and told with its answer.

use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use socket2::{SockFilter, SockRef};
use tokio::time::Sleep;

use crate::patience::Watch;

/// For handshakes under way: some times what a packet needs to go and come within a data centre.
pub(super) const MOMENT: Duration = Duration::from_millis(100);

/// For a request under way on a connection at rest: a busy client's pause, and a packet's way here.
const LAST_WORD: Duration = Duration::from_millis(500);

/// How long a connection at rest is kept once the gate is to stop.
#[derive(Debug)]
pub(super) struct LastWord {
    time: Duration,
    over: Option<Pin<Box<Sleep>>>,
}

impl LastWord {
    /// For a gate that stops within this time.
    pub(super) fn within(grace: Duration) -> Self {
        Self { time: LAST_WORD.min(grace / 10), over: None }
    }

    /// Whether nothing more is to be expected. Asked at rest only.
    pub(super) fn is_over(&mut self, watch: &Watch, cx: &mut Context<'_>) -> bool {
        if !watch.patience().is_draining() {
            return false;
        }
        let over = self.over.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.time)));
        over.as_mut().poll(cx).is_ready()
    }

    /// Something came.
    pub(super) fn begin_again(&mut self) {
        self.over = None;
    }
}

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
