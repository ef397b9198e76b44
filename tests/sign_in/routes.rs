//! Routes: who is let in, who is turned away how, and where requests go.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use wxgate::config::Config;

use crate::support::visit::{CONFIG, SESSION};
use crate::support::{Site, WECHAT, World};

#[tokio::test]
async fn r34_an_allow_list_lets_in_whom_it_names_and_nobody_who_resembles_them() {
    // Openids are the same in every world: they come from account and user alone.
    let (lin, union) = {
        let world = World::start("").await;
        let union = world.person("lin").await["unionids"]["sim-open-platform"].as_str().expect("a unionid").to_owned();
        (world.openid("lin").await, union)
    };
    let (shorter, longer) = (&lin[..lin.len() - 1], format!("{lin}x"));
    let routes = [("/lin", &*lin), ("/shorter", shorter), ("/longer", &longer), ("/case", &lin.to_lowercase())];
    let mut text: String =
        routes.iter().map(|(path, id)| format!("[[route]]\npath = '{path}'\nallow = ['{id}']\n")).collect();
    text += &format!("[[route]]\npath = '/union'\nscope = 'userinfo'\nallow = ['unionid:{union}']\n");
    text += "[[route]]\npath = '/club/**'\nallow = ['oSomebodyElse_1', 'oSomebodyElse_2']\n";
    let world = World::start(&text).await;
    let mut lin = world.signed_in("lin").await;
    let mut fei = world.signed_in("fei").await;
    assert_eq!(lin.get(&world.url("/lin")).await.status, 200);
    for (who, path) in [
        (&mut fei, "/lin"),
        (&mut lin.clone(), "/shorter"),
        (&mut lin.clone(), "/longer"),
        (&mut lin.clone(), "/case"),
        (&mut lin.clone(), "/club/x"),
        (&mut lin.clone(), "/%63lub/x"),
        (&mut lin.clone(), "//club//x"),
    ] {
        let before = world.site.requests();
        who.get(&world.url(path)).await.assert_page(403, "forbidden");
        assert_eq!(who.fetch(&world.url(path)).await.slug(), "forbidden", "{path}");
        assert_eq!(world.site.requests(), before, "{path}");
    }
    assert_eq!(world.browser(WECHAT).get(&world.url("/lin")).await.status, 302, "an anonymous visitor may be anybody");
    // A unionid is known only after the step-up, which therefore comes first.
    let arrived = world.sign_in(&mut lin, "/union").await;
    assert_eq!(arrived.told("x-wechat-unionid"), Some(union));
    let callback = world.callback_of(&mut fei, "/union").await;
    fei.get(&callback).await;
    fei.get(&world.url("/union")).await.assert_page(403, "forbidden");
}

#[tokio::test]
async fn a_route_says_what_becomes_of_anonymous_visitors() {
    let world = World::start(
        "[[route]]\npath = '/api/**'\non_anonymous = '401'\n[[route]]\npath = '/page/**'\non_anonymous = 'redirect'\n",
    )
    .await;
    let html = ("accept", "text/html");
    let json = ("accept", "application/json");
    for (method, path, header, status) in [
        ("GET", "/api/x", html, 401),
        ("GET", "/api/x", ("sec-fetch-mode", "navigate"), 401),
        ("GET", "/page/x", json, 302),
        ("GET", "/page/x", ("sec-fetch-mode", "cors"), 302),
        ("GET", "/page/x", ("x-requested-with", "XMLHttpRequest"), 302),
        ("HEAD", "/page/x", json, 302),
        ("POST", "/page/x", html, 401),
        ("POST", "/page/x", json, 401),
        ("OPTIONS", "/page/x", json, 401),
        ("GET", "/other", json, 401),
        ("GET", "/other", html, 302),
    ] {
        let method: Method = method.parse().expect("a method");
        let mut browser = world.browser(WECHAT);
        let answer = browser.send(method.clone(), &world.url(path), &[header], Bytes::new()).await;
        assert_eq!(answer.status, status, "{method} {path} {header:?}");
        assert_eq!(answer.headers.contains_key("x-wechat-login-url"), status == 401, "{method} {path} {header:?}");
    }
    assert_eq!(world.site.requests(), 0);
}

