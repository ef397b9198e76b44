//! How long anybody is kept waiting: one coarse sweep per worker in place of a timer per request.
//!
//! Every connection and tunnel has a [`Watch`]; whoever moves its work forward says so with a plain store. Once a tick
//! the worker looks for those that have stood still for too long, marks them overdue and wakes them.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// The client, to finish a request's head.
    Head,
    /// The gate's own work on an answer, which has its own limits.
    Own,
    /// The client, to finish a request's body.
    Upload,
    /// The upstream, to begin its answer.
    Upstream,
    /// Either side, to move a byte of a body or tunnel.
    Body,
    /// The client, to ask again.
    Idle,
}

impl Phase {
    const ALL: [Self; 6] = [Self::Head, Self::Own, Self::Upload, Self::Upstream, Self::Body, Self::Idle];
}

/// How long each phase may last without progress.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub header: Duration,
    pub keepalive: Duration,
    /// The longest of any upstream's `response_timeout`; each watch may shorten it.
    pub response: Duration,
    pub body: Duration,
}

/// One worker's watches.
#[derive(Debug)]
pub struct Patience {
    /// In milliseconds, as far as sweeps have counted them; it begins anew after 49 days.
    now: AtomicU32,
    draining: AtomicBool,
    /// Milliseconds between sweeps.
    tick: AtomicU32,
    /// In milliseconds, by phase.
    limits: [AtomicU32; Phase::ALL.len()],
    watches: Mutex<Vec<Weak<State>>>,
}

#[derive(Debug)]
struct State {
    phase: AtomicU8,
    since: AtomicU32,
    /// In milliseconds; `0`: the phase's own.
    limit: AtomicU32,
    overdue: AtomicBool,
    /// Whether it has been idle long enough to be put away.
    rest: AtomicBool,
    hurried: AtomicBool,
    done: AtomicBool,
    waker: OnceLock<Waker>,
    host: Option<Arc<dyn Host>>,
}

/// Whoever has room for something that is followed, and wants to know when that is gone.
pub trait Host: std::fmt::Debug + Send + Sync {
    /// Nobody has its watch any more: neither whoever works on it, nor what is still to be sent of it.
    fn gone(&self);
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(host) = &self.host {
            host.gone();
        }
    }
}

/// Follows one connection or tunnel.
#[derive(Debug, Clone)]
pub struct Watch {
    state: Arc<State>,
    patience: Arc<Patience>,
}

impl Patience {
    /// Whoever asks again within this finds everything in place.
    const REST: Duration = Duration::from_secs(2);

    /// When the gate stops: long enough for who is about to speak, short enough for who waits for the gate to end.
    const LAST_WORD: Duration = Duration::from_secs(1);

    /// Coarse enough to cost nothing, fine enough for the shortest limit.
    const TICKS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

    #[must_use]
    pub fn new(limits: &Limits) -> Arc<Self> {
        let patience = Self {
            now: AtomicU32::new(0),
            draining: AtomicBool::new(false),
            tick: AtomicU32::new(0),
            limits: Default::default(),
            watches: Mutex::default(),
        };
        patience.adopt(limits);
        Arc::new(patience)
    }

    /// Other limits from now on, for what has begun to wait as well; but a limit of a watch's own stays. The time between
    /// sweeps may be another, too.
    pub fn adopt(&self, limits: &Limits) {
        let shortest = limits.header.min(limits.keepalive).min(limits.response).min(limits.body);
        self.tick.store(millis((shortest / 8).clamp(Self::TICKS.0, Self::TICKS.1)), Ordering::Relaxed);
        for phase in Phase::ALL {
            let limit = match phase {
                Phase::Head => millis(limits.header),
                Phase::Own => u32::MAX,
                Phase::Upload | Phase::Body => millis(limits.body),
                Phase::Upstream => millis(limits.response),
                Phase::Idle => millis(limits.keepalive),
            };
            self.limits[phase as usize].store(limit, Ordering::Relaxed);
        }
    }

    /// How often [`Patience::sweep`] wants to be called.
    #[must_use]
    pub fn tick(&self) -> Duration {
        Duration::from_millis(self.tick.load(Ordering::Relaxed).into())
    }

    /// Begins to follow something.
    #[must_use]
    pub fn watch(self: &Arc<Self>, phase: Phase) -> Watch {
        self.follow(phase, None)
    }

