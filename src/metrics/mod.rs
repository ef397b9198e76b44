//! What the gate counts of its own doings. Numbers only: how they are shown is the admin listener's business.
//!
//! Two kinds. What happens with every request is counted by each worker for itself, in [`Traffic`]: found by position,
//! written without a lock, in memory that no other worker writes; it is summed when somebody asks. What is rare
//! ([`SignIns`], [`Calls`]) is counted in one place for all.

mod calls;
mod histogram;
mod sign_ins;
mod traffic;

pub use calls::{Answered, Calls};
pub use histogram::{Histogram, Sum};
pub use sign_ins::{SignIn, SignIns};
pub use traffic::{Outcome, Traffic, UpstreamTrouble};

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread writes and any may read. Two writers would lose counts, never memory safety: the plain load
/// and store are a fifth of the price of an atomic addition.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
