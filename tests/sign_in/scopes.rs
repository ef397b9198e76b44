//! What visitors are asked for, what WeChat says of them, and the virtual ones of snapshot pages.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::json;
use wxgate::simulator::{Settings, Snapshot};

use crate::support::visit::{SESSION, within};
use crate::support::{Answer, World};

const PROFILE: &str = "[[route]]\npath = '/profile/**'\nscope = 'userinfo'\n";

fn everything_of_everybody() -> impl FnOnce(String) -> String {
    |text| within(&text, "official_account", "scope = 'userinfo'")
}

/// The nickname as the site would decode it: PHP's `rawurldecode`, JavaScript's `decodeURIComponent`.
fn nickname(arrived: &Answer) -> Option<String> {
    let encoded = arrived.told("x-wechat-nickname")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    assert!(encoded.bytes().all(plain), "only unreserved characters stay: {encoded}");
    Some(percent_decode_str(&encoded).decode_utf8().expect("UTF-8").into_owned())
}

#[tokio::test]
async fn base_tells_who_and_nothing_else() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let arrived = world.sign_in(&mut browser, "/").await;
    let mut names = arrived.told_names();
    names.sort();
    assert_eq!(names, ["x-wechat-account", "x-wechat-appid", "x-wechat-openid", "x-wechat-scope", "x-wechat-session"]);
    assert_eq!(arrived.told("x-wechat-account").as_deref(), Some("official_account"));
    assert_eq!(arrived.told("x-wechat-appid").as_deref(), Some(wxgate::simulator::APP_ID));
    assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await));
    assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_base"));
    assert!(world.events_of("userinfo").await.is_empty(), "nobody asked for a profile");
}

#[tokio::test]
async fn r21_every_profile_arrives_cleaned_and_whole() {
    let world = World::with(everything_of_everybody(), Settings::default()).await;
    let long = "长".repeat(64);
    for (id, nickname) in [
        ("newline", "a\r\nX-Wechat-Openid: forged"),
        ("nul", "a\u{0}b"),
        ("quote", "\"';--<b>&amp;\\"),
        ("flag", "🇨🇳👩‍👩‍👧‍👦 é"),
        ("rtl", "\u{202e}abc"),
        ("percent", "100%41 + 1;,="),
        ("blank", " "),
        ("c1", "a\u{85}\u{9b}b"),
        ("long", &long),
    ] {
        world.tell_wechat("users", &json!({"id": id, "nickname": nickname, "avatar": 7}).to_string()).await;
    }
    for (id, bytes) in [("controls", "00011f7f"), ("broken", "61ff62e4b8"), ("empty", "")] {
        world.tell_wechat("users", &json!({"id": id, "nickname_hex": bytes}).to_string()).await;
    }
    let people = [
        "lin", "fei", "wang", "doudou", "mimi", "chang", "newline", "nul", "quote", "flag", "rtl", "percent", "blank",
        "c1", "long", "controls", "broken", "empty",
    ];
    for id in people {
        let person = world.person(id).await;
        let raw =
            data_encoding::HEXLOWER.decode(person["nickname_hex"].as_str().expect("hex").as_bytes()).expect("hex");
        let expected: String = String::from_utf8_lossy(&raw).chars().filter(|c| !c.is_control()).take(64).collect();
        let mut browser = world.visitor(id);
        let arrived = world.sign_in(&mut browser, "/").await;
        assert_eq!(nickname(&arrived), Some(expected).filter(|name| !name.is_empty()), "{id}");
        let avatar = person["headimgurl"].as_str().filter(|url| !url.is_empty());
        assert_eq!(arrived.told("x-wechat-avatar").as_deref(), avatar, "{id}");
        assert_eq!(
            arrived.told("x-wechat-unionid").as_deref(),
            person["unionids"]["sim-open-platform"].as_str(),
            "{id}"
        );
        assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid(id).await), "{id}");
        assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"), "{id}");
        for pair in arrived.json()["headers"].as_array().expect("headers") {
            assert!(!pair[1].as_str().expect("text").chars().any(char::is_control), "{id}: {pair}");
        }
    }
}

