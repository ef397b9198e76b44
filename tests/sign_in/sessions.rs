//! The session cookie: what it is bound to, how long it lives, and what becomes of one that is not quite it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use wxgate::simulator::{Account, Settings};

use crate::support::visit::{SESSION, at_public_url, within};
use crate::support::{Browser, WECHAT, World};

const SITE: &str = "https://m.example.com";
const HOST_SESSION: &str = "__Host-wxgate";
const SECRET: &str = "a session secret for tests, 32 bytes at least";

/// A WeChat that sends visitors back to `m.example.com` too.
fn wechat() -> Settings {
    let mut account = Account::default();
    account.redirect_hosts.push("m.example.com".to_owned());
    Settings { accounts: vec![account], ..Settings::default() }
}

/// A gate whose public address is https, with these secrets.
async fn https_world(secrets: &str, session: &str) -> World {
    let edit = |text: String| {
        let text = text.replace(&format!("'{SECRET}'"), secrets);
        within(&at_public_url(&text, SITE), "session", session)
    };
    World::with(edit, wechat()).await
}

fn holding(world: &World, name: &str, value: &str) -> Browser {
    let mut browser = world.browser(WECHAT);
    browser.cookies.insert(world.host(), BTreeMap::from([(name.to_owned(), value.to_owned())]));
    browser
}

async fn status_with(world: &World, name: &str, value: &str) -> u16 {
    holding(world, name, value).fetch(&world.url("/")).await.status.as_u16()
}

