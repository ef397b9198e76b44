//! An account's own token and tickets: one owner, fetched once however many ask, renewed before they end.
//!
//! Whoever has a value at hand gets it at once, by [`Platform::cached`]; whoever has none waits in [`Platform::get`] for
//! the one fetch that all share. Fetches run on the control runtime and end well whoever goes away. A value is handed out
//! until its own expiry and not a second longer: WeChat promises life beyond that only to a token that has been replaced,
//! and then the new one is what we hand out.
//!
//! A value is renewed when it is asked for in its last five minutes, and by [`Platform::keep_warm`] when somebody has
//! asked for it since it came: so nobody waits on a busy gate, and one that nobody asks lets WeChat alone.

mod desk;
mod fetch;
mod kept;
mod setback;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::error::{Api, Error};
use crate::clock::{Clock, Timestamp};
use crate::secret::Secret;
use crate::store::Store;
use desk::{Desk, Outcome, Running};
use kept::Kept;
pub use source::Source;

/// The platform tokens of one official account, or of one application in WeCom. Cheap to clone; clones share everything.
#[derive(Debug, Clone)]
pub struct Platform(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    kept: Kept,
    clock: Clock,
    runtime: Handle,
    pace: Pace,
    /// One for each of the source's kinds, in that order.
    desks: [Desk; 3],
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    AccessToken,
    /// Signs a page for the JS-SDK.
    JsapiTicket,
    /// Signs cards.
    WxCardTicket,
    /// Of an application in WeCom.
    WecomToken,
    /// Signs a corporation's page, for `wx.config`.
    WecomCorp,
    /// Signs an application's page, for `wx.agentConfig`.
    WecomAgent,
}

impl Kind {
    pub const OFFICIAL_ACCOUNT: [Self; 3] = [Self::AccessToken, Self::JsapiTicket, Self::WxCardTicket];
    pub const WECOM: [Self; 3] = [Self::WecomToken, Self::WecomCorp, Self::WecomAgent];

    /// The word of metrics and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::JsapiTicket => "jsapi",
            Self::WxCardTicket => "wx_card",
            Self::WecomToken => "wecom_token",
            Self::WecomCorp => "wecom_corp",
            Self::WecomAgent => "wecom_agent",
        }
    }

    /// Its place among the three of its source.
    const fn place(self) -> usize {
        match self {
            Self::AccessToken | Self::WecomToken => 0,
            Self::JsapiTicket | Self::WecomCorp => 1,
            Self::WxCardTicket | Self::WecomAgent => 2,
        }
    }

    /// Whether a token has to be there first.
    const fn is_ticket(self) -> bool {
        self.place() > 0
    }
}

/// A value that is good until it expires.
#[derive(Debug, Clone)]
pub struct Issued {
    pub value: Secret<String>,
    pub expires_at: Timestamp,
}

/// There is none to be had now.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no platform token: {error}")]
pub struct Unavailable {
    /// When it is worth asking again; at least a second.
    pub retry_after: Duration,
    pub error: Arc<Error>,
}

/// WeChat refuses the account a token: it is asked once in a while only, until the operator has put that right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alarm {
    pub errcode: i64,
    pub api: Api,
    pub since: Timestamp,
}

/// How things stand.
#[derive(Debug, Clone)]
pub struct State {
    /// What is left of each value's life; `None` where there is no value.
    pub tokens: [(Kind, Option<Duration>); 3],
    pub alarm: Option<Alarm>,
}

/// The times that are waited out rather than read off the gate's clock.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// After a first failure that may pass; doubled after each further one.
    pause: Duration,
    /// How long anybody waits.
    budget: Duration,
    /// How often [`Platform::keep_warm`] looks.
    look: Duration,
    /// How long a shared store is waited for.
    store: Duration,
}

const PACE: Pace = Pace {
    pause: Duration::from_secs(1),
    budget: Duration::from_secs(8),
    look: Duration::from_secs(20),
    store: Duration::from_secs(1),
};

impl Platform {
    /// `source` is the client of an official account or of an application in WeCom; only kinds of its own may be asked for.
    /// Nothing is fetched until somebody asks. `runtime` is where WeChat is spoken to, the client's own; `store` is what
    /// replicas share.
    #[must_use]
    pub fn new(source: impl Into<Source>, store: Arc<dyn Store>, clock: Clock, runtime: Handle) -> Self {
        Self::paced(source, store, clock, runtime, PACE)
    }

    fn paced(source: impl Into<Source>, store: Arc<dyn Store>, clock: Clock, runtime: Handle, pace: Pace) -> Self {
        let source = source.into();
        let kept = Kept::new(&source, store, clock.clone(), pace.store);
        Self(Arc::new(Inner { source, kept, clock, runtime, pace, desks: Default::default() }))
    }

    /// The value, if there is one that is good now. Never waits; begins a renewal where one is due.
    #[must_use]
    pub fn cached(&self, kind: Kind) -> Option<Issued> {
        let desk = self.desk(kind);
        desk.note_asked();
        let issued = self.0.kept.at_hand(kind)?;
        if desk.is_due(self.0.clock.now()) {
            self.renew(kind);
        }
        Some(issued)
    }