#[tokio::test]
async fn avatars_that_are_no_addresses_are_left_out() {
    let world = World::with(everything_of_everybody(), Settings::default()).await;
    let openid = world.openid("lin").await;
    for (avatar, kept) in [
        ("https://thirdwx.qlogo.cn/mmopen/vi_32/x/132", true),
        ("http://thirdwx.qlogo.cn/x", true),
        ("javascript:alert(1)", false),
        ("data:text/html,x", false),
        ("//evil.example/x", false),
        ("https://a.example/\\r\\nX: y", false),
        ("https://a.example/头像", false),
        ("", false),
    ] {
        let body = format!(r#"{{"openid":"{openid}","nickname":"n","headimgurl":"{avatar}"}}"#);
        world.fault(&json!({"api": "userinfo", "times": 1, "body": body}).to_string()).await;
        let mut browser = world.visitor("lin");
        let arrived = world.sign_in(&mut browser, "/").await;
        assert_eq!(arrived.told("x-wechat-avatar").is_some(), kept, "{avatar}");
        assert_eq!(nickname(&arrived).as_deref(), Some("n"), "{avatar}");
    }
}

#[tokio::test]
async fn a_step_up_keeps_the_session_and_enriches_it() {
    let world = World::start(PROFILE).await;
    let mut browser = world.visitor("doudou");
    let arrived = world.sign_in(&mut browser, "/").await;
    let sid = arrived.told("x-wechat-session").expect("a session");
    let me = browser.fetch(&world.url("/_wechat/me")).await.json();

    let script = browser.fetch(&world.url("/profile/data")).await;
    assert_eq!((script.status.as_u16(), &*script.slug()), (401, "login-required"));
    assert!(script.header("x-wechat-login-url").is_some_and(|url| url.ends_with("&scope=userinfo")));

    world.clock.advance(Duration::from_mins(5));
    let stepped = world.sign_in(&mut browser, "/profile/me?x=1").await;
    assert_eq!(stepped.json()["target"], "/profile/me?x=1");
    for (what, answer) in [("there", stepped), ("elsewhere", browser.get(&world.url("/")).await)] {
        assert_eq!(answer.told("x-wechat-session").as_ref(), Some(&sid), "{what}");
        assert_eq!(answer.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"), "{what}");
        assert_eq!(nickname(&answer).as_deref(), Some("豆豆👨‍👩‍👧 Doudou"), "{what}");
        assert!(answer.told("x-wechat-unionid").is_some() && answer.told("x-wechat-avatar").is_some(), "{what}");
    }
    let after = browser.fetch(&world.url("/_wechat/me")).await.json();
    for unchanged in ["signed_in_at", "expires_at", "openid"] {
        assert_eq!(after[unchanged], me[unchanged], "{unchanged}");
    }
    assert_eq!(world.exchanges().await, 2);
}

#[tokio::test]
async fn the_login_url_of_a_script_that_needs_more_leads_to_more() {
    let world = World::start(PROFILE).await;
    let mut browser = world.signed_in("lin").await;
    let script = browser.fetch(&world.url("/profile/data")).await;
    let login_url = script.json()["login_url"].as_str().expect("a URL").to_owned();
    let arrived = browser.follow(&login_url).await;
    assert_eq!(arrived.told("x-wechat-scope").as_deref(), Some("snsapi_userinfo"));
}

#[tokio::test]
async fn another_person_at_the_step_up_is_another_session() {
    let world = World::start(PROFILE).await;
    let mut browser = world.visitor("lin");
    let first = world.sign_in(&mut browser, "/").await;
    browser.headers.insert("x-sim-user", "fei".parse().expect("a name"));
    let second = world.sign_in(&mut browser, "/profile/x").await;
    assert_eq!(second.told("x-wechat-openid"), Some(world.openid("fei").await));
    assert_ne!(second.told("x-wechat-session"), first.told("x-wechat-session"));
    assert_eq!(nickname(&second).as_deref(), Some("阿飞✈️"));
}

#[tokio::test]
async fn r37_every_sign_in_has_an_id_of_its_own() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let arrived = world.sign_in(&mut browser, "/").await;
        assert!(ids.insert(arrived.told("x-wechat-session")));
        world.jar(&mut browser).clear();
    }
}

