//! Signs a desktop browser in by the WeChat of a phone, where there is no Open Platform account.
//!
//! The desktop shows a code with a one-time ticket. The phone that scans it signs in through the official account and
//! takes the ticket up; from then on the desktop shows a number, which the phone's owner has to type. Each side holds
//! what the other cannot have: the desktop a sealed cookie, the phone its session, both bound to this one ticket.
//!
//! Whoever is sent a code that somebody else asked for sees no number: it is not in the code, not beside it, and only
//! appears where the code was asked for, once it has been scanned. There is one try, and a wrong one ends the ticket; to
//! find the number among three would give one deceived visitor in three away, to compare it nearly all of them.

mod bells;
mod desk;
mod desktop;
mod ledger;
mod phone;
mod place;
#[cfg(any(test, fuzzing))]
pub(super) mod properties;
mod ticket;
mod waiting;

use std::sync::Arc;

use http::HeaderValue;
use percent_encoding::utf8_percent_encode;
use tokio::runtime::Handle;

pub use place::Place;
pub use ticket::Number;
pub use waiting::{Progress, Waiting};

use super::authorize::COMPONENT;
use super::return_to::ReturnTo;
use crate::clock::Clock;
use crate::config;
use crate::request::Head;
use crate::session::Sessions;
use crate::store::Store;
pub(super) use bells::Bells;
use desk::Desks;
use ledger::Ledger;
use ticket::TicketId;

/// What hand-offs are made of.
#[derive(Debug)]
pub(super) struct HandOff {
    /// Where phones come to, and below which desktops wait.
    path: String,
    ledger: Arc<Ledger>,
    desks: Desks,
    bells: Arc<Bells>,
    clock: Clock,
    /// Where somebody looks after waiting desktops, off the workers.
    runtime: Handle,
}

/// An endpoint of the hand-off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `P/handoff`: where the code leads to, and where its form is sent.
    Phone,
    /// `P/handoff/wait`: an event stream.
    Wait,
    /// `P/handoff/state`: the same word, once.
    State,
    /// `P/handoff/finish`: where the desktop goes on.
    Finish,
}

/// A page of the hand-off.
#[derive(Debug)]
pub enum Page {
    Scan(Scan),
    Confirm(Confirm),
    /// To the phone: the desktop goes on.
    Confirmed,
    /// To the phone: nobody was signed in, as was asked.
    Refused,
}

/// The desktop's page. Addresses are paths of this site.
#[derive(Debug)]
pub struct Scan {
    /// What the code leads to.
    pub scan: String,
    pub events: String,
    pub poll: String,
    pub next: String,
    /// Once the code has been scanned.
    pub number: Option<Number>,
    /// How long the code is still good.
    pub seconds: u64,
    /// `Set-Cookie` lines.
    pub cookies: Vec<HeaderValue>,
}

/// The phone's page: its form posts `ticket`, `number` and `answer` (`allow` or `refuse`).
#[derive(Debug)]
pub struct Confirm {
    pub action: String,
    pub ticket: String,
    pub place: Place,
    /// Whether the phone is in the desktop's own network.
    pub same_network: bool,
}

impl HandOff {
    pub(super) fn new(
        paths: &config::Paths,
        public_url: &config::PublicUrl,
        sessions: &Arc<Sessions>,
        store: Arc<dyn Store>,
        clock: Clock,
        runtime: Handle,
        bells: &Arc<Bells>,
    ) -> Self {
        Self {
            path: format!("{}/handoff", paths.prefix),
            ledger: Arc::new(Ledger::new(store, Arc::clone(sessions), clock.clone())),
            desks: Desks::new(Arc::clone(sessions), public_url.clone(), clock.clone()),
            bells: Arc::clone(bells),
            clock,
            runtime,
        }
    }

    /// The endpoint at a path, if it is one of the hand-off's.
    pub(super) fn endpoint(&self, path: &str) -> Option<Endpoint> {
        match path.strip_prefix(&self.path)? {
            "" => Some(Endpoint::Phone),
            "/wait" => Some(Endpoint::Wait),
            "/state" => Some(Endpoint::State),
            "/finish" => Some(Endpoint::Finish),
            _ => None,
        }
    }

    /// The ends of every hand-off that a browser shows.
    pub(super) fn forget_all(&self, head: &Head) -> Vec<HeaderValue> {
        self.desks.forget_all(head)
    }

    /// What the code of a ticket leads to. The ticket is in the query, where no access log has it (R28).
    fn code(&self, id: TicketId) -> String {
        format!("{}?t={}", self.path, id.to_hex())
    }

    /// The desktop's page; `target` only helps one who comes too late to try again.
    fn scan(&self, id: TicketId, target: &ReturnTo, seconds: u64) -> Scan {
        let below = |name: &str| format!("{}/{name}?t={}", self.path, id.to_hex());
        let next = format!("{}&rd={}", below("finish"), utf8_percent_encode(target.as_str(), COMPONENT));
        let (scan, events, poll) = (self.code(id), below("wait"), below("state"));
        Scan { scan, events, poll, next, number: None, seconds, cookies: Vec::new() }
    }
}
