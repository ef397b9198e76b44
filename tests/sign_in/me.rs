//! `P/me`: who the visitor is, and the same again after asking WeChat.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use wxgate::simulator::{APP_ID, Settings};

use crate::support::visit::within;
use crate::support::{Browser, WECHAT, World};

async fn world_of_profiles() -> World {
    World::with(|text| within(&text, "official_account", "scope = 'userinfo'"), Settings::default()).await
}

async fn me(world: &World, browser: &mut Browser, query: &str) -> Value {
    let answer = browser.fetch(&world.url(&format!("/_wechat/me{query}"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.content_type(), "application/json");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

fn names(me: &Value) -> BTreeSet<&str> {
    me.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn nobody_is_a_problem_with_a_way_on() {
    let world = World::start("").await;
    for agent in [WECHAT, "curl/8"] {
        let answer = world.browser(agent).fetch(&world.url("/_wechat/me")).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (401, "login-required"));
        assert_eq!(answer.json()["login_url"], answer.header("x-wechat-login-url").expect("a URL"));
        assert!(answer.location().is_none());
    }
    let mut visitor = world.visitor("lin");
    for (referer, target) in [(&*world.url("/page?a=b"), "/page?a=b"), ("https://evil.example/", "/")] {
        visitor.headers.insert("referer", referer.parse().expect("a value"));
        let login_url =
            visitor.fetch(&world.url("/_wechat/me")).await.json()["login_url"].as_str().expect("a URL").to_owned();
        visitor.headers.remove("referer");
        assert_eq!(visitor.clone().follow(&login_url).await.json()["target"], target, "back to the page that asked");
    }
}

#[tokio::test]
async fn a_visitor_learns_what_is_known_and_no_more() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    let base = me(&world, &mut browser, "").await;
    assert_eq!(
        base,
        json!({
            "openid": world.openid("lin").await, "appid": APP_ID, "account": "official_account", "scope": "snsapi_base",
            "snapshot": false, "signed_in_at": 1_800_000_000, "expires_at": 1_800_604_800,
        })
    );
    let world = world_of_profiles().await;
    let mut browser = world.signed_in("lin").await;
    let full = me(&world, &mut browser, "").await;
    let person = world.person("lin").await;
    assert_eq!(
        full,
        json!({
            "openid": world.openid("lin").await, "appid": APP_ID, "account": "official_account",
            "scope": "snsapi_userinfo", "snapshot": false, "signed_in_at": 1_800_000_000, "expires_at": 1_800_604_800,
            "nickname": "林小雨🌧️", "avatar": person["headimgurl"], "unionid": person["unionids"]["sim-open-platform"],
        })
    );
}

#[tokio::test]
async fn fresh_asks_wechat_again_and_everybody_learns_of_it() {
    let world = world_of_profiles().await;
    let mut browser = world.signed_in("lin").await;
    world.tell_wechat("users", r#"{"id":"lin","nickname":"林 改名了","avatar":9}"#).await;
    assert_eq!(me(&world, &mut browser, "").await["nickname"], "林小雨🌧️", "not asked again");
    for no in ["?fresh=0", "?fresh=", "?fresh=true", "?FRESH=1"] {
        assert_eq!(me(&world, &mut browser, no).await["nickname"], "林小雨🌧️", "{no}");
    }
    let asked = world.events_of("userinfo").await.len();
    let fresh = me(&world, &mut browser, "?fresh=1").await;
    assert_eq!(fresh["nickname"], "林 改名了");
    assert!(!names(&fresh).contains("stale"));
    assert_eq!(world.events_of("userinfo").await.len(), asked + 1);
    assert!(world.events_of("refresh").await.is_empty(), "the token was still good");
    // The session knows it from now on, and so does the site.
    assert_eq!(me(&world, &mut browser, "").await["nickname"], "林 改名了");
    let arrived = browser.get(&world.url("/")).await;
    assert_eq!(arrived.told("x-wechat-nickname").as_deref(), Some("%E6%9E%97%20%E6%94%B9%E5%90%8D%E4%BA%86"));
    let again = me(&world, &mut browser, "?fresh=1").await;
    assert_eq!(again, me(&world, &mut browser, "").await, "nothing new, nothing stale");
}

#[tokio::test]
async fn a_token_that_expired_is_refreshed_first() {
    let world = world_of_profiles().await;
    let mut browser = world.signed_in("lin").await;
    for (hours, refreshed) in [(3, 1), (1, 1), (3, 2)] {
        world.pass_time(Duration::from_hours(hours)).await;
        world.tell_wechat("users", &json!({"id": "lin", "nickname": format!("after {hours}")}).to_string()).await;
        let fresh = me(&world, &mut browser, "?fresh=1").await;
        assert_eq!(fresh["nickname"], format!("after {hours}"));
        assert!(!names(&fresh).contains("stale"));
        assert_eq!(world.events_of("refresh").await.len(), refreshed, "after {hours} more hours");
    }
    for event in world.events_of("refresh").await {
        assert_eq!(event["outcome"], "ok");
    }
}

#[tokio::test]
async fn a_token_that_wechat_calls_dead_is_refreshed_and_tried_once_more() {
    let world = world_of_profiles().await;
    let mut browser = world.signed_in("lin").await;
    for errcode in [40001, 42001, 40014] {
        world.fault(&format!(r#"{{"api":"userinfo","times":1,"errcode":{errcode}}}"#)).await;
        let before = world.events_of("refresh").await.len();
        let fresh = me(&world, &mut browser, "?fresh=1").await;
        assert!(!names(&fresh).contains("stale"), "{errcode}");
        assert_eq!(world.events_of("refresh").await.len(), before + 1, "{errcode}");
    }
}

#[tokio::test]
async fn what_is_known_is_told_as_stale_where_wechat_cannot_be_asked() {
    let world = world_of_profiles().await;
    for (what, hours, faults) in [
        ("busy", 0, r#"[{"api":"userinfo","errcode":-1}]"#),
        ("nonsense", 0, r#"[{"api":"userinfo","http_status":200,"body":"<html>"}]"#),
        ("cut off", 0, r#"[{"api":"userinfo","truncated":10}]"#),
        ("somebody else", 0, r#"[{"api":"userinfo","body":"{\"openid\":\"oSomebodyElse123\",\"nickname\":\"x\"}"}]"#),
        ("no refresh", 3, r#"[{"api":"refresh_token","errcode":-1}]"#),
        ("dead refresh token", 3, r#"[{"api":"refresh_token","errcode":42002}]"#),
    ] {
        let mut browser = world.signed_in("lin").await;
        let known = me(&world, &mut browser, "").await;
        world.pass_time(Duration::from_hours(hours)).await;
        world.fault(faults).await;
        let mut stale = me(&world, &mut browser, "?fresh=1").await;
        assert_eq!(stale["stale"], true, "{what}");
        stale.as_object_mut().expect("an object").remove("stale");
        assert_eq!(stale, known, "{what}");
        assert_eq!(browser.get(&world.url("/")).await.status, 200, "{what}: still signed in");
        world.fault("[]").await;
    }
}

#[tokio::test]
async fn whoever_gave_no_profile_is_told_as_stale() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    assert_eq!(me(&world, &mut browser, "?fresh=1").await["stale"], true);
    assert!(world.events_of("userinfo").await.is_empty());
}

#[tokio::test]
async fn without_wechat_the_answer_is_stale_and_not_late() {
    let mut world = world_of_profiles().await;
    let mut browser = world.signed_in("lin").await;
    world.kill_wechat();
    let fresh = me(&world, &mut browser, "?fresh=1").await;
    assert_eq!((&fresh["stale"], &fresh["nickname"]), (&json!(true), &json!("林小雨🌧️")));
}
