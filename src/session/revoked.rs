//! Which sessions have been ended before their time: one by one, or all that a person had at a moment.
//!
//! Every signed-in request asks, so the usual answer, no, comes from a filter that is only read; the store is asked
//! when the filter says maybe. The filter forgets nothing, which costs time but never truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::record::Session;
use crate::clock::Timestamp;
use crate::store::{Key, Memory};
use crate::types::{OpenId, SessionId};

/// 64 Ki bits in 8 KiB: with 1,000 ended sessions one request in a thousand asks the store in vain.
const WORDS: usize = 1024;

/// What has been ended. Cheap to clone; clones know the same.
#[derive(Debug, Clone)]
pub struct Revocations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    sessions: Filter,
    people: Filter,
    memory: Arc<Memory>,
}

impl From<Arc<Memory>> for Revocations {
    /// Of nobody so far; the store keeps what will be.
    fn from(memory: Arc<Memory>) -> Self {
        Self(Arc::new(Inner { sessions: Filter::new(), people: Filter::new(), memory }))
    }
}

impl Revocations {
    /// Ends one session, for as long as it could live.
    pub(super) fn add(&self, id: SessionId, life: Duration) {
        self.0.memory.put(Key::revoked(id), Bytes::new(), life);
        self.0.sessions.add(Hash::of_id(id));
    }

    /// Ends what sessions a person has had until `now`; those of a later second are new. `life` is the longest that any
    /// of them could live.
    pub(super) fn add_person(&self, openid: &OpenId, now: Timestamp, life: Duration) {
        let until = Bytes::copy_from_slice(&now.0.to_be_bytes());
        self.0.memory.put(Key::revoked_person(openid.as_str()), until, life);
        self.0.people.add(Hash::of_text(openid.as_str()));
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.0.sessions.may_contain(|| Hash::of_id(id)) && self.0.memory.get(&Key::revoked(id)).is_some()
    }

    /// Whether a session, or all of its visitor's at its time, have been ended.
    pub(super) fn covers(&self, session: &Session) -> bool {
        self.contains(session.id)
            || session.openid().is_some_and(|openid| {
                self.0.people.may_contain(|| Hash::of_text(openid))
                    && self.person_until(openid) >= session.times.issued_at
            })
    }

    /// Nobody signed in at the beginning of time.
    fn person_until(&self, openid: &str) -> Timestamp {
        let record = self.0.memory.get(&Key::revoked_person(openid));
        let until = record.and_then(|bytes| bytes.as_ref().try_into().ok()).map(u64::from_be_bytes);
        Timestamp(until.unwrap_or(0))
    }
}

/// What may be in a set, and what is not for sure.
#[derive(Debug)]
struct Filter {
    bits: Box<[AtomicU64]>,
    /// How often something was added: as long as nothing was, nobody need think of a place.
    added: AtomicU64,
}

impl Filter {
    fn new() -> Self {
        Self { bits: (0..WORDS).map(|_| AtomicU64::new(0)).collect(), added: AtomicU64::new(0) }
    }

    fn add(&self, hash: Hash) {
        for (word, bit) in hash.places() {
            self.bits[word].fetch_or(bit, Ordering::Release);
        }
        self.added.fetch_add(1, Ordering::Release);
    }

    fn may_contain(&self, hash: impl Fn() -> Hash) -> bool {
        self.added.load(Ordering::Acquire) > 0
            && hash().places().into_iter().all(|(word, bit)| self.bits[word].load(Ordering::Acquire) & bit != 0)
    }
}

/// Where something is marked in a filter.
#[derive(Debug, Clone, Copy)]
struct Hash([u16; 2]);

impl Hash {
    /// The id is random, so its bytes are as good as a hash.
    const fn of_id(SessionId(id): SessionId) -> Self {
        Self([u16::from_be_bytes([id[0], id[1]]), u16::from_be_bytes([id[2], id[3]])])
    }

    /// FNV-1a, stirred once more since its upper half hardly hears of the last letters. Openids are WeChat's, nobody
    /// chooses their own; and a collision costs a look into the store, no more.
    fn of_text(text: &str) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = text.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
        let [a, b, c, d, ..] = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        Self([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])])
    }

    fn places(self) -> [(usize, u64); 2] {
        self.0.map(|place| (usize::from(place / 64), 1 << (place % 64)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::Times;
    use super::*;
    use crate::clock::Clock;
    use crate::types::{Account, AppId, Identity, Scope};

    const HOUR: Duration = Duration::from_hours(1);

    fn openid(n: u32) -> OpenId {
        OpenId::parse(&format!("o6_bmjrPTlm6_2sgVt7hMZ{n:06}")).expect("an openid")
    }

    fn session(openid: OpenId, issued_at: u64) -> Session {
        let identity = Identity {
            account: Account::OfficialAccount,
            appid: AppId::parse("wx0123456789abcdef").expect("an appid"),
            scope: Scope::Base,
            openid: Some(openid),
            unionid: None,
            userid: None,
            nickname: None,
            avatar: None,
            snapshot: false,
        };
        let issued_at = Timestamp(issued_at);
        let times = Times { issued_at, expires_at: issued_at.after(HOUR), last_seen: issued_at };
        Session::new(SessionId(crate::clock::random()), times, &identity)
    }

    #[test]
    fn a_persons_sessions_end_up_to_the_second_it_was_said() {
        let clock = Clock::fixed(Timestamp(1000));
        let revocations = Revocations::from(Arc::new(Memory::new(clock.clone())));
        revocations.add_person(&openid(1), Timestamp(1000), HOUR);
        for (person, issued_at, ended) in [(1, 0, true), (1, 1000, true), (1, 1001, false), (2, 1000, false)] {
            assert_eq!(revocations.covers(&session(openid(person), issued_at)), ended, "{person} at {issued_at}");
        }
        clock.advance(HOUR);
        assert!(!revocations.covers(&session(openid(1), 1000)), "by then they have ended by themselves");
    }

    #[test]
    fn whatever_the_filters_hold_nobody_else_is_ended() {
        let revocations = Revocations::from(Arc::new(Memory::new(Clock::fixed(Timestamp(1000)))));
        for n in 0..20_000 {
            revocations.add_person(&openid(n), Timestamp(1000), HOUR);
            revocations.add(SessionId(crate::clock::random()), HOUR);
        }
        let maybe = |n: &u32| revocations.0.people.may_contain(|| Hash::of_text(openid(*n).as_str()));
        // 40,000 marks on 65,536 places leave 54 in 100 free: some 420 of these find two that are not.
        let look = (20_000..22_000).filter(maybe).count();
        assert!((300..600).contains(&look), "{look} look as if they were");
        assert!((20_000..22_000).all(|n| !revocations.covers(&session(openid(n), 500))));
        assert!((0..2_000).all(|n| revocations.covers(&session(openid(n), 500))));
    }
}
