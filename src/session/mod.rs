//! A visitor's session: opened at sign-in, resumed on every request, ended at logout.
//!
//! It lives in the browser, in a sealed cookie, so any replica can resume it and no request waits for a store. Only
//! that it has been ended is remembered here.

mod jar;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod recent;
mod record;
mod revoked;
pub mod seal;

use std::time::Duration;

use http::HeaderValue;

pub use jar::Jar;
pub use recent::Recent;
use record::Times;
pub use record::{Session, Text};
pub use revoked::Revocations;
pub use seal::{Keys, Purpose};

use crate::clock::{Clock, Timestamp, random};
use crate::config;
use crate::request::Head;
use crate::types::{AppId, Identity, OpenId, SessionId};

/// A snapshot page's visitor is nobody for longer than the page is open (contract section 6).
const SNAPSHOT_TTL: Duration = Duration::from_mins(10);

/// A browser may hold cookies of one name from several domains, a dead one before the one that counts: without a look
/// at the next its owner would sign in over and over. More than these are nobody's accident.
const MOST_SHOWN: usize = 4;

/// Opens, resumes and ends sessions.
#[derive(Debug)]
pub struct Sessions {
    keys: Keys,
    jar: Jar,
    revocations: Revocations,
    ttl: Duration,
    idle: Option<Duration>,
    app_ids: Vec<AppId>,
    clock: Clock,
}

/// A session just opened, and the `Set-Cookie` line that gives it to the browser.
#[derive(Debug)]
pub struct Opened {
    pub session: Session,
    pub cookie: HeaderValue,
}

/// A session that a request carried.
#[derive(Debug)]
pub struct Resumed {
    pub session: Session,
    /// Whether enough idle time has passed that the cookie should be sealed again with a later `last_seen`.
    pub stale: bool,
}

impl Sessions {
    /// `app_ids` are the accounts whose visitors are welcome: a session of another account is none. `revocations` begin
    /// with the store that is to keep them.
    #[must_use]
    pub fn new(
        session: &config::Session,
        public_url: &config::PublicUrl,
        app_ids: Vec<AppId>,
        revocations: impl Into<Revocations>,
        clock: Clock,
    ) -> Self {
        let jar = Jar::new(session, public_url);
        let keys = Keys::new(&session.secrets, &public_url.origin, jar.session_name());
        Self { keys, jar, revocations: revocations.into(), ttl: session.ttl, idle: session.idle, app_ids, clock }
    }

    /// The session a request carries, unless anything about it is in doubt: a seal that does not open, a past
    /// expiry, an account that is no longer ours, a revocation.
    #[must_use]
    pub fn resume(&self, head: &Head) -> Option<Resumed> {
        self.resume_by(head, |sealed| self.open_seal(sealed))
    }

    /// The same, for a worker that remembers what it opened.
    #[must_use]
    pub fn resume_with(&self, head: &Head, recent: &Recent) -> Option<Resumed> {
        self.resume_by(head, |sealed| recent.find(sealed, || self.open_seal(sealed)))
    }

    fn resume_by(&self, head: &Head, open: impl Fn(&[u8]) -> Option<Session>) -> Option<Resumed> {
        let name = self.jar.session_name().as_bytes();
        let mut shown = head.cookies().filter(|(found, _)| *found == name).take(MOST_SHOWN);
        shown.find_map(|(_, sealed)| self.judged(open(sealed)?))
    }

    fn open_seal(&self, sealed: &[u8]) -> Option<Session> {
        Session::decode(self.keys.open(Purpose::Session, sealed)?)
    }

    fn judged(&self, session: Session) -> Option<Resumed> {
        let now = self.clock.now();
        self.is_alive(&session, now).then(|| {
            let seen = now.since(session.times.last_seen);
            let stale = self.idle.is_some_and(|idle| seen >= idle / 10);
            Resumed { session, stale }
        })
    }

