//! Signing a desktop in with the WeChat of a phone, and every way to get in without its owner's word.

mod support;

#[path = "handoff/attacks.rs"]
mod attacks;
#[path = "handoff/crowds.rs"]
mod crowds;
#[path = "handoff/limits.rs"]
mod limits;
#[path = "handoff/screens.rs"]
mod screens;
#[path = "handoff/walk.rs"]
mod walk;

use support::{WECHAT, World};
use walk::{Desktop, HANDOFF, say, scan};

#[tokio::test]
async fn a_desktop_goes_on_by_itself_once_its_number_is_typed_on_the_phone() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/orders?tab=open").await;
    let (first, mut stream) = desktop.listen(&world).await;
    assert_eq!(first, "data: waiting\n\n");
    let mut phone = world.visitor("lin");
    let asked = scan(&world, &mut phone, &desktop.id).await;
    assert!(asked.text().contains("<form method=\"post\""), "{}", asked.text());
    let number = desktop.number(&world).await;
    assert_eq!(stream.next().await, Some(format!("data: scanned {number}\n\n")));
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    assert_eq!(stream.rest().await, "data: allowed\n\n");

    let on = desktop.finish(&world).await;
    assert_eq!((on.status.as_u16(), on.header("location")), (303, Some("/orders?tab=open")));
    let arrived = desktop.browser.get(&world.url("/orders?tab=open")).await;
    assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await));
    assert_eq!(arrived.told("x-wechat-account").as_deref(), Some("official_account"));
    assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_base"));
    let on_phone = phone.get(&world.url("/")).await;
    assert_eq!(on_phone.told("x-wechat-openid"), arrived.told("x-wechat-openid"));
    assert_ne!(on_phone.told("x-wechat-session"), arrived.told("x-wechat-session"), "a session of its own");
    assert_eq!(world.jar(&mut desktop.browser).len(), 1, "nothing but the session is left");
}

#[tokio::test]
async fn a_phone_that_has_been_here_before_is_asked_at_once() {
    let world = World::start(HANDOFF).await;
    let mut phone = world.signed_in("fei").await;
    let desktop = Desktop::open(&world, "/").await;
    let asked = phone.get(&world.url(&format!("/_wechat/handoff?t={}", desktop.id))).await;
    assert_eq!(asked.status, 200);
    assert_eq!(world.exchanges().await, 1, "WeChat was not asked again");
    assert!(desktop.browser.cookies.values().flatten().all(|(name, _)| name.starts_with("wxgate-handoff-")));
    assert_eq!(phone.user_agent, WECHAT);
}