    /// The value: the one at hand, or WeChat's next. Nobody waits longer than eight seconds.
    ///
    /// # Errors
    /// [`Unavailable`] when WeChat gives none: at once while it is being left alone.
    pub async fn get(&self, kind: Kind) -> Result<Issued, Unavailable> {
        if let Some(issued) = self.cached(kind) {
            return Ok(issued);
        }
        match timeout(self.0.pace.budget, self.join(kind)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.too_late(kind)),
        }
    }

    /// Forgets a value that WeChat has called dead, unless another has taken its place. The next [`Platform::get`] fetches.
    pub async fn expire(&self, kind: Kind, used: &Secret<String>) {
        let (desk, now) = (self.desk(kind), self.0.clock.now());
        if !desk.stands_by(used, now) && self.0.kept.forget(kind, used).await {
            desk.disown(used, now);
        }
    }

    /// How things stand, for readiness and metrics.
    #[must_use]
    pub fn state(&self) -> State {
        let now = self.0.clock.now();
        State {
            tokens: self
                .kinds()
                .map(|kind| (kind, self.0.kept.at_hand(kind).map(|issued| issued.expires_at.since(now)))),
            alarm: self.alarm(),
        }
    }

    /// From now on, and until all clones are gone: renews in time what has been asked for since it came, and asks now and
    /// then whether a refusal still stands, so that a gate nobody is sent to any more heals too.
    pub fn keep_warm(&self) {
        let (weak, look) = (Arc::downgrade(&self.0), self.0.pace.look);
        self.0.runtime.spawn(async move {
            loop {
                tokio::time::sleep(look).await;
                let Some(inner) = weak.upgrade() else { return };
                Self(inner).look_after();
            }
        });
    }

    fn look_after(&self) {
        let now = self.0.clock.now();
        for kind in self.kinds() {
            let desk = self.desk(kind);
            let alarmed = !kind.is_ticket() && self.alarm().is_some();
            if desk.is_due(now) && (alarmed || desk.is_wanted()) {
                self.renew(kind);
            }
        }
    }

    /// A ticket that is refused is no alarm: the account may lack a permission that its site does without.
    fn alarm(&self) -> Option<Alarm> {
        self.desk(self.token_kind()).alarm()
    }

    fn desk(&self, kind: Kind) -> &Desk {
        debug_assert!(self.kinds().contains(&kind), "{kind} is not to be had here");
        &self.0.desks[kind.place()]
    }

    fn kinds(&self) -> [Kind; 3] {
        self.0.source.kinds()
    }

    /// The kind of the token that tickets take.
    fn token_kind(&self) -> Kind {
        let [token, ..] = self.kinds();
        token
    }

    /// What comes of the fetch under way, or of one begun now.
    async fn join(&self, kind: Kind) -> Outcome {
        if let Some(unavailable) = self.resting(kind) {
            return Err(unavailable);
        }
        let mut running = match self.desk(kind).join(|| self.0.kept.at_hand(kind)) {
            Running::Done(issued) => return Ok(issued),
            Running::Joined(running) => running,
            Running::Begun(done, running) => {
                self.run(kind, done);
                running
            }
        };
        let outcome = running.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        // The work was dropped with its runtime, or it panicked.
        let cut_short = || Err(self.unavailable(Duration::ZERO, Error::unreachable(self.api(kind), "cut short")));
        outcome.ok().flatten().unwrap_or_else(cut_short)
    }

    /// Begins a fetch nobody waits for, unless one is under way or has just ended.
    fn renew(&self, kind: Kind) {
        if let Some(done) = self.desk(kind).renew(self.0.clock.now()) {
            self.run(kind, done);
        }
    }

    fn run(&self, kind: Kind, done: watch::Sender<Option<Outcome>>) {
        let platform = self.clone();
        self.0.runtime.spawn(async move {
            let outcome = platform.campaign(kind).await;
            done.send_replace(Some(outcome));
        });
    }

    /// Why WeChat is being left alone, if it is. A ticket has no better chances than the token it takes.
    fn resting(&self, kind: Kind) -> Option<Unavailable> {
        let now = self.0.clock.now();
        let token = || {
            let needs_one = kind.is_ticket() && self.0.kept.at_hand(self.token_kind()).is_none();
            needs_one.then(|| self.desk(self.token_kind()).resting(now)).flatten()
        };
        self.desk(kind).resting(now).or_else(token)
    }

    fn too_late(&self, kind: Kind) -> Unavailable {
        let now = self.0.clock.now();
        let known = self.desk(kind).last(now).or_else(|| self.desk(self.token_kind()).last(now));
        known.unwrap_or_else(|| {
            self.unavailable(self.0.pace.pause, Error::unreachable(self.api(kind), "no answer in time"))
        })
    }

    fn unavailable(&self, retry_after: Duration, error: Error) -> Unavailable {
        Unavailable { retry_after: retry_after.max(Duration::from_secs(1)), error: Arc::new(error) }
    }

    fn api(&self, kind: Kind) -> Api {
        self.0.source.api(kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