    /// Begins to follow something that has a host, who is told once when it is gone.
    #[must_use]
    pub fn watch_for(self: &Arc<Self>, phase: Phase, host: Arc<dyn Host>) -> Watch {
        self.follow(phase, Some(host))
    }

    fn follow(self: &Arc<Self>, phase: Phase, host: Option<Arc<dyn Host>>) -> Watch {
        let state = Arc::new(State {
            phase: AtomicU8::new(phase as u8),
            since: AtomicU32::new(self.now.load(Ordering::Relaxed)),
            limit: AtomicU32::new(0),
            overdue: AtomicBool::new(false),
            rest: AtomicBool::new(false),
            hurried: AtomicBool::new(false),
            done: AtomicBool::new(false),
            waker: OnceLock::new(),
            host,
        });
        self.lock().push(Arc::downgrade(&state));
        Watch { state, patience: self.clone() }
    }

    /// One tick: time goes on, what is done is forgotten, what is overdue is woken.
    pub fn sweep(&self) {
        let tick = self.tick.load(Ordering::Relaxed);
        let now = self.now.fetch_add(tick, Ordering::Relaxed).wrapping_add(tick);
        let limits = self.limits.each_ref().map(|limit| limit.load(Ordering::Relaxed));
        let rest = millis(Self::REST);
        let mut woken = Vec::new();
        self.lock().retain(|state| {
            let Some(state) = state.upgrade().filter(|state| !state.done.load(Ordering::Relaxed)) else { return false };
            let phase = usize::from(state.phase.load(Ordering::Relaxed));
            let own = state.limit.load(Ordering::Relaxed);
            let limit = if own == 0 { limits[phase] } else { own };
            let still = now.wrapping_sub(state.since.load(Ordering::Relaxed));
            // What has begun since the last sweep is taken to be as old as that.
            if still.saturating_sub(tick) >= limit {
                state.overdue.store(true, Ordering::Relaxed);
                woken.extend(state.waker.get().cloned());
            } else if phase == Phase::Idle as usize && still > rest && !state.rest.swap(true, Ordering::Relaxed) {
                woken.extend(state.waker.get().cloned());
            }
            true
        });
        // Outside the lock: waking may run code that watches something new.
        woken.into_iter().for_each(Waker::wake);
    }