#[tokio::test]
async fn a_silent_sign_in_in_another_tab_takes_nothing_away() {
    let world = World::start(PROFILE).await;
    let mut browser = world.visitor("doudou");
    let silent = world.callback_of(&mut browser, "/").await;
    let full = world.sign_in(&mut browser, "/profile/x").await;
    browser.get(&silent).await;
    let after = browser.get(&world.url("/profile/x")).await;
    assert_eq!(after.told("x-wechat-nickname"), full.told("x-wechat-nickname"));
    assert_eq!(after.told("x-wechat-session"), full.told("x-wechat-session"));
}

async fn snapshot_world(policy: &str, mode: Snapshot) -> World {
    let lines = format!("scope = 'userinfo'\nsnapshot = '{policy}'");
    World::with(|text| within(&text, "official_account", &lines), Settings { snapshot: mode, ..Settings::default() })
        .await
}

#[tokio::test]
async fn a_snapshot_visitor_is_shown_how_to_become_a_real_one() {
    let world = snapshot_world("page", Snapshot::First).await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/target").await;
    let page = browser.get(&callback).await;
    page.assert_page(403, "snapshot");
    assert!(page.text().contains("使用完整服务"));
    assert!(world.session_of(&mut browser).is_none());
    assert_eq!(world.site.requests(), 0);
    // They tap it, and the page they came for is opened again.
    let arrived = world.sign_in(&mut browser, "/target").await;
    assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await));
    assert_eq!(arrived.told("x-wechat-snapshot"), None);
}

#[tokio::test]
async fn snapshot_visitors_can_be_kept_out() {
    let world = snapshot_world("deny", Snapshot::Always).await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/").await;
    browser.get(&callback).await.assert_page(403, "forbidden");
    assert!(world.session_of(&mut browser).is_none());
}

#[tokio::test]
async fn a_snapshot_visitor_who_may_pass_is_marked_and_soon_gone() {
    let world = snapshot_world("pass", Snapshot::First).await;
    let mut browser = world.visitor("lin");
    let virtual_one = world.sign_in(&mut browser, "/").await;
    assert_eq!(virtual_one.told("x-wechat-snapshot").as_deref(), Some("1"));
    let openid = world.openid("lin").await;
    assert_ne!(virtual_one.told("x-wechat-openid").as_deref(), Some(&*openid), "nobody real");
    let me = browser.fetch(&world.url("/_wechat/me")).await.json();
    assert_eq!(me["snapshot"], true);
    assert_eq!(me["expires_at"].as_u64().expect("a time") - me["signed_in_at"].as_u64().expect("a time"), 600);
    let fresh = browser.fetch(&world.url("/_wechat/me?fresh=1")).await.json();
    assert_eq!(fresh["stale"], true, "no token of a virtual user is kept");

    world.clock.advance(Duration::from_secs(599));
    assert_eq!(browser.get(&world.url("/")).await.status, 200);
    world.clock.advance(Duration::from_secs(1));
    let real = world.sign_in(&mut browser, "/").await;
    assert_eq!(real.told("x-wechat-snapshot"), None);
    assert_eq!(real.told("x-wechat-openid"), Some(openid));
    assert_ne!(real.told("x-wechat-session"), virtual_one.told("x-wechat-session"), "never one session for both");
    assert!(world.jar(&mut browser).contains_key(SESSION));
}
