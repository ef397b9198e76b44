//! Signing in through the official account, from outside: a gate, a site, a pretend WeChat, browsers.

mod support;

use support::{WECHAT, World};

#[tokio::test]
async fn a_visitor_in_wechat_arrives_signed_in() {
    let world = World::start("").await;
    world.auto("lin").await;
    let mut browser = world.browser(WECHAT);
    let answer = browser.follow(&world.url("/hello?a=1")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    assert_eq!(told["target"], "/hello?a=1");
    let headers = told["headers"].to_string();
    assert!(headers.contains("x-wechat-openid"), "{headers}");
}
