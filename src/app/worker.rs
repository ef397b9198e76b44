//! One worker: a thread with a runtime, sockets and an [`Edge`] of its own, which a new configuration replaces.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::edge::Edge;
use crate::listener::{self, Change, Origin};
use crate::patience::Watch;
use crate::request::Peer;

/// What one worker's thread needs.
#[derive(Debug)]
pub(super) struct Worker {
    pub first: Change,
    pub present: Arc<Present>,
    pub changes: mpsc::UnboundedReceiver<Change>,
}

/// The edge that answers one worker's requests. Its lock is taken by that worker, with every request, and by whoever
/// brings a new configuration: there is nobody to wait for.
#[derive(Debug)]
pub(super) struct Present(Mutex<Now>);

#[derive(Debug)]
struct Now {
    /// How many there were before it.
    number: u64,
    edge: Arc<Edge>,
    /// Those it took the place of, and has not cleared up after.
    before: Vec<Arc<Edge>>,
}

impl Present {
    pub(super) fn new(edge: Arc<Edge>) -> Self {
        Self(Mutex::new(Now { number: 0, edge, before: Vec::new() }))
    }

    /// From now on requests are `edge`'s; those it does not see in flight finish where they are.
    pub(super) fn replace(&self, edge: Arc<Edge>) {
        let mut now = self.lock();
        now.number += 1;
        let before = std::mem::replace(&mut now.edge, edge);
        now.before.push(before);
    }

    fn now(&self) -> (u64, Arc<Edge>) {
        let now = self.lock();
        (now.number, now.edge.clone())
    }

    /// What is done now and then; on the worker's own thread, as connections belong to its runtime.
    fn tick(&self) {
        let (edge, before) = {
            let mut now = self.lock();
            (now.edge.clone(), std::mem::take(&mut now.before))
        };
        for before in before {
            before.tick();
            before.upstream.retire(&edge.upstream);
        }
        edge.tick();
    }

    /// The log is complete before anybody is told that this is over.
    fn flush(&self) {
        if let Some(log) = &self.lock().edge.log {
            log.flush();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// Serves until `stop`. Blocks its thread.
    pub(super) fn run(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let Self { first, present, changes } = self;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (serving, refusing) = (present.clone(), present.clone());
        let served = runtime.block_on(listener::serve(
            first,
            changes,
            move |origin: Origin| {
                let present = serving.clone();
                let (first, edge) = present.now();
                let peer = Peer::new(origin.address, &edge.rules).over_tls(origin.tls);
                // In a box of its own, there only while a request is: a connection at rest should be small.
                move |request, watch: Option<Watch>| {
                    let (number, edge) = present.now();
                    let answering = if number == first {
                        edge.answer(request, &peer, watch.as_ref())
                    } else {
                        // Whom the gate trusts may have changed.
                        let peer = Peer::new(origin.address, &edge.rules).over_tls(origin.tls);
                        edge.answer(request, &peer, watch.as_ref())
                    };
                    debug_assert!(size_of_val(&answering) <= 1024, "{} bytes a request", size_of_val(&answering));
                    Box::pin(answering)
                }
            },
            Arc::new(move |status| {
                let (_, edge) = refusing.now();
                Edge::refuse(&edge.pages, &edge.traffic, status)
            }),
            || present.tick(),
            stop,
        ));
        drop(runtime);
        present.flush();
        served
    }
}
