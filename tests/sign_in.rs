//! Signing in, from outside: a gate, a site, a pretend WeChat, browsers.

mod support;

#[path = "sign_in/begin.rs"]
mod begin;
#[path = "sign_in/callback.rs"]
mod callback;
#[path = "sign_in/crowds.rs"]
mod crowds;
#[path = "sign_in/declined.rs"]
mod declined;
#[path = "sign_in/doors.rs"]
mod doors;
#[path = "sign_in/every_door.rs"]
mod every_door;
#[path = "sign_in/flows.rs"]
mod flows;
#[path = "sign_in/fragment.rs"]
mod fragment;
#[path = "sign_in/guards.rs"]
mod guards;
#[path = "sign_in/lifetimes.rs"]
mod lifetimes;
#[path = "sign_in/me.rs"]
mod me;
#[path = "sign_in/outside.rs"]
mod outside;
#[path = "sign_in/rounds.rs"]
mod rounds;
#[path = "sign_in/routes.rs"]
mod routes;
#[path = "sign_in/scopes.rs"]
mod scopes;
#[path = "sign_in/secrets.rs"]
mod secrets;
#[path = "sign_in/sessions.rs"]
mod sessions;
#[path = "sign_in/settings.rs"]
mod settings;
#[path = "sign_in/sign_out.rs"]
mod sign_out;
#[path = "sign_in/targets.rs"]
mod targets;
#[path = "sign_in/trouble.rs"]
mod trouble;
#[path = "sign_in/unionid.rs"]
mod unionid;

use support::{WECHAT, World};

#[tokio::test]
async fn a_visitor_in_wechat_arrives_signed_in() {
    let world = World::start("").await;
    world.auto("lin").await;
    let mut browser = world.browser(WECHAT);
    let answer = browser.follow(&world.url("/hello?a=1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["target"], "/hello?a=1");
    assert_eq!(answer.told("x-wechat-openid"), Some(world.openid("lin").await));
}
