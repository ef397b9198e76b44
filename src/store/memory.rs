//! The store inside the process, and the counters of rate limits: the only user of moka.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::key::Kind;
use super::{Key, Pending, Store};
use crate::clock::{Clock, Timestamp};

// Room in bytes, a part for each kind, so that a flood of one cannot push out another. When a kind is full its least
// recently used records go: an evicted revocation would bring a session back, so they have by far the most room.
/// Some ten thousand outcomes of codes with ordinary targets; each lives ten minutes.
const CODES: u64 = 16 << 20;
/// Some hundred thousand sign-ins under way; each lives ten minutes.
const STATES: u64 = 24 << 20;
/// Some three hundred thousand sign-outs; each lives as long as its session would have.
const REVOKED: u64 = 64 << 20;
/// Some fifty thousand people; what is pushed out only makes `me?fresh=1` answer what is known.
const USER_TOKENS: u64 = 32 << 20;
/// Three records for each account.
const PLATFORM: u64 = 1 << 20;
/// Some thirty thousand desktops that wait for a phone, or ten thousand whose phone has answered; each lives two minutes.
const HANDOFFS: u64 = 8 << 20;

/// What a record costs beside its value: the key, moka's bookkeeping, the allocations.
const OVERHEAD: usize = 200;

/// A bounded store in this process. Cheap to clone; clones share their records.
#[derive(Clone)]
pub struct Memory {
    codes: Cache<Key, Record>,
    states: Cache<Key, Record>,
    revoked: Cache<Key, Record>,
    user_tokens: Cache<Key, Record>,
    platform: Cache<Key, Record>,
    handoffs: Cache<Key, Record>,
    clock: Clock,
}

#[derive(Clone)]
struct Record {
    value: Bytes,
    life: Duration,
    /// By our own clock, and the only expiry that is believed; moka's merely frees the room.
    expires_at: Timestamp,
}

impl Memory {
    /// An empty store that lives by `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            codes: part(CODES),
            states: part(STATES),
            revoked: part(REVOKED),
            user_tokens: part(USER_TOKENS),
            platform: part(PLATFORM),
            handoffs: part(HANDOFFS),
            clock,
        }
    }

    /// As [`Store::get`], at once.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Bytes> {
        let record = self.part(key).get(key)?;
        self.is_alive(&record).then_some(record.value)
    }

    /// As [`Store::put`], at once.
    pub fn put(&self, key: Key, value: Bytes, life: Duration) {
        self.part(&key).insert(key, self.record(&value, life));
    }

    /// As [`Store::take`], at once.
    #[must_use]
    pub fn take(&self, key: &Key) -> Option<Bytes> {
        let record = self.part(key).remove(key)?;
        self.is_alive(&record).then_some(record.value)
    }

    /// As [`Store::put_new`], at once.
    #[must_use]
    pub fn put_new(&self, key: Key, value: Bytes, life: Duration) -> bool {
        let is_dead = |record: &Record| !self.is_alive(record);
        self.part(&key).entry(key).or_insert_with_if(|| self.record(&value, life), is_dead).is_fresh()
    }

    fn part(&self, key: &Key) -> &Cache<Key, Record> {
        match key.kind() {
            Kind::Code => &self.codes,
            Kind::State => &self.states,
            Kind::Revoked => &self.revoked,
            Kind::UserToken => &self.user_tokens,
            Kind::Platform => &self.platform,
            Kind::Handoff => &self.handoffs,
        }
    }

    fn record(&self, value: &Bytes, life: Duration) -> Record {
        // A slice would keep all of what it was cut from alive, and our weights would lie.
        Record { value: Bytes::copy_from_slice(value), life, expires_at: self.clock.now().after(life) }
    }

    fn is_alive(&self, record: &Record) -> bool {
        self.clock.now() < record.expires_at
    }
}

// moka's own would print every record (R28).
impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory(…)")
    }
}

fn part(room: u64) -> Cache<Key, Record> {
    Cache::builder()
        .max_capacity(room)
        .weigher(|_, record: &Record| u32::try_from(record.value.len() + OVERHEAD).unwrap_or(u32::MAX))
        // moka's own policy may refuse a newcomer, which here would be a sign-out that is forgotten at once.
        .eviction_policy(EvictionPolicy::lru())
        .expire_after(OwnLife)
        .build()
}

/// Each record frees its room after its own life.
struct OwnLife;

