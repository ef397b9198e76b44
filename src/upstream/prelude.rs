//! How much a site may say before its answer: hyper passes over 1xx as long as they come, and comes to nothing else.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that may yet come before the answer is there.
#[derive(Debug)]
pub(super) struct Prelude(AtomicUsize);

impl Default for Prelude {
    fn default() -> Self {
        Self(AtomicUsize::new(Self::NO_LIMIT))
    }
}

impl Prelude {
    /// Far more than the longest head that is taken and the beginning of a body, which may come with it.
    const LIMIT: usize = 1 << 20;

    const NO_LIMIT: usize = usize::MAX;

    /// An answer is waited for.
    pub(super) fn begin(&self) {
        self.0.store(Self::LIMIT, Ordering::Relaxed);
    }

    /// It is there.
    pub(super) fn end(&self) {
        self.0.store(Self::NO_LIMIT, Ordering::Relaxed);
    }

    /// # Errors
    /// When these are too many.
    pub(super) fn take(&self, bytes: usize) -> io::Result<()> {
        let left = self.0.load(Ordering::Relaxed);
        if left == Self::NO_LIMIT {
            return Ok(());
        }
        let left = left.checked_sub(bytes).ok_or_else(|| io::Error::other("too much before the answer"))?;
        self.0.store(left, Ordering::Relaxed);
        Ok(())
    }
}