    fn is_alive(&self, session: &Session, now: Timestamp) -> bool {
        let times = &session.times;
        // The operator may have shortened the life since the cookie was sealed.
        let expires_at = times.expires_at.min(times.issued_at.after(self.ttl));
        let idle_over = self.idle.is_some_and(|idle| now.since(times.last_seen) >= idle);
        now < expires_at
            && !idle_over
            && self.app_ids.iter().any(|ours| ours.as_str() == session.appid())
            && !self.revocations.covers(session)
    }

    /// Begins a session for someone who has just signed in: a new id, unless `keep` is the same person's own session
    /// on their way to a wider scope.
    #[must_use]
    pub fn open(&self, identity: &Identity, keep: Option<&Session>) -> Opened {
        let ttl = if identity.snapshot { self.ttl.min(SNAPSHOT_TTL) } else { self.ttl };
        self.open_until(self.clock.now().after(ttl), identity, keep)
    }

    /// Begins a session in another browser for whoever is signed in at `phone`, as `identity` has them. `keep` is as
    /// for [`Sessions::open`]. It ends with the phone's at the latest, lest one sign-in at WeChat beget sessions for ever.
    #[must_use]
    pub fn hand_over(&self, phone: &Session, identity: &Identity, keep: Option<&Session>) -> Opened {
        let end = phone.times.expires_at.min(self.clock.now().after(self.ttl));
        self.open_until(end, identity, keep)
    }

    fn open_until(&self, expires_at: Timestamp, identity: &Identity, keep: Option<&Session>) -> Opened {
        let now = self.clock.now();
        let kept = keep.filter(|session| session.is_of(identity) && !identity.snapshot);
        let times = Times { issued_at: now, expires_at, last_seen: now };
        let id = kept.map_or_else(|| SessionId(random()), |session| session.id);
        let session =
            Session::new(id, kept.map_or(times, |session| Times { last_seen: now, ..session.times }), identity);
        let cookie = self.cookie_of(&session);
        Opened { session, cookie }
    }

    /// The `Set-Cookie` line of a session opened before, seen now.
    #[must_use]
    pub fn reopen(&self, session: &Session) -> HeaderValue {
        self.cookie_of(&session.seen_at(self.clock.now()))
    }

    /// The same session with what has since been learnt of its visitor.
    #[must_use]
    pub fn enrich(&self, session: &Session, identity: &Identity) -> Opened {
        let times = Times { last_seen: self.clock.now(), ..session.times };
        let session = Session::new(session.id, times, identity);
        let cookie = self.cookie_of(&session);
        Opened { session, cookie }
    }

    fn cookie_of(&self, session: &Session) -> HeaderValue {
        let life = session.times.expires_at.since(self.clock.now());
        self.jar.set(self.jar.session_name(), &self.keys.seal(Purpose::Session, session.encoded()), life)
    }

    /// Ends a session for good, here and in every copy of its cookie (R11). The answer is the line that makes the
    /// browser forget it; it is right to send it even when there was no session.
    #[must_use]
    pub fn end(&self, session: Option<&Session>) -> HeaderValue {
        if let Some(session) = session {
            let life = session.times.expires_at.since(self.clock.now());
            self.revocations.add(session.id, life);
        }
        self.jar.expire_session()
    }

    /// Ends a session by its id, known from `X-Wechat-Session`, here and in every copy of its cookie.
    pub fn revoke(&self, id: SessionId) {
        // How long it would have lived is in the cookie only.
        self.revocations.add(id, self.ttl);
    }

    /// Ends every session that this person has now. Whoever signs in again, from the next second on, is let in.
    pub fn revoke_all_of(&self, openid: &OpenId) {
        self.revocations.add_person(openid, self.clock.now(), self.ttl);
    }

    /// Whether this session has been ended, alone or with all of its visitor's.
    #[must_use]
    pub fn has_ended(&self, session: &Session) -> bool {
        self.revocations.covers(session)
    }

    /// Whether a session of that id has been ended.
    #[must_use]
    pub fn is_revoked(&self, id: SessionId) -> bool {
        self.revocations.contains(id)
    }

    /// Seals and opens what travels through the browser.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Names and writes the gate's cookies.
    #[must_use]
    pub const fn jar(&self) -> &Jar {
        &self.jar
    }
}
