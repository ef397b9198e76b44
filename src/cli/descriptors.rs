//! How many files and sockets the process may have open: as many as it is let, and a word when that is too few.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// Of every connection: the visitor's socket and the one to the site.
const PER_CONNECTION: u64 = 2;

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
pub(super) fn warn_of_too_few(max_connections: usize) {
    let Some(allowed) = getrlimit(Resource::Nofile).current else { return };
    let needed = needed(max_connections);
    if allowed < needed {
        warn!(
            "server.max_connections: {max_connections} connections can take {needed} files and sockets, and the system \
             allows {allowed}. Raise LimitNOFILE of the systemd unit or `ulimit -n`, or write a smaller number."
        );
    }
}

const fn needed(max_connections: usize) -> u64 {
    (max_connections as u64).saturating_mul(PER_CONNECTION).saturating_add(BESIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_counts_twice() {
        assert_eq!(needed(0), 256);
        assert_eq!(needed(20_000), 40_256);
        assert!(needed(usize::MAX) > 1 << 63);
    }

    #[test]
    fn the_limit_is_raised_as_far_as_it_goes() {
        raise();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
