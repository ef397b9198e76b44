//! When the visitor says no, and then perhaps yes.

use crate::support::World;

use super::trouble::{button, tries_again};

#[tokio::test]
async fn a_visitor_who_declines_is_told_so_and_may_change_their_mind() {
    let world = World::start("[[route]]\npath = '/profile'\nscope = 'userinfo'\n").await;
    for answer in ["refuse-no-code", "refuse-authdeny"] {
        let spent = world.exchanges().await;
        let mut browser = world.visitor("lin");
        browser.headers.insert("x-sim-answer", answer.parse().expect("a value"));
        let callback = world.callback_of(&mut browser, "/profile").await;
        let page = browser.get(&callback).await;
        page.assert_page(403, "login-declined");
        assert!(page.text().contains("登录已取消"), "{}", page.text());
        assert_eq!(browser.get(&callback).await.status, 403, "{answer}: asked for again, still no loop");
        assert_eq!(world.exchanges().await, spent, "{answer}");
        browser.headers.insert("x-sim-answer", "allow".parse().expect("a value"));
        tries_again(&world, &mut browser, &page, "/profile").await;
    }
    let mut browser = world.visitor("lin");
    browser.headers.insert("x-sim-answer", "refuse-stay".parse().expect("a value"));
    let stayed = browser.follow(&world.url("/profile")).await;
    assert_eq!(stayed.url.authority(), world.simulator.to_string(), "never came back");
}

#[tokio::test]
async fn a_callback_without_a_code_is_a_refusal_even_from_nowhere() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/target").await;
    let state = callback.rsplit_once("state=").expect("a state").1.to_owned();
    for query in [
        format!("state={state}"),
        format!("code=&state={state}"),
        format!("code=authdeny&state={state}"),
        format!("code&state={state}"),
        "code=authdeny".to_owned(),
        "state=unknown".to_owned(),
    ] {
        let page = browser.clone().get(&world.url(&format!("/_wechat/callback?{query}"))).await;
        page.assert_page(403, "login-declined");
        let target = if query.contains(&state) { "%2Ftarget" } else { "%2F" };
        assert!(button(&page).replace('/', "%2F").ends_with(&format!("rd={target}")), "{query}: {}", button(&page));
    }
    assert_eq!(world.exchanges().await, 0);
}

#[tokio::test]
async fn a_visitor_who_declines_to_say_more_stays_signed_in_with_what_they_said() {
    let world = World::start("[[route]]\npath = '/profile'\nscope = 'userinfo'\n").await;
    let mut browser = world.signed_in("lin").await;
    browser.headers.insert("x-sim-answer", "refuse-no-code".parse().expect("a value"));
    let callback = world.callback_of(&mut browser, "/profile").await;
    browser.get(&callback).await.assert_page(403, "login-declined");
    assert_eq!(browser.get(&world.url("/")).await.told("x-wechat-scope").as_deref(), Some("snsapi_base"));
}

#[tokio::test]
async fn trying_again_asks_for_as_much_as_the_first_time() {
    let world = World::start("").await;
    for (answer, fault) in
        [("refuse-no-code", None), ("allow", Some(r#"{"api":"access_token","times":1,"errcode":-1}"#))]
    {
        // Signed in already: without the scope the button would lead straight past WeChat.
        let mut browser = world.signed_in("lin").await;
        browser.headers.insert("x-sim-answer", answer.parse().expect("a value"));
        let callback = world.callback_of(&mut browser, "/_wechat/login?rd=/me&scope=userinfo").await;
        if let Some(fault) = fault {
            world.fault(fault).await;
        }
        let page = browser.get(&callback).await;
        browser.headers.insert("x-sim-answer", "allow".parse().expect("a value"));
        tries_again(&world, &mut browser, &page, "/me").await;
        let arrived = browser.get(&world.url("/me")).await;
        assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"), "{answer} {fault:?}");
    }
}