    /// Asks every connection to finish what it is doing and go.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.wake_all();
    }

    /// Wakes every connection and tunnel, for something may have changed.
    pub fn wake_all(&self) {
        let wakers: Vec<Waker> = self.lock().iter().filter_map(|state| state.upgrade()?.waker.get().cloned()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// How many connections and tunnels there are.
    #[must_use]
    pub fn count(&self) -> usize {
        let watches = self.lock();
        watches.iter().filter_map(Weak::upgrade).filter(|state| !state.done.load(Ordering::Relaxed)).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<State>>> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At least one.
fn millis(limit: Duration) -> u32 {
    u32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1)
}

impl Watch {
    /// Enters a phase, as of now.
    pub fn enter(&self, phase: Phase) {
        self.enter_for(phase, 0);
    }

    /// Enters a phase with a limit of its own, counted by [`Watch::limit`].
    pub fn enter_for(&self, phase: Phase, limit: u32) {
        self.state.phase.store(phase as u8, Ordering::Relaxed);
        self.state.limit.store(limit, Ordering::Relaxed);
        self.state.overdue.store(false, Ordering::Relaxed);
        self.state.rest.store(false, Ordering::Relaxed);
        self.progress();
    }

    /// A limit other than the phase's own.
    #[must_use]
    pub fn limit(&self, limit: Duration) -> u32 {
        millis(limit)
    }

    /// Once the gate is to stop, what has not moved gets only a moment more from now on. Later calls change nothing.
    pub fn hurry(&self) {
        if self.patience.is_draining() && !self.state.hurried.swap(true, Ordering::Relaxed) {
            let phase = self.phase();
            let own = self.state.limit.load(Ordering::Relaxed);
            let limit = if own == 0 { self.patience.limits[phase as usize].load(Ordering::Relaxed) } else { own };
            self.enter_for(phase, limit.min(self.limit(Patience::LAST_WORD)));
        }
    }

    /// Somebody else is waited for, within the same limit and since the same moment.
    pub fn wait_for(&self, phase: Phase) {
        self.state.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Something moved.
    pub fn progress(&self) {
        self.state.since.store(self.patience.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    #[must_use]
    pub fn phase(&self) -> Phase {
        Phase::ALL[usize::from(self.state.phase.load(Ordering::Relaxed))]
    }

    /// Whether nothing has moved for longer than the phase allows.
    #[must_use]
    pub fn is_overdue(&self) -> bool {
        self.state.overdue.load(Ordering::Relaxed)
    }

    /// Whether nothing has been asked for so long that what serves the next request may be put away.
    #[must_use]
    pub fn may_rest(&self) -> bool {
        self.state.rest.load(Ordering::Relaxed)
    }

    /// Names the task to wake when this becomes overdue. A task's waker does not change: the first one is kept.
    pub fn wakes(&self, context: &Context<'_>) {
        self.state.waker.get_or_init(|| context.waker().clone());
    }

    /// Wakes that task, for it has something to do.
    pub fn wake(&self) {
        if let Some(waker) = self.state.waker.get() {
            waker.wake_by_ref();
        }
    }

    #[must_use]
    pub fn patience(&self) -> &Arc<Patience> {
        &self.patience
    }

    /// There is nothing left to follow once the guard is dropped, however that comes about.
    #[must_use]
    pub fn until_dropped(&self) -> Followed {
        Followed(self.state.clone())
    }
}

/// Keeps something followed.
#[derive(Debug)]
pub struct Followed(Arc<State>);

impl Drop for Followed {
    fn drop(&mut self) {
        self.0.done.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience() -> Arc<Patience> {
        let limit = Duration::from_secs(8);
        Patience::new(&Limits { header: limit, keepalive: limit * 2, response: limit, body: limit })
    }

    #[test]
    fn what_stands_still_becomes_overdue_and_what_moves_does_not() {
        let patience = patience();
        assert_eq!(patience.tick(), Duration::from_secs(1));
        let (still, moving, idle) =
            (patience.watch(Phase::Head), patience.watch(Phase::Body), patience.watch(Phase::Idle));
        for _ in 0..9 {
            moving.progress();
            patience.sweep();
        }
        assert!(still.is_overdue() && !moving.is_overdue() && !idle.is_overdue());
        still.enter(Phase::Upstream);
        assert!(!still.is_overdue(), "a new phase begins with new patience");
        still.enter_for(Phase::Upstream, still.limit(Duration::from_secs(2)));
        for _ in 0..3 {
            patience.sweep();
        }
        assert!(still.is_overdue());
    }

    #[test]
    fn other_limits_count_for_what_waits_already_but_not_against_a_limit_of_its_own() {
        let patience = patience();
        let (head, own) = (patience.watch(Phase::Head), patience.watch(Phase::Upstream));
        own.enter_for(Phase::Upstream, own.limit(Duration::from_secs(8)));
        patience.sweep();
        let limit = Duration::from_millis(800);
        patience.adopt(&Limits { header: limit, keepalive: limit, response: limit, body: limit });
        assert_eq!(patience.tick(), Duration::from_millis(100));
        patience.sweep();
        assert!(head.is_overdue() && !own.is_overdue());
        (0..69).for_each(|_| patience.sweep());
        assert!(!own.is_overdue(), "eight seconds are not over");
        (0..2).for_each(|_| patience.sweep());
        assert!(own.is_overdue());
    }

    #[derive(Debug, Default)]
    struct Counting(AtomicU32);

    impl Host for Counting {
        fn gone(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_host_is_told_once_when_the_last_watch_is_gone() {
        let (patience, host) = (patience(), Arc::<Counting>::default());
        let told = || host.0.load(Ordering::Relaxed);
        let (first, other) =
            (patience.watch_for(Phase::Own, host.clone()), patience.watch_for(Phase::Own, host.clone()));
        let (second, followed) = (first.clone(), first.until_dropped());
        drop(first);
        patience.sweep();
        drop(followed);
        patience.sweep();
        assert_eq!(told(), 0, "somebody still has it");
        drop(second);
        assert_eq!(told(), 1);
        patience.sweep();
        drop(other);
        patience.sweep();
        assert_eq!((told(), patience.lock().len()), (2, 0));
    }

    #[test]
    fn finished_watches_are_forgotten() {
        let patience = patience();
        let watch = patience.watch(Phase::Head);
        assert_eq!(patience.count(), 1);
        drop(watch.until_dropped());
        patience.sweep();
        assert_eq!((patience.count(), patience.lock().len()), (0, 0));
    }
}
