//! What WeChat refuses, and how long it is left alone for it.

use std::time::Duration;

use super::*;
use crate::wechat::Api;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;

/// From now on every token is refused by this errcode.
fn refuse(bench: &Bench, errcode: i64) {
    bench.wechat.now(move |_| Reply::errcode(errcode));
}

#[tokio::test]
async fn refused_credentials_ring_the_alarm_and_are_tried_again_now_and_then() {
    for (errcode, poll) in [
        (40001, MINUTE),
        (40013, MINUTE),
        (40125, MINUTE),
        (40164, MINUTE),
        (40243, MINUTE),
        (50004, MINUTE),
        (50007, MINUTE),
        (48004, MINUTE),
        (89501, 5 * MINUTE),
        (89503, 5 * MINUTE),
        (89506, 24 * HOUR),
        (89507, HOUR),
    ] {
        let bench = Bench::new(move |_| Reply::errcode(errcode)).await;
        let since = bench.clock.now();
        for kind in [Kind::JsapiTicket, Kind::AccessToken, Kind::WxCardTicket].repeat(30) {
            let none = bench.platform.get(kind).await.expect_err("refused");
            assert_eq!((none.error.errcode, none.retry_after), (Some(errcode), Duration::from_secs(poll)));
        }
        assert_eq!(bench.calls(), (1, 0), "{errcode}: no call per request");
        let alarm = bench.platform.state().alarm.expect("an alarm");
        assert_eq!((alarm.errcode, alarm.api, alarm.since), (errcode, Api::StableToken, since));

        bench.advance(poll - 1);
        bench.platform.get(Kind::JsapiTicket).await.expect_err("refused");
        assert_eq!(bench.calls(), (1, 0), "{errcode}: left alone until then");
        bench.advance(1);
        bench.platform.get(Kind::JsapiTicket).await.expect_err("refused");
        assert_eq!(bench.calls(), (2, 0), "{errcode}: and then asked again");
        assert_eq!(bench.platform.state().alarm.map(|alarm| alarm.since), Some(since), "{errcode}");

        bench.wechat.now(well());
        bench.advance(poll);
        assert_eq!(bench.get(Kind::JsapiTicket).await, "TICKET-2", "{errcode}: healed");
        assert_eq!(bench.platform.state().alarm, None);
    }
}

#[tokio::test]
async fn a_refusal_heals_though_nobody_is_sent_here_any_more() {
    let bench = Bench::new(|_| Reply::errcode(40164)).await;
    bench.platform.get(Kind::JsapiTicket).await.expect_err("refused");
    bench.platform.look_after();
    assert_eq!(bench.calls(), (1, 0));
    bench.wechat.now(well());
    bench.advance(MINUTE);
    bench.platform.look_after();
    bench.settled().await;
    assert_eq!(bench.platform.state().alarm, None);
    assert_eq!(bench.calls().0, 2);
}

#[tokio::test]
async fn an_outage_takes_no_refusal_back() {
    let bench = Bench::new(|_| Reply::errcode(40164)).await;
    bench.platform.get(Kind::AccessToken).await.expect_err("refused");
    let alarm = bench.platform.state().alarm.expect("an alarm");
    refuse(&bench, -1);
    bench.advance(MINUTE);
    bench.platform.get(Kind::AccessToken).await.expect_err("busy");
    assert_eq!(bench.platform.state().alarm, Some(alarm));
    refuse(&bench, 40125);
    bench.advance(2 * MINUTE);
    bench.platform.get(Kind::AccessToken).await.expect_err("refused");
    let alarm = bench.platform.state().alarm.expect("another alarm");
    assert_eq!((alarm.errcode, alarm.since), (40125, bench.clock.now()));
}

#[tokio::test]
async fn a_quota_is_given_its_own_time_whatever_went_before() {
    let bench = Bench::new(|_| Reply::errcode(-1)).await;
    bench.platform.get(Kind::AccessToken).await.expect_err("busy");
    refuse(&bench, 45009);
    bench.advance(2 * MINUTE);
    let none = bench.platform.get(Kind::AccessToken).await.expect_err("used up");
    assert!((450..=750).contains(&none.retry_after.as_secs()), "{none:?}");
}

