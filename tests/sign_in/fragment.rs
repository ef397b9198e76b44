//! `sign_in.keep_fragment`, as far as it can be seen without scripts; `tests/browser` has those.

use http::Method;

use crate::support::visit::{SESSION, component, within};
use crate::support::{Answer, Browser, CHROME, WECHAT, World};

const ON: &str = "[sign_in]\nkeep_fragment = true\n";
/// Of a browser in a terminal.
const LYNX: &str = "Lynx/2.8.9rel.1 libwww-FM/2.14 SSL-MM/1.4.1";

/// Method, path, headers, and the status of the answer.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], u16);

/// Where the page leads whoever runs no scripts.
#[track_caller]
fn link(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}: {}", page.url, page.text());
    assert!(page.content_type().starts_with("text/html"), "{}", page.content_type());
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(page.headers.contains_key("x-request-id") && page.set_cookies().is_empty());
    let shown = page.shown();
    let (_, rest) = shown.split_once("href=\"").expect("a link");
    let (link, rest) = rest.split_once('"').expect("its end");
    assert!(!rest.contains("href="), "one way on: {shown}");
    link.to_owned()
}

/// What the page's script makes of its link.
fn with_fragment(link: &str, fragment: &str) -> String {
    let (start, scope) = link.split_once("&scope").map_or((link, None), |(start, scope)| (start, Some(scope)));
    format!("{start}{}{}", component(fragment), scope.map(|scope| format!("&scope{scope}")).unwrap_or_default())
}

/// From the gate's page to WeChat and back; the return's `Location`.
async fn back_from(world: &World, browser: &mut Browser, login: &str) -> String {
    let callback = world.callback_of(browser, login).await;
    let back = browser.get(&callback).await;
    assert_eq!(back.status, 303, "{}", back.text());
    back.header("location").expect("a target").to_owned()
}

#[tokio::test]
async fn a_hash_route_comes_back_in_the_location_after_the_callback() {
    let world = World::start(ON).await;
    for fragment in ["", "#", "#/orders/7?tab=1", "#!/a&b=c", "#/%E8%8C%B6%20%23", "#a#b", "#$&$1$$"] {
        let mut browser = world.visitor("lin");
        let link = link(&browser.get(&world.url("/app?a=1&b=%2F")).await);
        assert_eq!(link, "/_wechat/login?rd=/app%3Fa%3D1%26b%3D%252F");
        let location = back_from(&world, &mut browser, &with_fragment(&link, fragment)).await;
        let expected = if fragment.is_empty() { "#" } else { fragment };
        assert_eq!(location, format!("/app?a=1&b=%2F{expected}"));
        // Signed in: the site itself answers.
        let answer = browser.get(&world.url("/app?a=1")).await;
        assert_eq!(answer.told("x-wechat-openid"), Some(world.openid("lin").await));
    }
}

#[tokio::test]
async fn r2_a_fragment_leads_nowhere_but_to_this_site() {
    let world = World::start(ON).await;
    for fragment in [
        "#//evil.example/",
        "#@evil.example",
        "#\\\\evil.example",
        "#\r\nLocation: https://evil.example",
        "#javascript:alert(1)",
        "#/../../..//evil.example",
        "#\0",
        "#茶",
        "#:~:text=a",
    ] {
        let mut browser = world.visitor("lin");
        let link = link(&browser.get(&world.url("/a")).await);
        let location = back_from(&world, &mut browser, &with_fragment(&link, fragment)).await;
        assert!(location.starts_with("/a#"), "{fragment:?} {location}");
        assert!(location.bytes().all(|byte| byte.is_ascii_graphic()), "{fragment:?} {location}");
    }
    let mut browser = world.visitor("lin");
    for foreign in ["//evil.example/#/a", "https://evil.example/#/a", "/\\evil.example#/a"] {
        let login = format!("/_wechat/login?rd={}", component(foreign));
        assert_eq!(back_from(&world, &mut browser, &login).await, "/#", "{foreign}");
        world.jar(&mut browser).clear();
    }
}

#[tokio::test]
async fn a_fragment_that_is_too_long_is_lost_alone() {
    let world = World::start(ON).await;
    let mut browser = world.visitor("lin");
    let link = link(&browser.get(&world.url("/a?b")).await);
    let location = back_from(&world, &mut browser, &with_fragment(&link, &format!("#{}", "c".repeat(2_048)))).await;
    assert_eq!(location, "/a?b#");
}