#[tokio::test]
async fn r13_r11_over_https_every_cookie_is_a_host_cookie() {
    let world = https_world(&format!("'{SECRET}'"), "").await;
    let mut browser = world.visitor("lin");
    let begun = browser.get(&world.url("/a")).await;
    let authorize = world.authorize_url(&begun);
    assert!(authorize.as_str().contains("redirect_uri=https%3A%2F%2Fm.example.com%2F_wechat%2Fcallback&"));
    let lines = begun.cookie_lines();
    assert!(lines[0].starts_with("__Host-wxgate-flow-"), "{lines:?}");
    assert!(lines[0].ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600"), "{lines:?}");
    let callback = world.consent(&mut browser, &authorize).await;
    let lines = browser.get(&callback).await.cookie_lines();
    assert!(lines[0].starts_with("__Host-wxgate="), "{lines:?}");
    assert!(lines[0].ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800"), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("Domain")), "{lines:?}");
    let arrived = browser.get(&world.url("/a")).await;
    assert_eq!(arrived.told("cookie"), None, "they go no further than the gate");
    let form = [("origin", SITE)];
    let left = browser.send(Method::POST, &world.url("/_wechat/logout"), &form, Bytes::new()).await;
    assert!(
        left.cookie_lines().contains(&"__Host-wxgate=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0".to_owned())
    );
    // Without the prefix it is nobody's cookie.
    let value = lines[0].split(['=', ';']).nth(1).expect("a value");
    assert_eq!(status_with(&world, SESSION, value).await, 401);
}

#[tokio::test]
async fn cookies_follow_the_settings() {
    for (session, name, ending) in [
        ("same_site = 'strict'", "__Host-wxgate", "HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=604800"),
        ("same_site = 'none'", "__Host-wxgate", "HttpOnly; SameSite=None; Secure; Path=/; Max-Age=604800"),
        ("cookie_name = 'sid'\nttl = '1d'", "__Host-sid", "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=86400"),
        (
            "cookie_domain = 'example.com'",
            "wxgate",
            "HttpOnly; SameSite=Lax; Secure; Path=/; Domain=example.com; Max-Age=604800",
        ),
    ] {
        let world = https_world(&format!("'{SECRET}'"), session).await;
        let mut browser = world.visitor("lin");
        let begun = browser.get(&world.url("/a")).await;
        let flow = begun.cookie_lines().remove(0);
        // The return from WeChat is a cross-site navigation: a strict cookie would not survive it.
        assert_eq!(flow.contains("SameSite=Lax"), !session.contains("'none'"), "{session}: {flow}");
        let callback = world.consent(&mut browser, &world.authorize_url(&begun)).await;
        let line = browser.get(&callback).await.cookie_lines().remove(0);
        assert!(line.starts_with(&format!("{name}=")) && line.ends_with(ending), "{session}: {line}");
        assert_eq!(browser.get(&world.url("/")).await.status, 200, "{session}");
    }
}

#[tokio::test]
async fn secrets_rotate_the_first_seals_and_all_open() {
    let [old, new] = ["the old secret of this site, 32 bytes", "the new secret of this site, 32 bytes"];
    let before = https_world(&format!("'{old}'"), "").await;
    let during = https_world(&format!("['{new}', '{old}']"), "").await;
    let after = https_world(&format!("['{new}']"), "").await;
    let session = async |world: &World| {
        let mut browser = world.visitor("lin");
        world.sign_in(&mut browser, "/").await;
        world.jar(&mut browser)[HOST_SESSION].clone()
    };
    let (sealed_before, sealed_during) = (session(&before).await, session(&during).await);
    for (what, world, cookie, status) in [
        ("an old session during the rotation", &during, &sealed_before, 200),
        ("a new session during the rotation", &during, &sealed_during, 200),
        ("an old session after it", &after, &sealed_before, 401),
        ("a new session after it", &after, &sealed_during, 200),
        ("a new session at a replica that lags behind", &before, &sealed_during, 401),
    ] {
        assert_eq!(status_with(world, HOST_SESSION, cookie).await, status, "{what}");
    }
}

#[tokio::test]
async fn r43_a_cookie_of_one_site_is_nothing_on_another_even_under_one_secret() {
    let (here, there) = (World::start("").await, World::start("").await);
    let mut browser = here.signed_in("lin").await;
    let cookie = here.session_of(&mut browser).expect("a session");
    assert_eq!(status_with(&here, SESSION, &cookie).await, 200);
    assert_eq!(status_with(&there, SESSION, &cookie).await, 401, "another site");
    let renamed = https_world(&format!("'{SECRET}'"), "cookie_name = 'sid'").await;
    let mut browser = renamed.visitor("lin");
    renamed.sign_in(&mut browser, "/").await;
    let cookie = renamed.jar(&mut browser)["__Host-sid"].clone();
    let plain = https_world(&format!("'{SECRET}'"), "").await;
    assert_eq!(status_with(&plain, HOST_SESSION, &cookie).await, 401, "another cookie name");
    assert_eq!(status_with(&renamed, "__Host-sid", &cookie).await, 200);
}

#[tokio::test]
async fn r23_what_was_sealed_for_one_purpose_opens_for_no_other() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let authorize = world.begin(&mut browser, "/").await;
    let flow_name = world.flows_of(&mut browser).remove(0);
    let flow = world.jar(&mut browser)[&flow_name].clone();
    assert_eq!(status_with(&world, SESSION, &flow).await, 401, "a flow is no session");
    let callback = world.consent(&mut browser, &authorize).await;
    browser.get(&callback).await;
    let session = world.session_of(&mut browser).expect("a session");
    let mut posing = holding(&world, &flow_name, &session);
    let back = posing.get(&callback).await;
    assert!(back.status == 302 && !back.gives_a_session(), "a session is no flow");
}

#[tokio::test]
async fn r41_no_character_of_a_cookie_can_be_changed() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    let good = world.session_of(&mut browser).expect("a session");
    for at in 0..good.len() {
        for flip in [1, 32] {
            let mut bytes = data_encoding::BASE64URL_NOPAD.decode(good.as_bytes()).expect("base64url");
            let at = at * bytes.len() / good.len();
            bytes[at] ^= flip;
            let bad = data_encoding::BASE64URL_NOPAD.encode(&bytes);
            assert_eq!(status_with(&world, SESSION, &bad).await, 401, "byte {at}");
        }
    }
    let bytes = data_encoding::BASE64URL_NOPAD.decode(good.as_bytes()).expect("base64url");
    for length in (0..bytes.len()).step_by(7) {
        let short = data_encoding::BASE64URL_NOPAD.encode(&bytes[..length]);
        assert_eq!(status_with(&world, SESSION, &short).await, 401, "cut at {length}");
    }
    assert_eq!(status_with(&world, SESSION, &good).await, 200);
}

#[tokio::test]
async fn r17_no_two_seals_are_alike() {
    let world = World::start("").await;
    let mut browser = world.visitor("lin");
    let mut seen = BTreeSet::new();
    for _ in 0..40 {
        browser.get(&world.url("/")).await;
        let jar = world.jar(&mut browser);
        for value in std::mem::take(jar).into_values() {
            let sealed = data_encoding::BASE64URL_NOPAD.decode(value.as_bytes()).expect("base64url");
            assert!(seen.insert(sealed[2..14].to_vec()), "a nonce came twice");
            assert!(seen.insert(sealed[14..].to_vec()), "a ciphertext came twice");
        }
    }
    assert_eq!(seen.len(), 80);
}

#[tokio::test]
async fn r48_a_session_is_taken_from_its_cookie_only() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    let session = world.session_of(&mut browser).expect("a session");
    let openid = world.openid("lin").await;
    for query in [
        format!("wxgate={session}"),
        format!("session={session}"),
        format!("access_token={session}"),
        format!("openid={openid}"),
    ] {
        let answer = world.browser(WECHAT).fetch(&world.url(&format!("/?{query}"))).await;
        assert_eq!(answer.status, 401, "{query:.20}");
    }
    for (name, value) in
        [("authorization", format!("Bearer {session}")), ("x-wxgate", session.clone()), ("wxgate", session.clone())]
    {
        let mut stranger = world.browser(WECHAT);
        stranger.headers.insert(name, value.parse().expect("a value"));
        assert_eq!(stranger.fetch(&world.url("/")).await.status, 401, "{name}");
    }
    for name in ["Wxgate", "wxgate-", "xwxgate", "__Host-wxgate", "wxgate[0]"] {
        assert_eq!(status_with(&world, name, &session).await, 401, "{name}");
    }
}

