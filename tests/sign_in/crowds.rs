//! Many callbacks at once: of one visitor, of many, of WeChat's own machines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wxgate::simulator::Settings;

use crate::support::visit::within;
use crate::support::{World, eventually};

#[tokio::test]
async fn two_hundred_callbacks_with_one_code_are_one_exchange_and_one_session() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/landing?x=1").await;
    // So that all of them are there before WeChat has answered the first.
    world.fault(r#"{"api":"access_token","delay_ms":700}"#).await;
    let all: Vec<_> = (0..200)
        .map(|_| {
            let (mut twin, callback) = (browser.clone(), callback.clone());
            tokio::spawn(async move { (twin.get(&callback).await, twin) })
        })
        .collect();
    let mut sessions = BTreeSet::new();
    let mut twins = Vec::new();
    for one in all {
        let (back, mut twin) = one.await.expect("a callback");
        assert_eq!(back.status, 303, "{}", back.text());
        assert_eq!(back.header("location"), Some("/landing?x=1#"));
        sessions.insert(world.session_of(&mut twin).expect("a session"));
        twins.push(twin);
    }
    assert_eq!(sessions.len(), 1, "everybody shares one cookie");
    assert_eq!(world.exchanges().await, 1);
    let mut ids = BTreeSet::new();
    for mut twin in twins {
        let arrived = twin.get(&world.url("/landing?x=1")).await;
        assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await));
        ids.insert(arrived.told("x-wechat-session"));
        if ids.len() > 1 {
            break;
        }
    }
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn wechats_own_machines_spend_no_code() {
    for mode in ["same-code", "prefetch", "two-codes"] {
        let world = World::start("").await;
        world.tell_wechat("duplicates", &format!(r#"{{"mode":"{mode}"}}"#)).await;
        let mut browser = world.visitor("lin");
        let arrived = world.sign_in(&mut browser, "/landing").await;
        assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await), "{mode}");
        eventually("the machine has its answer", async || !world.events_of("duplicate").await.is_empty()).await;
        for event in world.events_of("duplicate").await {
            assert_eq!(event["status"], 302, "{mode}: {event}");
        }
        assert_eq!(world.exchanges().await, 1, "{mode}");
    }
}

#[tokio::test]
async fn a_browser_that_goes_away_in_the_middle_finds_its_session_when_it_asks_again() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/landing").await;
    world.fault(r#"{"api":"access_token","times":1,"delay_ms":500}"#).await;
    let (mut gone, url) = (browser.clone(), callback.clone());
    let waiting = tokio::spawn(async move { gone.get(&url).await });
    eventually("the code is on its way", async || !world.events_of("fault").await.is_empty()).await;
    waiting.abort();
    let back = browser.get(&callback).await;
    assert_eq!((back.status.as_u16(), back.header("location")), (303, Some("/landing#")));
    assert_eq!(world.exchanges().await, 1);
    assert_eq!(browser.get(&world.url("/landing")).await.status, 200);
}

#[tokio::test]
async fn callbacks_that_wait_for_one_failure_share_it() {
    let world = World::start("").await;
    for (errcode, status) in [(-1, 503), (40029, 302), (40125, 503), (50002, 403)] {
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, "/").await;
        world.fault(&format!(r#"{{"api":"access_token","delay_ms":400,"errcode":{errcode}}}"#)).await;
        let before = world.events_of("fault").await.len();
        let all: Vec<_> = (0..30)
            .map(|_| {
                let (mut twin, callback) = (browser.clone(), callback.clone());
                tokio::spawn(async move { twin.get(&callback).await })
            })
            .collect();
        for one in all {
            let back = one.await.expect("a callback");
            assert_eq!(back.status, status, "{errcode}: {}", back.text());
            assert!(!back.gives_a_session(), "{errcode}");
        }
        assert_eq!(world.events_of("fault").await.len(), before + 1, "{errcode}: WeChat was asked once");
        world.fault("[]").await;
    }
}

#[tokio::test]
async fn visitors_who_sign_in_at_the_same_moment_are_never_mixed_up() {
    let world = World::with(
        |text| within(&text, "official_account", "scope = 'userinfo'"),
        Settings { sign_ins_per_minute: None, ..Settings::default() },
    )
    .await;
    let users = ["lin", "fei", "wang", "doudou"];
    let mut openids = Vec::new();
    for user in users {
        openids.push(world.openid(user).await);
    }
    let world = Arc::new(world);
    let all: Vec<_> = (0..80)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let mut browser = world.visitor(users[number % users.len()]);
                let arrived = world.sign_in(&mut browser, &format!("/{number}")).await;
                (number, arrived)
            })
        })
        .collect();
    let (mut ids, mut nicknames) = (BTreeSet::new(), BTreeMap::new());
    for one in all {
        let (number, arrived) = one.await.expect("a visitor");
        assert_eq!(arrived.json()["target"], format!("/{number}"));
        assert_eq!(arrived.told("x-wechat-openid").as_ref(), Some(&openids[number % users.len()]), "{number}");
        assert!(ids.insert(arrived.told("x-wechat-session")), "{number}: a session of somebody else");
        let nickname = nicknames.entry(number % users.len()).or_insert_with(|| arrived.told("x-wechat-nickname"));
        assert_eq!(*nickname, arrived.told("x-wechat-nickname"), "{number}");
    }
    assert_eq!(nicknames.into_values().collect::<BTreeSet<_>>().len(), users.len());
}
