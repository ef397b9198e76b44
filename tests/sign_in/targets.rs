//! R2: wherever a visitor is sent afterwards, it is to this site, as a browser understands it.

use http::Method;
use url::Url;
use wxgate::simulator::Settings;

use crate::support::visit::component;
use crate::support::{Answer, World};

/// What slipped through other gates, and its relatives: every way to begin times every way to name a host.
fn hostile() -> Vec<String> {
    let beginnings = [
        "//",
        "///",
        "////",
        "/\\",
        "\\/",
        "\\\\",
        "/\\/",
        "\\",
        "/\t/",
        "/\n/",
        "/\r\n/",
        "\t//",
        " //",
        "\0//",
        "\x1f//",
        "/\t\\",
        "//\t",
        "/.//",
        "/..//",
        "/./\\",
        "/../\\",
        "/a/..//",
        "/%2e%2e//",
        "/%2E/..//",
        "/a/../..//",
        "/.\\\\",
        "https://",
        "https:",
        "https:/",
        "https:\\\\",
        "https:///",
        "http://",
        "http:",
        "HTTPS://",
        "ht\ttps://",
        "https:\n//",
        "ftp://",
        "ws://",
        "//user@",
        "//127.0.0.1@",
        "https://127.0.0.1@",
        "http://127.0.0.1:80@",
        "http://127.0.0.1\\@",
        "//%5c",
        "\u{a0}//",
        "\u{2028}//",
        "\u{feff}//",
        "／／",
        "/／",
        "/;//",
        "/?//../../",
    ];
    let hosts = [
        "evil.example",
        "evil.example/",
        "evil.example:443/x",
        "evil.example\\x",
        "evil%2eexample",
        "evil。example",
        "evil.example?127.0.0.1",
        "evil.example#127.0.0.1",
        "1.2.3.4",
        "16909060",
        "0x01020304",
        "[::1]",
        "127.0.0.1.evil.example",
    ];
    let whole = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)",
        "\x01javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "about:blank",
        "mailto:a@b",
        "@evil.example",
        ":80",
        "://evil.example",
        "//",
        "///",
        "https://",
        "//[",
        "/\\",
        "%2f%2fevil.example",
        "%5c%5cevil.example",
        "intent://evil.example",
        "weixin://dl/scan",
        "evil.example",
        "",
        ".",
        "..",
        "?",
        "#",
        "//\0",
        "/\r\nSet-Cookie: a=b",
        "/\r\n\r\n<script>",
        "/\u{0}",
        "/\u{7f}",
    ];
    let pairs = beginnings.iter().flat_map(|start| hosts.iter().map(move |host| format!("{start}{host}")));
    pairs.chain(whole.iter().map(ToString::to_string)).collect()
}

/// Judges a `Location` as the browser that gets it would.
fn stays_here(world: &World, answer: &Answer, rd: &str) {
    let raw = answer.header("location").unwrap_or_else(|| panic!("{rd:?}: {} {}", answer.status, answer.text()));
    let here: Url = world.url("/_wechat/callback?code=x#wechat_redirect").parse().expect("a URL");
    let lands = here.join(raw).expect("a location");
    assert_eq!(lands.origin(), here.origin(), "{rd:?} leads to {raw:?}");
    let path = raw.split(['?', '#']).next().unwrap_or_default();
    assert!(path.starts_with('/') && !path.starts_with("//") && !path.contains('\\'), "{rd:?} {raw:?}");
    assert!(raw.bytes().all(|byte| byte.is_ascii_graphic()), "{rd:?} {raw:?}");
    let lines = answer.cookie_lines();
    assert!(lines.iter().all(|line| line.starts_with("wxgate")), "{rd:?}: {lines:?}");
}

#[tokio::test]
async fn r2_no_hostile_target_leaves_this_site_at_login_or_logout() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    let origin = format!("http://{}", world.gate);
    let hostile = hostile();
    assert!(hostile.len() > 500, "{}", hostile.len());
    for rd in &hostile {
        let query = component(rd);
        let answer = browser.get(&world.url(&format!("/_wechat/login?rd={query}"))).await;
        assert_eq!(answer.status, 302, "{rd:?}");
        stays_here(&world, &answer, rd);

        let same = [("origin", &*origin), ("content-type", "application/x-www-form-urlencoded")];
        let mut leaving = browser.clone();
        leaving.cookies.clear();
        let form = format!("rd={query}");
        let answer = leaving.send(Method::POST, &world.url("/_wechat/logout"), &same, form.clone().into()).await;
        assert_eq!(answer.status, 303, "{rd:?}");
        stays_here(&world, &answer, rd);
        let url = world.url(&format!("/_wechat/logout?{form}"));
        let answer = leaving.send(Method::POST, &url, &same, bytes::Bytes::new()).await;
        stays_here(&world, &answer, rd);

        let page = leaving.get(&url).await;
        assert_eq!(page.status, 200, "{rd:?}");
        let (shown, mut links) = (page.shown(), 0);
        for link in shown.split("href=\"").skip(1) {
            let link = page.url.join(link.split_once('"').expect("an end").0).expect("a link");
            assert_eq!(link.origin(), page.url.origin(), "{rd:?}: {link}");
            links += 1;
        }
        assert!(links > 0, "the way back");
    }
}

#[tokio::test]
async fn r2_no_hostile_target_survives_a_whole_sign_in() {
    let world = World::with(|text| text, Settings { sign_ins_per_minute: None, ..Settings::default() }).await;
    for rd in hostile() {
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, &format!("/_wechat/login?rd={}", component(&rd))).await;
        let back = browser.get(&callback).await;
        assert_eq!(back.status, 303, "{rd:?}");
        stays_here(&world, &back, &rd);
        assert!(back.header("location").is_some_and(|location| location.contains('#')), "{rd:?}");
    }
}

#[tokio::test]
async fn r2_a_hostile_referer_is_no_target_either() {
    let world = World::start("").await;
    for referer in hostile() {
        let Ok(value) = http::HeaderValue::from_bytes(referer.as_bytes()) else { continue };
        let mut browser = world.visitor("lin");
        browser.headers.insert("referer", value);
        let answer = browser.fetch(&world.url("/api")).await;
        let login_url = answer.header("x-wechat-login-url").expect("where to sign in").to_owned();
        browser.headers.remove("referer");
        let login: Url = login_url.parse().expect("a URL");
        assert_eq!(login.authority(), world.host(), "{referer:?}");
        world.begin(&mut browser, &login[url::Position::BeforePath..]).await;
        let (_, rd) = login.query_pairs().find(|(name, _)| name == "rd").expect("a target");
        assert!(rd.starts_with('/') && !rd.starts_with("//"), "{referer:?}: {rd}");
    }
}

#[tokio::test]
async fn places_of_this_site_are_kept_whole() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    let absolute = world.url("/a?b=c#d");
    for (rd, place) in [
        ("/", "/"),
        ("/a/b.html?x=1&y=%2F&z=a+b#frag", "/a/b.html?x=1&y=%2F&z=a+b#frag"),
        ("/#/route?x=1", "/#/route?x=1"),
        ("/中文?q=中", "/%E4%B8%AD%E6%96%87?q=%E4%B8%AD"),
        ("/a?u=https://evil.example/", "/a?u=https://evil.example/"),
        (&absolute, "/a?b=c#d"),
    ] {
        let answer = browser.get(&world.url(&format!("/_wechat/login?rd={}", component(rd)))).await;
        assert_eq!(answer.header("location"), Some(place), "{rd}");
    }
}
