//! Who may ask how often, for how long a session is handed over, and what of it all is written down.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use wxgate::simulator::Settings;

use crate::support::visit::{SESSION, component, within};
use crate::support::{CHROME, WECHAT, World, log};
use crate::walk::{Desktop, HANDOFF, given, say, scan};

#[tokio::test]
async fn r31_r39_codes_and_answers_are_counted_by_client() {
    let limited = |text: String| {
        within(&text, "server", "trusted_proxies = ['127.0.0.1/32']") + HANDOFF + "attempts_per_minute = 4\n"
    };
    let world = World::with(limited, Settings::default()).await;
    let visit = async |address: &str, agent: &str, path: &str| {
        let headers = [("accept", "text/html"), ("x-forwarded-for", address)];
        world.browser(agent).send(Method::GET, &world.url(path), &headers, Bytes::new()).await
    };
    for host in 0..4 {
        assert_eq!(visit(&format!("2001:db8:1:2::{host}"), CHROME, "/").await.status, 200);
    }
    visit("2001:db8:1:2:ffff::1", CHROME, "/").await.assert_page(429, "rate-limited");
    visit("2001:db8:1:2::1", CHROME, "/_wechat/login?rd=/").await.assert_page(429, "rate-limited");
    assert_eq!(visit("2001:db8:1:3::1", CHROME, "/").await.status, 200, "a neighbour");
    let guess = "/_wechat/handoff?t=00000000000000000000000000000000";
    for _ in 0..4 {
        visit("203.0.113.7", WECHAT, guess).await.assert_page(403, "login-expired");
    }
    let refused = visit("::ffff:203.0.113.7", WECHAT, guess).await;
    refused.assert_page(429, "rate-limited");
    assert_eq!(refused.header("retry-after"), Some("15"));
    for _ in 0..240 {
        visit("203.0.113.9", CHROME, "/_wechat/handoff/finish?t=x").await.assert_page(403, "login-expired");
    }
    visit("203.0.113.9", CHROME, "/_wechat/handoff/finish?t=x").await.assert_page(429, "rate-limited");
}

#[tokio::test]
async fn r13_cookie_and_ticket_live_two_minutes() {
    let world = World::start(HANDOFF).await;
    let desktop = Desktop::open(&world, "/").await;
    let [line] = &desktop.page.cookie_lines()[..] else { panic!("{:?}", desktop.page.cookie_lines()) };
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=120"] {
        assert!(line.contains(attribute), "{line}");
    }
    assert_eq!(given(&desktop.page, "seconds"), "120");
}

#[tokio::test]
async fn a_session_handed_over_ends_with_the_one_it_came_from() {
    let edit = |text: String| within(&text, "session", "ttl = '7d'\nidle = 'off'") + HANDOFF;
    let world = World::with(edit, Settings::default()).await;
    let mut phone = world.signed_in("lin").await;
    world.pass_time(Duration::from_hours(6 * 24)).await;
    let mut desktop = Desktop::open(&world, "/").await;
    scan(&world, &mut phone, &desktop.id).await;
    let number = desktop.number(&world).await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    let on = desktop.finish(&world).await;
    let cookies = on.set_cookies();
    let session = cookies.iter().find(|cookie| cookie.name() == SESSION).expect("a session");
    assert_eq!(session.max_age(), Some(cookie::time::Duration::days(1)));
    world.pass_time(Duration::from_hours(24)).await;
    assert_eq!(desktop.browser.fetch(&world.url("/")).await.status, 401);
}

#[tokio::test]
async fn a_desktop_gets_what_its_page_asks_for_and_keeps_its_session_when_it_asks_for_more() {
    let world = World::start(&format!("{HANDOFF}[[route]]\npath = '/profile'\nscope = 'userinfo'\n")).await;
    let mut phone = world.signed_in("lin").await;
    let mut desktop = Desktop::open(&world, "/").await;
    scan(&world, &mut phone, &desktop.id).await;
    let number = desktop.number(&world).await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    desktop.finish(&world).await;
    let silent = desktop.browser.get(&world.url("/")).await;
    assert_eq!(silent.told("x-wechat-nickname"), None);

    let mut desktop = Desktop::open_in(&world, desktop.browser, "/profile").await;
    // The phone is asked for its profile first, once.
    scan(&world, &mut phone, &desktop.id).await.assert_says("name=\"number\"");
    assert_eq!(world.events_of("userinfo").await.len(), 1);
    let number = desktop.number(&world).await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    assert_eq!(desktop.finish(&world).await.header("location"), Some("/profile"));
    let known = desktop.browser.get(&world.url("/profile")).await;
    assert!(known.told("x-wechat-nickname").is_some_and(|name| name.starts_with(&component("林"))));
    assert_eq!(known.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"));
    assert_eq!(known.told("x-wechat-session"), silent.told("x-wechat-session"), "kept and enriched");
}

#[tokio::test]
async fn r28_no_ticket_is_written_down() {
    let mut world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/").await;
    let mut phone = world.visitor("lin");
    scan(&world, &mut phone, &desktop.id).await;
    let number = desktop.number(&world).await;
    say(&world, &mut phone, &desktop.id, &number, "allow").await.assert_says("已确认登录");
    let mut secrets = vec![desktop.id.clone(), world.openid("lin").await];
    secrets.extend(world.jar(&mut desktop.browser).clone().into_values());
    desktop.finish(&world).await;
    secrets.extend(world.jar(&mut desktop.browser).clone().into_values());
    secrets.extend(world.jar(&mut phone).clone().into_values());
    world.stop_gate();
    let said = log::everything();
    for expected in ["path=/_wechat/handoff/finish ", "result=\"allowed\"", "handoff=true"] {
        assert!(said.contains(expected), "the log was not listened to: no {expected}");
    }
    for secret in secrets {
        assert!(!said.contains(&secret), "{secret}");
    }
}
