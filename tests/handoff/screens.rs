//! What both screens show, to whom, and where they may lead.

use bytes::Bytes;
use http::Method;

use crate::support::visit::{component, within};
use crate::support::{CHROME, SAFARI, WECOM, World};
use crate::walk::{Desktop, HANDOFF, given, scan};

#[tokio::test]
async fn the_number_is_only_on_the_desktop_and_only_once_the_code_is_scanned() {
    let world = World::start(HANDOFF).await;
    let mut desktop = Desktop::open(&world, "/").await;
    assert!(desktop.page.text().contains("class=\"qr\"") && desktop.page.text().contains("<noscript>"));
    assert!(desktop.page.text().contains("<b id=\"number\"></b>"), "{}", desktop.page.text());
    let again = desktop.finish(&world).await;
    assert!(again.text().contains("<b id=\"number\"></b>"));
    let asked = scan(&world, &mut world.visitor("lin"), &desktop.id).await;
    let number = desktop.number(&world).await;
    let (_, form) = asked.text().split_once("<body").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a body");
    assert!(!form.replace(&desktop.id, "").contains(&format!(">{number}<")), "{form}");
    assert!(!form.contains(&format!("value=\"{number}\"")), "{form}");
    assert!(desktop.finish(&world).await.text().contains(&format!("<b id=\"number\">{number}</b>")));
}

#[tokio::test]
async fn the_phone_is_told_which_site_browser_and_network_ask() {
    let trusting = |text: String| within(&text, "server", "trusted_proxies = ['127.0.0.1/32']") + HANDOFF;
    let world = World::with(trusting, Default::default()).await;
    let from = |address: &str| {
        ("x-forwarded-for".parse::<http::HeaderName>().expect("a name"), address.parse().expect("a value"))
    };
    for (desk, hand, shown, near) in [
        ("203.0.113.7", "203.0.113.7", "203.0.113.*", true),
        ("203.0.113.7", "198.51.100.1", "203.0.113.*", false),
        ("2001:db8:1:2::9", "2001:db8:1:2::a", "2001:db8:1:*", true),
    ] {
        let mut browser = world.browser(CHROME);
        browser.headers.extend([from(desk)]);
        let desktop = Desktop::open_in(&world, browser, "/").await;
        let mut phone = world.visitor("lin");
        phone.headers.extend([from(hand)]);
        let asked = scan(&world, &mut phone, &desktop.id).await.shown();
        for fact in ["127.0.0.1", "Chrome, Linux", shown] {
            assert!(asked.contains(&format!("<dd>{fact}")), "{fact}: {asked}");
        }
        assert!(!asked.contains(desk), "the whole address: {asked}");
        assert_eq!(asked.contains("同一个网络"), near, "{desk} {hand}");
    }
    // A proxy nobody told of says nothing of where anybody is.
    let world = World::start(HANDOFF).await;
    let desktop = Desktop::open(&world, "/").await;
    let asked = scan(&world, &mut world.visitor("lin"), &desktop.id).await.shown();
    assert!(asked.contains("<dd>Chrome, Linux</dd>") && !asked.contains("网络"), "{asked}");
}

#[tokio::test]
async fn r14_pages_hold_nothing_a_browser_says_of_itself() {
    let world = World::start(HANDOFF).await;
    let nasty = "/x?q=\"><script>alert(1)</script>'{{7*7}}";
    let agent = "Mozilla/5.0 (Windows NT 10.0) <script>alert(1)</script> \"onload=x Chrome/120";
    let page = format!("/_wechat/login?rd={}", component(nasty));
    let mut desktop = Desktop::open_in(&world, world.browser(agent), &page).await;
    let mut phone = world.visitor("lin");
    let asked = scan(&world, &mut phone, &desktop.id).await;
    assert!(asked.shown().contains("<dd>Chrome, Windows</dd>"), "{}", asked.shown());
    let again = desktop.finish(&world).await;
    for page in [&desktop.page, &asked, &again] {
        let text = page.text();
        assert!(!text.contains("<script>") && !text.contains("alert(1)<"), "{text}");
        let policy = page.header("content-security-policy").expect("a policy");
        for needed in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(needed), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        if let Some((_, script)) = text.split_once("<script") {
            assert!(!script.contains("7*7") && !script.contains("alert"), "request data in a script: {script}");
        }
        assert!(page.body.len() < 30_000, "{}", page.body.len());
    }
    assert!(desktop.page.header("content-security-policy").is_some_and(|policy| policy.contains("connect-src 'self'")));
    assert!(asked.header("content-security-policy").is_some_and(|policy| policy.contains("form-action 'self'")));
}

#[tokio::test]
async fn r2_no_target_leads_off_this_site() {
    let world = World::start(HANDOFF).await;
    for hostile in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%0d%0aLocation:%20https://evil.example",
        "http:evil.example",
    ] {
        let mut desktop = Desktop::open(&world, &format!("/_wechat/login?rd={}", component(hostile))).await;
        let next = given(&desktop.page, "next");
        let (_, rd) = next.split_once("&rd=").expect("a target");
        assert!(rd == "%2F" || rd.starts_with("%2F%250d"), "{hostile}: {next}");
        // Nor what is asked for at the end: it is only where to begin again.
        let path = format!("/_wechat/handoff/finish?t=x&rd={}", component(hostile));
        let over = desktop.browser.get(&world.url(&path)).await;
        over.assert_page(403, "login-expired");
        let shown = over.shown();
        let (_, link) = shown.split_once("href=\"/_wechat/login?rd=").expect("a way to try again");
        assert!(link.starts_with("/\"") || link.starts_with("/%250d"), "{hostile}: {link}");
    }
}

#[tokio::test]
async fn only_somebody_who_looks_at_a_desktop_gets_a_code() {
    let world = World::start(HANDOFF).await;
    for agent in [SAFARI, WECOM] {
        let page = world.browser(agent).get(&world.url("/")).await;
        page.assert_page(401, "not-in-wechat");
        assert!(page.set_cookies().is_empty());
    }
    let script = world.browser(CHROME).fetch(&world.url("/api")).await;
    assert_eq!((script.status.as_u16(), &*script.slug()), (401, "login-required"));
    let headers = [("accept", "application/json")];
    let url = world.url("/_wechat/login?rd=/");
    let program = world.browser(CHROME).send(Method::GET, &url, &headers, Bytes::new()).await;
    assert_eq!((program.status.as_u16(), &*program.slug()), (401, "not-in-wechat"));
    assert!(program.set_cookies().is_empty());
}

#[tokio::test]
async fn where_it_is_off_its_paths_are_the_sites_and_desktops_are_shown_the_way_to_wechat() {
    let world = World::start("").await;
    world.browser(CHROME).get(&world.url("/")).await.assert_page(401, "not-in-wechat");
    let mut member = world.signed_in("lin").await;
    for path in ["/_wechat/handoff?t=x", "/_wechat/handoff/wait", "/_wechat/handoff/finish"] {
        assert_eq!(member.get(&world.url(path)).await.json()["target"], path);
    }
}
