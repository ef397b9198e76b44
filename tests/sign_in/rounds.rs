//! A browser that can never sign in stops going round; ordinary people never meet the page that says so.

use std::time::Duration;

use crate::support::visit::SESSION;
use crate::support::{WECHAT, World};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_client_without_cookies_goes_round_three_times() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let mut answer = browser.get(&world.url("/target")).await;
    for round in 1..=3 {
        let authorize = world.authorize_url(&answer);
        let callback = world.consent(&mut browser, &authorize).await;
        world.jar(&mut browser).clear();
        answer = browser.get(&callback).await;
        world.jar(&mut browser).clear();
        assert_eq!(answer.status == 302, round < 3, "round {round}: {}", answer.status);
    }
    answer.assert_page(403, "login-loop");
    assert!(answer.text().contains("登录没有成功"), "it says what is likely wrong");
    assert_eq!(world.exchanges().await, 0, "without a proof no code is spent");
}

#[tokio::test]
async fn a_browser_that_loses_its_session_goes_round_three_times_and_again_a_minute_later() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    for minute in 0..2 {
        for round in 1..=3 {
            let callback = world.callback_of(&mut browser, "/target").await;
            let back = browser.get(&callback).await;
            assert_eq!(back.status, 303, "minute {minute} round {round}: {}", back.text());
            world.jar(&mut browser).remove(SESSION).expect("a session to lose");
            world.clock.advance(Duration::from_secs(5));
        }
        browser.get(&world.url("/target")).await.assert_page(403, "login-loop");
        browser.get(&world.url("/_wechat/login?rd=/target")).await.assert_page(403, "login-loop");
        world.clock.advance(MINUTE);
    }
    world.sign_in(&mut browser, "/target").await;
}

#[tokio::test]
async fn codes_that_are_always_refused_go_round_three_times() {
    let world = World::start("").await;
    world.fault(r#"{"api":"access_token","errcode":40029}"#).await;
    let mut browser = world.visitor("lin");
    let mut answer = browser.get(&world.url("/target")).await;
    let mut rounds = 0;
    while answer.status == 302 {
        rounds += 1;
        let authorize = world.authorize_url(&answer);
        let callback = world.consent(&mut browser, &authorize).await;
        answer = browser.get(&callback).await;
    }
    answer.assert_page(403, "login-loop");
    assert_eq!(rounds, 3);
    assert_eq!(world.events_of("fault").await.len(), 3);
}

#[tokio::test]
async fn the_loop_is_a_problem_to_programs() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    for _ in 0..3 {
        let callback = world.callback_of(&mut browser, "/").await;
        browser.get(&callback).await;
        world.jar(&mut browser).remove(SESSION);
    }
    let url = world.url("/_wechat/login?rd=/");
    let headers = [("accept", "application/json")];
    let answer = browser.send(http::Method::GET, &url, &headers, bytes::Bytes::new()).await;
    assert_eq!((answer.status.as_u16(), &*answer.slug()), (403, "login-loop"));
}

#[tokio::test]
async fn fifty_people_behind_one_shared_callback_link_all_sign_in() {
    let world = World::start("").await;
    let mut sharer = world.visitor("lin");
    let link = world.callback_of(&mut sharer, "/").await;
    sharer.get(&link).await;
    for number in 0..50 {
        let mut reader = world.visitor(if number % 2 == 0 { "fei" } else { "wang" });
        let arrived = reader.follow(&link).await;
        assert_eq!(arrived.status, 200, "reader {number}: {}", arrived.text());
        assert!(arrived.told("x-wechat-openid").is_some(), "reader {number}");
    }
}

#[tokio::test]
async fn impatient_people_never_loop() {
    let world = World::start("[[route]]\npath = '/profile'\nscope = 'userinfo'\n").await;
    // Reloads, ten times, while WeChat's page is still loading.
    let mut browser = world.visitor("lin");
    for _ in 0..10 {
        world.begin(&mut browser, "/").await;
    }
    world.sign_in(&mut browser, "/").await;
    // Tries the step-up again and again without finishing it.
    for _ in 0..10 {
        world.begin(&mut browser, "/profile").await;
    }
    world.sign_in(&mut browser, "/profile").await;
    // Signs out and in again.
    for _ in 0..6 {
        assert_eq!(world.sign_out(&mut browser).await.status, 303);
        world.sign_in(&mut browser, "/").await;
    }
    // Declines, and changes their mind, and declines.
    let mut browser = world.visitor("fei");
    for _ in 0..6 {
        browser.headers.insert("x-sim-answer", "refuse-no-code".parse().expect("a value"));
        let callback = world.callback_of(&mut browser, "/profile").await;
        browser.get(&callback).await.assert_page(403, "login-declined");
        browser.headers.insert("x-sim-answer", "allow".parse().expect("a value"));
    }
    world.sign_in(&mut browser, "/profile").await;
    // Opens the same link in ten browsers at once, which is what a group chat does.
    for _ in 0..10 {
        let mut browser = world.browser(WECHAT);
        assert_eq!(browser.get(&world.url("/profile")).await.status, 302);
    }
}

#[tokio::test]
async fn a_visitor_whom_wechat_keeps_failing_may_keep_trying() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    for attempt in 0..6 {
        let callback = world.callback_of(&mut browser, "/").await;
        world.fault(r#"{"api":"access_token","times":1,"errcode":-1}"#).await;
        let page = browser.get(&callback).await;
        assert_eq!(page.status, 503, "attempt {attempt}");
    }
    world.sign_in(&mut browser, "/").await;
}
