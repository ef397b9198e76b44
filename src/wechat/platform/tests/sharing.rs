//! Several gates over one store, and a store that is away.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::secret::Secret;
use crate::store::{Error, Key, Pending};

#[tokio::test]
async fn what_one_replica_has_fetched_another_takes() {
    let wechat = Scripted::begin(well()).await;
    let clock = Clock::fixed(Timestamp(1_000_000));
    let memory = Arc::new(Memory::new(clock.clone()));
    let [one, other] = [(); 2].map(|()| centre(&wechat, memory.clone(), &clock, QUICK));
    let ticket = async |platform: &Platform| platform.get(Kind::JsapiTicket).await.expect("a ticket");
    let first = ticket(&one).await;
    let same = ticket(&other).await;
    assert_eq!((first.value.expose(), first.expires_at), (same.value.expose(), same.expires_at));
    assert_eq!((wechat.asked(STABLE).len(), wechat.asked(TICKET).len()), (1, 1));

    one.expire(Kind::JsapiTicket, &first.value).await;
    assert_eq!(ticket(&one).await.value.expose(), "TICKET-3");
    assert_eq!(other.cached(Kind::JsapiTicket).expect("still at hand").value.expose(), "TICKET-2");
    other.expire(Kind::JsapiTicket, &first.value).await;
    assert_eq!(ticket(&other).await.value.expose(), "TICKET-3", "compared, and the newer one kept");
    assert_eq!(wechat.asked(TICKET).len(), 2);
}

#[tokio::test]
async fn a_shared_record_that_cannot_be_is_not_believed() {
    let key = Key::platform([account().app_id.as_str(), Kind::AccessToken.as_str(), ""]);
    for (expires_in, expected) in [(7260, "SHARED"), (7261, "TOKEN-1"), (0, "TOKEN-1")] {
        let wechat = Scripted::begin(well()).await;
        let clock = Clock::fixed(Timestamp(1_000_000));
        let memory = Arc::new(Memory::new(clock.clone()));
        let record = [&(1_000_000_u64 + expires_in).to_be_bytes()[..], b"SHARED"].concat();
        memory.put(key, record.into(), Duration::from_hours(3));
        let platform = centre(&wechat, memory, &clock, QUICK);
        assert_eq!(platform.get(Kind::AccessToken).await.expect("a token").value.expose(), expected, "{expires_in}");
    }
}

#[tokio::test]
async fn a_token_is_used_though_the_store_does_not_take_it() {
    for store in [Away::Refusing, Away::Silent] {
        let wechat = Scripted::begin(well()).await;
        let clock = Clock::fixed(Timestamp(1_000_000));
        let pace = Pace { store: Duration::from_millis(5), ..QUICK };
        let platform = centre(&wechat, Arc::new(store), &clock, pace);
        for _ in 0..10 {
            assert_eq!(platform.get(Kind::AccessToken).await.expect("a token").value.expose(), "TOKEN-1");
        }
        assert_eq!(wechat.asked(STABLE).len(), 1);
        platform.expire(Kind::AccessToken, &Secret::new("TOKEN-1".into())).await;
        assert_eq!(platform.get(Kind::AccessToken).await.expect("a token").value.expose(), "TOKEN-2");
    }
}

/// A store nobody can reach.
#[derive(Debug, Clone, Copy)]
enum Away {
    Refusing,
    Silent,
}

impl Away {
    fn answer<T: Send + 'static>(self) -> Pending<'static, T> {
        Box::pin(async move {
            match self {
                Self::Refusing => Err(Error("it is away".into())),
                Self::Silent => std::future::pending().await,
            }
        })
    }
}

impl Store for Away {
    fn get(&self, _: Key) -> Pending<'_, Option<Bytes>> {
        self.answer()
    }

    fn put(&self, _: Key, _: Bytes, _: Duration) -> Pending<'_, ()> {
        self.answer()
    }

    fn take(&self, _: Key) -> Pending<'_, Option<Bytes>> {
        self.answer()
    }

    fn put_new(&self, _: Key, _: Bytes, _: Duration) -> Pending<'_, bool> {
        self.answer()
    }
}
