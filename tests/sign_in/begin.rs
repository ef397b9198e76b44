//! How a sign-in begins: who is sent to WeChat, with which link, and what binds it to the browser.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::Method;

use crate::support::visit::{FLOW, component};
use crate::support::{Answer, CHROME, WECHAT, World, log};

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
    let trusting = World::with(
        |text| crate::support::visit::within(&text, "server", "trusted_proxies = ['127.0.0.0/8']"),
        Default::default(),
    )
    .await;
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

#[tokio::test]
async fn r39_one_address_begins_so_many_sign_ins_a_minute_and_is_told_when_to_come_back() {
    let world = World::with(
        |text| {
            crate::support::visit::within(&text, "server", "trusted_proxies = ['127.0.0.1/32']")
                + "[sign_in]\nattempts_per_minute = 6\n"
        },
        Default::default(),
    )
    .await;
    let visit = async |address: &str, path: &str| {
        let headers = [HTML, ("x-forwarded-for", address)];
        world.browser(WECHAT).send(Method::GET, &world.url(path), &headers, Bytes::new()).await
    };
    for _ in 0..6 {
        assert_eq!(visit("203.0.113.7", "/").await.status, 302);
        assert_eq!(visit("203.0.113.7", "/_wechat/callback?state=y").await.status, 403);
    }
    for path in ["/", "/_wechat/login?rd=/", "/_wechat/callback?state=y"] {
        let answer = visit("203.0.113.7", path).await;
        answer.assert_page(429, "rate-limited");
        assert_eq!(answer.header("retry-after"), Some("10"), "{path}");
    }
    assert_eq!(visit("203.0.113.8", "/").await.status, 302, "a neighbour");
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(visit("203.0.113.7", "/").await.status, 302, "after the wait");
    assert_eq!(visit("203.0.113.7", "/").await.status, 429, "once only");
}

#[tokio::test]
async fn r5_r8_no_query_and_no_header_opens_a_door() {
    let world = World::start("[[route]]\npath = '/open/**'\nauth = 'none'\n").await;
    for path in [
        "/private?/open/x",
        "/private?path=/open/x",
        "/private?x=/../open/x",
        "/private?auth=none&_wechat=1",
        "/private;/open/x",
        "/openx",
        "/open",
        "/x/open/y",
        "/private%3F/open/x",
        "/OPEN/x",
    ] {
        assert_eq!(world.browser(CURL).fetch(&world.url(path)).await.status, 401, "{path}");
    }
    let openid = component(&world.openid("lin").await);
    for (name, value) in [
        ("x-original-url", "/open/x"),
        ("x-original-uri", "/open/x"),
        ("x-rewrite-url", "/open/x"),
        ("x-forwarded-uri", "/open/x"),
        ("x-forwarded-path", "/open/x"),
        ("x-forwarded-prefix", "/open"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("x-http-method-override", "OPTIONS"),
        ("authorization", "Bearer x"),
        ("x-wechat-openid", &*openid),
        ("x_wechat_openid", &*openid),
        ("x-wechat-session", "00000000000000000000000000000000"),
        ("user-agent", "kube-probe/1.30"),
        ("origin", "http://127.0.0.1"),
        ("referer", "http://127.0.0.1/open/x"),
        ("sec-fetch-site", "same-origin"),
        ("cookie", "wxgate=1"),
        ("connection", "close, cookie, host"),
        ("purpose", "prefetch"),
        ("access-control-request-method", "GET"),
    ] {
        let mut browser = world.browser(CURL);
        browser.headers.insert(name, value.parse().expect("a value"));
        assert_eq!(browser.fetch(&world.url("/private")).await.status, 401, "{name}: {value}");
        let options = browser.send(Method::OPTIONS, &world.url("/private"), &[], Bytes::new()).await;
        assert_eq!(options.status, 401, "OPTIONS with {name}: {value}");
    }
    assert_eq!(world.site.requests(), 0);
    assert_eq!(world.browser(CURL).fetch(&world.url("/open/x?/private")).await.status, 200);
}

#[tokio::test]
async fn no_answer_of_the_gates_own_is_kept_by_a_cache_and_each_can_be_found_in_the_log() {
    let mut world = World::start("[[route]]\npath = '/club'\nallow = ['oNobodyNobody']\n").await;
    let mut browser = world.visitor("lin");
    let begun = browser.get(&world.url("/")).await;
    let authorize = world.authorize_url(&begun);
    let callback = world.consent(&mut browser, &authorize).await;
    let answers = [
        begun,
        browser.get(&callback).await,
        browser.get(&world.url("/_wechat/login?rd=/")).await,
        browser.get(&world.url("/_wechat/callback?code=x")).await,
        browser.get(&world.url("/_wechat/callback?state=x")).await,
        browser.get(&world.url("/club")).await,
        browser.fetch(&world.url("/a%2fb")).await,
        browser.fetch(&world.url("/_wechat/login?scope=x")).await,
        browser.get(&world.url("/_wechat/logout")).await,
        world.sign_out(&mut browser).await,
        world.browser(CHROME).get(&world.url("/")).await,
        world.browser(CURL).fetch(&world.url("/_wechat/me")).await,
    ];
    world.stop_gate();
    let said = log::everything();
    for answer in answers {
        let what = format!("{} {}", answer.url.path(), answer.status);
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{what}: no id"));
        let line = said.lines().find(|line| line.contains("access ") && line.contains(&format!("request_id={id} ")));
        let line = line.unwrap_or_else(|| panic!("{what}: not in the log"));
        assert!(line.contains(&format!("status={} ", answer.status.as_u16())), "{line}");
        assert!(line.contains(&format!("path={} ", answer.url.path())), "{line}");
    }
}

fn is_hex_32(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