#[tokio::test]
async fn a_ticket_that_is_not_granted_leaves_the_token_alone() {
    let bench =
        Bench::new(|target| if target.starts_with(TICKET) { Reply::errcode(48001) } else { token(1, 7200) }).await;
    for _ in 0..10 {
        let none = bench.platform.get(Kind::JsapiTicket).await.expect_err("refused");
        assert_eq!(none.error.errcode, Some(48001));
    }
    assert_eq!(bench.calls(), (1, 1));
    assert_eq!(bench.get(Kind::AccessToken).await, "TOKEN-1");
    assert_eq!(bench.platform.state().alarm, None, "the account is well, it only lacks a permission");
    for _ in 0..3 {
        bench.advance(5 * MINUTE);
        bench.platform.look_after();
        bench.settled().await;
        assert_eq!(bench.calls(), (1, 2), "once more for those who have asked since, and no more");
    }
}

#[tokio::test]
async fn a_blip_is_waited_out() {
    for trouble in [Reply::errcode(-1), Reply::Reset, Reply::json("<html>"), Reply::errcode(123_456)] {
        let bench = Bench::new(well()).await;
        let left = AtomicU64::new(3);
        let well = well();
        bench.wechat.now(move |target| {
            let blip = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
            if blip { trouble.clone() } else { well(target) }
        });
        assert_eq!(bench.get(Kind::JsapiTicket).await, "TICKET-2");
        assert_eq!(bench.calls(), (4, 1));
        assert_eq!(bench.platform.state().alarm, None);
    }
}

#[tokio::test]
async fn an_outage_is_looked_at_once_a_minute_and_nobody_waits_for_it() {
    let bench = Bench::new(|_| Reply::errcode(-1)).await;
    let none = bench.platform.get(Kind::AccessToken).await.expect_err("busy");
    assert_eq!(bench.calls(), (6, 0), "five pauses, each twice as long");
    assert!((45..=75).contains(&none.retry_after.as_secs()), "{none:?}");
    for _ in 0..100 {
        bench.platform.get(Kind::JsapiTicket).await.expect_err("busy");
    }
    assert_eq!(bench.calls(), (6, 0));
    assert_eq!(bench.platform.state().alarm, None, "there is nothing the operator could do");
    bench.advance(75);
    bench.platform.get(Kind::AccessToken).await.expect_err("busy");
    assert_eq!(bench.calls(), (7, 0));
    bench.wechat.now(well());
    bench.advance(75);
    assert_eq!(bench.get(Kind::AccessToken).await, "TOKEN-1");
    refuse(&bench, -1);
    bench.platform.expire(Kind::AccessToken, &crate::secret::Secret::new("TOKEN-1".into())).await;
    bench.platform.get(Kind::AccessToken).await.expect_err("busy");
    assert_eq!(bench.calls(), (14, 0), "the pauses are short again after a success");
}

#[tokio::test]
async fn tries_end_when_nobody_can_be_waiting_any_more() {
    let pace = Pace { pause: PACE.budget * 2, ..PACE };
    let bench = Bench::paced(pace, |_| Reply::errcode(-1)).await;
    let none = bench.platform.get(Kind::AccessToken).await.expect_err("busy");
    assert!((12..=20).contains(&none.retry_after.as_secs()), "{none:?}");
    assert_eq!(bench.calls(), (1, 0));
    bench.advance(11);
    bench.platform.get(Kind::AccessToken).await.expect_err("busy");
    assert_eq!(bench.calls(), (1, 0), "left alone until then");
    bench.advance(9);
    bench.platform.get(Kind::AccessToken).await.expect_err("busy");
    assert_eq!(bench.calls(), (2, 0));
}

#[tokio::test]
async fn quotas_are_given_the_time_they_need() {
    let check = async |errcode, rests: &[(u64, u64)]| {
        let bench = Bench::new(move |_| Reply::errcode(errcode)).await;
        for (n, (least, most)) in rests.iter().enumerate() {
            let none = bench.platform.get(Kind::JsapiTicket).await.expect_err("used up");
            let rest = none.retry_after.as_secs();
            assert!((*least..=*most).contains(&rest), "{errcode}: {rest} s the {n}. time");
            assert_eq!(bench.calls(), (n + 1, 0), "{errcode}");
            bench.advance(rest - 1);
            bench.platform.get(Kind::JsapiTicket).await.expect_err("used up");
            assert_eq!(bench.calls(), (n + 1, 0), "{errcode}: left alone until then");
            bench.advance(1);
        }
        assert_eq!(bench.platform.state().alarm, None);
    };
    check(45011, &[(60, 79), (60, 79), (60, 79)]).await;
    let minutes = |least: u64| (least * 45, least * 75);
    check(45009, &[minutes(10), minutes(20), minutes(40), minutes(80), minutes(160), minutes(240), minutes(240)]).await;
}
