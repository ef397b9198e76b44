//! Counts how often one sign-in has had to start again, so that a browser never goes round for ever.
//!
//! A round's parent is the sign-in it replaces: the one the browser shows by cookie, or, where cookies are refused, the
//! one that its callback names. Counting by chains and not by browsers lets many tabs, and many people who follow one
//! shared callback link, sign in at once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::flow::{self, State};
use crate::clock::{Clock, Timestamp};
use crate::store::{Key, Store};

/// So many rounds in [`WINDOW`], then a page that says what is likely wrong.
const MOST: u8 = 3;
const WINDOW: Duration = Duration::from_mins(1);

/// One turn of a chain of sign-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Round {
    /// From 1.
    pub number: u8,
    /// When the chain's first round began.
    pub since: Timestamp,
}

impl Round {
    /// The round after the furthest of `parents`; `None` when that is one too many. A chain older than a minute is over.
    fn after(parents: impl IntoIterator<Item = Self>, now: Timestamp) -> Option<Self> {
        let going_on = parents.into_iter().filter(|parent| now.since(parent.since) < WINDOW);
        match going_on.max_by_key(|parent| parent.number) {
            Some(parent) => (parent.number < MOST).then(|| Self { number: parent.number + 1, ..parent }),
            None => Some(Self { number: 1, since: now }),
        }
    }
}

/// What is known of a state, whether or not its browser keeps cookies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub round: Round,
    /// Somebody was signed in with it.
    pub completed: bool,
}

/// Remembers rounds for as long as their states live.
#[derive(Debug, Clone)]
pub(super) struct Rounds {
    store: Arc<dyn Store>,
    clock: Clock,
}

impl Rounds {
    pub(super) fn new(store: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// As [`Round::after`], now.
    pub(super) fn after(&self, parents: impl IntoIterator<Item = Round>) -> Option<Round> {
        Round::after(parents, self.clock.now())
    }

    // A store that is away must not keep anybody from signing in: what it would have known then counts for nothing.

    pub(super) async fn remember(&self, state: State, known: Known) {
        if let Err(error) = self.store.put(Key::state(state.bytes()), encode(known), flow::LIFE).await {
            tracing::warn!(%error, "a sign-in is not counted");
        }
    }

    pub(super) async fn recall(&self, state: State) -> Option<Known> {
        match self.store.get(Key::state(state.bytes())).await {
            Ok(record) => decode(&record?),
            Err(error) => {
                tracing::warn!(%error, "sign-ins are not counted");
                None
            }
        }
    }
}

/// `number | completed | since u64`
fn encode(known: Known) -> Bytes {
    let mut bytes = vec![known.round.number, u8::from(known.completed)];
    bytes.extend_from_slice(&known.round.since.0.to_be_bytes());
    bytes.into()
}

fn decode(bytes: &[u8]) -> Option<Known> {
    let (&[number, completed], since) = bytes.split_first_chunk()?;
    let since = Timestamp(u64::from_be_bytes(since.try_into().ok()?));
    Some(Known { round: Round { number, since }, completed: completed == 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_rounds_a_minute_and_no_fourth() {
        let start = Timestamp(1000);
        let mut parent = None;
        for (second, expected) in [(0, Some(1)), (20, Some(2)), (40, Some(3)), (59, None), (60, Some(1))] {
            let round = Round::after(parent, start.after(Duration::from_secs(second)));
            assert_eq!(round.map(|round| round.number), expected, "second {second}");
            parent = round.or(parent);
        }
        assert_eq!(parent.map(|round| round.since), Some(Timestamp(1060)));
    }

    #[test]
    fn records_survive_the_store() {
        let known = Known { round: Round { number: 2, since: Timestamp(77) }, completed: true };
        assert_eq!(decode(&encode(known)), Some(known));
        assert_eq!(decode(b"\x02\x01"), None);
        assert_eq!(decode(b""), None);
    }
}