#[tokio::test]
async fn cookies_of_the_site_pass_and_the_gates_own_do_not() {
    let world = World::start("").await;
    let mut browser = world.signed_in("lin").await;
    world.begin(&mut browser, "/_wechat/login?scope=userinfo").await;
    assert_eq!(world.flows_of(&mut browser).len(), 2);
    world.jar(&mut browser).insert("PHPSESSID".into(), "abc".into());
    world.jar(&mut browser).insert("wxgateway".into(), "kept".into());
    world.jar(&mut browser).insert("a".into(), "1".into());
    let arrived = browser.get(&world.url("/")).await;
    assert_eq!(arrived.told("cookie").as_deref(), Some("PHPSESSID=abc; a=1; wxgateway=kept"));
}

#[tokio::test]
async fn r15_no_cookie_line_stalls_or_stops_the_gate() {
    let world = World::start("").await;
    let many: String = (0..900).map(|n| format!("wxgate-flow-{n:08x}=A; ")).collect();
    for line in [
        "wxgate",
        ";;;;",
        "=; =; =",
        "wxgate=;wxgate=;wxgate=",
        "\"",
        "wxgate=\u{ff}",
        &*many,
        "a=b,wxgate=c",
        "$Version=1; wxgate=x",
    ] {
        let mut browser = world.browser(WECHAT);
        let value = http::HeaderValue::from_bytes(line.as_bytes()).expect("a value");
        browser.headers.insert("cookie", value);
        let answer = browser.get(&world.url("/")).await;
        assert_eq!(answer.status, 302, "{line:.40}");
        assert!(answer.cookie_lines().len() < 30, "{line:.40}: an answer without bound");
    }
}

#[tokio::test]
async fn a_session_the_operator_no_longer_wants_is_none() {
    let before = https_world(&format!("'{SECRET}'"), "").await;
    let mut browser = before.visitor("lin");
    before.sign_in(&mut browser, "/").await;
    let cookie = before.jar(&mut browser)[HOST_SESSION].clone();
    let shorter = https_world(&format!("'{SECRET}'"), "ttl = '10m'").await;
    assert_eq!(status_with(&shorter, HOST_SESSION, &cookie).await, 200);
    shorter.clock.advance(Duration::from_mins(10));
    assert_eq!(status_with(&shorter, HOST_SESSION, &cookie).await, 401, "its life was shortened");
    let impatient = https_world(&format!("'{SECRET}'"), "idle = '5m'").await;
    impatient.clock.advance(Duration::from_mins(5));
    assert_eq!(status_with(&impatient, HOST_SESSION, &cookie).await, 401, "nobody has seen it for too long");
    let edit = |text: String| at_public_url(&text.replace(wxgate::simulator::APP_ID, "wx0000000000000000"), SITE);
    let elsewhere = World::with(edit, wechat()).await;
    assert_eq!(status_with(&elsewhere, HOST_SESSION, &cookie).await, 401, "it is of another account");
}

#[tokio::test]
async fn r35_a_dead_cookie_does_not_hide_a_living_one_of_the_same_name() {
    let world = World::start("").await;
    let (mut ended, mut living) = (world.signed_in("fei").await, world.signed_in("lin").await);
    let dead = world.session_of(&mut ended).expect("a session");
    world.sign_out(&mut ended).await;
    let good = world.session_of(&mut living).expect("a session");
    let lin = world.openid("lin").await;
    for (line, status) in [
        (format!("wxgate=junk; wxgate={good}"), 200),
        (format!("wxgate={good}; wxgate=junk"), 200),
        (format!("wxgate={dead}; a=1; wxgate={good}"), 200),
        (format!("wxgate=; wxgate=; wxgate={dead}; wxgate={good}"), 200),
        (format!("wxgate={dead}; wxgate=junk"), 401),
        (format!("{}wxgate={good}", "wxgate=junk; ".repeat(50)), 401),
    ] {
        let mut browser = world.browser(WECHAT);
        browser.headers.insert("cookie", line.parse().expect("a value"));
        let answer = browser.fetch(&world.url("/")).await;
        assert_eq!(answer.status, status, "{line}");
        if status == 200 {
            assert_eq!(answer.told("x-wechat-openid").as_ref(), Some(&lin), "{line}");
            assert!(!answer.told("cookie").unwrap_or_default().contains("wxgate"), "none of them goes further");
        }
    }
}
