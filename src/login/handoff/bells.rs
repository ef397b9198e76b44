//! Wakes waiting desktops when their phone has done something. A bell that is missed costs a second: they look too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::ticket::TicketId;

/// Desktops that may listen at once; others ask every other second. Each costs a connection and two KiB.
const MOST: usize = 4096;
/// A page that is loaded again leaves its stream behind for a moment.
const MOST_PER_TICKET: usize = 3;

/// One bell per ticket somebody listens for.
#[derive(Debug)]
pub(in crate::login) struct Bells {
    ropes: Mutex<HashMap<TicketId, watch::Sender<()>>>,
    room: Arc<Semaphore>,
}

impl Default for Bells {
    fn default() -> Self {
        Self { ropes: Mutex::default(), room: Arc::new(Semaphore::new(MOST)) }
    }
}

/// Hears one ticket's bell, until dropped.
#[derive(Debug)]
pub(super) struct Listener {
    bells: Arc<Bells>,
    id: TicketId,
    heard: watch::Receiver<()>,
    _room: OwnedSemaphorePermit,
}

impl Bells {
    /// `None` when too many listen.
    pub(super) fn listen(self: &Arc<Self>, id: TicketId) -> Option<Listener> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        let mut ropes = self.ropes.lock().unwrap_or_else(PoisonError::into_inner);
        let rope = ropes.entry(id).or_insert_with(|| watch::Sender::new(()));
        if rope.receiver_count() >= MOST_PER_TICKET {
            return None;
        }
        let heard = rope.subscribe();
        drop(ropes);
        Some(Listener { bells: Arc::clone(self), id, heard, _room: room })
    }

    pub(super) fn ring(&self, id: TicketId) {
        if let Some(rope) = self.ropes.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            rope.send_replace(());
        }
    }
}

impl Listener {
    /// Waits for a ring since the last.
    pub(super) async fn rung(&mut self) {
        // The rope stays as long as this listener does.
        let _ = self.heard.changed().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut ropes = self.bells.ropes.lock().unwrap_or_else(PoisonError::into_inner);
        // This one still counts.
        if ropes.get(&self.id).is_some_and(|rope| rope.receiver_count() <= 1) {
            ropes.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TicketId = TicketId([7; 16]);

    #[tokio::test]
    async fn a_ring_is_heard_even_by_one_who_was_not_listening_just_then() {
        let bells = Arc::new(Bells::default());
        bells.ring(ID);
        let mut listener = bells.listen(ID).expect("room");
        bells.ring(ID);
        listener.rung().await;
    }

    #[test]
    fn r15_listeners_are_bounded_and_leave_nothing_behind() {
        let bells = Arc::new(Bells::default());
        let ids = (0..).map(|n: u128| TicketId(n.to_be_bytes()));
        let all: Vec<_> = ids.map_while(|id| bells.listen(id)).collect();
        assert_eq!(all.len(), MOST);
        drop(all);
        assert!(bells.ropes.lock().expect("whole").is_empty());
        let same: Vec<_> = std::iter::from_fn(|| bells.listen(ID)).collect();
        assert_eq!(same.len(), MOST_PER_TICKET);
        drop(same);
        assert!(bells.listen(ID).is_some());
        assert!(bells.ropes.lock().expect("whole").is_empty());
        assert_eq!(bells.room.available_permits(), MOST);
    }
}
