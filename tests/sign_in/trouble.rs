//! When WeChat refuses, stumbles, crawls or is gone; and when the visitor says no.

use std::time::{Duration, Instant};

use wxgate::simulator::{APP_SECRET, Settings};

use crate::support::visit::{CONFIG, within};
use crate::support::{Answer, Browser, World, eventually, log};

/// Where the one button of a page leads.
pub fn button(page: &Answer) -> String {
    let text = page.shown();
    let (_, rest) = text.split_once("class=\"button\" href=\"").unwrap_or_else(|| panic!("no button: {text}"));
    rest.split_once('"').expect("an end").0.to_owned()
}

/// Follows a page's button to the end of a fresh sign-in.
pub async fn tries_again(world: &World, browser: &mut Browser, page: &Answer, target: &str) {
    let next = page.url.join(&button(page)).expect("a link");
    let arrived = browser.follow(next.as_str()).await;
    assert_eq!(arrived.json()["target"], target);
    assert!(arrived.told("x-wechat-openid").is_some(), "signed in at the second attempt");
    assert!(world.session_of(browser).is_some());
}

#[tokio::test]
async fn a_code_wechat_refuses_starts_again_where_nobody_is_signed_in() {
    let world = World::start("").await;
    for errcode in [40029, 40163, 42003] {
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, "/target").await;
        world.fault(&format!(r#"{{"api":"access_token","times":1,"errcode":{errcode}}}"#)).await;
        let before = world.events_of("fault").await.len();
        let back = browser.get(&callback).await;
        assert_eq!(back.status, 302, "{errcode}: {}", back.text());
        assert_eq!(world.events_of("fault").await.len(), before + 1);
        // The refused code is not brought to WeChat a second time, though it would be good by now.
        assert_eq!(browser.clone().get(&callback).await.status, 302, "{errcode}");
        assert_eq!(world.flows_of(&mut browser).len(), 1, "{errcode}: the old sign-in is forgotten");
        let authorize = world.authorize_url(&back);
        let again = world.consent(&mut browser, &authorize).await;
        assert_eq!(browser.get(&again).await.header("location"), Some("/target#"), "{errcode}");
    }
    assert_eq!(world.exchanges().await, 3, "one good one each");
}

#[tokio::test]
async fn a_code_wechat_refuses_is_nothing_to_somebody_signed_in() {
    let world = World::start("").await;
    for errcode in [40029, 40163, 42003] {
        let mut browser = world.visitor("lin");
        let slow_tab = world.callback_of(&mut browser, "/slow-tab").await;
        world.sign_in(&mut browser, "/").await;
        let session = world.session_of(&mut browser);
        world.fault(&format!(r#"{{"api":"access_token","times":1,"errcode":{errcode}}}"#)).await;
        let back = browser.get(&slow_tab).await;
        assert_eq!((back.status.as_u16(), back.header("location")), (303, Some("/slow-tab#")), "{errcode}");
        assert_eq!(world.session_of(&mut browser), session, "{errcode}");
    }
}

#[tokio::test]
async fn wechats_stumbles_are_a_page_with_a_way_on_and_never_a_second_exchange() {
    let world = World::start("").await;
    let mut neighbour = world.signed_in("fei").await;
    for fault in [
        r#""errcode":-1"#,
        r#""errcode":45011"#,
        r#""errcode":123456"#,
        r#""http_status":502,"body":"<html>Bad Gateway</html>""#,
        r#""http_status":200,"body":"""#,
        r#""http_status":200,"body":"[]""#,
        r#""http_status":200,"body":"{\"access_token\":\"A\"}""#,
        r#""truncated":30"#,
        r#""reset_before":true"#,
        r#""reset_after":true"#,
    ] {
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, "/target?a=b").await;
        world.fault(&format!(r#"{{"api":"access_token","times":1,{fault}}}"#)).await;
        let before = (world.events_of("fault").await.len(), world.exchanges().await);
        let page = browser.get(&callback).await;
        page.assert_page(503, "wechat-unavailable");
        assert!(page.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok_and(|s| s > 0)));
        assert!(!page.gives_a_session(), "{fault}");
        // A reload shows the same and asks WeChat nothing.
        browser.get(&callback).await.assert_page(503, "wechat-unavailable");
        let after = (world.events_of("fault").await.len(), world.exchanges().await);
        assert_eq!(after.0, before.0 + 1, "{fault}: the call was made once");
        assert!(after.1 <= before.1 + 1, "{fault}: the code was brought once");
        assert_eq!(neighbour.get(&world.url("/")).await.status, 200, "{fault}: whoever is signed in notices nothing");
        tries_again(&world, &mut browser, &page, "/target?a=b").await;
    }
}

#[tokio::test]
async fn a_connection_reset_after_the_code_was_consumed_is_one_exchange_exactly() {
    let world = World::start("").await;
    // So that the call below goes over a connection used before, where clients like to try again by themselves.
    world.signed_in("fei").await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/target").await;
    let before = world.exchanges().await;
    world.fault(r#"{"api":"access_token","times":1,"reset_after":true}"#).await;
    let page = browser.get(&callback).await;
    page.assert_page(503, "wechat-unavailable");
    let spent = world.events_of("exchange").await;
    assert_eq!(spent.len(), before + 1, "exactly one exchange");
    assert_eq!(spent.last().expect("an exchange")["outcome"], "ok", "the code is gone");
    tries_again(&world, &mut browser, &page, "/target").await;
    assert_eq!(world.exchanges().await, before + 2);
}

#[tokio::test]
async fn wechat_that_takes_minutes_costs_eight_seconds_and_only_those_who_wait_for_it() {
    let world = World::start("").await;
    let mut neighbour = world.signed_in("fei").await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/target").await;
    world.fault(r#"{"api":"access_token","times":1,"delay_ms":120000}"#).await;
    let began = Instant::now();
    let waiting = tokio::spawn(async move { (browser.get(&callback).await, browser) });
    eventually("the call is on its way", async || !world.events_of("fault").await.is_empty()).await;
    for _ in 0..20 {
        assert_eq!(neighbour.get(&world.url("/")).await.status, 200);
    }
    assert!(!waiting.is_finished(), "whoever is signed in waited as long");
    let (page, mut browser) = waiting.await.expect("an answer");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    page.assert_page(503, "wechat-unavailable");
    assert!(page.headers.contains_key("retry-after"));
    tries_again(&world, &mut browser, &page, "/target").await;
}

#[tokio::test]
async fn a_profile_that_does_not_come_keeps_nobody_out() {
    let world = World::start("[[route]]\npath = '/**'\nscope = 'userinfo'\n").await;
    for fault in [r#""errcode":-1"#, r#""reset_after":true"#, r#""truncated":20"#, r#""http_status":500,"body":"x""#] {
        world.fault(&format!(r#"{{"api":"userinfo","times":1,{fault}}}"#)).await;
        let mut browser = world.visitor("lin");
        let arrived = world.sign_in(&mut browser, "/").await;
        assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await), "{fault}");
        assert_eq!(arrived.told("x-wechat-nickname"), None, "{fault}");
    }
}

#[tokio::test]
async fn without_wechat_whoever_is_signed_in_stays_and_nobody_else_gets_in() {
    let mut world = World::start("").await;
    let mut neighbour = world.signed_in("fei").await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/target").await;
    world.kill_wechat();
    // The simulator stops accepting at its next turn; what is fixed is that no code was spent.
    let page = browser.get(&callback).await;
    page.assert_page(503, "wechat-unavailable");
    assert_eq!(neighbour.get(&world.url("/")).await.status, 200);
    assert_eq!(browser.get(&world.url("/")).await.status, 302, "a sign-in still begins");
}

#[tokio::test]
async fn credentials_wechat_refuses_are_the_operators_affair() {
    let world = World::start("").await;
    for errcode in [40125, 40013, 40164, 48004] {
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, "/").await;
        world.fault(&format!(r#"{{"api":"access_token","times":1,"errcode":{errcode}}}"#)).await;
        let page = browser.get(&callback).await;
        page.assert_page(503, "wechat-misconfigured");
        assert!(page.headers.contains_key("retry-after"), "{errcode}");
        assert!(!page.text().contains(&errcode.to_string()), "the cause is for the log alone");
        let id = page.header("x-request-id").expect("an id").to_owned();
        let said = log::everything();
        let mut lines = said.lines().filter(|line| line.contains(&id));
        assert!(lines.any(|line| line.contains(&format!("errcode {errcode}"))), "{errcode} is not in the log");
    }
}

#[tokio::test]
async fn a_wrong_secret_is_the_operators_affair() {
    let wrong = APP_SECRET.replace('5', "6");
    let world = World::with(|text| text.replace(APP_SECRET, &wrong), Settings::default()).await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/").await;
    let page = browser.get(&callback).await;
    page.assert_page(503, "wechat-misconfigured");
    assert!(!page.text().contains(&wrong));
    assert_eq!(world.events_of("exchange").await[0]["outcome"], 40125);
}

#[tokio::test]
async fn r10_ids_that_are_none_fail_the_sign_in() {
    let world = World::start("").await;
    let lin = world.openid("lin").await;
    for (openid, unionid) in [
        ("", ""),
        ("short", ""),
        ("o6_bmjrPTlm6\\r\\nX-Admin: 1", ""),
        ("o6_bmjrPTlm6\\u0000abcdef", ""),
        ("o6_bmjrPTlm6 2sgVt7hMZ", ""),
        ("../../../../etc/passwd", ""),
        ("oÄÖÜoooooooooooo", ""),
        ("<script>alert(1)</script>", ""),
        (&*"o".repeat(65), ""),
        (&*lin, "o6_bad unionid"),
        (&*lin, "x"),
    ] {
        let unionid = if unionid.is_empty() { String::new() } else { format!(r#","unionid":"{unionid}""#) };
        let body = format!(
            r#"{{"access_token":"A","expires_in":7200,"refresh_token":"R","openid":"{openid}","scope":"snsapi_base"{unionid}}}"#
        );
        let fault = serde_json::json!({"api": "access_token", "times": 1, "body": body});
        let mut browser = world.visitor("lin");
        let callback = world.callback_of(&mut browser, "/").await;
        world.fault(&fault.to_string()).await;
        let page = browser.get(&callback).await;
        page.assert_page(503, "wechat-unavailable");
        assert!(!page.gives_a_session(), "{openid:?} {unionid}");
    }
}

#[test]
fn r47_no_setting_weakens_the_checks_toward_wechat() {
    let base = format!("{CONFIG}[endpoints]\n");
    let parse = |text: &str| wxgate::config::Config::parse(text, &[]).is_ok();
    assert!(parse(&base));
    for refused in [
        "api = 'http://api.weixin.qq.com'",
        "api = 'http://10.0.0.1:8080'",
        "api = 'http://localhost.evil.example'",
        "api = 'http://127.0.0.1.evil.example'",
        "api = 'ftp://127.0.0.1'",
        "open = 'http://open.weixin.qq.com'",
        "insecure = true",
        "verify = false",
        "tls_verify = false",
        "ca_file = '/tmp/ca.pem'",
    ] {
        assert!(!parse(&format!("{base}{refused}\n")), "{refused}");
    }
    assert!(!parse(&within(&base, "official_account", "insecure = true")));
    assert!(parse(&format!("{base}api = 'https://relay.example.com'\n")));
}

#[tokio::test]
async fn two_slow_calls_of_one_sign_in_share_the_eight_seconds() {
    let world = World::start("[[route]]\npath = '/**'\nscope = 'userinfo'\n").await;
    let mut browser = world.visitor("lin");
    let callback = world.callback_of(&mut browser, "/target").await;
    // Either is quick enough where it has all of them.
    world.fault(r#"[{"api":"access_token","delay_ms":2500},{"api":"userinfo","delay_ms":6500}]"#).await;
    let back = browser.get(&callback).await;
    // Who they are was known in time; only what they call themselves was not.
    assert_eq!((back.status.as_u16(), back.header("location")), (303, Some("/target#")));
    let arrived = browser.get(&world.url("/target")).await;
    assert_eq!(arrived.told("x-wechat-openid"), Some(world.openid("lin").await));
    assert_eq!(arrived.told("x-wechat-nickname"), None);
    world.fault("[]").await;
    let me = browser.fetch(&world.url("/_wechat/me?fresh=1")).await.json();
    assert_eq!(me["nickname"], "林小雨🌧️", "asked again, WeChat tells");
}
