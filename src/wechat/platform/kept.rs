//! Values where they lie: at hand in this process, and behind that in the store that replicas share.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::{Issued, Kind, Source};
use crate::clock::{Clock, Timestamp};
use crate::secret::Secret;
use crate::store::{Key, Memory, Store};

/// No value lives longer. One that claims to was put down before the clock was set back, or by somebody else's clock; the
/// minute is for replicas whose clocks differ a little.
const LONGEST_LIFE: Duration = Duration::from_mins(121);

#[derive(Debug)]
pub(super) struct Kept {
    near: Memory,
    shared: Arc<dyn Store>,
    /// One for each of the source's kinds, in that order.
    keys: [Key; 3],
    clock: Clock,
    /// A shared store that is slower than this is as good as away: WeChat is asked instead.
    patience: Duration,
}

impl Kept {
    pub(super) fn new(source: &Source, shared: Arc<dyn Store>, clock: Clock, patience: Duration) -> Self {
        let keys = source.kinds().map(|kind| Key::platform(source.names(kind)));
        Self { near: Memory::new(clock.clone()), shared, keys, clock, patience }
    }

    /// The value in this process, unless it has expired. Takes no lock and waits for nothing.
    pub(super) fn at_hand(&self, kind: Kind) -> Option<Issued> {
        self.alive(decode(&self.near.get(self.key(kind))?)?)
    }

    /// A value another replica has fetched, put at hand when it outlives ours.
    pub(super) async fn shared(&self, kind: Kind) -> Option<Issued> {
        let found = timeout(self.patience, self.shared.get(*self.key(kind))).await;
        let found = found.ok()?.inspect_err(|error| tracing::debug!(%kind, %error, "no shared token")).ok()??;
        let issued = self.alive(decode(&found)?)?;
        let news = self.at_hand(kind).is_none_or(|ours| ours.expires_at < issued.expires_at);
        news.then(|| {
            self.put_near(kind, &issued);
            issued
        })
    }

    /// Keeps a value for all. A shared store that does not take it is the lesser evil: the value is at hand here, and not
    /// fetched again (<https://github.com/silenceper/wechat/issues/762>).
    pub(super) async fn put(&self, kind: Kind, issued: &Issued) {
        self.put_near(kind, issued);
        let put = self.shared.put(*self.key(kind), encode(issued), self.life(issued));
        match timeout(self.patience, put).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%kind, %error, "a platform token is not shared"),
            Err(_) => tracing::warn!(%kind, "a platform token is not shared: the store is slow"),
        }
    }

    /// Forgets a value, here and for all, where it is still this one. Tells whether it was.
    pub(super) async fn forget(&self, kind: Kind, used: &Secret<String>) -> bool {
        let key = self.key(kind);
        let is_it = |bytes: &Bytes| decode(bytes).is_some_and(|issued| issued.value.expose() == used.expose());
        let near = self.near.get(key).is_some_and(|bytes| is_it(&bytes)) && self.near.take(key).is_some();
        let forget = async {
            let shared = self.shared.get(*key).await?.is_some_and(|bytes| is_it(&bytes));
            Ok::<_, crate::store::Error>(shared && self.shared.take(*key).await?.is_some())
        };
        // What stays there is found dead once more by whoever takes it.
        let shared = timeout(self.patience, forget).await.unwrap_or(Ok(false)).unwrap_or_else(|error| {
            tracing::debug!(%kind, %error, "a dead token stays in the store");
            false
        });
        near || shared
    }

    fn put_near(&self, kind: Kind, issued: &Issued) {
        self.near.put(*self.key(kind), encode(issued), self.life(issued));
    }

    const fn key(&self, kind: Kind) -> &Key {
        &self.keys[kind.place()]
    }

    fn life(&self, issued: &Issued) -> Duration {
        issued.expires_at.since(self.clock.now())
    }

    /// By the record's own expiry, whatever the store thought of it.
    fn alive(&self, issued: Issued) -> Option<Issued> {
        let now = self.clock.now();
        (now < issued.expires_at && issued.expires_at <= now.after(LONGEST_LIFE)).then_some(issued)
    }
}

/// The expiry in eight bytes, then the value: reading it costs one copy.
fn encode(issued: &Issued) -> Bytes {
    [&issued.expires_at.0.to_be_bytes()[..], issued.value.expose().as_bytes()].concat().into()
}

fn decode(record: &[u8]) -> Option<Issued> {
    let (expires_at, value) = record.split_first_chunk()?;
    let value = std::str::from_utf8(value).ok()?;
    Some(Issued { value: Secret::new(value.to_owned()), expires_at: Timestamp(u64::from_be_bytes(*expires_at)) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(value: String, expires_at: u64) {
            let issued = Issued { value: Secret::new(value.clone()), expires_at: Timestamp(expires_at) };
            let read = decode(&encode(&issued)).expect("our own record");
            prop_assert_eq!((read.value.expose(), read.expires_at), (&value, issued.expires_at));
        }

        #[test]
        fn r15_no_record_of_a_shared_store_panics(record: Vec<u8>) {
            let _ = decode(&record);
        }
    }
}
