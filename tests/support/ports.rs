//! Ports that are free, and stay so until a test takes them.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// An address nobody listens on now. `public_url` must name it before the gate takes it.
///
/// Below those the system gives to outgoing connections, any of which could take it before the gate does; and never
/// the same one twice in a process.
pub fn free_port() -> SocketAddr {
    free_listener().local_addr().expect("an address")
}

/// Listens on such an address, which may be let go and taken again. Nor does anybody who knocks there meanwhile meet
/// himself, as the system allows where it has chosen the port of a connection's other end, too.
pub fn free_listener() -> TcpListener {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    let start = std::process::id().wrapping_mul(7_919);
    (0..COUNT)
        .find_map(|_| {
            let next = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
            let port = u16::try_from(FIRST + start.wrapping_add(next) % COUNT).expect("it is below 32,000");
            TcpListener::bind(("127.0.0.1", port)).ok()
        })
        .expect("a free port")
}
