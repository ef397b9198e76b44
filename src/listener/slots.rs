//! How many connections the whole process has, and how many requests beside each other on them: neither more than
//! `server.max_connections`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Shared by the workers.
///
/// Every connection has a place, and with it comes that of one request at a time: all there is to HTTP/1. What a
/// connection of HTTP/2 has under way beyond one request takes a place each among those for requests. These are counted
/// apart: whoever is connected and asks nothing should not keep a page from getting two pictures at a time, nor a page
/// of many pictures keep anybody from connecting.
#[derive(Debug)]
pub struct Slots {
    connections: Places,
    requests: Places,
}

/// Nothing else is where workers write this (128 bytes are two lines, which some processors fetch at once).
#[derive(Debug)]
#[repr(align(128))]
struct Places {
    taken: AtomicUsize,
    most: AtomicUsize,
}

impl Slots {
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { connections: Places::new(most), requests: Places::new(most) }
    }

    /// From now on so many. Whoever is in may stay.
    pub fn resize(&self, most: usize) {
        for places in [&self.connections, &self.requests] {
            places.most.store(most, Ordering::Relaxed);
        }
    }

    /// How many connections there are now.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.connections.taken.load(Ordering::Relaxed)
    }

    pub(super) fn take(self: &Arc<Self>) -> Option<Slot> {
        self.connections.take().then(|| Slot(self.clone()))
    }

    /// Whether there is room for one more request beside others; whoever is told so gives its place back.
    pub(super) fn take_beside(&self) -> bool {
        self.requests.take()
    }

    pub(super) fn give_back_beside(&self) {
        self.requests.give_back();
    }
}

impl Places {
    const fn new(most: usize) -> Self {
        Self { taken: AtomicUsize::new(0), most: AtomicUsize::new(most) }
    }

    fn take(&self) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        let one_more = |taken| (taken < most).then(|| taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection's place; a tunnel keeps it.
#[derive(Debug)]
pub(super) struct Slot(Arc<Slots>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_requests_are_counted_apart_and_may_become_fewer() {
        let slots = Arc::new(Slots::new(2));
        let held = [slots.take(), slots.take()];
        assert!(held.iter().all(Option::is_some) && slots.take().is_none());
        assert!(slots.take_beside() && slots.take_beside() && !slots.take_beside());
        slots.resize(1);
        slots.give_back_beside();
        assert!(!slots.take_beside(), "one is still there");
        slots.give_back_beside();
        assert!(slots.take_beside() && !slots.take_beside());
        assert_eq!(slots.taken(), 2);
        drop(held);
        assert_eq!(slots.taken(), 0);
        let one = slots.take();
        assert!(one.is_some() && slots.take().is_none());
    }
}