#[tokio::test]
async fn only_navigations_get_the_page_and_head_is_like_get() {
    let world = World::start(&format!("{ON}[[route]]\npath = '/always'\non_anonymous = 'redirect'\n")).await;
    let html = ("accept", "text/html,*/*;q=0.8");
    let json = ("accept", "application/json");
    let rows: &[Row<'_>] = &[
        ("GET", "/a", &[html], 200),
        ("HEAD", "/a", &[html], 200),
        ("GET", "/a", &[("accept", "*/*")], 200),
        ("GET", "/a", &[("sec-fetch-mode", "navigate"), json], 200),
        ("GET", "/a", &[json], 401),
        ("GET", "/a", &[("sec-fetch-mode", "cors"), html], 401),
        ("GET", "/a", &[("x-requested-with", "XMLHttpRequest"), html], 401),
        ("GET", "/a", &[html, ("connection", "upgrade"), ("upgrade", "websocket")], 401),
        ("POST", "/a", &[html], 401),
        ("OPTIONS", "/a", &[html], 401),
        // Only the route calls that a navigation: it has no fragment, and runs no script.
        ("GET", "/always", &[json], 302),
        ("GET", "/always", &[html], 200),
        // Whoever asks to sign in has said where to come back to.
        ("GET", "/_wechat/login?rd=/a%23/b", &[html], 302),
    ];
    for (method, path, headers, expected) in rows {
        let method: Method = method.parse().expect("a method");
        let answer = world.browser(WECHAT).send(method.clone(), &world.url(path), headers, bytes::Bytes::new()).await;
        let what = format!("{method} {path} {headers:?}: {} {}", answer.status, answer.text());
        assert_eq!(answer.status.as_u16(), *expected, "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        match (*expected, method == Method::HEAD) {
            (200, false) => assert_eq!(link(&answer), format!("/_wechat/login?rd={path}"), "{what}"),
            (200, true) => assert!(answer.body.is_empty() && answer.content_type().starts_with("text/html"), "{what}"),
            _ => {}
        }
    }
    assert_eq!(world.site.requests(), 0);
}

#[tokio::test]
async fn whoever_is_signed_in_meets_no_page_until_more_is_asked_for() {
    let routes = "[[route]]\npath = '/vip'\nscope = 'userinfo'\n";
    let world = World::start(&format!("{ON}{routes}")).await;
    let mut browser = world.visitor("lin");
    let first = link(&browser.get(&world.url("/")).await);
    back_from(&world, &mut browser, &first).await;
    assert_eq!(browser.get(&world.url("/a")).await.told("x-wechat-scope").as_deref(), Some("snsapi_base"));
    let more = link(&browser.get(&world.url("/vip")).await);
    assert_eq!(more, "/_wechat/login?rd=/vip&scope=userinfo");
    assert_eq!(back_from(&world, &mut browser, &with_fragment(&more, "#/cards")).await, "/vip#/cards");
    assert_eq!(browser.get(&world.url("/vip")).await.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"));
}

#[tokio::test]
async fn a_route_may_ask_for_less_than_the_account() {
    let text = "[[route]]\npath = '/quiet'\nscope = 'base'\n";
    let edit = |config: String| within(&config, "official_account", "scope = 'userinfo'") + ON + text;
    let world = World::with(edit, wxgate::simulator::Settings::default()).await;
    for (path, link_there, scope) in [
        ("/quiet", "/_wechat/login?rd=/quiet&scope=base", "snsapi_base"),
        ("/a", "/_wechat/login?rd=/a", "snsapi_userinfo"),
    ] {
        let mut browser = world.visitor("lin");
        let there = link(&browser.get(&world.url(path)).await);
        assert_eq!(there, link_there);
        let authorize = world.begin(&mut browser, &there).await;
        assert!(authorize.as_str().contains(&format!("&scope={scope}&")), "{authorize}");
    }
}

#[tokio::test]
async fn a_browser_that_loses_its_session_still_stops_going_round() {
    let world = World::start(ON).await;
    let mut browser = world.visitor("lin");
    let mut rounds = 0;
    loop {
        let link = link(&browser.get(&world.url("/a")).await);
        let answer = browser.get(&world.url(&link)).await;
        if answer.status != 302 {
            answer.assert_page(403, "login-loop");
            break;
        }
        rounds += 1;
        let authorize = world.authorize_url(&answer);
        let callback = world.consent(&mut browser, &authorize).await;
        assert_eq!(browser.get(&callback).await.status, 303);
        world.jar(&mut browser).remove(SESSION).expect("a session to lose");
    }
    assert_eq!(rounds, 3);
}

/// Outside WeChat the address to open there has the fragment, too.
#[tokio::test]
async fn outside_wechat_the_page_leads_to_the_address_with_its_fragment() {
    let world = World::start(ON).await;
    for agent in [CHROME, LYNX] {
        let mut browser = world.browser(agent);
        let link = link(&browser.get(&world.url("/a")).await);
        let page = browser.get(&world.url(&with_fragment(&link, "#/b"))).await;
        page.assert_page(401, "not-in-wechat");
        assert!(page.shown().contains(&world.url("/a#/b")), "{}", page.shown());
    }
}

#[tokio::test]
async fn without_the_setting_nothing_of_it_is_there() {
    let world = World::start("").await;
    let answer = world.visitor("lin").get(&world.url("/a")).await;
    world.authorize_url(&answer);
}
