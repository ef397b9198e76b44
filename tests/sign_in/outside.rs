//! Visitors who are not in WeChat are shown the way, in their language; and what all the gate's pages have in common.

use bytes::Bytes;
use http::Method;

use crate::support::visit::component;
use crate::support::{Answer, Browser, CHROME, SAFARI, WECHAT, WECOM, World};

async fn get(browser: &mut Browser, url: &str, language: &str) -> Answer {
    let headers = [("accept", "text/html"), ("accept-language", language)];
    browser.send(Method::GET, url, &headers, Bytes::new()).await
}

#[tokio::test]
async fn a_browser_outside_wechat_is_shown_the_way_in_its_language() {
    let world = World::start("").await;
    let place = "/menu?table=7&x=%E4%B8%AD";
    for (agent, language, lang, says, has_code) in [
        (CHROME, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN", "微信", true),
        (CHROME, "en-US,en;q=0.9", "en", "WeChat", true),
        (CHROME, "fr", "zh-CN", "微信", true),
        (SAFARI, "zh-CN", "zh-CN", "请在微信中打开", false),
        (SAFARI, "en", "en", "Open this page in WeChat", false),
        (WECOM, "zh-CN", "zh-CN", "请在微信中打开", false),
        (WECOM, "en", "en", "Open this page in WeChat", false),
    ] {
        for path in [place.to_owned(), format!("/_wechat/login?rd={}", component(place))] {
            let page = get(&mut world.browser(agent), &world.url(&path), language).await;
            page.assert_page(401, "not-in-wechat");
            let text = page.text();
            assert!(text.contains(&format!("<html lang=\"{lang}\">")), "{agent} {language}: {text}");
            assert!(text.contains(says), "{agent} {language}: {text}");
            assert_eq!(text.contains("class=\"qr\""), has_code, "{agent}");
            assert!(text.contains("id=\"address\""), "{agent}");
            assert!(page.shown().contains(&world.url(place)), "the address to open: {text}");
            assert!(text.contains("id=\"copy\""), "{agent}: a button that copies it");
            assert!(page.set_cookies().is_empty(), "nothing has begun");
        }
    }
    assert!(world.wechat_events().await.is_empty() && world.site.requests() == 0);
}

#[tokio::test]
async fn programs_outside_wechat_get_a_problem() {
    let world = World::start("").await;
    for agent in [CHROME, SAFARI, WECOM] {
        let url = world.url("/_wechat/login?rd=/");
        let headers = [("accept", "application/json")];
        let answer = world.browser(agent).send(Method::GET, &url, &headers, Bytes::new()).await;
        assert_eq!((answer.status.as_u16(), &*answer.slug()), (401, "not-in-wechat"), "{agent}");
    }
}

#[tokio::test]
async fn every_webview_of_wechats_goes_to_wechat() {
    let world = World::start("").await;
    for agent in [
        WECHAT,
        "Mozilla/5.0 (Linux; Android 13) Chrome/111.0 Mobile Safari/537.36 XWEB/1110005 MMWEBSDK/20230805 MicroMessenger/8.0.42.2460(0x28002A58) WeChat/arm64",
        "Mozilla/5.0 (Windows NT 10.0; WOW64) Chrome/39.0 Safari/537.36 MicroMessenger/6.5.2.501 NetType/WIFI WindowsWechat",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) MicroMessenger/6.8.0(0x16080000) MacWechat/3.0.1(0x13000110)",
        "Mozilla/5.0 (iPhone) Mobile wechatdevtools/1.06.2209190 MicroMessenger/8.0.5 webview/16364215743155638",
        "Mozilla/5.0 (iPhone) Mobile/15E148 MicroMessenger/8.0.31 miniProgram/wx0123456789abcdef",
    ] {
        let answer = world.browser(agent).get(&world.url("/")).await;
        assert_eq!(answer.status, 302, "{agent}");
        world.authorize_url(&answer);
    }
}

#[tokio::test]
async fn the_language_can_be_fixed() {
    for (fixed, lang) in [("en", "en"), ("zh-CN", "zh-CN")] {
        let world = World::start(&format!("[sign_in]\nlanguage = '{fixed}'\n")).await;
        for language in ["zh-CN", "en", "fr"] {
            let page = get(&mut world.browser(CHROME), &world.url("/"), language).await;
            assert!(page.text().contains(&format!("<html lang=\"{lang}\">")), "{fixed} {language}");
        }
    }
}

#[tokio::test]
async fn r14_pages_escape_what_they_show_and_run_nothing_but_their_own() {
    let world = World::start("[[route]]\npath = '/club'\nallow = ['oNobodyNobodyNobody']\n").await;
    let nasty = "/x?q=\"><script>alert(1)</script>'`${1}{{7*7}}&amp;<img src=x onerror=alert(1)>";
    let rd = component(nasty);
    let mut declining = world.visitor("lin");
    declining.headers.insert("x-sim-answer", "refuse-no-code".parse().expect("a value"));
    let callback = world.callback_of(&mut declining, &format!("/_wechat/login?rd={rd}")).await;
    let mut member = world.signed_in("lin").await;
    let post = [("accept", "text/html"), ("referer", &*world.url(nasty))];
    let pages = [
        get(&mut world.browser(CHROME), &world.url(&format!("/_wechat/login?rd={rd}")), "en").await,
        get(&mut world.browser(SAFARI), &world.url(&format!("/_wechat/login?rd={rd}")), "zh").await,
        get(&mut declining, &callback, "en").await,
        get(&mut member, &world.url(&format!("/_wechat/logout?rd={rd}")), "en").await,
        get(&mut member, &world.url("/club"), "en").await,
        get(&mut member, &world.url(&format!("/_wechat/login?scope={rd}")), "en").await,
        get(&mut member, &world.url("/a%2Fb?<script>"), "en").await,
        world.browser(WECHAT).send(Method::POST, &world.url("/f"), &post, Bytes::new()).await,
    ];
    let mut nonces = std::collections::BTreeSet::new();
    for page in &pages {
        let text = page.text();
        assert!(page.content_type().starts_with("text/html"), "{}", page.url);
        for raw in ["<script>alert", "<img src", "'`$"] {
            assert!(!text.contains(raw), "{raw} in {text}");
        }
        let policy = page.header("content-security-policy").expect("a policy");
        for needed in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(needed), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let nonce = policy.split_once("'nonce-").and_then(|(_, rest)| rest.split_once('\'')).expect("a nonce").0;
        assert!(nonce.len() >= 22 && nonces.insert(nonce.to_owned()), "{nonce}");
        assert_eq!(text.matches("<script").count(), text.matches(&format!("<script nonce=\"{nonce}\"")).count());
        if let Some((_, script)) = text.split_once("<script") {
            assert!(!script.contains("7*7") && !script.contains("alert"), "request data in a script: {script}");
        }
        assert!(!text.contains(" src=") && !text.contains("url(") && !text.contains("@import"), "external: {text}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert!(text.contains("name=\"viewport\""));
    }
    assert_eq!(nonces.len(), pages.len());
}
