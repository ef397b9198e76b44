//! The cookies that bind sign-ins under way to their browser: few, sealed, one for each tab.

use std::time::Duration;

use crate::support::visit::FLOW;
use crate::support::{Answer, WECHAT, World};

#[tokio::test]
async fn r13_flow_cookies_live_as_long_as_their_states_and_scripts_cannot_read_them() {
    let world = World::start("").await;
    let answer = world.browser(WECHAT).get(&world.url("/a")).await;
    let lines = answer.cookie_lines();
    let [line] = &lines[..] else { panic!("one cookie: {lines:?}") };
    let (name, rest) = line.split_once('=').expect("a cookie");
    assert!(name.starts_with(FLOW) && name.len() == FLOW.len() + 8, "{name}");
    let (value, attributes) = rest.split_once("; ").expect("attributes");
    assert_eq!(attributes, "HttpOnly; SameSite=Lax; Path=/; Max-Age=600");
    assert!(value.len() > 60 && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
    // What is inside is sealed: neither the target nor the state can be read off.
    let inside = data_encoding::BASE64URL_NOPAD.decode(value.as_bytes()).expect("base64url");
    assert!(!inside.windows(2).any(|pair| pair == b"/a"));
}

#[tokio::test]
async fn five_tabs_at_most_are_on_their_way_and_the_oldest_gives_way() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let mut tabs = Vec::new();
    for number in 0..7 {
        let before = world.flows_of(&mut browser);
        tabs.push((number, world.begin(&mut browser, &format!("/tab/{number}")).await));
        let after = world.flows_of(&mut browser);
        assert_eq!(after.len(), (number + 1).min(5), "after tab {number}");
        assert_eq!(before.iter().filter(|name| !after.contains(name)).count(), usize::from(number >= 5));
        world.clock.advance(Duration::from_secs(1));
    }
    // The last two first: nobody has to finish in order.
    for (number, authorize) in tabs.drain(2..).rev() {
        let callback = world.consent(&mut browser, &authorize).await;
        let back = browser.get(&callback).await;
        assert_eq!(back.status, 303, "{}", back.text());
        assert_eq!(back.header("location"), Some(&*format!("/tab/{number}#")));
    }
    // The two that gave way are not lost: their owner is signed in by now.
    let (_, oldest) = &tabs[0];
    let callback = world.consent(&mut browser, oldest).await;
    assert_eq!(browser.get(&callback).await.header("location"), Some("/#"));
}

#[tokio::test]
async fn tabs_of_one_browser_that_sign_in_at_the_same_moment_all_arrive() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let mut callbacks = Vec::new();
    for number in 0..5 {
        callbacks.push((number, world.callback_of(&mut browser, &format!("/tab/{number}")).await));
    }
    let tabs: Vec<_> = callbacks
        .into_iter()
        .map(|(number, callback)| {
            let mut tab = browser.clone();
            tokio::spawn(async move { (number, tab.get(&callback).await) })
        })
        .collect();
    for tab in tabs {
        let (number, back): (usize, Answer) = tab.await.expect("a tab");
        assert_eq!(back.header("location"), Some(&*format!("/tab/{number}#")));
        assert!(back.gives_a_session());
    }
    assert_eq!(world.exchanges().await, 5);
}

#[tokio::test]
async fn five_tabs_with_long_addresses_fit_into_a_browsers_cookies() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let mut callbacks = Vec::new();
    for number in 0..5 {
        let target = format!("/{number}?q={}", "x".repeat(2040));
        callbacks.push((target.clone(), world.callback_of(&mut browser, &target).await));
    }
    for (name, value) in world.jar(&mut browser) {
        assert!(name.len() + value.len() < 4096, "browsers keep no longer cookie: {}", value.len());
    }
    for (target, callback) in callbacks {
        assert_eq!(browser.get(&callback).await.header("location"), Some(&*format!("{target}#")));
    }
    let too_long =
        world.callback_of(&mut browser, &format!("/_wechat/login?scope=userinfo&rd=/{}", "x".repeat(2048))).await;
    assert_eq!(browser.get(&too_long).await.header("location"), Some("/#"));
}
