//! Values are renewed before they end, when somebody wants them, and never trusted past it.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn a_value_is_renewed_in_its_last_minutes_while_the_old_one_serves() {
    let bench = Bench::new(well()).await;
    assert_eq!(bench.get(Kind::AccessToken).await, "TOKEN-1");
    bench.advance(7200 - 300);
    assert_eq!(bench.cached(Kind::AccessToken).as_deref(), Some("TOKEN-1"));
    bench.settled().await;
    assert_eq!(bench.calls(), (1, 0), "WeChat would give the same one");
    bench.advance(121);
    for _ in 0..100 {
        assert_eq!(bench.cached(Kind::AccessToken).as_deref(), Some("TOKEN-1"), "nobody waits");
    }
    bench.settled().await;
    assert_eq!(bench.cached(Kind::AccessToken).as_deref(), Some("TOKEN-2"));
    assert_eq!(bench.calls(), (2, 0));
}

#[tokio::test]
async fn a_value_outlives_wechats_absence_and_not_itself() {
    for trouble in [Reply::Reset, Reply::errcode(-1), Reply::errcode(40164), Reply::errcode(45009), Reply::json("{}")] {
        let bench = Bench::new(well()).await;
        bench.get(Kind::JsapiTicket).await;
        bench.wechat.now(move |_| trouble.clone());
        for _ in 0..7199 {
            bench.advance(1);
            assert_eq!(bench.cached(Kind::JsapiTicket).as_deref(), Some("TICKET-2"));
            bench.settled().await;
        }
        let (_, calls) = bench.calls();
        assert!((2..=20).contains(&calls), "{calls} calls for a renewal");
        bench.advance(1);
        assert_eq!(bench.cached(Kind::JsapiTicket), None);
        assert!(bench.platform.get(Kind::JsapiTicket).await.is_err());
    }
}

#[tokio::test]
async fn a_value_given_again_near_its_end_is_asked_about_a_few_times_only() {
    let bench = Bench::new(well()).await;
    bench.get(Kind::AccessToken).await;
    let clock = bench.clock.clone();
    let end = clock.now().after(Duration::from_hours(2));
    bench.wechat.now(move |_| token(1, end.since(clock.now()).as_secs()));
    for _ in 0..7199 {
        bench.advance(1);
        assert_eq!(bench.cached(Kind::AccessToken).as_deref(), Some("TOKEN-1"));
        bench.settled().await;
    }
    let (calls, _) = bench.calls();
    assert!((4..=8).contains(&calls), "{calls}");
    bench.wechat.now(well());
    bench.advance(1);
    assert_eq!(bench.get(Kind::AccessToken).await, "TOKEN-1", "a new one of the same name");
    assert_eq!(bench.platform.state().tokens[0], (Kind::AccessToken, Some(Duration::from_hours(2))));
}

#[tokio::test]
async fn what_has_been_asked_for_is_kept_warm_and_nothing_else() {
    let bench = Bench::new(well()).await;
    bench.get(Kind::JsapiTicket).await;
    bench.get(Kind::WxCardTicket).await;
    assert_eq!(bench.calls(), (1, 2));
    bench.advance(3600);
    bench.cached(Kind::JsapiTicket);
    bench.advance(3600 - 179);
    bench.platform.look_after();
    bench.settled().await;
    assert_eq!(bench.calls(), (1, 3), "the token still works for that, and nobody wants cards");
    assert_eq!(bench.wechat.asked(TICKET)[2], format!("{TICKET}?access_token=TOKEN-1&type=jsapi"));
    bench.advance(7200);
    bench.platform.look_after();
    bench.settled().await;
    assert_eq!(bench.calls(), (1, 3), "nobody has asked since");
    assert_eq!(bench.cached(Kind::JsapiTicket), None);
}

#[tokio::test]
async fn keeping_warm_goes_on_by_itself_until_the_last_clone_is_gone() {
    let pace = Pace { look: Duration::from_millis(1), ..QUICK };
    let bench = Bench::paced(pace, well()).await;
    bench.platform.keep_warm();
    bench.get(Kind::AccessToken).await;
    bench.cached(Kind::AccessToken);
    bench.advance(7200 - 179);
    while bench.calls() != (2, 0) {
        tokio::task::yield_now().await;
    }
    bench.settled().await;
    let Bench { platform, wechat, .. } = bench;
    let inner = Arc::downgrade(&platform.0);
    drop(platform);
    while inner.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(wechat.asked(STABLE).len(), 2);
}

#[tokio::test]
async fn no_more_life_is_believed_than_is_documented() {
    for (claimed, left) in [("7200", 7200), ("60", 60), ("\"60\"", 60), ("7201", 7200), ("9223372036854775807", 7200)] {
        let reply = Reply::json(&format!(r#"{{"access_token":"T","expires_in":{claimed}}}"#));
        let bench = Bench::new(move |_| reply.clone()).await;
        bench.get(Kind::AccessToken).await;
        let expected = Some(Duration::from_secs(left));
        assert_eq!(bench.platform.state().tokens[0], (Kind::AccessToken, expected), "{claimed}");
    }
    for bad in ["0", "-5", "null", "1.5", "99999999999999999999"] {
        let reply = Reply::json(&format!(r#"{{"access_token":"T","expires_in":{bad}}}"#));
        let bench = Bench::new(move |_| reply.clone()).await;
        assert!(bench.platform.get(Kind::AccessToken).await.is_err(), "{bad}");
    }
}
