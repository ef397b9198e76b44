//! What a waiting desktop hears, word by word, until it is over.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::bells::Listener;
use super::ledger::Ledger;
use super::ticket::{LIFE, Number, TicketId};

/// How often to look whether another replica has heard from the phone.
const PEEK: Duration = Duration::from_secs(1);
/// Proxies take a stream that says nothing for dead.
const REPEAT: Duration = Duration::from_secs(15);

/// How far a hand-off has come, as its desktop may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Waiting,
    /// A phone is there; its owner has to type this.
    Scanned(Number),
    Allowed,
    Refused,
    /// Or spent, or never there.
    Expired,
}

impl Progress {
    /// For the page's script: `waiting`, `scanned 42`, or another word for the end.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Waiting => "waiting".to_owned(),
            Self::Scanned(number) => format!("scanned {number}"),
            Self::Allowed => "allowed".to_owned(),
            Self::Refused => "refused".to_owned(),
            Self::Expired => "expired".to_owned(),
        }
    }

    const fn is_over(self) -> bool {
        matches!(self, Self::Allowed | Self::Refused | Self::Expired)
    }
}

/// A desktop's ear. It ends with the hand-off, or with the ticket's life at the latest.
#[derive(Debug)]
pub struct Waiting(mpsc::Receiver<Progress>);

impl Waiting {
    /// The next word; `None` at the end.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Progress>> {
        self.0.poll_recv(cx)
    }

    /// For somebody who has nothing to wait for.
    pub(super) fn over() -> Self {
        let (tell, hear) = mpsc::channel(1);
        tell.try_send(Progress::Expired).expect("there is room for one");
        Self(hear)
    }

    pub(super) fn for_ticket(
        id: TicketId,
        ledger: Arc<Ledger>,
        listener: Listener,
        on: &tokio::runtime::Handle,
    ) -> Self {
        let (tell, hear) = mpsc::channel(1);
        on.spawn(look_after(id, ledger, listener, tell));
        Self(hear)
    }
}

async fn look_after(id: TicketId, ledger: Arc<Ledger>, mut listener: Listener, tell: mpsc::Sender<Progress>) {
    let end = Instant::now() + LIFE + PEEK;
    let mut last: Option<(Progress, Instant)> = None;
    loop {
        let progress = ledger.progress(id).await;
        if last.is_none_or(|(told, when)| told != progress || when.elapsed() >= REPEAT) {
            // A desktop that does not listen holds nothing up longer than its ticket lives.
            if !matches!(timeout_at(end, tell.send(progress)).await, Ok(Ok(()))) {
                return;
            }
            last = Some((progress, Instant::now()));
        }
        if progress.is_over() || Instant::now() >= end {
            return;
        }
        tokio::select! {
            () = tell.closed() => return,
            () = listener.rung() => {}
            () = sleep(PEEK) => {}
        }
    }
}
