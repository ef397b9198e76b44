//! What guards the way in: no header and no query opens it, nobody hammers at it, nothing of it is kept.

use std::time::Duration;

use bytes::Bytes;
use http::Method;

use crate::support::visit::{component, within};
use crate::support::{CHROME, WECHAT, World, log};

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const CURL: &str = "curl/8.5.0";

#[tokio::test]
async fn r39_one_address_begins_so_many_sign_ins_a_minute_and_is_told_when_to_come_back() {
    let world = World::with(
        |text| within(&text, "server", "trusted_proxies = ['127.0.0.1/32']") + "[sign_in]\nattempts_per_minute = 6\n",
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
