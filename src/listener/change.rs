//! What can become different while a listener serves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Entrance, Settings, Socket};
use crate::patience::Limits;

/// What a listener is to do from now on; but doors that close say so by their [`Sign`].
#[derive(Debug)]
pub struct Change {
    /// For connections that come from now on.
    pub settings: Settings,
    /// For all connections.
    pub limits: Limits,
    /// Where to listen, besides where it does already.
    pub entrances: Vec<Entrance<Socket>>,
}

/// Hangs at a door, on the side of all workers: open, until somebody turns it. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Sign(Arc<AtomicBool>);

impl Sign {
    /// Whoever has come so far is let in, and then nobody.
    ///
    /// A listener reads it with its next [`Change`].
    pub fn turn(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn says_closed(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The settings in force; read once per connection.
#[derive(Debug, Clone)]
pub(super) struct InForce(Arc<Mutex<Settings>>);

impl InForce {
    pub(super) fn new(settings: Settings) -> Self {
        Self(Arc::new(Mutex::new(settings)))
    }

    pub(super) fn now(&self) -> Settings {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn replace(&self, settings: Settings) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }
}
