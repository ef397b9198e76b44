//! How many files and sockets the process may have open: as many as it is let, and a word when that is too few.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

use crate::config;

/// Of every connection: the visitor's socket and the one to the site.
const PER_CONNECTION: u64 = 2;

/// Where TLS is spoken, and HTTP/2 by it: a socket to the site for each request beside another, of which there may be as
/// many as connections.
const BESIDE_EACH: u64 = 1;

/// Listeners, runtimes, the log, calls to WeChat, files that are read.
const BESIDE: u64 = 256;

/// Raises the soft limit to the hard one. It is low for the sake of programs that use `select`, which the gate does not
/// (<https://0pointer.net/blog/file-descriptor-limits.html>).
pub(super) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        warn!(%error, "the limit of open files cannot be raised");
    }
}

/// Warns where more connections are allowed than can be had.
pub(super) fn warn_of_too_few(server: &config::Server) {
    let Some(allowed) = getrlimit(Resource::Nofile).current else { return };
    let max_connections = server.max_connections;
    let needed = needed(max_connections, server.tls.is_some());
    if allowed < needed {
        warn!(
            "server.max_connections: {max_connections} connections can take {needed} files and sockets, and the system \
             allows {allowed}. Raise LimitNOFILE of the systemd unit or `ulimit -n`, or write a smaller number."
        );
    }
}

const fn needed(max_connections: usize, tls: bool) -> u64 {
    let each = if tls { PER_CONNECTION + BESIDE_EACH } else { PER_CONNECTION };
    (max_connections as u64).saturating_mul(each).saturating_add(BESIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_counts_twice_and_once_more_with_http2() {
        assert_eq!((needed(0, false), needed(0, true)), (256, 256));
        assert_eq!((needed(20_000, false), needed(20_000, true)), (40_256, 60_256));
        assert!(needed(usize::MAX, true) > 1 << 63);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
