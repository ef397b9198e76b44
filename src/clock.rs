//! The one place that reads wall time and randomness.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whole seconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment plus a duration, whole seconds.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// How long ago `earlier` was; zero when it is not past.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

/// Tells the time. Cheap to clone; tests hold one they move by hand.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`Clock::advance`].
    #[must_use]
    pub fn fixed(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicU64::new(at.0))))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(fixed) => Timestamp(fixed.load(Ordering::Relaxed)),
            None => Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())),
        }
    }

    /// Moves a fixed clock forward, for all its clones; the machine's clock cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Some(fixed) = &self.0 {
            fixed.fetch_add(by.as_secs(), Ordering::Relaxed);
        }
    }
}

/// Fresh bytes from the operating system's generator (R37), by way of aws-lc.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system's random generator never fails once seeded");
    bytes
}

/// A fresh 128-bit id. Drawn from a pool per thread, since one goes with every request.
#[must_use]
pub fn random_id() -> [u8; 16] {
    const IDS: usize = 64;
    thread_local! {
        static POOL: std::cell::RefCell<(usize, [u8; IDS * 16])> = const { std::cell::RefCell::new((IDS, [0; IDS * 16])) };
    }
    POOL.with_borrow_mut(|(used, pool)| {
        if *used == IDS {
            *pool = random();
            *used = 0;
        }
        let (ids, _) = pool.as_chunks();
        let id = ids[*used];
        *used += 1;
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_for_all_its_clones() {
        let clock = Clock::fixed(Timestamp(100));
        let twin = clock.clone();
        clock.advance(Duration::from_secs(5));
        assert_eq!(twin.now(), Timestamp(105));
        assert_eq!(twin.now().since(Timestamp(200)), Duration::ZERO);
    }

    #[test]
    fn r37_random_ids_differ() {
        assert_ne!(random::<16>(), random::<16>());
    }
}
