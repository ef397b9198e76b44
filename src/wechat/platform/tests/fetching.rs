//! One fetch, however many ask and whoever goes away.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;
use crate::secret::Secret;
use crate::wechat::Trouble;
use crate::wechat::scripted::{APP_ID, APP_SECRET};

/// As [`well`], but every answer waits for a permit.
fn held(permits: &Arc<Semaphore>) -> impl Fn(&str) -> Reply + Send + Sync + 'static {
    let (permits, well) = (permits.clone(), well());
    move |target| match well(target) {
        Reply::Body(body) => Reply::Held(permits.clone(), body),
        other => other,
    }
}

/// Lets others work until something is so.
async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_thousand_who_ask_a_cold_gate_cost_one_token_and_one_ticket() {
    let permits = Arc::new(Semaphore::new(0));
    let bench = Bench::new(held(&permits)).await;
    let waiting: Vec<_> = (0..1000)
        .map(|_| {
            let platform = bench.platform.clone();
            tokio::spawn(async move { platform.get(Kind::JsapiTicket).await })
        })
        .collect();
    until(|| bench.calls() == (1, 0)).await;
    permits.add_permits(1);
    until(|| bench.calls() == (1, 1)).await;
    permits.add_permits(1);
    for waiter in waiting {
        let issued = waiter.await.expect("no panic").expect("a ticket");
        assert_eq!(issued.value.expose(), "TICKET-2");
        assert_eq!(issued.expires_at, bench.clock.now().after(Duration::from_hours(2)));
    }
    assert_eq!(bench.calls(), (1, 1));
    assert_eq!(bench.get(Kind::AccessToken).await, "TOKEN-1");
    permits.add_permits(1);
    assert_eq!(bench.get(Kind::WxCardTicket).await, "TICKET-3", "another value, by the same token");
    assert_eq!(bench.calls(), (1, 2));
    let asked = bench.wechat.asked(TICKET);
    assert_eq!(
        asked,
        [format!("{TICKET}?access_token=TOKEN-1&type=jsapi"), format!("{TICKET}?access_token=TOKEN-1&type=wx_card")]
    );
}

#[tokio::test]
async fn whoever_goes_away_cancels_nothing() {
    let permits = Arc::new(Semaphore::new(0));
    let bench = Bench::new(held(&permits)).await;
    let platform = bench.platform.clone();
    let waiter = tokio::spawn(async move { platform.get(Kind::AccessToken).await });
    until(|| bench.calls() == (1, 0)).await;
    waiter.abort();
    assert!(waiter.await.expect_err("aborted").is_cancelled());
    permits.add_permits(1);
    bench.settled().await;
    assert_eq!(bench.cached(Kind::AccessToken).as_deref(), Some("TOKEN-1"));
    assert_eq!(bench.calls(), (1, 0));
}

#[tokio::test]
async fn nobody_waits_longer_than_the_budget() {
    let pace = Pace { budget: Duration::from_millis(50), ..QUICK };
    let bench = Bench::paced(pace, |_| Reply::Silence).await;
    let none = bench.platform.get(Kind::JsapiTicket).await.expect_err("WeChat is silent");
    assert_eq!(none.error.trouble, Trouble::Unreachable);
    assert!(none.retry_after >= Duration::from_secs(1));
    // What they waited for goes on, and may not even have begun.
    until(|| bench.calls() == (1, 0)).await;
}

#[tokio::test]
async fn a_gate_that_stops_keeps_nobody_waiting() {
    let wechat = Scripted::begin(well()).await;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let client = Client::new(&account(), &wechat.endpoints(), runtime.handle().clone()).expect("TLS can be set up");
    let clock = Clock::fixed(Timestamp(1_000_000));
    let memory = Arc::new(Memory::new(clock.clone()));
    let platform = Platform::paced(client, memory, clock.clone(), runtime.handle().clone(), QUICK);
    platform.get(Kind::AccessToken).await.expect("a token");
    runtime.shutdown_background();
    clock.advance(Duration::from_secs(7100));
    assert!(platform.cached(Kind::AccessToken).is_some());
    for kind in Kind::OFFICIAL_ACCOUNT.repeat(2) {
        clock.advance(Duration::from_secs(100));
        assert_eq!(platform.get(kind).await.expect_err("nobody works").error.trouble, Trouble::Unreachable);
    }
}

