//! Sessions that the operator ends.

use std::time::Duration;

use http::Method;

use super::operator::{TOKEN, bearer, world};
use crate::support::{Browser, World};

async fn is_signed_in(world: &World, browser: &mut Browser) -> bool {
    let answer = browser.fetch(&world.url("/_wechat/me")).await;
    assert!(matches!(answer.status.as_u16(), 200 | 401), "{}", answer.text());
    answer.status == 200
}

#[tokio::test]
async fn r11_a_session_ends_by_the_id_that_the_site_knows() {
    let world = world().await;
    let (mut lin, mut fei) = (world.signed_in("lin").await, world.signed_in("fei").await);
    let mut other_phone = world.signed_in("lin").await;
    let mut copy = lin.clone();
    let sid = lin.get(&world.url("/")).await.told("x-wechat-session").expect("an id");
    let revoked = world.post("/sessions/revoke", &format!(r#"{{"sid":"{sid}"}}"#)).await;
    assert_eq!((revoked.status.as_u16(), revoked.body.len()), (204, 0));
    for browser in [&mut lin, &mut copy] {
        assert!(!is_signed_in(&world, browser).await);
        assert_eq!(browser.get(&world.url("/")).await.status, 302, "signed in anew, like anybody");
    }
    assert!(is_signed_in(&world, &mut fei).await && is_signed_in(&world, &mut other_phone).await);
}

#[tokio::test]
async fn r11_every_session_of_a_person_ends_and_none_that_comes_after() {
    let world = world().await;
    let (mut lin, mut fei) = (world.signed_in("lin").await, world.signed_in("fei").await);
    let mut other_phone = world.signed_in("lin").await;
    world.pass_time(Duration::from_secs(60)).await;
    let mut widened = world.signed_in("lin").await;
    let form = format!(r#"{{"openid":"{}"}}"#, world.openid("lin").await);
    assert_eq!(world.post("/sessions/revoke", &form).await.status, 204);
    for browser in [&mut lin, &mut other_phone, &mut widened] {
        assert!(!is_signed_in(&world, browser).await);
        assert_eq!(browser.get(&world.url("/")).await.status, 302);
    }
    assert!(is_signed_in(&world, &mut fei).await, "nobody else");

    world.pass_time(Duration::from_secs(1)).await;
    let mut again = world.signed_in("lin").await;
    assert!(is_signed_in(&world, &mut again).await);
    assert!(!is_signed_in(&world, &mut other_phone).await, "the old ones stay ended");
    // Said once more, it ends the new one too.
    assert_eq!(world.post("/sessions/revoke", &form).await.status, 204);
    assert!(!is_signed_in(&world, &mut again).await);
}

#[tokio::test]
async fn a_revocation_outlives_every_session_it_is_about() {
    let world = World::with(
        |text| text.replace("[session]\n", "[session]\nttl = '1h'\nidle = 'off'\n") + &super::operator::section(),
        wxgate::simulator::Settings::default(),
    )
    .await;
    let mut lin = world.signed_in("lin").await;
    let form = format!(r#"{{"openid":"{}"}}"#, world.openid("lin").await);
    world.post("/sessions/revoke", &form).await;
    for _ in 0..5 {
        assert!(!is_signed_in(&world, &mut lin).await);
        world.pass_time(Duration::from_mins(15)).await;
    }
}

#[tokio::test]
async fn a_snapshot_of_an_ended_session_cannot_be_widened() {
    let world = World::with(
        |text| text + &super::operator::section() + "[[route]]\npath = '/account'\nscope = 'userinfo'\n",
        wxgate::simulator::Settings::default(),
    )
    .await;
    let mut lin = world.signed_in("lin").await;
    let sid = lin.get(&world.url("/")).await.told("x-wechat-session").expect("an id");
    let callback = world.callback_of(&mut lin, "/account").await;
    let form = format!(r#"{{"openid":"{}"}}"#, world.openid("lin").await);
    world.post("/sessions/revoke", &form).await;
    world.pass_time(Duration::from_secs(1)).await;
    assert_eq!(lin.get(&callback).await.status, 303);
    let new = lin.get(&world.url("/account")).await.told("x-wechat-session").expect("signed in anew");
    assert_ne!(new, sid, "not the ended session, with more in it");
}

#[tokio::test]
async fn r30_what_cannot_be_understood_ends_nothing() {
    let world = world().await;
    let mut lin = world.signed_in("lin").await;
    let long = format!(r#"{{"openid":"{}"}}"#, "o".repeat(9000));
    let deep = "[".repeat(4000);
    for form in [
        "",
        "{}",
        "[]",
        "null",
        "{",
        "openid=x",
        r#""openid""#,
        r#"{"openid":1}"#,
        r#"{"openid":""}"#,
        r#"{"sid":""}"#,
        r#"{"sid":"0"}"#,
        r#"{"sid":"0123456789ABCDEF0123456789ABCDEF"}"#,
        r#"{"openid":"o6_bad openid"}"#,
        r#"{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M","sid":"0123456789abcdef0123456789abcdef"}"#,
        r#"{"openid":"o6_bmjrPTlm6_2sgVt7hMZOPfL2M","all":true}"#,
        r#"{"openid":null,"sid":null}"#,
        "\u{0}",
        &long,
        &deep,
    ] {
        let answer = world.post("/sessions/revoke", form).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (400, "bad-request"), "{form:.60}");
    }
    let get = world.ask("/sessions/revoke").await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, Some("POST")));
    let auth = bearer(TOKEN);
    let put = world.operate(Method::PUT, "/sessions/revoke", &[("authorization", &auth)], "{}").await;
    assert_eq!(put.status, 405);
    assert!(is_signed_in(&world, &mut lin).await);
}
