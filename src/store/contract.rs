//! What every store must do, as one suite to be run against any of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Key, Store};

const MINUTE: Duration = Duration::from_mins(1);

/// Runs the whole suite. `advance` moves the clock the store lives by.
pub(super) async fn check(store: Arc<dyn Store>, advance: &(dyn Fn(Duration) + Sync)) {
    values_come_back_until_replaced(&*store).await;
    nothing_is_trusted_past_its_expiry(&*store, advance).await;
    taking_leaves_nothing(&*store).await;
    a_claim_is_won_once(&store).await;
    a_dead_claim_can_be_won_again(&*store, advance).await;
}

fn value(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

async fn get(store: &dyn Store, key: Key) -> Option<Bytes> {
    store.get(key).await.expect("the store answers")
}

async fn values_come_back_until_replaced(store: &dyn Store) {
    let key = Key::code("values come back");
    assert_eq!(get(store, key).await, None);
    store.put(key, value("one"), MINUTE).await.expect("kept");
    assert_eq!(get(store, key).await, Some(value("one")));
    store.put(key, value("two"), MINUTE).await.expect("kept");
    assert_eq!(get(store, key).await, Some(value("two")));
    assert_eq!(get(store, Key::code("another")).await, None);
}

async fn nothing_is_trusted_past_its_expiry(store: &dyn Store, advance: &(dyn Fn(Duration) + Sync)) {
    let (short, long) = (Key::state([1; 16]), Key::state([2; 16]));
    store.put(short, value("short"), MINUTE).await.expect("kept");
    store.put(long, value("long"), MINUTE * 2).await.expect("kept");
    advance(Duration::from_secs(59));
    assert_eq!(get(store, short).await, Some(value("short")));
    advance(Duration::from_secs(1));
    assert_eq!(get(store, short).await, None);
    assert_eq!(store.take(short).await.expect("the store answers"), None);
    assert_eq!(get(store, long).await, Some(value("long")));
}

async fn taking_leaves_nothing(store: &dyn Store) {
    let key = Key::code("taken");
    store.put(key, value("once"), MINUTE).await.expect("kept");
    assert_eq!(store.take(key).await.expect("the store answers"), Some(value("once")));
    assert_eq!(store.take(key).await.expect("the store answers"), None);
    assert_eq!(get(store, key).await, None);
}

async fn a_claim_is_won_once(store: &Arc<dyn Store>) {
    let key = Key::code("claimed");
    let claims: Vec<_> = (0..50u8)
        .map(|n| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                store.put_new(key, Bytes::copy_from_slice(&[n]), MINUTE).await.expect("the store answers").then_some(n)
            })
        })
        .collect();
    let mut winners = Vec::new();
    for claim in claims {
        winners.extend(claim.await.expect("no panic"));
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(get(&**store, key).await, Some(Bytes::from(winners)));
}

async fn a_dead_claim_can_be_won_again(store: &dyn Store, advance: &(dyn Fn(Duration) + Sync)) {
    let key = Key::code("claimed again");
    assert!(store.put_new(key, value("first"), MINUTE).await.expect("the store answers"));
    assert!(!store.put_new(key, value("second"), MINUTE).await.expect("the store answers"));
    advance(MINUTE);
    assert!(store.put_new(key, value("third"), MINUTE).await.expect("the store answers"));
    assert_eq!(get(store, key).await, Some(value("third")));
}