#[tokio::test]
async fn r7_optional_routes_tell_who_is_there_and_public_ones_never_do() {
    let world = World::start(
        "[[route]]\npath = '/maybe/**'\nauth = 'optional'\n[[route]]\npath = '/open/**'\nauth = 'none'\nmethods = ['GET']\n",
    )
    .await;
    let mut member = world.signed_in("lin").await;
    let forged = [("x-wechat-openid", "oForged"), ("x_wechat_nickname", "boss"), ("X-WeChat-Session", "1")];
    for (name, value) in forged {
        member
            .headers
            .insert(name.to_lowercase().parse::<http::HeaderName>().expect("a name"), value.parse().expect("a value"));
    }
    let maybe = member.get(&world.url("/maybe/x")).await;
    assert_eq!(maybe.told("x-wechat-openid"), Some(world.openid("lin").await));
    assert_eq!(maybe.told("x_wechat_nickname"), None);
    let open = member.get(&world.url("/open/x")).await;
    assert_eq!(open.told_names(), Vec::<String>::new());
    assert_eq!(open.told("cookie"), None, "the gate's cookies go no further, whoever looks at them");

    let mut stranger = world.browser(WECHAT);
    stranger.headers = member.headers.clone();
    for path in ["/maybe/x", "/open/x"] {
        assert_eq!(stranger.get(&world.url(path)).await.told_names(), Vec::<String>::new(), "{path}");
    }
    let post = stranger.send(Method::POST, &world.url("/open/x"), &[], Bytes::new()).await;
    assert_eq!(post.status, 401, "the route is for GET");
    assert_eq!(stranger.send(Method::HEAD, &world.url("/open/x"), &[], Bytes::new()).await.status, 200);
    let options = stranger.send(Method::OPTIONS, &world.url("/maybe/x"), &[], Bytes::new()).await;
    assert_eq!(options.told_names(), Vec::<String>::new());
}

#[tokio::test]
async fn r35_a_malformed_session_cookie_is_like_none() {
    let world = World::start("[[route]]\npath = '/maybe'\nauth = 'optional'\n").await;
    let mut member = world.signed_in("lin").await;
    let good = world.session_of(&mut member).expect("a session");
    let long = "A".repeat(9000);
    let doubled = format!("{good}{good}");
    for bad in [
        "",
        "x",
        "=",
        "null",
        "AQ",
        "%00",
        "AAAA",
        &good[1..],
        &good[..good.len() - 1],
        &*doubled,
        &*format!("\"{good}\""),
        &*format!("{good}="),
        &*format!("{good}A"),
        &*long,
        &*format!(" {}", good.to_lowercase()),
    ] {
        let mut browser = world.browser(WECHAT);
        browser.cookies.insert(world.host(), BTreeMap::from([(SESSION.to_owned(), bad.to_owned())]));
        let maybe = browser.get(&world.url("/maybe")).await;
        assert_eq!(maybe.told_names(), Vec::<String>::new(), "{bad:.40}");
        assert_eq!(browser.get(&world.url("/")).await.status, 302, "{bad:.40}");
        assert_eq!(browser.fetch(&world.url("/_wechat/me")).await.status, 401, "{bad:.40}");
        assert_eq!(browser.get(&world.url("/_wechat/logout")).await.status, 200, "{bad:.40}");
    }
}

#[tokio::test]
async fn a_route_has_an_upstream_of_its_own() {
    let other = Site::start().await;
    let routes = format!(
        "[[route]]\npath = '/shop/**'\nupstream = 'http://{0}'\n[[route]]\npath = '/files/**'\nauth = 'none'\nupstream = 'http://{0}'\n",
        other.address
    );
    let world = World::start(&routes).await;
    let mut browser = world.visitor("lin");
    let arrived = world.sign_in(&mut browser, "/shop/cart").await;
    assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await));
    assert_eq!((other.requests(), world.site.requests()), (1, 0));
    world.browser(WECHAT).get(&world.url("/files/a")).await;
    browser.get(&world.url("/elsewhere")).await;
    assert_eq!((other.requests(), world.site.requests()), (2, 1));
}

#[test]
fn r4_a_rule_that_cannot_be_kept_is_refused_at_start() {
    let route = |lines: &str| Config::parse(&format!("{CONFIG}[[route]]\npath = '/x'\n{lines}\n"), &[]);
    assert!(route("allow = ['oSomebody_12']").is_ok());
    for lines in [
        "auth = 'none'\nallow = ['oSomebody_12']",
        "auth = 'optional'\nallow = ['oSomebody_12']",
        "auth = 'none'\nscope = 'userinfo'",
        "auth = 'optional'\non_anonymous = 'redirect'",
        "allow = []",
        "allow = ['o*']",
        "allow = ['o.+']",
        "allow = ['']",
        "allow = ['openid:oSomebody_12']",
        "allow = ['phone:1380000']",
        "auth = 'sometimes'",
        "auth = 'Required'",
        "methods = ['get']",
        "scope = 'snsapi_base'",
        "on_anonymous = '403'",
        "alow = ['oSomebody_12']",
    ] {
        assert!(route(lines).is_err(), "{lines}");
    }
    for path in ["x", "", "/a?b", "/a#b", "/a/../b", "/a/%2e%2e/b", "/a%2fb", "/**a", "//a", "/a\\\\b"] {
        let text = format!("{CONFIG}[[route]]\npath = \"{path}\"\nauth = 'none'\n");
        assert!(Config::parse(&text, &[]).is_err(), "{path}");
    }
}