impl Expiry<Key, Record> for OwnLife {
    fn expire_after_create(&self, _: &Key, record: &Record, _: Instant) -> Option<Duration> {
        Some(record.life)
    }

    fn expire_after_update(&self, _: &Key, record: &Record, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(record.life)
    }
}

impl Store for Memory {
    fn get(&self, key: Key) -> Pending<'_, Option<Bytes>> {
        Box::pin(async move { Ok(Self::get(self, &key)) })
    }

    fn put(&self, key: Key, value: Bytes, life: Duration) -> Pending<'_, ()> {
        Box::pin(async move {
            Self::put(self, key, value, life);
            Ok(())
        })
    }

    fn take(&self, key: Key) -> Pending<'_, Option<Bytes>> {
        Box::pin(async move { Ok(Self::take(self, &key)) })
    }

    fn put_new(&self, key: Key, value: Bytes, life: Duration) -> Pending<'_, bool> {
        Box::pin(async move { Ok(Self::put_new(self, key, value, life)) })
    }
}

/// One number for each of a bounded set of somebodies; the longest unseen are forgotten first.
#[derive(Clone)]
pub struct Tallies<K: Hash + Eq + Send + Sync + 'static>(Cache<K, Arc<AtomicU64>>);

impl<K: Hash + Eq + Send + Sync + 'static> Tallies<K> {
    /// Room for `most` numbers, each forgotten when unused for `idle`.
    #[must_use]
    pub fn new(most: u64, idle: Duration) -> Self {
        Self(Cache::builder().max_capacity(most).eviction_policy(EvictionPolicy::lru()).time_to_idle(idle).build())
    }

    /// Somebody's number, zero at first.
    #[must_use]
    pub fn of(&self, somebody: K) -> Arc<AtomicU64> {
        self.0.get_with(somebody, Arc::default)
    }
}

impl<K: Hash + Eq + Send + Sync + 'static> fmt::Debug for Tallies<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tallies(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;
    use crate::types::SessionId;

    /// Longer than any test takes: records leave by the machine's own clock.
    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_memory_store_keeps_the_contract() {
        let clock = Clock::fixed(Timestamp(1_000));
        contract::check(Arc::new(Memory::new(clock.clone())), &|by| clock.advance(by)).await;
    }

    #[test]
    fn r15_a_flood_of_states_stays_bounded_and_pushes_out_no_revocation() {
        let memory = Memory::new(Clock::fixed(Timestamp(1_000)));
        let revoked = Key::revoked(SessionId([1; 16]));
        memory.put(revoked, Bytes::from_static(b"1"), LONG);
        let most = u128::from(STATES) / OVERHEAD as u128;
        for n in 0..most * 2 {
            memory.put(Key::state(n.to_be_bytes()), Bytes::from_static(b"s"), LONG);
        }
        memory.states.run_pending_tasks();
        assert!(u128::from(memory.states.entry_count()) <= most);
        assert!(memory.get(&revoked).is_some());
        assert!(memory.get(&Key::state((most * 2 - 1).to_be_bytes())).is_some(), "a newcomer is never refused");
    }

    #[test]
    fn r15_a_flood_of_tickets_stays_bounded_and_pushes_out_no_sign_in() {
        let memory = Memory::new(Clock::fixed(Timestamp(1_000)));
        let state = Key::state([1; 16]);
        memory.put(state, Bytes::from_static(b"s"), LONG);
        let most = u128::from(HANDOFFS) / OVERHEAD as u128;
        for n in 0..most * 2 {
            memory.put(Key::handoff_ticket(n.to_be_bytes()), Bytes::from_static(b"t"), LONG);
        }
        memory.handoffs.run_pending_tasks();
        assert!(u128::from(memory.handoffs.entry_count()) <= most);
        assert!(memory.get(&state).is_some());
        assert!(memory.get(&Key::handoff_ticket((most * 2 - 1).to_be_bytes())).is_some());
    }

    #[test]
    fn r28_a_store_prints_no_record() {
        let memory = Memory::new(Clock::fixed(Timestamp(1_000)));
        memory.put(Key::code("c"), Bytes::from_static(b"hunter2"), Duration::from_mins(1));
        assert_eq!(format!("{memory:?}"), "Memory(…)");
    }

    #[test]
    fn tallies_are_kept_apart_and_found_again() {
        let tallies = Tallies::new(10, Duration::from_mins(1));
        tallies.of("a").store(5, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(tallies.of("a").load(std::sync::atomic::Ordering::Relaxed), 5);
        assert_eq!(tallies.of("b").load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}
