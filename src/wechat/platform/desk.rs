//! Where one kind of token is asked for: who is fetching it, when it is due, and what went wrong last.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::setback::Setback;
use super::{Alarm, Issued, Unavailable};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// What comes of a fetch.
pub(super) type Outcome = Result<Issued, Unavailable>;

/// A value WeChat has given once more after it was called dead is believed for this long, whoever says otherwise.
const SECOND_WORD: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Desk {
    /// Whether anybody has asked since the value came, or was refused for good.
    asked: AtomicBool,
    /// When WeChat is to be asked next; never, while somebody does or nobody has to.
    next: AtomicU64,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    running: Option<watch::Receiver<Option<Outcome>>>,
    setback: Option<Setback>,
    disowned: Option<(Secret<String>, Timestamp)>,
}

impl Book {
    /// The fetch under way. One that was dropped with its runtime, or panicked, will never end, and is none.
    fn running(&self) -> Option<&watch::Receiver<Option<Outcome>>> {
        self.running.as_ref().filter(|running| running.has_changed().is_ok())
    }
}

/// A fetch, as somebody finds it who needs one.
pub(super) enum Running {
    /// It has just ended well.
    Done(Issued),
    Joined(watch::Receiver<Option<Outcome>>),
    /// There was none: this one is to be run, and its outcome sent.
    Begun(watch::Sender<Option<Outcome>>, watch::Receiver<Option<Outcome>>),
}

impl Default for Desk {
    fn default() -> Self {
        Self { asked: AtomicBool::new(false), next: AtomicU64::new(u64::MAX), book: Mutex::default() }
    }
}

impl Desk {
    pub(super) fn note_asked(&self) {
        // Read first: a write would take the cache line away from all other workers, request by request.
        if !self.asked.load(Ordering::Relaxed) {
            self.asked.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.next.load(Ordering::Relaxed) <= now.0
    }

    /// Whether a fetch is worth a call though nobody waits for it.
    pub(super) fn is_wanted(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The fetch under way, or a new one to be run; `at_hand` is asked once nobody else can have just ended one.
    pub(super) fn join(&self, at_hand: impl FnOnce() -> Option<Issued>) -> Running {
        let mut book = self.book();
        if let Some(running) = book.running() {
            return Running::Joined(running.clone());
        }
        if let Some(issued) = at_hand() {
            return Running::Done(issued);
        }
        let (done, running) = self.begin(&mut book);
        Running::Begun(done, running)
    }

    /// A new fetch to be run, where one is due and none is under way.
    pub(super) fn renew(&self, now: Timestamp) -> Option<watch::Sender<Option<Outcome>>> {
        let mut book = self.book();
        (book.running().is_none() && self.is_due(now)).then(|| self.begin(&mut book).0)
    }

    fn begin(&self, book: &mut Book) -> (watch::Sender<Option<Outcome>>, watch::Receiver<Option<Outcome>>) {
        let (done, running) = watch::channel(None);
        book.running = Some(running.clone());
        self.next.store(u64::MAX, Ordering::Relaxed);
        (done, running)
    }

    /// A value has come, to be renewed when `due`. Gives what had been the matter before.
    pub(super) fn landed(&self, due: Timestamp) -> Option<Setback> {
        let mut book = self.book();
        book.running = None;
        self.asked.store(false, Ordering::Relaxed);
        self.next.store(due.0, Ordering::Relaxed);
        book.setback.take()
    }

    /// Puts down one more failure: the setback it makes.
    pub(super) fn failed(&self, fail: impl FnOnce(Option<&Setback>) -> Setback) -> Setback {
        let mut book = self.book();
        let setback = fail(book.setback.as_ref());
        book.setback.insert(setback).clone()
    }

    /// The fetch has ended without a value; the next may begin then. A refusal is not asked about once more for those who
    /// have had it already.
    pub(super) fn give_up(&self, next: Timestamp, refused: bool) {
        let mut book = self.book();
        book.running = None;
        if refused {
            self.asked.store(false, Ordering::Relaxed);
        }
        self.next.store(next.0, Ordering::Relaxed);
    }

    /// Why WeChat is being left alone, if it is.
    pub(super) fn resting(&self, now: Timestamp) -> Option<Unavailable> {
        let book = self.book();
        let setback = book.setback.as_ref().filter(|setback| now < setback.until)?;
        // Somebody is asking at this very moment, and pauses.
        book.running().is_none().then(|| setback.unavailable(now))
    }

    /// What went wrong last, if nothing has gone well since.
    pub(super) fn last(&self, now: Timestamp) -> Option<Unavailable> {
        self.book().setback.as_ref().map(|setback| setback.unavailable(now))
    }

    pub(super) fn alarm(&self) -> Option<Alarm> {
        self.book().setback.as_ref().and_then(|setback| setback.alarm)
    }

    /// Whether a value was forgotten as dead a moment ago: if it is back, WeChat has given it again, and asking a third
    /// time would bring no other.
    pub(super) fn stands_by(&self, value: &Secret<String>, now: Timestamp) -> bool {
        let book = self.book();
        let before = book.disowned.as_ref();
        before.is_some_and(|(dead, at)| dead.expose() == value.expose() && now < at.after(SECOND_WORD))
    }

    /// This value has been forgotten as dead.
    pub(super) fn disown(&self, value: &Secret<String>, now: Timestamp) {
        self.book().disowned = Some((value.clone(), now));
    }

    /// The fetch under way.
    #[cfg(test)]
    pub(super) fn under_way(&self) -> Option<watch::Receiver<Option<Outcome>>> {
        self.book().running().cloned()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
