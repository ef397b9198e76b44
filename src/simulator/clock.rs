//! The simulator's own time: the machine's, plus what a test has added.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the simulated time in whole Unix seconds. It can be moved forward, never back.
#[derive(Debug, Default)]
pub(super) struct Clock {
    ahead: u64,
}

impl Clock {
    pub(super) fn now(&self) -> u64 {
        let machine = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        machine.saturating_add(self.ahead)
    }

    /// Moves this clock forward by so many seconds.
    pub(super) const fn advance(&mut self, seconds: u64) {
        self.ahead = self.ahead.saturating_add(seconds);
    }

    /// How far it has been moved.
    pub(super) const fn ahead(&self) -> u64 {
        self.ahead
    }
}
