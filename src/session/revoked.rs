//! Which sessions have been ended before their time.
//!
//! Every signed-in request asks, so the usual answer, no, comes from a filter that is only read; the store is asked
//! when the filter says maybe. The filter forgets nothing, which costs time but never truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::store::{Key, Memory};
use crate::types::SessionId;

/// 64 Ki bits in 8 KiB: with 1,000 ended sessions one request in a thousand asks the store in vain.
const WORDS: usize = 1024;

#[derive(Debug)]
pub(super) struct Revocations {
    filter: Box<[AtomicU64]>,
    memory: Arc<Memory>,
}

impl Revocations {
    pub(super) fn new(memory: Arc<Memory>) -> Self {
        Self { filter: (0..WORDS).map(|_| AtomicU64::new(0)).collect(), memory }
    }

    pub(super) fn add(&self, id: SessionId, life: Duration) {
        self.memory.put(Key::revoked(id), Bytes::new(), life);
        for (word, bit) in places(id) {
            self.filter[word].fetch_or(bit, Ordering::Release);
        }
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        places(id).into_iter().all(|(word, bit)| self.filter[word].load(Ordering::Acquire) & bit != 0)
            && self.memory.get(&Key::revoked(id)).is_some()
    }
}

/// Two places in the filter. The id is random, so its bytes are as good as a hash.
fn places(id: SessionId) -> [(usize, u64); 2] {
    [[id.0[0], id.0[1]], [id.0[2], id.0[3]]].map(|bytes| {
        let place = usize::from(u16::from_be_bytes(bytes));
        (place / 64, 1 << (place % 64))
    })
}
