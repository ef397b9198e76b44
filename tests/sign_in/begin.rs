//! How a sign-in begins: who is sent to WeChat, with which link, and what binds it to the browser.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Method;

use crate::support::visit::within;
use crate::support::{CHROME, WECHAT, World};

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const JSON: (&str, &str) = ("accept", "application/json");
const ANYTHING: (&str, &str) = ("accept", "*/*");
const CURL: &str = "curl/8.5.0";

/// What an anonymous request for a `required` path gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gets {
    Wechat,
    /// 401 with a link.
    Page,
    /// 401 `login-required`.
    Problem,
    /// 401 `not-in-wechat`: a navigation, but from nowhere near WeChat.
    Elsewhere,
}

/// Method, user agent, headers, and what comes of them.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], Gets);

#[tokio::test]
async fn r18_only_navigations_go_to_wechat_and_nothing_denied_reaches_the_site() {
    let world = World::start("").await;
    let socket = [HTML, ("connection", "Upgrade"), ("upgrade", "websocket")];
    let preflight = [("origin", "https://a.example"), ("access-control-request-method", "POST")];
    let rows: &[Row<'_>] = &[
        ("GET", WECHAT, &[HTML], Gets::Wechat),
        ("HEAD", WECHAT, &[HTML], Gets::Wechat),
        ("GET", WECHAT, &[("sec-fetch-mode", "navigate"), JSON], Gets::Wechat),
        ("GET", WECHAT, &[("sec-fetch-mode", "navigate"), ("x-requested-with", "XMLHttpRequest")], Gets::Wechat),
        ("GET", WECHAT, &[("sec-fetch-mode", "cors"), HTML], Gets::Problem),
        ("GET", WECHAT, &[("sec-fetch-mode", "no-cors"), HTML], Gets::Problem),
        ("GET", WECHAT, &[("sec-fetch-mode", "same-origin"), HTML], Gets::Problem),
        ("GET", WECHAT, &[("sec-fetch-mode", ""), HTML], Gets::Problem),
        ("GET", WECHAT, &[("x-requested-with", "XMLHttpRequest"), HTML], Gets::Problem),
        // Android's webviews name their app there.
        ("GET", WECHAT, &[("x-requested-with", "com.tencent.mm"), HTML], Gets::Wechat),
        ("GET", WECHAT, &[ANYTHING], Gets::Wechat),
        ("GET", WECHAT, &[], Gets::Wechat),
        ("GET", WECHAT, &[JSON], Gets::Problem),
        ("GET", WECHAT, &[("accept", "image/webp,*/*")], Gets::Problem),
        ("GET", "MicroMessenger/8.0", &[ANYTHING], Gets::Wechat),
        ("GET", CHROME, &[ANYTHING], Gets::Elsewhere),
        ("GET", CURL, &[ANYTHING], Gets::Problem),
        ("GET", CURL, &[], Gets::Problem),
        ("GET", "", &[], Gets::Problem),
        ("GET", WECHAT, &socket, Gets::Problem),
        ("POST", WECHAT, &[HTML], Gets::Page),
        ("DELETE", WECHAT, &[("sec-fetch-mode", "navigate"), HTML], Gets::Page),
        ("POST", WECHAT, &[JSON], Gets::Problem),
        ("PUT", WECHAT, &[], Gets::Problem),
        ("OPTIONS", WECHAT, &preflight, Gets::Problem),
        ("OPTIONS", WECHAT, &[ANYTHING, preflight[0], preflight[1]], Gets::Problem),
    ];
    for (method, agent, headers, expected) in rows {
        let method: Method = method.parse().expect("a method");
        let answer = world.browser(agent).send(method.clone(), &world.url("/private"), headers, Bytes::new()).await;
        let what = format!("{method} {agent:?} {headers:?}: {} {}", answer.status, answer.text());
        match expected {
            Gets::Wechat => {
                assert_eq!(answer.status, 302, "{what}");
                world.authorize_url(&answer);
            }
            Gets::Page => {
                answer.assert_page(401, "login-required");
                assert!(answer.shown().contains("href=\"/_wechat/login?rd="), "{what}");
            }
            Gets::Problem => assert_eq!(answer.slug(), "login-required", "{what}"),
            Gets::Elsewhere => assert_eq!(answer.slug(), "not-in-wechat", "{what}"),
        }
        if matches!(expected, Gets::Page | Gets::Problem) {
            assert_eq!(answer.status, 401, "{what}");
            assert!(answer.location().is_none() && answer.set_cookies().is_empty(), "{what}");
            let login_url = answer.header("x-wechat-login-url").expect("where to sign in").to_owned();
            assert!(login_url.starts_with(&world.url("/_wechat/login?rd=/")), "{what} {login_url}");
            if *expected == Gets::Problem {
                let problem = answer.json();
                assert_eq!(problem["login_url"], login_url, "{what}");
                assert_eq!(problem["status"], 401, "{what}");
                assert_eq!(problem["request_id"], answer.header("x-request-id").expect("an id"), "{what}");
            }
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    }
    assert_eq!((world.site.connections(), world.site.requests()), (0, 0), "something got through");
}

#[tokio::test]
async fn whoever_is_turned_away_learns_how_to_come_back_to_the_page_they_were_on() {
    let world = World::start("").await;
    let ours = world.url("/form?step=2");
    for (method, referer, target) in [
        ("POST", Some(&*ours), "/form?step=2"),
        ("POST", Some("https://evil.example/form"), "/"),
        ("POST", Some("not a url"), "/"),
        ("POST", None, "/"),
        ("GET", Some(&*ours), "/form?step=2"),
        ("GET", None, "/api/list?page=1&q=%E4%B8%AD"),
    ] {
        let mut browser = world.visitor("lin");
        let referer = referer.map(|referer| ("referer", referer));
        let headers: Vec<_> = [JSON].into_iter().chain(referer).collect();
        let method: Method = method.parse().expect("a method");
        let url = world.url("/api/list?page=1&q=%E4%B8%AD");
        let answer = browser.send(method, &url, &headers, Bytes::new()).await;
        let login_url = answer.header("x-wechat-login-url").expect("where to sign in").to_owned();
        let arrived = browser.follow(&login_url).await;
        assert_eq!(arrived.json()["target"], target, "{referer:?} {login_url}");
    }
}

#[tokio::test]
async fn r38_the_authorize_link_is_literal_whatever_host_is_named() {
    let plain = World::start("").await;
    let trusting =
        World::with(|text| within(&text, "server", "trusted_proxies = ['127.0.0.0/8']"), Default::default()).await;
    for world in [plain, trusting] {
        for headers in [
            &[][..],
            &[("host", "evil.example")],
            &[("x-forwarded-host", "evil.example"), ("x-forwarded-proto", "https")],
            &[("forwarded", "host=evil.example;proto=https"), ("x-original-url", "https://evil.example/")],
            &[("x-forwarded-port", "1"), ("x-forwarded-prefix", "/evil")],
        ] {
            let mut browser = world.browser(WECHAT);
            for (name, value) in headers {
                browser.headers.insert(*name, value.parse().expect("a value"));
            }
            let answer = browser.get(&world.url("/a")).await;
            let location = answer.header("location").expect("a redirect").to_owned();
            let (fixed, state) = location.split_once("&state=").expect("a state");
            assert_eq!(
                fixed,
                format!(
                    "http://{}/connect/oauth2/authorize?appid=wx51a71a70fa4e0001\
                     &redirect_uri=http%3A%2F%2F127.0.0.1%3A{}%2F_wechat%2Fcallback&response_type=code&scope=snsapi_base",
                    world.simulator,
                    world.gate.port()
                ),
                "{headers:?}"
            );
            let state = state.strip_suffix("#wechat_redirect").expect("WeChat's fragment");
            assert!(is_hex_32(state), "{state}");
        }
    }
}

#[tokio::test]
async fn r37_states_and_session_ids_and_request_ids_never_come_twice() {
    let world = World::start("").await;
    let (mut states, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..100 {
        let answer = world.browser(WECHAT).get(&world.url("/")).await;
        let state = world
            .authorize_url(&answer)
            .query_pairs()
            .find(|(name, _)| name == "state")
            .expect("a state")
            .1
            .into_owned();
        assert!(is_hex_32(&state) && states.insert(state));
        assert!(ids.insert(answer.header("x-request-id").expect("an id").to_owned()));
    }
    for _ in 0..10 {
        let mut browser = world.visitor("lin");
        let arrived = world.sign_in(&mut browser, "/").await;
        let sid = arrived.told("x-wechat-session").expect("a session");
        assert!(is_hex_32(&sid) && states.insert(sid));
    }
}

#[tokio::test]
async fn the_login_endpoint_starts_a_sign_in_only_where_one_is_needed() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    for (query, scope, target) in [
        ("?rd=/a%3Fb%3D1", "snsapi_base", "/a?b=1#"),
        ("?rd=/a&scope=base", "snsapi_base", "/a#"),
        ("?rd=%2F%23%2Froute&scope=userinfo", "snsapi_userinfo", "/#/route"),
        ("", "snsapi_base", "/#"),
    ] {
        let mut stranger = world.visitor("lin");
        let authorize = world.begin(&mut stranger, &format!("/_wechat/login{query}")).await;
        assert!(authorize.as_str().contains(&format!("&scope={scope}&")), "{query}: {authorize}");
        let callback = world.consent(&mut stranger, &authorize).await;
        assert_eq!(stranger.get(&callback).await.header("location"), Some(target), "{query}");
    }
    world.sign_in(&mut browser, "/").await;
    for (query, straight) in [("?rd=/a", true), ("?rd=/a&scope=base", true), ("?rd=/a&scope=userinfo", false)] {
        let answer = browser.get(&world.url(&format!("/_wechat/login{query}"))).await;
        assert_eq!(answer.status, 302, "{query}");
        assert_eq!(answer.header("location") == Some("/a"), straight, "{query}");
    }
}

#[tokio::test]
async fn r20_r30_what_the_login_endpoint_cannot_read_is_refused() {
    let world = World::start("").await;
    for query in [
        "?rd=/a&rd=/b",
        "?rd=/a&%72d=/b",
        "?rd=/a&scope=base&scope=userinfo",
        "?scope=snsapi_base",
        "?scope=",
        "?scope=everything",
    ] {
        let answer = world.browser(WECHAT).fetch(&world.url(&format!("/_wechat/login{query}"))).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (400, "bad-request"), "{query}");
    }
    for path in ["login?rd=/", "callback?code=x&state=y", "me"] {
        let url = world.url(&format!("/_wechat/{path}"));
        let answer = world.browser(WECHAT).send(Method::POST, &url, &[JSON], Bytes::new()).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (400, "bad-request"), "{path}");
    }
}

fn is_hex_32(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