#[tokio::test]
async fn the_stable_token_is_asked_for_by_post_and_never_forced() {
    let bench = Bench::new(well()).await;
    bench.get(Kind::AccessToken).await;
    let asked = bench.wechat.asked(STABLE);
    let body: serde_json::Value = serde_json::from_str(&asked[0][STABLE.len() + 1..]).expect("JSON");
    assert_eq!(
        body,
        serde_json::json!({
            "grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET, "force_refresh": false
        })
    );
}

#[tokio::test]
async fn the_classic_token_is_asked_for_only_where_the_operator_wants_it() {
    let wechat = Scripted::begin(well()).await;
    let clock = Clock::fixed(Timestamp(1_000_000));
    let memory = Arc::new(Memory::new(clock.clone()));
    let platform = centre_of(TokenSource::Classic, &wechat, memory, &clock, QUICK);
    platform.get(Kind::JsapiTicket).await.expect("a ticket");
    assert_eq!(
        wechat.asked(CLASSIC),
        [format!("{CLASSIC}?grant_type=client_credential&appid={APP_ID}&secret={APP_SECRET}")]
    );
    assert!(wechat.asked(STABLE).is_empty());
}

#[tokio::test]
async fn a_token_killed_underneath_is_replaced_with_one_more_try() {
    for errcode in [40001, 40014, 42001] {
        let bench = Bench::new(well()).await;
        bench.get(Kind::AccessToken).await;
        let fresh = well();
        bench.wechat.now(move |target| match target {
            target if target.contains("access_token=TOKEN-1&") => Reply::errcode(errcode),
            target if target.starts_with(TICKET) => fresh(target),
            _ => token(2, 7200),
        });
        assert_eq!(bench.get(Kind::JsapiTicket).await, "TICKET-1", "{errcode}");
        assert_eq!(bench.calls(), (2, 2), "{errcode}");
        assert_eq!(bench.cached(Kind::AccessToken).as_deref(), Some("TOKEN-2"));
    }
}

#[tokio::test]
async fn a_token_that_stays_dead_is_not_asked_for_again_and_again() {
    let bench =
        Bench::new(|target| if target.starts_with(TICKET) { Reply::errcode(40001) } else { token(1, 7200) }).await;
    let none = bench.platform.get(Kind::JsapiTicket).await.expect_err("no ticket");
    assert_eq!(none.error.errcode, Some(40001));
    assert_eq!(bench.calls(), (2, 6), "one more token, which is the same; then pauses between the tries for a ticket");
    for _ in 0..100 {
        bench.platform.get(Kind::JsapiTicket).await.expect_err("no ticket");
    }
    assert_eq!(bench.calls(), (2, 6));
}

#[tokio::test]
async fn only_the_value_that_was_used_is_forgotten() {
    let bench = Bench::new(well()).await;
    bench.get(Kind::AccessToken).await;
    bench.platform.expire(Kind::AccessToken, &Secret::new("TOKEN-0".into())).await;
    assert_eq!(bench.get(Kind::AccessToken).await, "TOKEN-1");
    bench.platform.expire(Kind::AccessToken, &Secret::new("TOKEN-1".into())).await;
    assert_eq!(bench.cached(Kind::AccessToken), None);
    assert_eq!(bench.get(Kind::AccessToken).await, "TOKEN-2");
    bench.platform.expire(Kind::AccessToken, &Secret::new("TOKEN-1".into())).await;
    assert_eq!(bench.get(Kind::AccessToken).await, "TOKEN-2");
    assert_eq!(bench.calls(), (2, 0));
}

#[tokio::test]
async fn wechats_second_word_outweighs_anybody_elses_for_a_minute() {
    let bench = Bench::new(|_| token(1, 7200)).await;
    let dead = Secret::new("TOKEN-1".into());
    bench.get(Kind::AccessToken).await;
    for _ in 0..50 {
        bench.platform.expire(Kind::AccessToken, &dead).await;
        bench.platform.expire(Kind::AccessToken, &Secret::new("never one of ours".into())).await;
        bench.get(Kind::AccessToken).await;
    }
    assert_eq!(bench.calls(), (2, 0));
    bench.advance(60);
    bench.platform.expire(Kind::AccessToken, &dead).await;
    bench.get(Kind::AccessToken).await;
    assert_eq!(bench.calls(), (3, 0));
}
