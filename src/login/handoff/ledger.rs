//! Where a ticket stands: opened by a desktop, taken up by one phone, decided once, spent once.
//!
//! Each step is a record of its own that only the first can write, so that no two of anybody can take it together. What
//! a full store pushes out is a step undone: it has to be taken again, by whoever could take it before.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::ticket::{Ticket, TicketId};
use super::waiting::Progress;
use crate::clock::Clock;
use crate::session::{Purpose, Session, Sessions};
use crate::store::{Error, Key, Store};
use crate::types::SessionId;

/// Keeps tickets.
#[derive(Debug)]
pub(super) struct Ledger {
    store: Arc<dyn Store>,
    sessions: Arc<Sessions>,
    clock: Clock,
}

/// What the phone's owner said.
#[derive(Debug)]
pub(super) enum Verdict {
    /// In the name of this session.
    Allowed(Box<Session>),
    Refused,
}

/// What became of a word from the phone.
#[derive(Debug)]
pub(super) struct Decided {
    /// The first word counts; later ones change nothing.
    pub stands: Verdict,
    pub is_first: bool,
}

impl Ledger {
    pub(super) fn new(store: Arc<dyn Store>, sessions: Arc<Sessions>, clock: Clock) -> Self {
        Self { store, sessions, clock }
    }

    /// Writes a new ticket down; `false` when the store cannot be reached.
    pub(super) async fn open(&self, id: TicketId, ticket: &Ticket) -> bool {
        let opened = self.store.put(Key::handoff_ticket(id.0), ticket.encode(), self.left(ticket)).await;
        told(opened).is_some()
    }

    /// The ticket, as long as it is good.
    pub(super) async fn ticket(&self, id: TicketId) -> Option<Ticket> {
        let record = self.get(Key::handoff_ticket(id.0)).await?;
        Ticket::decode(&record).filter(|ticket| self.clock.now() < ticket.expires_at)
    }

    /// Whether the ticket is this phone's: the first that comes has it, and keeps it.
    pub(super) async fn claim(&self, id: TicketId, ticket: &Ticket, phone: SessionId) -> bool {
        let record = Bytes::copy_from_slice(&phone.0);
        match told(self.store.put_new(Key::handoff_claim(id.0), record, self.left(ticket)).await) {
            Some(true) => true,
            Some(false) => self.is_claimed_by(id, phone).await,
            None => false,
        }
    }

    pub(super) async fn is_claimed_by(&self, id: TicketId, phone: SessionId) -> bool {
        self.get(Key::handoff_claim(id.0)).await.is_some_and(|record| *record == phone.0)
    }

    /// Writes the phone's word down, unless there is one. `None`: the store cannot be reached.
    pub(super) async fn decide(&self, id: TicketId, ticket: &Ticket, verdict: Verdict) -> Option<Decided> {
        let record = self.encode(&verdict);
        if told(self.store.put_new(Key::handoff_verdict(id.0), record, self.left(ticket)).await)? {
            return Some(Decided { stands: verdict, is_first: true });
        }
        Some(Decided { stands: self.verdict(id).await?, is_first: false })
    }

    /// The word that stands. Whoever signs the phone out takes it back.
    pub(super) async fn verdict(&self, id: TicketId) -> Option<Verdict> {
        match self.decode(&self.get(Key::handoff_verdict(id.0)).await?)? {
            Verdict::Allowed(phone) if self.sessions.has_ended(&phone) => Some(Verdict::Refused),
            verdict => Some(verdict),
        }
    }

    /// Ends the ticket. `true` for exactly one caller.
    pub(super) async fn spend(&self, id: TicketId) -> bool {
        told(self.store.take(Key::handoff_ticket(id.0)).await).flatten().is_some()
    }

    /// Leaves nothing of a ticket behind.
    pub(super) async fn forget(&self, id: TicketId) {
        for key in [Key::handoff_ticket(id.0), Key::handoff_claim(id.0), Key::handoff_verdict(id.0)] {
            told(self.store.take(key).await);
        }
    }

    /// What the desktop may know.
    pub(super) async fn progress(&self, id: TicketId) -> Progress {
        let Some(ticket) = self.ticket(id).await else { return Progress::Expired };
        match self.verdict(id).await {
            Some(Verdict::Allowed(_)) => Progress::Allowed,
            Some(Verdict::Refused) => Progress::Refused,
            None if self.get(Key::handoff_claim(id.0)).await.is_some() => Progress::Scanned(ticket.number),
            None => Progress::Waiting,
        }
    }

    async fn get(&self, key: Key) -> Option<Bytes> {
        told(self.store.get(key).await).flatten()
    }

    fn left(&self, ticket: &Ticket) -> Duration {
        ticket.expires_at.since(self.clock.now())
    }

    /// `0`, or `1` and the phone's session under a seal: a store others can write to shall not name visitors.
    fn encode(&self, verdict: &Verdict) -> Bytes {
        match verdict {
            Verdict::Refused => Bytes::from_static(&[0]),
            Verdict::Allowed(session) => {
                let mut bytes = vec![1];
                bytes.extend_from_slice(self.sessions.keys().seal(Purpose::Consent, session.encoded()).as_bytes());
                bytes.into()
            }
        }
    }

    fn decode(&self, record: &[u8]) -> Option<Verdict> {
        match record.split_first()? {
            (1, sealed) => {
                let session = Session::decode(self.sessions.keys().open(Purpose::Consent, sealed)?)?;
                Some(Verdict::Allowed(Box::new(session)))
            }
            // A yes that cannot be read is none.
            _ => Some(Verdict::Refused),
        }
    }
}

/// What the store said. A store that is away knows of no ticket: nobody is let in by it.
fn told<T>(answer: Result<T, Error>) -> Option<T> {
    answer.inspect_err(|error| tracing::warn!(%error, "a hand-off is not recorded")).ok()
}
